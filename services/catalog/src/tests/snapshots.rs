//! Snapshots of whole bodies, events and problems of every resource. Ids are numbered in the order of their appearance.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sqlx::Row as _;

use super::{Fixture, shop, text};

/// Replaces ids by their kind and a number.
#[derive(Default)]
struct Ids(BTreeMap<String, String>);

impl Ids {
    fn number(&mut self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.name(&text)),
            Value::Array(items) => items.into_iter().map(|item| self.number(item)).collect(),
            Value::Object(members) => members.into_iter().map(|(name, member)| (name, self.number(member))).collect(),
            other => other,
        }
    }

    /// An id, or a path with ids.
    fn name(&mut self, text: &str) -> String {
        text.split('/').map(|part| self.id(part)).collect::<Vec<_>>().join("/")
    }

    fn id(&mut self, text: &str) -> String {
        let Some((kind, random)) = text.rsplit_once('_') else { return text.to_owned() };
        if kind.is_empty() || random.len() != 26 || !random.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return text.to_owned();
        }
        let next = self.0.keys().filter(|id| id.starts_with(&format!("{kind}_"))).count() + 1;
        self.0.entry(text.to_owned()).or_insert_with(|| format!("{kind}_{next}")).clone()
    }
}

impl Fixture {
    async fn get(&self, path: &str) -> Value {
        self.client.get(&format!("/v1/catalog/{path}")).send().await.expect(200).json
    }

    /// Kind, aggregate, version and document of every event, by aggregate and version.
    async fn documents(&self) -> Vec<Value> {
        let mut conn = self.env.superuser().await;
        let rows = sqlx::query("select kind, aggregate, version, data::text from outbox order by aggregate, version");
        let rows = rows.fetch_all(&mut conn).await.unwrap();
        let event = |row: &sqlx::postgres::PgRow| {
            let data: Value = serde_json::from_str(&row.get::<String, _>(3)).unwrap();
            json!({ "kind": row.get::<String, _>(0), "aggregate": row.get::<String, _>(1), "version": row.get::<i64, _>(2),
                "data": data })
        };
        rows.iter().map(event).collect()
    }
}

#[tokio::test]
async fn bodies_and_events_of_every_resource() {
    let (fixture, web) = shop().await;
    let blr = fixture.location("BLR-1", 1).await;
    let product_type = json!({ "code": "brake", "name": "Brake part", "attributes": [
        { "code": "axle", "name": "Axle", "kind": "enum", "values": ["front", "rear"], "required": true }] });
    let product_type = fixture.create("product-types", product_type).await;
    let root = fixture.create("categories", json!({ "name": "Parts", "metadata": { "erp": "1" } })).await;
    let child = fixture.create("categories", json!({ "name": "Brakes", "parent_id": root["id"], "position": 2 })).await;
    let sale = fixture.create("collections", json!({ "code": "sale", "title": "Sale", "description": "Until May" })).await;
    let product = json!({ "title": "Brake Disc", "external_id": "ERP-1", "description": "Vented", "status": "active",
        "product_type_id": product_type["id"], "attributes": { "axle": "front" }, "category_ids": [child["id"]],
        "options": [{ "name": "Size", "values": ["288", "312"] }], "media": [{ "url": "https://img.example/1.jpg", "alt": "Disc" }],
        "metadata": { "erp": "7" }, "variants": [
            { "sku": "BD-288", "barcode": "4006381333931", "options": { "Size": "288" }, "weight_grams": 7_400 },
            { "sku": "BD-312", "external_id": "ERP-1-312", "options": { "Size": "312" } }] });
    let product = fixture.create("products", product).await;
    let (id, path) = (text(&product["id"]), format!("products/{}", text(&product["id"])));
    let placement = json!({ "products": [{ "product_id": id, "position": 10 }] });
    let placed = format!("/v1/catalog/collections/{}/products", text(&sale["id"]));
    let _ = fixture.client.put(&placed).json(&placement).send().await.expect(204);
    let variant = text(&product["variants"][0]["id"]).parse().unwrap();
    fixture.price(variant, 1, &[(web, Some(2_499))]).await;
    fixture.stock(variant, 1, &[(blr, "BLR-1", 184)]).await;
    let line = json!({ "title": "Oil Filter", "variants": [{ "sku": "OF", "stock": [{ "location": "MOON", "on_hand": 1 }] }] });
    let import =
        fixture.client.post("/v1/catalog/imports").raw("application/x-ndjson", line.to_string()).send().await.expect(202);
    let import = import.id();
    fixture.ended(&import).await;
    let report = fixture.client.get(&format!("/v1/catalog/imports/{import}/report")).send().await.expect(200).text;

    let mut ids = Ids::default();
    let bodies = json!({
        "channel": fixture.get(&format!("channels/{web}")).await,
        "product_type": product_type,
        "category": child,
        "collection": sale,
        "product": fixture.get(&path).await,
        "product_expanded": fixture.get(&format!("{path}?expand[]=price,inventory")).await,
        "variant": fixture.get(&format!("{path}/variants/{variant}")).await,
        "product_list": fixture.get("products").await,
        "import": fixture.get(&format!("imports/{import}")).await,
        "report": report,
    });
    insta::assert_json_snapshot!("bodies", ids.number(bodies));

    let _ = fixture.patch(&format!("channels/{web}"), json!({ "name": "Web shop" })).await.expect(200);
    let path_of = |kind: &str, body: &Value| format!("/v1/catalog/{kind}/{}", text(&body["id"]));
    let _ = fixture.client.delete(&format!("/v1/catalog/{path}")).if_match(2).send().await.expect(204);
    let _ = fixture.client.delete(&format!("{placed}/{id}")).send().await.expect(204);
    let _ = fixture.client.delete(&path_of("collections", &sale)).if_match(1).send().await.expect(204);
    let documents = fixture.documents().await.into_iter().map(|document| ids.number(document));
    insta::assert_json_snapshot!("events", documents.collect::<Value>());
}

