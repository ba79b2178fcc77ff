//! Collections.

use serde_json::{Value, json};

use super::model::{CollectionCreate, CollectionUpdate, Placements};
use crate::tests::{shop, text};

#[tokio::test]
async fn products_are_listed_by_position() {
    let (fixture, _) = shop().await;
    let summer = fixture.create("collections", json!({ "code": "summer", "title": "Summer" })).await;
    let path = format!("/v1/catalog/collections/{}", text(&summer["id"]));
    let mut ids = Vec::new();
    for title in ["A", "B", "C"] {
        ids.push(text(&fixture.product(title, title, json!({})).await["id"]));
    }
    let put = |list: Value| fixture.client.put(&format!("{path}/products")).json(&json!({ "products": list })).send();
    let place = |index: usize, position: i64| json!({ "product_id": ids[index], "position": position });
    let _ = put(json!([place(0, 30), place(1, 10), place(2, 20)])).await.expect(204);
    let query = format!("collection={}", text(&summer["id"]));
    assert_eq!(fixture.titles(&query).await, ["B", "C", "A"]);
    assert_eq!(fixture.titles(&format!("{query}&sort=-position&limit=1")).await, ["A", "C", "B"]);
    assert_eq!(fixture.titles(&format!("{query}&sort=title&limit=2")).await, ["A", "B", "C"]);
    let _ = put(json!([place(0, 5)])).await.expect(204);
    assert_eq!(fixture.titles(&query).await, ["A", "B", "C"]);
    let product = fixture.client.get(&format!("/v1/catalog/products/{}", ids[0])).send().await.expect(200);
    assert_eq!((product.version(), &product.json["collections"][0]["position"]), (3, &json!(5)));

    let _ = fixture.client.delete(&format!("{path}/products/{}", ids[1])).send().await.expect(204);
    let _ = fixture.client.delete(&format!("{path}/products/{}", ids[1])).send().await.expect(404);
    assert_eq!(fixture.titles(&query).await, ["A", "C"]);
    let other_tenant: bloom_kernel::ProductId = fixture.id();
    let unknown = put(json!([place(0, 1), { "product_id": other_tenant, "position": 1 }])).await.expect(404);
    assert_eq!(unknown.json["errors"][0]["pointer"], "/products/1/product_id");
    let _ = put(json!([place(0, 1), place(0, 2)])).await.expect(400);
    let full = fixture.client.delete(&path).if_match(1).send().await.expect(409);
    assert_eq!(full.code(), "collection_not_empty");
    let wrong = fixture.client.get("/v1/catalog/products?sort=position").send().await.expect(400);
    assert_eq!(wrong.json["errors"][0]["pointer"], "sort");
    fixture.assert_invariants().await;
}

#[test]
fn serde_and_schema_agree_about_inputs() {
    let product = "prod_01jd6zv4x8e5yag7k3m2n9p0qr";
    bloom_testkit::assert_schema_agrees::<CollectionCreate>([
        json!({ "code": "sale", "title": "Sale", "description": "D", "metadata": { "a": "b" } }),
    ]);
    bloom_testkit::assert_schema_agrees::<CollectionUpdate>([
        json!({ "title": "Sale", "description": "D", "metadata": { "a": null } }),
    ]);
    bloom_testkit::assert_schema_agrees::<Placements>([json!({ "products": [{ "product_id": product, "position": 3 }] })]);
}
