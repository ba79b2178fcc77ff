//! Fulfilments: what may be shipped, and what a shipment captures.

use futures::future::join;
use serde_json::json;

use crate::tests::{Fixture, line, order_path as path};

#[tokio::test(flavor = "multi_thread")]
async fn partial_shipments_capture_what_is_shipped() {
    let fixture = Fixture::open().await;
    let settings = fixture.orders.get("/v1/orders/settings").send().await.expect(200);
    let patch = json!({ "capture": "on_fulfilment" });
    fixture.orders.patch("/v1/orders/settings").json(&patch).send().await.expect(428);
    fixture.orders.patch("/v1/orders/settings").if_match(settings.version()).json(&patch).send().await.expect(200);
    fixture.orders.patch("/v1/orders/settings").if_match(settings.version()).json(&patch).send().await.expect(412);

    let order = fixture.order(3).await;
    let tracking = json!({ "carrier": "India Post", "number": "EX123", "url": "https://track.example/EX123" });
    let fulfilment = json!({ "lines": [{ "line_id": line(&order), "quantity": 1 }], "tracking": tracking });
    let first = fixture.orders.post(&path(&order, "/fulfilments")).key("f1").json(&fulfilment).send().await.expect(201);
    assert_eq!((&first.json["status"], &first.json["tracking"]["number"]), (&json!("shipped"), &json!("EX123")));
    let again = fixture.orders.post(&path(&order, "/fulfilments")).key("f1").json(&fulfilment).send().await.expect(201);
    assert_eq!(again.json, first.json);
    let now = fixture.read_order(&order["id"]).await;
    assert_eq!((&now["fulfilment_status"], &now["payment_status"]), (&json!("partial"), &json!("partially_paid")));
    // One of three shirts and the delivery: 1000 + 100
    assert_eq!(now["payment"]["captured"]["amount"], 1_100);
    assert_eq!(fixture.levels(&fixture.shirt).await, (999, 2, 0));

    let too_many = json!({ "lines": [{ "line_id": line(&order), "quantity": 3 }] });
    let refused = fixture.orders.post(&path(&order, "/fulfilments")).json(&too_many).send().await.expect(422);
    assert_eq!((refused.code(), &refused.json["errors"][0]["pointer"]), ("quantity_exceeds_left", &json!("/lines/0/quantity")));
    let packed = fixture.orders.post(&path(&order, "/fulfilments")).json(&json!({})).send().await.expect(201);
    assert_eq!(packed.json["status"], "open");
    assert_eq!(packed.json["lines"][0]["quantity"], 2, "everything that is left");
    let fulfilment = |verb: &str| path(&order, &format!("/fulfilments/{}/{verb}", packed.id()));
    fixture.orders.post(&fulfilment("deliver")).send().await.expect(409);
    fixture.orders.post(&fulfilment("ship")).json(&json!({})).send().await.expect(200);
    fixture.orders.post(&fulfilment("cancel")).send().await.expect(409);
    let now = fixture.read_order(&order["id"]).await;
    assert_eq!(
        (&now["status"], &now["payment_status"], &now["fulfilment_status"]),
        (&json!("completed"), &json!("paid"), &json!("fulfilled"))
    );
    fixture.orders.post(&fulfilment("deliver")).send().await.expect(200);
    fixture.orders.post(&path(&order, &format!("/fulfilments/{}/deliver", first.id()))).send().await.expect(200);
    assert_eq!(fixture.read_order(&order["id"]).await["fulfilment_status"], "delivered");
    assert_eq!(fixture.levels(&fixture.shirt).await, (997, 0, 0));
    fixture.orders.post(&path(&order, "/cancel")).key("x").json(&json!({})).send().await.expect(409);

    let timeline = fixture.orders.get(&path(&order, "/timeline?limit=100")).send().await.expect(200);
    let kinds: Vec<_> = timeline.json["data"].as_array().unwrap().iter().map(|entry| entry["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["placed", "shipped", "captured", "packed", "shipped", "captured", "delivered", "delivered"]);
    assert_eq!(timeline.json["data"][2]["data"]["amount"], json!({ "amount": 1_100, "currency": "INR" }));
    fixture.drain().await;
    assert_eq!(fixture.breaches().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canceled_fulfilment_frees_its_units() {
    let fixture = Fixture::open().await;
    let order = fixture.order(2).await;
    let packed = fixture.orders.post(&path(&order, "/fulfilments")).json(&json!({})).send().await.expect(201);
    let none = fixture.orders.post(&path(&order, "/fulfilments")).json(&json!({})).send().await.expect(409);
    assert_eq!(none.code(), "order_not_fulfillable");
    fixture.orders.post(&path(&order, &format!("/fulfilments/{}/cancel", packed.id()))).send().await.expect(200);
    fixture.orders.post(&path(&order, "/fulfilments")).json(&json!({ "shipped": true })).send().await.expect(201);
    let unknown = format!("/fulfilments/{}/ship", "ful_01jd6zv4x8e5yag7k3m2n9p0qr");
    fixture.orders.post(&path(&order, &unknown)).json(&json!({})).send().await.expect(404);
    let foreign = fixture.orders.post(&path(&order, "/fulfilments")).tenant(fixture.env.other_tenant);
    foreign.json(&json!({})).send().await.expect(404);
    assert_eq!(fixture.levels(&fixture.shirt).await, (998, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn units_of_a_line_ship_from_two_locations() {
    let fixture = Fixture::open().await;
    let split = fixture.product("SPLIT", 300, 2).await;
    fixture.stock(&split, "BLR-2", 3).await;
    let guest = fixture.cart_of(&split, 4).await;
    let order = fixture.checkout(&guest, "k", "tok_success").send().await.expect(201).json["order"].clone();
    let parts = order["lines"][0]["allocations"].as_array().unwrap().clone();
    assert_eq!((parts.len(), &parts[0]["quantity"], &parts[1]["quantity"]), (2, &json!(2), &json!(2)));
    let near = json!({ "location_id": parts[1]["location_id"], "shipped": true });
    let near = fixture.orders.post(&path(&order, "/fulfilments")).json(&near).send().await.expect(201);
    assert_eq!(near.json["lines"], json!([{ "line_id": line(&order), "location_id": parts[1]["location_id"], "quantity": 2 }]));
    assert_eq!(fixture.levels(&split).await, (3, 2, 0));
    let rest = fixture.orders.post(&path(&order, "/fulfilments")).json(&json!({ "shipped": true })).send().await.expect(201);
    assert_eq!(rest.json["lines"][0]["location_id"], parts[0]["location_id"]);
    assert_eq!(fixture.levels(&split).await, (1, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_shipment_captures_nothing() {
    let fixture = Fixture::open().await;
    fixture.capture_on_fulfilment().await;
    let order = fixture.order(1).await;
    fixture.stock(&fixture.shirt, "BLR-1", 0).await;
    let ship = || fixture.orders.post(&path(&order, "/fulfilments"));
    let refused = ship().json(&json!({ "shipped": true })).send().await.expect(409);
    assert_eq!(refused.code(), "on_hand_out_of_range");
    fixture.run_timers().await;
    let now = fixture.read_order(&order["id"]).await;
    assert_eq!((&now["payment_status"], &now["payment"]["captured"]["amount"]), (&json!("authorised"), &json!(0)));
    assert_eq!(fixture.all_payments().await[0]["captured"]["amount"], 0);
    assert_eq!(fixture.breaches().await, Vec::<String>::new(), "a refusal is a final answer");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fulfilment_is_locked_until_inventory_answers() {
    let fixture = Fixture::open().await;
    let order = fixture.order(1).await;
    let packed = fixture.orders.post(&path(&order, "/fulfilments")).json(&json!({})).send().await.expect(201);
    let fulfilment = |verb: &str| path(&order, &format!("/fulfilments/{}/{verb}", packed.id()));
    fixture.stock(&fixture.shirt, "BLR-1", 0).await;
    // Inventory cannot answer while its row is locked.
    let mut holder = fixture.service("inventory").superuser().await;
    sqlx::query("begin").execute(&mut holder).await.unwrap();
    sqlx::query("select from stock_item for update").execute(&mut holder).await.unwrap();
    let meanwhile = async {
        while fixture.read_order(&order["id"]).await["fulfilments"][0]["status"] != "shipped" {
            tokio::task::yield_now().await;
        }
        for verb in ["deliver", "cancel", "ship"] {
            let early = fixture.orders.post(&fulfilment(verb)).json(&json!({})).send().await.expect(409);
            assert_eq!(early.code(), "operation_in_progress", "{verb}");
        }
        sqlx::query("rollback").execute(&mut holder).await.unwrap();
    };
    let (refused, ()) = join(fixture.orders.post(&fulfilment("ship")).json(&json!({})).send(), meanwhile).await;
    assert_eq!(refused.expect(409).code(), "on_hand_out_of_range");
    assert_eq!(fixture.orders.post(&fulfilment("deliver")).send().await.expect(409).code(), "fulfilment_state");
    let now = fixture.read_order(&order["id"]).await;
    assert_eq!((&now["status"], &now["fulfilments"][0]["status"]), (&json!("confirmed"), &json!("open")));
    fixture.stock(&fixture.shirt, "BLR-1", 5).await;
    fixture.orders.post(&fulfilment("ship")).json(&json!({})).send().await.expect(200);
    fixture.orders.post(&fulfilment("deliver")).send().await.expect(200);
    assert_eq!(fixture.levels(&fixture.shirt).await, (4, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_shipment_replays_its_refusal() {
    let fixture = Fixture::open().await;
    let order = fixture.order(1).await;
    // With everything captured, a fulfilment of everything would complete the order.
    fixture.orders.post(&path(&order, "/captures")).key("c").json(&json!({})).send().await.expect(201);
    fixture.stock(&fixture.shirt, "BLR-1", 0).await;
    let at_once = || fixture.orders.post(&path(&order, "/fulfilments")).key("f1").json(&json!({ "shipped": true })).send();
    let first = at_once().await.expect(409);
    assert_eq!(
        (first.code(), at_once().await.expect(409).json["detail"].clone()),
        ("on_hand_out_of_range", first.json["detail"].clone())
    );
    let now = fixture.read_order(&order["id"]).await;
    assert_eq!((&now["status"], &now["fulfilments"][0]["status"]), (&json!("confirmed"), &json!("canceled")));

    let pack = || fixture.orders.post(&path(&order, "/fulfilments")).key("f2").json(&json!({})).send();
    let packed = pack().await.expect(201);
    let ship_path = path(&order, &format!("/fulfilments/{}/ship", packed.id()));
    let tracking = json!({ "tracking": { "carrier": "India Post", "number": "EX123" } });
    let ship = |key: &'static str| fixture.orders.post(&ship_path).key(key).json(&tracking).send();
    for _ in 0..2 {
        assert_eq!(ship("s1").await.expect(409).code(), "on_hand_out_of_range");
    }
    assert_eq!(pack().await.expect(201).json, packed.json, "it is open as before");
    fixture.stock(&fixture.shirt, "BLR-1", 5).await;
    let shipped = ship("s2").await.expect(200);
    assert_eq!((ship("s2").await.expect(200).json, &shipped.json["status"]), (shipped.json.clone(), &json!("shipped")));
    assert_eq!(ship("s1").await.expect(409).code(), "on_hand_out_of_range", "a replay of the refusal");
    assert_eq!(fixture.read_order(&order["id"]).await["status"], "completed");
    assert_eq!(fixture.levels(&fixture.shirt).await, (4, 0, 0));
}
