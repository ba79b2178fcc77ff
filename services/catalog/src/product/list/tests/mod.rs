//! The product list.

mod plans;

use bloom_kernel::{ChannelId, VariantId};
use chrono::TimeDelta;
use serde_json::{Value, json};
use uuid::Uuid;

use super::query::{Filters, ListFilter, ListShape, ListState, ProductSort};
use super::store::listing_page;
use crate::tests::{Fixture, shop, text, variant_of};

/// Products `P00` … with prices that fall with age, and stock for every third.
async fn stocked(count: i64) -> (Fixture, ChannelId, Vec<VariantId>) {
    let (fixture, channel) = shop().await;
    let location = fixture.location("BLR-1", 1).await;
    let mut variants = Vec::new();
    for nr in 0..count {
        let product = fixture.product(&format!("P{nr:02}"), &format!("S{nr}"), json!({})).await;
        let variant = variant_of(&product);
        fixture.price(variant, 1, &[(channel, Some(1_000 - nr / 2))]).await;
        if nr % 3 == 0 {
            fixture.stock(variant, 1, &[(location, "BLR-1", nr + 1)]).await;
        }
        variants.push(variant);
    }
    (fixture, channel, variants)
}

#[tokio::test]
async fn the_list_is_the_documented_body() {
    let (fixture, channel) = shop().await;
    let location = fixture.location("BLR-1", 1).await;
    let mut ids = Vec::new();
    for (title, sku, price, stock) in [("Oil Filter — OE", "OF", 349, 1_290), ("Brake Disc — Front", "BD", 2_499, 184)] {
        let product = fixture.product(title, sku, json!({})).await;
        fixture.price(variant_of(&product), 1, &[(channel, Some(price))]).await;
        fixture.stock(variant_of(&product), 1, &[(location, "BLR-1", stock)]).await;
        ids.push(text(&product["id"]));
    }
    let answer = fixture.client.get("/v1/catalog/products?limit=2").send().await.expect(200);
    let expected = format!(
        concat!(
            r#"{{"data":[{{"id":"{}","title":"Brake Disc — Front","price":{{"amount":2499,"currency":"INR"}},"#,
            r#""inventory":{{"available":184,"warehouse":"BLR-1"}}}},"#,
            r#"{{"id":"{}","title":"Oil Filter — OE","price":{{"amount":349,"currency":"INR"}},"#,
            r#""inventory":{{"available":1290,"warehouse":"BLR-1"}}}}],"page":{{"limit":2,"next":null}}}}"#
        ),
        ids[1], ids[0]
    );
    assert_eq!(answer.text, expected);
    assert_eq!(answer.header("content-type"), "application/json");
    let item: crate::listing::ProductListItem = serde_json::from_value(answer.json["data"][0].clone()).unwrap();
    assert_eq!(item.inventory.warehouse.as_deref(), Some("BLR-1"));
    let first = fixture.list("limit=1").await;
    assert!(text(&first["page"]["next"]).starts_with("cursor_"));
}

#[tokio::test]
async fn every_order_lists_each_product_once() {
    let (fixture, _, _) = stocked(17).await;
    let by_age: Vec<String> = (0..17).map(|nr| format!("P{nr:02}")).collect();
    let turned: Vec<String> = by_age.iter().rev().cloned().collect();
    // Prices fall with age, two products share each: ties are ordered by age.
    let mut by_price: Vec<(i64, String)> = (0..17).map(|nr| (1_000 - nr / 2, format!("P{nr:02}"))).collect();
    by_price.sort();
    let by_price: Vec<String> = by_price.into_iter().map(|(_, title)| title).collect();
    for (sort, expected) in [
        ("created", by_age.clone()),
        ("-created", turned.clone()),
        ("title", by_age.clone()),
        ("-title", turned.clone()),
        ("price", by_price.clone()),
        ("-price", by_price.into_iter().rev().collect()),
    ] {
        for limit in [1, 4, 17, 100] {
            let (titles, pages) = fixture.walk(&format!("sort={sort}&limit={limit}")).await;
            assert_eq!(titles, expected, "{sort} by {limit}");
            assert_eq!(pages, 17_usize.div_ceil(limit), "{sort} by {limit}");
        }
    }
    assert_eq!(fixture.titles("").await, turned, "newest first without `sort`");
}

