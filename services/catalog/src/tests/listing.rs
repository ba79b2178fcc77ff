//! Lists of products.

use bloom_kernel::{ChannelId, VariantId};
use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{Stage, shop, text, variant_of};

/// Products `P00` … with prices that run against their age and stock in every third.
async fn stocked(count: i64) -> (Stage, ChannelId, Vec<VariantId>) {
    let (stage, channel) = shop().await;
    let location = stage.location("BLR-1", 1).await;
    let mut variants = Vec::new();
    for nr in 0..count {
        let product = stage.product(&format!("P{nr:02}"), &format!("S{nr}"), json!({})).await;
        let variant = variant_of(&product);
        stage.price(variant, 1, &[(channel, Some(1_000 - nr / 2))]).await;
        if nr % 3 == 0 {
            stage.stock(variant, 1, &[(location, "BLR-1", nr + 1)]).await;
        }
        variants.push(variant);
    }
    (stage, channel, variants)
}

#[tokio::test]
async fn the_answer_of_the_product_description() {
    let (stage, channel) = shop().await;
    let location = stage.location("BLR-1", 1).await;
    let mut ids = Vec::new();
    for (title, sku, price, stock) in [("Oil Filter — OE", "OF", 349, 1_290), ("Brake Disc — Front", "BD", 2_499, 184)] {
        let product = stage.product(title, sku, json!({})).await;
        stage.price(variant_of(&product), 1, &[(channel, Some(price))]).await;
        stage.stock(variant_of(&product), 1, &[(location, "BLR-1", stock)]).await;
        ids.push(text(&product["id"]));
    }
    let answer = stage.door.get("/v1/catalog/products?limit=2").send().await.expect(200);
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
    let parsed: bloom_web::page::Page<crate::domain::list::ListItem> = serde_json::from_str(&answer.text).unwrap();
    assert_eq!(parsed.data[0].inventory.warehouse.as_deref(), Some("BLR-1"));
    let first = stage.list("limit=1").await;
    assert!(text(&first["page"]["next"]).starts_with("cursor_"));
}

#[tokio::test]
async fn every_order_is_walked_without_loss_or_repetition() {
    let (stage, _, _) = stocked(17).await;
    let by_age: Vec<String> = (0..17).map(|nr| format!("P{nr:02}")).collect();
    let turned: Vec<String> = by_age.iter().rev().cloned().collect();
    // Prices fall with age, two products share one: ties are ordered by age.
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
            let (titles, pages) = stage.walk(&format!("sort={sort}&limit={limit}")).await;
            assert_eq!(titles, expected, "{sort} by {limit}");
            assert_eq!(pages, 17_usize.div_ceil(limit), "{sort} by {limit}");
        }
    }
    assert_eq!(stage.titles("").await, turned, "newest first when nothing is said");
}

#[tokio::test]
async fn pages_stay_in_step_while_products_come_and_go() {
    let (stage, _, _) = stocked(6).await;
    let first = stage.list("sort=created&limit=3").await;
    let next = text(&first["page"]["next"]);
    stage.product("A new one", "N", json!({})).await;
    let rest = stage.list(&format!("sort=created&limit=3&cursor={next}")).await;
    let titles: Vec<&Value> = rest["data"].as_array().unwrap().iter().map(|item| &item["title"]).collect();
    assert_eq!(titles, ["P03", "P04", "P05"]);
    let rest = stage.list(&format!("sort=created&limit=3&cursor={}", text(&rest["page"]["next"]))).await;
    assert_eq!((&rest["data"][0]["title"], &rest["page"]["next"]), (&json!("A new one"), &Value::Null));
}

#[tokio::test]
async fn filters_narrow_a_list() {
    let (stage, _, variants) = stocked(9).await;
    let kind = json!({ "code": "part", "name": "Part", "attributes": [
        { "code": "colour", "name": "Colour", "kind": "text" }, { "code": "size", "name": "Size", "kind": "number" }] });
    let kind = stage.made("product-types", kind).await;
    stage.bench.clock.advance(TimeDelta::hours(1));
    let since = stage.bench.clock.time().to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let red = json!({ "product_type_id": kind["id"], "attributes": { "colour": "red, dark", "size": 7 } });
    stage.product("Red", "R", red).await;
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
        assert_eq!(stage.titles(&format!("{query}&limit=2")).await, expected, "{query}");
    }
    assert_eq!(stage.titles(&format!("updated_since={since}")).await, ["Red"]);
    let unpriced = stage.titles("sort=price").await;
    assert_eq!(unpriced.last().map(String::as_str), Some("Red"), "without a price: last");
    stage.price(variants[0], 2, &[]).await;
    assert_eq!(stage.list("sort=-price&limit=1").await["data"][0]["price"], Value::Null);
    for (query, pointer) in
        [("price_min=-1", "price_min"), ("attribute=colour", "attribute"), ("status=draft&published=true", "published")]
    {
        let refused = stage.door.get(&format!("/v1/catalog/products?{query}")).send().await.expect(400);
        assert_eq!(refused.json["errors"][0]["pointer"], pointer, "{query}");
    }
    for query in ["limit=0", "limit=101", "limit=x", "sort=weight", "offset=3", "category=prod_1"] {
        let _ = stage.door.get(&format!("/v1/catalog/products?{query}")).send().await.expect(400);
    }
    stage.sound().await;
}

