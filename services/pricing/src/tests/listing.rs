//! The price of the listing: told when something changes it, and not otherwise.

use bloom_kernel::VariantId;
use chrono::TimeDelta;
use futures::StreamExt as _;
use serde_json::json;

use super::{Stage, stage, text};

impl Stage {
    /// The version of the last event of each variant that was told of.
    async fn last_versions(&self) -> Vec<i64> {
        let mut conn = self.bench.superuser().await;
        sqlx::query_scalar("select max(version) from outbox where kind = $1 group by aggregate")
            .bind(crate::events::VARIANT_PRICE)
            .fetch_all(&mut conn)
            .await
            .unwrap()
    }
}

#[tokio::test]
async fn a_price_is_told_once_and_with_the_versions_of_its_variant() {
    let stage = stage().await;
    let shop = stage.channel("shop", true, "DE", json!({})).await;
    let variant: VariantId = stage.id();
    stage.price(None, variant, 10, 90).await;
    assert_eq!(stage.told(variant).await, None, "one unit has no price yet");
    stage.price(None, variant, 1, 100).await;
    stage.price(None, variant, 1, 100).await;
    stage.price(None, variant, 5, 95).await;
    assert_eq!(stage.told(variant).await.unwrap(), (1, vec![(shop, Some(100))]));
    stage.price(None, variant, 1, 110).await;
    assert_eq!(stage.told(variant).await.unwrap(), (2, vec![(shop, Some(110))]));
}

#[tokio::test]
async fn a_dated_list_is_told_when_it_starts_and_when_it_ends() {
    let stage = stage().await;
    let shop = stage.channel("shop", true, "DE", json!({})).await;
    let variant: VariantId = stage.id();
    stage.price(None, variant, 1, 100).await;
    let start = stage.bench.clock.time() + TimeDelta::hours(1);
    let dates = json!({ "priority": 1, "starts_at": start, "ends_at": start + TimeDelta::hours(1) });
    let sale = stage.list("sale", dates).await;
    stage.price(Some(&sale), variant, 1, 80).await;
    stage.settle().await;
    assert_eq!(stage.told_in(variant, shop).await, Some(100));

    stage.bench.clock.advance(TimeDelta::hours(1));
    stage.settle().await;
    assert_eq!(stage.told_in(variant, shop).await, Some(80));
    // It is prolonged; the end that was planned passes without a word.
    let later = json!({ "ends_at": start + TimeDelta::hours(3) });
    stage.patched(&format!("price-lists/{sale}"), later).await;
    stage.bench.clock.advance(TimeDelta::hours(1));
    stage.settle().await;
    assert_eq!(stage.told_in(variant, shop).await, Some(80));
    stage.bench.clock.advance(TimeDelta::hours(2));
    stage.settle().await;
    assert_eq!(stage.told(variant).await.unwrap(), (3, vec![(shop, Some(100))]));
    assert_eq!(stage.breaches().await, Vec::<String>::new());
}

#[tokio::test]
async fn terms_that_change_are_followed_by_all_their_variants() {
    let stage = stage().await;
    stage.taxes(&[("DE", 190_000)]).await;
    let trade = stage.channel("trade", false, "DE", json!({})).await;
    let variants: Vec<VariantId> = (0..450).map(|_| stage.id()).collect();
    let list = stage.list("a", json!({ "status": "draft" })).await;
    let rows: Vec<_> = variants
        .iter()
        .map(|variant| json!({ "price_list_id": list, "variant_id": variant, "price": { "amount": 11_900, "currency": "EUR" } }))
        .collect();
    let _ = stage.door.post("/v1/pricing/prices/bulk").json(&json!({ "prices": rows })).send().await.expect(200);
    assert_eq!(stage.told(variants[0]).await, None);

    // Three batches of a pass.
    stage.patched(&format!("price-lists/{list}"), json!({ "status": "active" })).await;
    stage.settle().await;
    assert_eq!(stage.last_versions().await, vec![1; 450]);
    assert_eq!(stage.told(variants[449]).await.unwrap(), (1, vec![(trade, Some(10_000))]));
    let rate = stage.door.get("/v1/pricing/tax-rates").send().await.expect(200).json["data"][0]["id"].clone();
    stage.patched(&format!("tax-rates/{}", text(&rate)), json!({ "rate_ppm": 70_000 })).await;
    stage.settle().await;
    assert_eq!(stage.last_versions().await, vec![2; 450]);
    assert_eq!(stage.told(variants[449]).await.unwrap(), (2, vec![(trade, Some(11_121))]));
    // What changes no price is not told.
    stage.patched(&format!("price-lists/{list}"), json!({ "name": "B" })).await;
    stage.settle().await;
    assert_eq!(stage.last_versions().await, vec![2; 450]);
    assert_eq!(stage.breaches().await, Vec::<String>::new());
}

