//! Settings: the defaults, updates, and two updates at the same time.

use serde_json::json;

use crate::tests::Fixture;

#[tokio::test(flavor = "multi_thread")]
async fn of_two_updates_of_one_version_one_succeeds() {
    let fixture = Fixture::open().await;
    let settings = "/v1/orders/settings";
    let patch = |hours: i64, version: i64| {
        fixture.orders.patch(settings).if_match(version).json(&json!({ "unpaid_hours": hours })).send()
    };
    let version = fixture.orders.get(settings).send().await.expect(200).version();
    let version = patch(5, version).await.expect(200).version();
    assert_eq!(fixture.both("order_setting", patch(6, version), patch(7, version)).await, [200, 412]);

    let order = fixture.order(1).await;
    fixture.drain().await;
    let notes = format!("/v1/orders/{}", order["id"].as_str().unwrap());
    let note = |word: &str| fixture.orders.patch(&notes).if_match(1).json(&json!({ "metadata": { "note": word } })).send();
    assert_eq!(fixture.both("orders", note("a"), note("b")).await, [200, 412]);
}