#[tokio::test]
async fn a_filter_that_finds_little_answers_short_pages_to_the_end() {
    let (stage, channel) = shop().await;
    super::plans::fill(&stage, channel, 2_500).await;
    let needle = stage.product("Needle", "N", json!({})).await;
    let location = stage.location("BLR-1", 1).await;
    stage.stock(variant_of(&needle), 1, &[(location, "BLR-1", 3)]).await;
    let first = stage.list("available=true&sort=created").await;
    assert_eq!(first["data"], json!([]), "a thousand rows are looked at, no more");
    assert!(first["page"]["next"].is_string());
    let (titles, pages) = stage.walk("available=true&sort=created").await;
    assert_eq!((titles, pages), (vec!["Needle".to_owned()], 3));
    let (titles, _) = stage.walk("available=true").await;
    assert_eq!(titles, ["Needle"]);
}

#[tokio::test]
async fn a_cursor_is_good_for_its_list_and_tenant_only() {
    let (stage, _, _) = stocked(4).await;
    let next = text(&stage.list("sort=created&limit=1").await["page"]["next"]);
    let flipped = if next.ends_with('A') { "B" } else { "A" };
    let tampered = format!("{}{flipped}", &next[..next.len() - 1]);
    for query in [
        format!("sort=created&limit=1&cursor={tampered}"),
        format!("sort=title&limit=1&cursor={next}"),
        format!("sort=created&limit=1&available=true&cursor={next}"),
        "limit=1&cursor=cursor_eyJvIjoyfQ".to_owned(),
    ] {
        let refused = stage.door.get(&format!("/v1/catalog/products?{query}")).send().await.expect(400);
        assert_eq!(refused.code(), "cursor_invalid", "{query}");
    }
    // Another page size is the same list.
    let _ = stage.list(&format!("sort=created&limit=2&cursor={next}")).await;
}

#[tokio::test]
async fn an_unchanged_list_is_not_sent_again() {
    let (stage, channel, variants) = stocked(3).await;
    let path = "/v1/catalog/products?limit=2";
    let first = stage.door.get(path).send().await.expect(200);
    let tag = first.header("etag").to_owned();
    for _ in 0..2 {
        let same = stage.door.get(path).header("if-none-match", &tag).send().await;
        assert_eq!((same.status, same.text.as_str(), same.header("etag")), (304, "", tag.as_str()));
    }
    let other = stage.door.get("/v1/catalog/products?limit=1").header("if-none-match", &tag).send().await;
    assert_eq!(other.status, 200);
    // A change made here is seen at once.
    stage.product("New", "N", json!({})).await;
    let changed = stage.door.get(path).header("if-none-match", &tag).send().await.expect(200);
    assert_eq!(changed.json["data"][0]["title"], "New");
    let tag = changed.header("etag").to_owned();
    stage.price(variants[2], 2, &[(channel, Some(5))]).await;
    // The consumer of the test is not the service's own: what it heard is seen when the memory is over.
    // Real time: the memory of tags counts it.
    tokio::time::sleep(std::time::Duration::from_millis(600)).await;
    let changed = stage.door.get(path).header("if-none-match", &tag).send().await.expect(200);
    assert_eq!(changed.json["data"][1]["price"]["amount"], 5);
}

#[tokio::test]
async fn whoever_changed_a_list_is_not_told_that_it_is_unchanged() {
    let (stage, web) = shop().await;
    let summer = text(&stage.made("collections", json!({ "code": "summer", "title": "Summer" })).await["id"]);
    let (blr, del) = (stage.location("BLR-1", 1).await, stage.location("DEL-1", 2).await);
    let shirt = json!({ "options": [{ "name": "Size", "values": ["S", "L"] }], "variants": [
        { "sku": "S", "options": { "Size": "S" } }, { "sku": "L", "options": { "Size": "L" } }] });
    let shirt = stage.product("Shirt", "S", shirt).await;
    let id = text(&shirt["id"]);
    for (nr, price) in [(0, 100), (1, 200)] {
        let variant: VariantId = text(&shirt["variants"][nr]["id"]).parse().unwrap();
        stage.price(variant, 1, &[(web, Some(price))]).await;
        stage.stock(variant, 1, &[(blr, "BLR-1", 1), (del, "DEL-1", 2)]).await;
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
        let version = stage.door.get(of_version).send().await.expect(200).version();
        let seen = stage.door.get(list).send().await.expect(200).header("etag").to_owned();
        let change = stage.door.ask(method, &path).if_match(version).json(&body);
        let changed = change.send().await;
        assert!(matches!(changed.status, 200 | 204), "{method} {path}: {}", changed.text);
        let now = stage.door.get(list).header("if-none-match", &seen).send().await;
        assert_eq!(now.status, 200, "{method} {path} is not seen");
    }
}
