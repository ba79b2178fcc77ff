//! Invariants and the export of the current state.

use bloom_contract_platform::ExportStateRequest;
use bloom_contract_platform::platform_client::PlatformClient;
use bloom_kernel::VariantId;
use futures::StreamExt as _;
use serde_json::json;

use super::{Fixture, fixture};
use crate::NAME;

impl Fixture {
    async fn exported(&self, limit: u32) -> Vec<(String, String, i64)> {
        let mut platform = PlatformClient::new(self.env.host.peers.get(NAME));
        let mut records = Vec::new();
        let mut after = String::new();
        loop {
            let request = ExportStateRequest { kinds: Vec::new(), after, limit };
            let stream = platform.export_state(self.env.host.request(&self.call(), request)).await.unwrap().into_inner();
            let page: Vec<_> = stream.map(Result::unwrap).collect().await;
            records.extend(page.iter().map(|record| (record.kind.clone(), record.aggregate.clone(), record.version)));
            match page.last() {
                Some(last) if page.len() == usize::try_from(limit).unwrap() => after = last.cursor.clone(),
                _ => return records,
            }
        }
    }
}

#[tokio::test]
async fn the_export_equals_the_last_events() {
    let fixture = fixture().await;
    fixture.taxes(&[("DE", 190_000), ("FR", 200_000)]).await;
    fixture.channel("shop", true, "DE", json!({})).await;
    for amount in [100, 200, 300] {
        fixture.set_price(None, fixture.id(), 1, amount).await;
    }
    fixture.set_price(None, fixture.id(), 5, 400).await;
    fixture.update("settings", json!({ "rounding": "half_even" })).await;
    fixture.drain().await;
    let mut exported = fixture.exported(1_000).await;
    for limit in [1, 2, 3] {
        assert_eq!(fixture.exported(limit).await, exported, "in pages of {limit}");
    }
    let mut conn = fixture.env.superuser().await;
    let published: Vec<(String, String, i64)> =
        sqlx::query_as("select distinct on (aggregate) kind, aggregate, version from outbox order by aggregate, version desc")
            .fetch_all(&mut conn)
            .await
            .unwrap();
    let mut published: Vec<_> =
        published.into_iter().map(|(kind, of, version)| (kind.replace(".created", ".updated"), of, version)).collect();
    exported.sort();
    published.sort();
    assert_eq!(exported, published);
}

#[tokio::test]
async fn each_broken_invariant_is_reported_by_name() {
    let fixture = fixture().await;
    fixture.channel("shop", true, "DE", json!({})).await;
    let variant: VariantId = fixture.id();
    fixture.set_price(None, variant, 1, 100).await;
    assert_eq!(fixture.breaches().await, Vec::<String>::new());
    let mut conn = fixture.env.superuser().await;
    sqlx::query("update price set amount = 101").execute(&mut conn).await.unwrap();
    assert_eq!(fixture.breaches().await, ["published_prices_are_current"]);
    sqlx::query("update price set amount = 100").execute(&mut conn).await.unwrap();
    sqlx::query("delete from variant_price").execute(&mut conn).await.unwrap();
    assert_eq!(fixture.breaches().await, ["every_price_is_listed"]);
}
