//! Shipments that stock refuses, or has not answered yet.

use futures::future::join;
use serde_json::{Value, json};

use super::stage::Stage;

fn path(order: &Value, tail: &str) -> String {
    format!("/v1/orders/{}{tail}", order["id"].as_str().expect("an id"))
}

impl Stage {
    async fn draws_what_is_shipped(&self) {
        let settings = self.orders.get("/v1/orders/settings").send().await.expect(200);
        let patch = json!({ "capture": "on_fulfilment" });
        self.orders.patch("/v1/orders/settings").if_match(settings.version()).json(&patch).send().await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_drawn_for_what_stock_refuses() {
    let stage = Stage::open().await;
    stage.draws_what_is_shipped().await;
    let order = stage.order(1).await;
    stage.stock(&stage.shirt, "BLR-1", 0).await;
    let ship = || stage.orders.post(&path(&order, "/fulfilments"));
    let refused = ship().json(&json!({ "shipped": true })).send().await.expect(409);
    assert_eq!(refused.code(), "on_hand_out_of_range");
    stage.rest().await;
    let now = stage.read_order(&order["id"]).await;
    assert_eq!((&now["payment_status"], &now["payment"]["captured"]["amount"]), (&json!("authorised"), &json!(0)));
    assert_eq!(stage.all_payments().await[0]["captured"]["amount"], 0);
    assert_eq!(stage.breaches().await, Vec::<String>::new(), "a refusal is an end as well");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parcel_is_left_alone_until_stock_has_answered() {
    let stage = Stage::open().await;
    let order = stage.order(1).await;
    let packed = stage.orders.post(&path(&order, "/fulfilments")).json(&json!({})).send().await.expect(201);
    let parcel = |verb: &str| path(&order, &format!("/fulfilments/{}/{verb}", packed.id()));
    stage.stock(&stage.shirt, "BLR-1", 0).await;
    // Stock cannot answer while somebody else has its row.
    let mut holder = stage.neighbour("inventory").superuser().await;
    sqlx::query("begin").execute(&mut holder).await.unwrap();
    sqlx::query("select from stock_item for update").execute(&mut holder).await.unwrap();
    let meanwhile = async {
        while stage.read_order(&order["id"]).await["fulfilments"][0]["status"] != "shipped" {
            tokio::task::yield_now().await;
        }
        for verb in ["deliver", "cancel", "ship"] {
            let early = stage.orders.post(&parcel(verb)).json(&json!({})).send().await.expect(409);
            assert_eq!(early.code(), "operation_in_progress", "{verb}");
        }
        sqlx::query("rollback").execute(&mut holder).await.unwrap();
    };
    let (refused, ()) = join(stage.orders.post(&parcel("ship")).json(&json!({})).send(), meanwhile).await;
    assert_eq!(refused.expect(409).code(), "on_hand_out_of_range");
    assert_eq!(stage.orders.post(&parcel("deliver")).send().await.expect(409).code(), "fulfilment_state");
    let now = stage.read_order(&order["id"]).await;
    assert_eq!((&now["status"], &now["fulfilments"][0]["status"]), (&json!("confirmed"), &json!("open")));
    stage.stock(&stage.shirt, "BLR-1", 5).await;
    stage.orders.post(&parcel("ship")).json(&json!({})).send().await.expect(200);
    stage.orders.post(&parcel("deliver")).send().await.expect(200);
    assert_eq!(stage.levels(&stage.shirt).await, (4, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_shipment_is_told_again_as_refused_and_leaves_no_parcel_behind() {
    let stage = Stage::open().await;
    let order = stage.order(1).await;
    // With everything drawn, a parcel of everything would complete the order.
    stage.orders.post(&path(&order, "/captures")).key("c").json(&json!({})).send().await.expect(201);
    stage.stock(&stage.shirt, "BLR-1", 0).await;
    let at_once = || stage.orders.post(&path(&order, "/fulfilments")).key("f1").json(&json!({ "shipped": true })).send();
    let first = at_once().await.expect(409);
    assert_eq!(
        (first.code(), at_once().await.expect(409).json["detail"].clone()),
        ("on_hand_out_of_range", first.json["detail"].clone())
    );
    let now = stage.read_order(&order["id"]).await;
    assert_eq!((&now["status"], &now["fulfilments"][0]["status"]), (&json!("confirmed"), &json!("canceled")));

    let pack = || stage.orders.post(&path(&order, "/fulfilments")).key("f2").json(&json!({})).send();
    let packed = pack().await.expect(201);
    let ship_path = path(&order, &format!("/fulfilments/{}/ship", packed.id()));
    let tracking = json!({ "tracking": { "carrier": "India Post", "number": "EX123" } });
    let ship = |key: &'static str| stage.orders.post(&ship_path).key(key).json(&tracking).send();
    for _ in 0..2 {
        assert_eq!(ship("s1").await.expect(409).code(), "on_hand_out_of_range");
    }
    assert_eq!(pack().await.expect(201).json, packed.json, "it is open as before");
    stage.stock(&stage.shirt, "BLR-1", 5).await;
    let shipped = ship("s2").await.expect(200);
    assert_eq!((ship("s2").await.expect(200).json, &shipped.json["status"]), (shipped.json.clone(), &json!("shipped")));
    assert_eq!(ship("s1").await.expect(409).code(), "on_hand_out_of_range", "what was refused stays refused");
    assert_eq!(stage.read_order(&order["id"]).await["status"], "completed");
    assert_eq!(stage.levels(&stage.shirt).await, (4, 0, 0));
}
