//! The query plan of a quote.

use std::path::Path;

use bloom_kernel::VariantId;
use serde_json::{Value, json};

use crate::tests::fixture;

#[tokio::test]
async fn a_quote_reads_prices_through_the_index() {
    let fixture = fixture().await;
    let list = fixture.price_list("a", json!({})).await;
    let rows: Vec<_> = (0..1_000).map(|_| json!({ "price_list_id": list, "variant_id": fixture.id::<VariantId>(), "price": { "amount": 1, "currency": "EUR" } })).collect();
    let _ = fixture.client.post("/v1/pricing/prices/bulk").json(&json!({ "prices": rows })).send().await.expect(200);
    let mut conn = fixture.env.superuser().await;
    sqlx::query("analyze price").execute(&mut conn).await.unwrap();
    let mut read = fixture.env.db.read(fixture.env.tenant).await.unwrap();
    let plan: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("explain {}", quote_statement())))
        .bind(vec![fixture.id::<VariantId>().uuid(); 2])
        .bind(vec![1_i64, 2])
        .bind("EUR")
        .bind(None::<uuid::Uuid>)
        .bind(fixture.env.clock.time())
        .bind(false)
        .bind(fixture.env.tenant.uuid().to_string())
        .fetch_all(&mut *read)
        .await
        .unwrap();
    let plan = plan.join("\n");
    assert!(plan.contains("price_variant") && !plan.contains("Seq Scan on price "), "{plan}");
}

fn quote_statement() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(".sqlx");
    let files = std::fs::read_dir(folder).unwrap().map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
    let queries = files.map(|text| serde_json::from_str::<Value>(&text).unwrap()["query"].as_str().unwrap().to_owned());
    let mut found = queries.filter(|query| query.contains("with ordinality line(variant_id, quantity, ord)"));
    found.next().unwrap()
}
