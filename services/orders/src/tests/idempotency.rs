//! Replies to repeated requests.

use serde_json::json;

use super::{Fixture, line, order_path as path};

#[tokio::test(flavor = "multi_thread")]
async fn replays_are_marked_as_replays() {
    let fixture = Fixture::open().await;
    for token in ["tok_success", "tok_3ds"] {
        let guest = fixture.cart(1).await;
        for replayed in ["", "true"] {
            let bought = fixture.checkout(&guest, token, token).send().await;
            assert_eq!((bought.status / 100, bought.header("idempotent-replayed")), (2, replayed), "{bought:?}");
        }
    }
    let order = fixture.order(3).await;
    let fulfilment = json!({ "lines": [{ "line_id": line(&order), "quantity": 1 }] });
    let open = async || {
        path(
            &order,
            &format!(
                "/fulfilments/{}",
                fixture.orders.post(&path(&order, "/fulfilments")).json(&fulfilment).send().await.expect(201).id()
            ),
        )
    };
    let (first, second) = (open().await, open().await);
    let amount = json!({ "amount": { "amount": 100, "currency": "INR" } });
    for (address, body) in [
        (path(&order, "/captures"), &amount),
        (path(&order, "/refunds"), &amount),
        (path(&order, "/fulfilments"), &fulfilment),
        (format!("{first}/ship"), &json!({})),
        (format!("{first}/deliver"), &json!({})),
        (format!("{second}/cancel"), &json!({})),
    ] {
        for replayed in ["", "true"] {
            let answer = fixture.orders.post(&address).key("k").json(body).send().await;
            assert_eq!((answer.status / 100, answer.header("idempotent-replayed")), (2, replayed), "{address}: {answer:?}");
        }
    }
    let other = fixture.order(1).await;
    for replayed in ["", "true"] {
        let canceled = fixture.orders.post(&path(&other, "/cancel")).key("k").json(&json!({})).send().await.expect(200);
        assert_eq!(canceled.header("idempotent-replayed"), replayed);
    }
    let version = fixture.read_order(&other["id"]).await["version"].as_i64().expect("a number");
    for replayed in ["", "true"] {
        let patch = json!({ "metadata": { "a": "b" } });
        let noted = fixture.orders.patch(&path(&other, "")).key("k").if_match(version).json(&patch).send().await.expect(200);
        assert_eq!(noted.header("idempotent-replayed"), replayed);
    }
}