#[tokio::test]
async fn pages_are_stable_while_products_are_created() {
    let (fixture, _, _) = stocked(6).await;
    let first = fixture.list("sort=created&limit=3").await;
    let next = text(&first["page"]["next"]);
    fixture.product("A new one", "N", json!({})).await;
    let rest = fixture.list(&format!("sort=created&limit=3&cursor={next}")).await;
    let titles: Vec<&Value> = rest["data"].as_array().unwrap().iter().map(|item| &item["title"]).collect();
    assert_eq!(titles, ["P03", "P04", "P05"]);
    let rest = fixture.list(&format!("sort=created&limit=3&cursor={}", text(&rest["page"]["next"]))).await;
    assert_eq!((&rest["data"][0]["title"], &rest["page"]["next"]), (&json!("A new one"), &Value::Null));
}

#[tokio::test]
async fn filters_narrow_a_list() {
    let (fixture, _, variants) = stocked(9).await;
    let kind = json!({ "code": "part", "name": "Part", "attributes": [
        { "code": "colour", "name": "Colour", "kind": "text" }, { "code": "size", "name": "Size", "kind": "number" }] });
    let kind = fixture.create("product-types", kind).await;
    fixture.env.clock.advance(TimeDelta::hours(1));
    let since = fixture.env.clock.time().to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let red = json!({ "product_type_id": kind["id"], "attributes": { "colour": "red, dark", "size": 7 } });
    fixture.product("Red", "R", red).await;
    for (query, expected) in [
        ("available=true", vec!["P00", "P03", "P06"]),
        ("price_min=998&price_max=999", vec!["P02", "P03", "P04", "P05"]),
        ("price_max=997&sort=price", vec!["P08", "P06", "P07"]),
        ("price_min=999&available=false", vec!["P01", "P02"]),
        ("attribute=colour:red%5C,%20dark,size:7", vec!["Red"]),
        ("attribute=colour:blue", vec![]),
        ("published=false", vec![]),
    ] {
        let query = if query.contains("sort") { query.to_owned() } else { format!("{query}&sort=created") };
        assert_eq!(fixture.titles(&format!("{query}&limit=2")).await, expected, "{query}");
    }
    assert_eq!(fixture.titles(&format!("updated_since={since}")).await, ["Red"]);
    let unpriced = fixture.titles("sort=price").await;
    assert_eq!(unpriced.last().map(String::as_str), Some("Red"), "without a price: last");
    fixture.price(variants[0], 2, &[]).await;
    assert_eq!(fixture.list("sort=-price&limit=1").await["data"][0]["price"], Value::Null);
    for (query, pointer) in
        [("price_min=-1", "price_min"), ("attribute=colour", "attribute"), ("status=draft&published=true", "published")]
    {
        let refused = fixture.client.get(&format!("/v1/catalog/products?{query}")).send().await.expect(400);
        assert_eq!(refused.json["errors"][0]["pointer"], pointer, "{query}");
    }
    for query in ["limit=0", "limit=101", "limit=x", "sort=weight", "offset=3", "category=prod_1"] {
        let _ = fixture.client.get(&format!("/v1/catalog/products?{query}")).send().await.expect(400);
    }
    fixture.assert_invariants().await;
}

#[tokio::test]
async fn a_selective_filter_returns_short_pages() {
    let (fixture, channel) = shop().await;
    plans::fill(&fixture, channel, 2_500).await;
    let needle = fixture.product("Needle", "N", json!({})).await;
    let location = fixture.location("BLR-1", 1).await;
    fixture.stock(variant_of(&needle), 1, &[(location, "BLR-1", 3)]).await;
    let first = fixture.list("available=true&sort=created").await;
    assert_eq!(first["data"], json!([]), "at most 1,000 rows are looked at");
    assert!(first["page"]["next"].is_string());
    let (titles, pages) = fixture.walk("available=true&sort=created").await;
    assert_eq!((titles, pages), (vec!["Needle".to_owned()], 3));
    let (titles, _) = fixture.walk("available=true").await;
    assert_eq!(titles, ["Needle"]);
}

