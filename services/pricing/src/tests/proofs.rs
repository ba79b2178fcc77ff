//! What pricing proves about itself, and what a new consumer is told.

use bloom_contract_platform::ExportStateRequest;
use bloom_contract_platform::platform_client::PlatformClient;
use bloom_kernel::VariantId;
use futures::StreamExt as _;
use serde_json::json;

use super::{Stage, stage};
use crate::NAME;

impl Stage {
    async fn exported(&self, limit: u32) -> Vec<(String, String, i64)> {
        let mut platform = PlatformClient::new(self.bench.host.peers.get(NAME));
        let mut records = Vec::new();
        let mut after = String::new();
        loop {
            let request = ExportStateRequest { kinds: Vec::new(), after, limit };
            let stream = platform.export_state(self.bench.host.request(&self.call(), request)).await.unwrap().into_inner();
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
async fn the_export_is_the_state_that_the_events_told() {
    let stage = stage().await;
    stage.taxes(&[("DE", 190_000), ("FR", 200_000)]).await;
    stage.channel("shop", true, "DE", json!({})).await;
    for amount in [100, 200, 300] {
        stage.price(None, stage.id(), 1, amount).await;
    }
    stage.price(None, stage.id(), 5, 400).await;
    stage.patched("settings", json!({ "rounding": "half_even" })).await;
    stage.settle().await;
    let mut exported = stage.exported(1_000).await;
    for limit in [1, 2, 3] {
        assert_eq!(stage.exported(limit).await, exported, "in pages of {limit}");
    }
    let mut conn = stage.bench.superuser().await;
    let told: Vec<(String, String, i64)> =
        sqlx::query_as("select distinct on (aggregate) kind, aggregate, version from outbox order by aggregate, version desc")
            .fetch_all(&mut conn)
            .await
            .unwrap();
    let mut told: Vec<_> =
        told.into_iter().map(|(kind, of, version)| (kind.replace(".created", ".updated"), of, version)).collect();
    exported.sort();
    told.sort();
    assert_eq!(exported, told);
}

#[tokio::test]
async fn each_invariant_is_missed_by_name() {
    let stage = stage().await;
    stage.channel("shop", true, "DE", json!({})).await;
    let variant: VariantId = stage.id();
    stage.price(None, variant, 1, 100).await;
    assert_eq!(stage.breaches().await, Vec::<String>::new());
    let mut conn = stage.bench.superuser().await;
    sqlx::query("update price set amount = 101").execute(&mut conn).await.unwrap();
    assert_eq!(stage.breaches().await, ["published_prices_are_present"]);
    sqlx::query("update price set amount = 100").execute(&mut conn).await.unwrap();
    sqlx::query("delete from variant_price").execute(&mut conn).await.unwrap();
    assert_eq!(stage.breaches().await, ["every_price_is_listed"]);
}

#[tokio::test]
async fn the_rows_of_a_quote_are_found_through_the_index() {
    let stage = stage().await;
    let list = stage.list("a", json!({})).await;
    let rows: Vec<_> = (0..1_000).map(|_| json!({ "price_list_id": list, "variant_id": stage.id::<VariantId>(), "price": { "amount": 1, "currency": "EUR" } })).collect();
    let _ = stage.door.post("/v1/pricing/prices/bulk").json(&json!({ "prices": rows })).send().await.expect(200);
    let mut conn = stage.bench.superuser().await;
    sqlx::query("analyze price").execute(&mut conn).await.unwrap();
    let mut read = stage.bench.db.read(stage.bench.tenant).await.unwrap();
    let plan: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("explain {}", quote_statement())))
        .bind(vec![stage.id::<VariantId>().uuid(); 2])
        .bind(vec![1_i64, 2])
        .bind("EUR")
        .bind(None::<uuid::Uuid>)
        .bind(stage.bench.clock.time())
        .bind(false)
        .bind(stage.bench.tenant.uuid().to_string())
        .fetch_all(&mut *read)
        .await
        .unwrap();
    let plan = plan.join("\n");
    assert!(plan.contains("price_variant") && !plan.contains("Seq Scan on price "), "{plan}");
}

#[tokio::test]
async fn every_operation_is_described_and_names_its_permission() {
    let stage = stage().await;
    let mut service = crate::service(stage.bench.host.clone(), stage.bench.db.clone(), bloom_events::Bus::in_process()).unwrap();
    let (_, api) = service.router();
    let api = serde_json::to_value(api).unwrap();
    let paths = api["paths"].as_object().unwrap();
    let operations: Vec<_> = paths.values().flat_map(|path| path.as_object().unwrap().values()).collect();
    assert_eq!(operations.len(), 27);
    for operation in &operations {
        assert!(operation["operationId"].is_string() && operation["summary"].is_string(), "{operation}");
        assert!(operation["x-permission"].as_str().unwrap().starts_with("pricing:"), "{operation}");
    }
    for (name, schema) in api["components"]["schemas"].as_object().unwrap() {
        let input = ["Input", "Create", "Update", "ShipTo", "Set"].iter().any(|ending| name.ends_with(ending));
        assert!(!input || schema["additionalProperties"] == false, "{name}: {schema}");
    }
}

/// The statement of a quote, from where the checked macros keep it.
fn quote_statement() -> String {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(".sqlx");
    let files = std::fs::read_dir(folder).unwrap().map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
    let queries =
        files.map(|text| serde_json::from_str::<serde_json::Value>(&text).unwrap()["query"].as_str().unwrap().to_owned());
    let mut found = queries.filter(|query| query.contains("with ordinality line(variant_id, quantity, ord)"));
    found.next().unwrap()
}
