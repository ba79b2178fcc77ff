//! Another tenant's things are as if they did not exist.

use serde_json::json;

use super::{shop, text, variant_of};

#[tokio::test]
async fn a_stranger_finds_nothing() {
    let (stage, channel) = shop().await;
    let product = stage.product("T", "S", json!({})).await;
    let category = stage.made("categories", json!({ "name": "C" })).await;
    let collection = stage.made("collections", json!({ "code": "c", "title": "C" })).await;
    let kind = stage.made("product-types", json!({ "code": "t", "name": "T" })).await;
    let variant = variant_of(&product);
    let stranger = stage.bench.other_tenant;
    let unknown_product: bloom_kernel::ProductId = stage.id();
    for path in [
        format!("channels/{channel}"),
        format!("products/{}", text(&product["id"])),
        format!("products/{}/variants", text(&product["id"])),
        format!("products/{}/variants/{variant}", text(&product["id"])),
        format!("categories/{}", text(&category["id"])),
        format!("collections/{}", text(&collection["id"])),
        format!("product-types/{}", text(&kind["id"])),
    ] {
        let _ = stage.door.get(&format!("/v1/catalog/{path}")).send().await.expect(200);
        let _ = stage.door.get(&format!("/v1/catalog/{path}")).tenant(stranger).send().await.expect(404);
    }
    let foreign = stage.door.get(&format!("/v1/catalog/products/{}", text(&product["id"]))).tenant(stranger).send().await.json;
    let unknown = stage.door.get(&format!("/v1/catalog/products/{unknown_product}")).tenant(stranger).send().await.json;
    assert_eq!(
        (&foreign["title"], &foreign["detail"], &foreign["code"]),
        (&unknown["title"], &unknown["detail"], &unknown["code"])
    );

    // The stranger may use the same names, and sees only its own.
    let own = json!({ "code": "web", "name": "W", "currency": "EUR", "price_basis": "net", "country": "DE" });
    let _ = stage.door.post("/v1/catalog/channels").tenant(stranger).json(&own).send().await.expect(201);
    for (field, id) in [("category_ids", &category["id"]), ("channel_ids", &json!(channel))] {
        let mut body = json!({ "title": "X", "variants": [{ "sku": "S" }] });
        body[field] = json!([id]);
        let refused = stage.door.post("/v1/catalog/products").tenant(stranger).json(&body).send().await.expect(404);
        assert_eq!(refused.json["errors"][0]["pointer"], format!("/{field}"));
    }
    let typed = json!({ "title": "X", "product_type_id": kind["id"], "variants": [{ "sku": "S" }] });
    let _ = stage.door.post("/v1/catalog/products").tenant(stranger).json(&typed).send().await.expect(404);
    let mine = json!({ "title": "Mine", "status": "active", "variants": [{ "sku": "S" }] });
    let _ = stage.door.post("/v1/catalog/products").tenant(stranger).json(&mine).send().await.expect(201);
    let list = stage.door.get("/v1/catalog/products").tenant(stranger).send().await.expect(200).json;
    assert_eq!((list["data"].as_array().unwrap().len(), &list["data"][0]["title"]), (1, &json!("Mine")));
    let put = json!({ "products": [{ "product_id": product["id"], "position": 1 }] });
    let path = format!("/v1/catalog/collections/{}/products", text(&collection["id"]));
    let _ = stage.door.put(&path).tenant(stranger).json(&put).send().await.expect(404);
    for query in [format!("category={}", text(&category["id"])), format!("collection={}", text(&collection["id"]))] {
        let list = stage.door.get(&format!("/v1/catalog/products?{query}")).tenant(stranger).send().await.expect(200).json;
        assert_eq!(list["data"], json!([]));
    }
}

#[tokio::test]
async fn pages_of_two_tenants_on_the_same_connections_never_mix() {
    let (stage, channel) = shop().await;
    stage.product("Ours", "S", json!({})).await;
    let stranger = stage.bench.other_tenant;
    let own = json!({ "code": "web", "name": "W", "currency": "EUR", "price_basis": "net", "country": "DE" });
    let theirs = stage.door.post("/v1/catalog/channels").tenant(stranger).json(&own).send().await.expect(201).json;
    let product = json!({ "title": "Theirs", "status": "active", "variants": [{ "sku": "S" }] });
    let _ = stage.door.post("/v1/catalog/products").tenant(stranger).json(&product).send().await.expect(201);
    for turn in 0..120 {
        let (tenant, title) = if turn % 2 == 0 { (stage.bench.tenant, "Ours") } else { (stranger, "Theirs") };
        // Without filters, with them, and in another order: each is another statement.
        let path = ["/v1/catalog/products", "/v1/catalog/products?available=false", "/v1/catalog/products?sort=title"][turn % 3];
        let list = stage.door.get(path).tenant(tenant).send().await.expect(200).json;
        let titles: Vec<_> = list["data"].as_array().unwrap().iter().map(|item| item["title"].clone()).collect();
        assert_eq!(titles, [json!(title)], "{path}");
    }
    // A statement that sets one tenant finds nothing in another's channel, whoever had the connection before.
    let shape = crate::domain::list::ListShape {
        state: crate::domain::list::ListState::Live,
        scope: uuid::Uuid::nil(),
        order: crate::domain::list::Order::ALL[0],
        filters: crate::domain::list::Filters::default(),
    };
    let their_channel = text(&theirs["id"]).parse().unwrap();
    for (tenant, asked, rows) in [
        (stage.bench.tenant, channel, 1),
        (stage.bench.tenant, their_channel, 0),
        (stranger, their_channel, 1),
        (stranger, channel, 0),
    ] {
        let found = crate::store::list::listing_page(&stage.bench.db, tenant, asked, &shape, None, 10).await.unwrap();
        assert_eq!(found.len(), rows);
    }
}