#[tokio::test]
async fn problems_of_every_resource() {
    let (fixture, web) = shop().await;
    let product = fixture.product("T", "S", json!({})).await;
    let path = format!("products/{}", text(&product["id"]));
    let category = fixture.create("categories", json!({ "name": "C" })).await;
    let category = format!("categories/{}", text(&category["id"]));
    let collection = fixture.create("collections", json!({ "code": "sale", "title": "Sale" })).await;
    let collection = format!("collections/{}", text(&collection["id"]));
    let unknown: bloom_kernel::ProductId = fixture.id();
    let send = async |method: &str, path: &str, version: Option<i64>, body: Value| {
        let request = fixture.client.ask(method, &format!("/v1/catalog/{path}"));
        let request = if method == "GET" { request } else { request.json(&body) };
        let request = if let Some(version) = version { request.if_match(version) } else { request };
        let answer = request.send().await;
        assert!(400 <= answer.status && answer.status < 500, "{method} {path}: {}", answer.text);
        let mut problem = answer.json;
        problem.as_object_mut().unwrap().remove("request_id");
        json!({ "status": answer.status, "problem": problem })
    };
    let problems = json!({
        "category_cycle": send("PATCH", &category, Some(1), json!({ "parent_id": category.rsplit_once('/').unwrap().1 })).await,
        "category_name": send("POST", "categories", None, json!({ "name": "a/b" })).await,
        "category_name_taken": send("POST", "categories", None, json!({ "name": "C" })).await,
        "channel_code_taken":
            send("POST", "channels", None, json!({ "code": "web", "name": "X", "currency": "INR", "price_basis": "net", "country": "IN" })).await,
        "channel_default": send("PATCH", &format!("channels/{web}"), Some(1), json!({ "is_default": false })).await,
        "collection_placement": send("PUT", &format!("{collection}/products"), None, json!({ "products": [] })).await,
        "cursor": send("GET", "products?cursor=cursor_x", None, Value::Null).await,
        "expand": send("GET", &format!("{path}?expand[]=cost"), None, Value::Null).await,
        "null": send("PATCH", &path, Some(1), json!({ "title": null })).await,
        "product_invalid": send("POST", "products", None, json!({ "title": "", "colour": 1, "variants": [{ "sku": " A", "weight_grams": -1 }] })).await,
        "product_not_found": send("GET", &format!("products/{unknown}"), None, Value::Null).await,
        "product_stale": send("PATCH", &path, Some(9), json!({ "title": "U" })).await,
        "product_unguarded": send("PATCH", &path, None, json!({ "title": "U" })).await,
        "query": send("GET", "products?limit=0&sort=weight", None, Value::Null).await,
        "sku_taken": send("POST", "products", None, json!({ "title": "U", "variants": [{ "sku": "S" }] })).await,
        "variant_last": send("DELETE", &format!("{path}/variants/{}", text(&product["variants"][0]["id"])), Some(1), json!({})).await,
    });
    insta::assert_json_snapshot!("problems", Ids::default().number(problems));
}
