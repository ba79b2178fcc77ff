//! How a storefront lists products: the request in the product description, pagination, and what a new resource shows.

use reqwest::Method;
use serde_json::{Value, json};

use crate::fleet;
use crate::shop::{Shop, eventually, send};

const LIST: &str = "/v1/catalog/products";

fn product(number: i64, title: &str, amount: i64, on_hand: i64) -> Value {
    json!({
        "external_id": format!("part-{number}"),
        "title": title,
        "status": "active",
        "variants": [{
            "sku": format!("SKU-{number}"), "weight_grams": 500,
            "prices": [{ "currency": "INR", "amount": amount }],
            "stock": [{ "location": "BLR-1", "on_hand": on_hand }],
        }],
        "channels": ["web"],
    })
}

#[test]
fn the_documented_list_request_works() {
    fleet::test(async |fleet| {
        let shop = Shop::found(fleet).await;
        shop.open().await;
        shop.import(&[product(1, "Oil Filter — OE", 349, 1290)]).await;
        shop.import(&[product(2, "Brake Disc — Front", 2499, 184)]).await;
        let page = eventually("prices and stock are listed", async || {
            let page = shop.get("/v1/catalog/products?limit=2").await.expect(200).body;
            page["data"]
                .as_array()?
                .iter()
                .all(|item| item["price"].is_object() && item["inventory"]["available"] != 0)
                .then_some(page)
        })
        .await;
        let shown: Vec<Value> = page["data"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|item| json!({ "title": item["title"], "price": item["price"], "inventory": item["inventory"] }))
            .collect();
        assert_eq!(
            shown,
            [
                json!({ "title": "Brake Disc — Front", "price": { "amount": 2499, "currency": "INR" }, "inventory": { "available": 184, "warehouse": "BLR-1" } }),
                json!({ "title": "Oil Filter — OE", "price": { "amount": 349, "currency": "INR" }, "inventory": { "available": 1290, "warehouse": "BLR-1" } }),
            ]
        );
        assert_eq!(page["page"], json!({ "limit": 2, "next": null }));
        assert!(page["data"][0]["id"].as_str().is_some_and(|id| id.starts_with("prod_")));
    });
}

#[test]
fn a_new_resource_is_usable_at_once_by_its_owner_only() {
    fleet::test(async |fleet| {
        let (shop, other_shop) = (Shop::found(fleet).await, Shop::found(fleet).await);
        for round in 0..8 {
            let code = format!("r-{round}");
            // A new resource, and a request to another service that refers to it. The test does not wait for an event in between.
            let location = json!({ "code": code, "name": code, "priority": 1 });
            let location = shop.post("/v1/inventory/locations", &location).await.expect(201).id();
            let channel = json!({ "code": code, "name": code, "currency": "INR", "price_basis": "gross", "country": "IN",
                "location_ids": [location] });
            let foreign = other_shop.post("/v1/catalog/channels", &channel).await.expect(404);
            assert_eq!(foreign.body["errors"][0]["pointer"], "/location_ids/0");
            let channel = shop.post("/v1/catalog/channels", &channel).await.expect(201).id();

            let list = json!({ "code": code, "name": code, "currency": "INR", "gross": true, "channel_id": channel });
            let foreign = other_shop.post("/v1/pricing/price-lists", &list).await.expect(404);
            assert_eq!(foreign.body["errors"][0]["pointer"], "/channel_id");
            shop.post("/v1/pricing/price-lists", &list).await.expect(201);

            let class = json!({ "code": code, "name": code });
            let class = shop.post("/v1/pricing/tax-classes", &class).await.expect(201).id();
            let product = json!({ "title": code, "variants": [{ "sku": code, "tax_class_id": class }] });
            let foreign = other_shop.post("/v1/catalog/products", &product).await.expect(404);
            assert_eq!(foreign.body["errors"][0]["pointer"], "/variants/0/tax_class_id");
            shop.post("/v1/catalog/products", &product).await.expect(201);
        }
    });
}

