//! Objects of another tenant do not exist.

use serde_json::json;

use super::{shop, text, variant_of};

#[tokio::test]
async fn another_tenant_finds_nothing() {
    let (fixture, channel) = shop().await;
    let product = fixture.product("T", "S", json!({})).await;
    let category = fixture.create("categories", json!({ "name": "C" })).await;
    let collection = fixture.create("collections", json!({ "code": "c", "title": "C" })).await;
    let kind = fixture.create("product-types", json!({ "code": "t", "name": "T" })).await;
    let variant = variant_of(&product);
    let other_tenant = fixture.env.other_tenant;
    let unknown_product: bloom_kernel::ProductId = fixture.id();
    for path in [
        format!("channels/{channel}"),
        format!("products/{}", text(&product["id"])),
        format!("products/{}/variants", text(&product["id"])),
        format!("products/{}/variants/{variant}", text(&product["id"])),
        format!("categories/{}", text(&category["id"])),
        format!("collections/{}", text(&collection["id"])),
        format!("product-types/{}", text(&kind["id"])),
    ] {
        let _ = fixture.client.get(&format!("/v1/catalog/{path}")).send().await.expect(200);
        let _ = fixture.client.get(&format!("/v1/catalog/{path}")).tenant(other_tenant).send().await.expect(404);
    }
    let foreign =
        fixture.client.get(&format!("/v1/catalog/products/{}", text(&product["id"]))).tenant(other_tenant).send().await.json;
    let unknown = fixture.client.get(&format!("/v1/catalog/products/{unknown_product}")).tenant(other_tenant).send().await.json;
    assert_eq!(
        (&foreign["title"], &foreign["detail"], &foreign["code"]),
        (&unknown["title"], &unknown["detail"], &unknown["code"])
    );

    // The other tenant may use the same names, and sees only its own objects.
    let own = json!({ "code": "web", "name": "W", "currency": "EUR", "price_basis": "net", "country": "DE" });
    let _ = fixture.client.post("/v1/catalog/channels").tenant(other_tenant).json(&own).send().await.expect(201);
    for (field, id) in [("category_ids", &category["id"]), ("channel_ids", &json!(channel))] {
        let mut body = json!({ "title": "X", "variants": [{ "sku": "S" }] });
        body[field] = json!([id]);
        let refused = fixture.client.post("/v1/catalog/products").tenant(other_tenant).json(&body).send().await.expect(404);
        assert_eq!(refused.json["errors"][0]["pointer"], format!("/{field}"));
    }
    let typed = json!({ "title": "X", "product_type_id": kind["id"], "variants": [{ "sku": "S" }] });
    let _ = fixture.client.post("/v1/catalog/products").tenant(other_tenant).json(&typed).send().await.expect(404);
    let mine = json!({ "title": "Mine", "status": "active", "variants": [{ "sku": "S" }] });
    let _ = fixture.client.post("/v1/catalog/products").tenant(other_tenant).json(&mine).send().await.expect(201);
    let list = fixture.client.get("/v1/catalog/products").tenant(other_tenant).send().await.expect(200).json;
    assert_eq!((list["data"].as_array().unwrap().len(), &list["data"][0]["title"]), (1, &json!("Mine")));
    let put = json!({ "products": [{ "product_id": product["id"], "position": 1 }] });
    let path = format!("/v1/catalog/collections/{}/products", text(&collection["id"]));
    let _ = fixture.client.put(&path).tenant(other_tenant).json(&put).send().await.expect(404);
    for query in [format!("category={}", text(&category["id"])), format!("collection={}", text(&collection["id"]))] {
        let list =
            fixture.client.get(&format!("/v1/catalog/products?{query}")).tenant(other_tenant).send().await.expect(200).json;
        assert_eq!(list["data"], json!([]));
    }
}