#[tokio::test]
async fn a_cursor_is_bound_to_its_list() {
    let (fixture, _, _) = stocked(4).await;
    let next = text(&fixture.list("sort=created&limit=1").await["page"]["next"]);
    let flipped = if next.ends_with('A') { "B" } else { "A" };
    let tampered = format!("{}{flipped}", &next[..next.len() - 1]);
    for query in [
        format!("sort=created&limit=1&cursor={tampered}"),
        format!("sort=title&limit=1&cursor={next}"),
        format!("sort=created&limit=1&available=true&cursor={next}"),
        "limit=1&cursor=cursor_eyJvIjoyfQ".to_owned(),
    ] {
        let refused = fixture.client.get(&format!("/v1/catalog/products?{query}")).send().await.expect(400);
        assert_eq!(refused.code(), "cursor_invalid", "{query}");
    }
    // Another page size is the same list.
    let _ = fixture.list(&format!("sort=created&limit=2&cursor={next}")).await;
}

#[tokio::test]
async fn an_unchanged_list_is_a_304() {
    let (fixture, channel, variants) = stocked(3).await;
    let path = "/v1/catalog/products?limit=2";
    let first = fixture.client.get(path).send().await.expect(200);
    let tag = first.header("etag").to_owned();
    for _ in 0..2 {
        let same = fixture.client.get(path).header("if-none-match", &tag).send().await;
        assert_eq!((same.status, same.text.as_str(), same.header("etag")), (304, "", tag.as_str()));
    }
    let other = fixture.client.get("/v1/catalog/products?limit=1").header("if-none-match", &tag).send().await;
    assert_eq!(other.status, 200);
    // A change through this process is seen at once.
    fixture.product("New", "N", json!({})).await;
    let changed = fixture.client.get(path).header("if-none-match", &tag).send().await.expect(200);
    assert_eq!(changed.json["data"][0]["title"], "New");
    let tag = changed.header("etag").to_owned();
    fixture.price(variants[2], 2, &[(channel, Some(5))]).await;
    // The test's consumer has its own cache, so the service sees the change when its entry expires.
    // Real time: the cache entry expires by the system clock.
    tokio::time::sleep(std::time::Duration::from_millis(600)).await;
    let changed = fixture.client.get(path).header("if-none-match", &tag).send().await.expect(200);
    assert_eq!(changed.json["data"][1]["price"]["amount"], 5);
}

#[tokio::test]
async fn no_304_after_a_change_of_the_list() {
    let (fixture, web) = shop().await;
    let summer = text(&fixture.create("collections", json!({ "code": "summer", "title": "Summer" })).await["id"]);
    let (blr, del) = (fixture.location("BLR-1", 1).await, fixture.location("DEL-1", 2).await);
    let shirt = json!({ "options": [{ "name": "Size", "values": ["S", "L"] }], "variants": [
        { "sku": "S", "options": { "Size": "S" } }, { "sku": "L", "options": { "Size": "L" } }] });
    let shirt = fixture.product("Shirt", "S", shirt).await;
    let id = text(&shirt["id"]);
    for (nr, price) in [(0, 100), (1, 200)] {
        let variant: VariantId = text(&shirt["variants"][nr]["id"]).parse().unwrap();
        fixture.price(variant, 1, &[(web, Some(price))]).await;
        fixture.stock(variant, 1, &[(blr, "BLR-1", 1), (del, "DEL-1", 2)]).await;
    }
    let product = format!("/v1/catalog/products/{id}");
    let placed = format!("/v1/catalog/collections/{summer}/products");
    let all = "/v1/catalog/products".to_owned();
    let of_summer = format!("{all}?collection={summer}");
    let cheapest = format!("{product}/variants/{}", text(&shirt["variants"][0]["id"]));
    let place = json!({ "products": [{ "product_id": id, "position": 1 }] });
    for (list, method, path, body) in [
        (&all, "PATCH", product.clone(), json!({ "title": "Blouse" })),
        (&of_summer, "PUT", placed.clone(), place),
        (&of_summer, "DELETE", format!("{placed}/{id}"), json!({})),
        (&all, "PATCH", format!("/v1/catalog/channels/{web}"), json!({ "location_ids": [del] })),
        (&all, "DELETE", cheapest, json!({})),
        (&all, "DELETE", product.clone(), json!({})),
    ] {
        let of_version = if method == "PATCH" { &path } else { &product };
        let version = fixture.client.get(of_version).send().await.expect(200).version();
        let seen = fixture.client.get(list).send().await.expect(200).header("etag").to_owned();
        let change = fixture.client.ask(method, &path).if_match(version).json(&body);
        let changed = change.send().await;
        assert!(matches!(changed.status, 200 | 204), "{method} {path}: {}", changed.text);
        let now = fixture.client.get(list).header("if-none-match", &seen).send().await;
        assert_eq!(now.status, 200, "{method} {path} is not seen");
    }
}