#[test]
fn pages_are_stable_while_products_are_created() {
    fleet::test(async |fleet| {
        let shop = Shop::found(fleet).await;
        shop.open().await;
        let products: Vec<Value> =
            (0..25).map(|number| product(number, &format!("Part {number:02}"), 100 + number, 10)).collect();
        shop.import(&products).await;
        let mut titles = Vec::new();
        let mut path = "/v1/catalog/products?limit=10&sort=title".to_owned();
        loop {
            let page = shop.get(&path).await.expect(200).body;
            titles.extend(
                page["data"].as_array().expect("a list").iter().map(|item| item["title"].as_str().unwrap_or("").to_owned()),
            );
            if titles.len() == 10 {
                shop.import(&[product(99, "Part 00 A", 1, 1)]).await;
            }
            match page["page"]["next"].as_str() {
                Some(next) => path = format!("/v1/catalog/products?limit=10&sort=title&cursor={next}"),
                None => break,
            }
        }
        let expected: Vec<String> = (0..25).map(|number| format!("Part {number:02}")).collect();
        assert_eq!(titles, expected, "nothing twice, nothing missing");
    });
}

#[test]
fn a_cursor_is_valid_for_its_list_only() {
    fleet::test(async |fleet| {
        let shop = Shop::found(fleet).await;
        shop.open().await;
        shop.import(&[product(1, "A", 1, 1), product(2, "B", 2, 2), product(3, "C", 3, 3)]).await;
        let page = shop.get("/v1/catalog/products?limit=1").await.expect(200).body;
        let cursor = page["page"]["next"].as_str().expect("there is more").to_owned();
        for path in [
            format!("/v1/catalog/products?limit=1&sort=title&cursor={cursor}"),
            format!("/v1/catalog/products?limit=1&status=draft&cursor={cursor}"),
            format!("/v1/catalog/categories?limit=1&cursor={cursor}"),
            format!("/v1/catalog/products?limit=1&cursor={}x", &cursor[..cursor.len() - 1]),
            "/v1/catalog/products?limit=1&cursor=cursor_".to_owned(),
        ] {
            assert_eq!(shop.get(&path).await.expect(400).code(), "cursor_invalid", "{path}");
        }
        let other_shop = Shop::found(fleet).await;
        other_shop.open().await;
        let answer = other_shop.get(&format!("/v1/catalog/products?limit=1&cursor={cursor}")).await;
        assert_eq!(answer.expect(400).code(), "cursor_invalid");
        let storefront = shop.storefront(Method::GET, "/v1/catalog/products?limit=101");
        assert_eq!(send(storefront).await.expect(400).code(), "query_invalid");
    });
}

#[test]
fn prices_and_stock_without_a_product_are_kept_and_sell_nothing() {
    fleet::test(async |fleet| {
        let shop = Shop::found(fleet).await;
        shop.open().await;
        shop.import(&[product(1, "Oil Filter", 349, 1)]).await;
        let unknown_variant = "var_01kb1xv0m4f3qa9t7w2z8h5d6c";
        let price = json!({ "variant_id": unknown_variant, "price": { "amount": 5, "currency": "INR" } });
        shop.post("/v1/pricing/prices", &price).await.expect(201);
        shop.post("/v1/pricing/prices/bulk", &json!({ "prices": [price] })).await.expect(200);
        let location = shop.all("/v1/inventory/locations").await[0]["id"].clone();
        let item = json!({ "variant_id": unknown_variant, "location_id": location, "on_hand": 3 });
        shop.post("/v1/inventory/items", &item).await.expect(201);
        let of = |service: &str| format!("/v1/{service}?variant_id={unknown_variant}");
        for list in ["pricing/prices", "inventory/items"] {
            let found = shop.get(&of(list)).await.expect(200).body;
            assert_eq!(found["data"].as_array().map(Vec::len), Some(1), "{list}");
        }
        eventually("the listing has both events", async || {
            let statement =
                "select count(*) from catalog.variant_replica where variant_id = $1 and 0 < least(price_version, stock_version)";
            let id: bloom_kernel::VariantId = unknown_variant.parse().ok()?;
            let count = sqlx::query_scalar::<_, i64>(statement).bind(id.uuid()).fetch_one(&mut fleet.database().await).await;
            (count.ok()? == 1).then_some(())
        })
        .await;
        assert_eq!(shop.all(LIST).await.len(), 1);
        let cart = json!({ "lines": [{ "variant_id": unknown_variant, "quantity": 1 }] });
        let refused = shop.post("/v1/carts", &cart).await;
        assert_eq!((refused.status, refused.body["errors"][0]["pointer"].as_str()), (404, Some("/lines/0/variant_id")));
    });
}