#[tokio::test]
async fn whoever_writes_at_once_the_last_word_is_right() {
    let stage = stage().await;
    stage.taxes(&[("DE", 190_000)]).await;
    stage.channel("shop", true, "DE", json!({})).await;
    stage.channel("trade", false, "DE", json!({})).await;
    let variants: Vec<VariantId> = (0..8).map(|_| stage.id()).collect();
    let lists =
        [stage.list("a", json!({ "priority": 1 })).await, stage.list("b", json!({ "priority": 2, "gross": false })).await];
    let rate = text(&stage.door.get("/v1/pricing/tax-rates").send().await.expect(200).json["data"][0]["id"]);
    for round in 0..6 {
        let writes = variants.iter().enumerate().flat_map(|(number, variant)| {
            let amount = 1_000 + round * 10 + i64::try_from(number).unwrap();
            [stage.price(Some(&lists[0]), *variant, 1, amount), stage.price(Some(&lists[1]), *variant, 1, amount * 2)]
        });
        let status = if round % 2 == 0 { "archived" } else { "active" };
        let list = format!("price-lists/{}", lists[1]);
        let rate = format!("tax-rates/{rate}");
        tokio::join!(
            // A few at a time: the connections of the test are few, and who waits too long for one is sent away.
            futures::stream::iter(writes).buffer_unordered(3).collect::<Vec<()>>(),
            stage.patched(&list, json!({ "status": status })),
            stage.patched(&rate, json!({ "rate_ppm": 100_000 + round * 10_000 })),
        );
    }
    stage.settle().await;
    assert_eq!(stage.breaches().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_pass_may_run_twice_and_from_any_point() {
    let stage = stage().await;
    stage.channel("shop", true, "DE", json!({})).await;
    let list = stage.list("a", json!({ "status": "draft" })).await;
    let variants: Vec<VariantId> = (0..5).map(|_| stage.id()).collect();
    for variant in &variants {
        stage.price(Some(&list), *variant, 1, 100).await;
    }
    stage.patched(&format!("price-lists/{list}"), json!({ "status": "active" })).await;
    stage.settle().await;
    let [pass, turn] = crate::events::timers(&stage.app);
    let now = stage.bench.clock.time();
    let again = json!({ "scope": { "list": [list, 2] }, "since": now, "after": variants.iter().min() }).to_string();
    let outdated = json!({ "scope": { "list": [list, 1] }, "since": now, "after": null }).to_string();
    for payload in [&again, &again, &outdated] {
        let payload = serde_json::value::RawValue::from_string(payload.clone()).unwrap();
        pass.fire(&stage.call(), "again", &payload).await.unwrap();
    }
    let payload = json!({ "price_list_id": list, "moment": now }).to_string();
    let payload = serde_json::value::RawValue::from_string(payload).unwrap();
    for _ in 0..2 {
        turn.fire(&stage.call(), "again", &payload).await.unwrap();
    }
    stage.settle().await;
    assert_eq!(stage.last_versions().await, vec![1; 5]);
    assert_eq!(stage.breaches().await, Vec::<String>::new());
}
