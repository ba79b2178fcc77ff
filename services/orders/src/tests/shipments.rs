//! Shipments that stock refuses, or has not answered yet.

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
}