#[test]
fn attribute_filters_are_pairs() {
    let pairs = |text: &str| {
        let query = ListFilter { attribute: Some(text.to_owned()), ..ListFilter::default() };
        query.shape(true).map(|shape| shape.filters.attributes).ok()
    };
    let pair = |code: &str, value: &str| (code.to_owned(), value.to_owned());
    assert_eq!(pairs("a:1,b:x:y"), Some(vec![pair("a", "1"), pair("b", "x:y")]));
    assert_eq!(pairs(r"a:x\,y\\,b:"), Some(vec![pair("a", r"x,y\"), pair("b", "")]));
    for bad in ["a", ":x", "", "a:1,a:2,a:3,a:4,a:5,a:6"] {
        assert_eq!(pairs(bad), None, "{bad}");
    }
}

#[tokio::test]
async fn lists_of_two_tenants_never_mix() {
    let (fixture, channel) = shop().await;
    fixture.product("Ours", "S", json!({})).await;
    let other_tenant = fixture.env.other_tenant;
    let own = json!({ "code": "web", "name": "W", "currency": "EUR", "price_basis": "net", "country": "DE" });
    let theirs = fixture.client.post("/v1/catalog/channels").tenant(other_tenant).json(&own).send().await.expect(201).json;
    let product = json!({ "title": "Theirs", "status": "active", "variants": [{ "sku": "S" }] });
    let _ = fixture.client.post("/v1/catalog/products").tenant(other_tenant).json(&product).send().await.expect(201);
    for turn in 0..120 {
        let (tenant, title) = if turn % 2 == 0 { (fixture.env.tenant, "Ours") } else { (other_tenant, "Theirs") };
        // Without filters, with filters, and in another order: each is a different statement.
        let path = ["/v1/catalog/products", "/v1/catalog/products?available=false", "/v1/catalog/products?sort=title"][turn % 3];
        let list = fixture.client.get(path).tenant(tenant).send().await.expect(200).json;
        let titles: Vec<_> = list["data"].as_array().unwrap().iter().map(|item| item["title"].clone()).collect();
        assert_eq!(titles, [json!(title)], "{path}");
    }
    // A statement that sets one tenant finds nothing in another's channel, even on a connection that another tenant has used.
    let shape = ListShape { state: ListState::Live, scope: Uuid::nil(), order: ProductSort::ALL[0], filters: Filters::default() };
    let their_channel = text(&theirs["id"]).parse().unwrap();
    for (tenant, requested, rows) in [
        (fixture.env.tenant, channel, 1),
        (fixture.env.tenant, their_channel, 0),
        (other_tenant, their_channel, 1),
        (other_tenant, channel, 0),
    ] {
        let found = listing_page(&fixture.env.db, tenant, requested, &shape, None, 10).await.unwrap();
        assert_eq!(found.len(), rows);
    }
}
