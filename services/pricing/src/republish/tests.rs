//! Passes after a change of terms.

use bloom_kernel::VariantId;
use serde_json::json;

use super::pass_run;
use crate::price_list::date_reached;
use crate::tests::{Fixture, fixture, text};

impl Fixture {
    /// The version of the last event of each published variant.
    async fn last_versions(&self) -> Vec<i64> {
        let mut conn = self.env.superuser().await;
        sqlx::query_scalar("select max(version) from outbox where kind = $1 group by aggregate")
            .bind("variant_price.updated")
            .fetch_all(&mut conn)
            .await
            .unwrap()
    }
}

#[tokio::test]
async fn changed_terms_republish_all_their_variants() {
    let fixture = fixture().await;
    fixture.taxes(&[("DE", 190_000)]).await;
    let trade = fixture.channel("trade", false, "DE", json!({})).await;
    let variants: Vec<VariantId> = (0..450).map(|_| fixture.id()).collect();
    let list = fixture.price_list("a", json!({ "status": "draft" })).await;
    let rows: Vec<_> = variants
        .iter()
        .map(|variant| json!({ "price_list_id": list, "variant_id": variant, "price": { "amount": 11_900, "currency": "EUR" } }))
        .collect();
    let _ = fixture.client.post("/v1/pricing/prices/bulk").json(&json!({ "prices": rows })).send().await.expect(200);
    assert_eq!(fixture.published(variants[0]).await, None);

    // Three batches of a pass.
    fixture.update(&format!("price-lists/{list}"), json!({ "status": "active" })).await;
    fixture.drain().await;
    assert_eq!(fixture.last_versions().await, vec![1; 450]);
    assert_eq!(fixture.published(variants[449]).await.unwrap(), (1, vec![(trade, Some(10_000))]));
    let rate = fixture.client.get("/v1/pricing/tax-rates").send().await.expect(200).json["data"][0]["id"].clone();
    fixture.update(&format!("tax-rates/{}", text(&rate)), json!({ "rate_ppm": 70_000 })).await;
    fixture.drain().await;
    assert_eq!(fixture.last_versions().await, vec![2; 450]);
    assert_eq!(fixture.published(variants[449]).await.unwrap(), (2, vec![(trade, Some(11_121))]));
    // A change that changes no price publishes nothing.
    fixture.update(&format!("price-lists/{list}"), json!({ "name": "B" })).await;
    fixture.drain().await;
    assert_eq!(fixture.last_versions().await, vec![2; 450]);
    assert_eq!(fixture.breaches().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_pass_may_run_twice_and_from_any_variant() {
    let fixture = fixture().await;
    fixture.channel("shop", true, "DE", json!({})).await;
    let list = fixture.price_list("a", json!({ "status": "draft" })).await;
    let variants: Vec<VariantId> = (0..5).map(|_| fixture.id()).collect();
    for variant in &variants {
        fixture.set_price(Some(&list), *variant, 1, 100).await;
    }
    fixture.update(&format!("price-lists/{list}"), json!({ "status": "active" })).await;
    fixture.drain().await;
    let now = fixture.env.clock.time();
    let again = json!({ "change": { "price_list": [list, 2] }, "since": now, "after": variants.iter().min() });
    let outdated = json!({ "change": { "price_list": [list, 1] }, "since": now, "after": null });
    for pass in [&again, &again, &outdated] {
        let pass = serde_json::from_value(pass.clone()).unwrap();
        pass_run(&fixture.app, &fixture.call(), "again".to_owned(), pass).await.unwrap();
    }
    let date = json!({ "price_list_id": list, "moment": now });
    for _ in 0..2 {
        let date = serde_json::from_value(date.clone()).unwrap();
        date_reached(&fixture.app, &fixture.call(), "again".to_owned(), date).await.unwrap();
    }
    fixture.drain().await;
    assert_eq!(fixture.last_versions().await, vec![1; 5]);
    assert_eq!(fixture.breaches().await, Vec::<String>::new());
}
