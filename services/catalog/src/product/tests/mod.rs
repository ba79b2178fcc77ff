//! Products and variants.

use serde_json::{Value, json};

use super::model::{ProductCreate, ProductUpdate};
use super::variant::{VariantCreate, VariantUpdate};
use crate::tests::{Fixture, empty, shop, text, variant_of, with};

#[tokio::test]
async fn a_product_is_created_read_and_changed() {
    let (fixture, channel) = shop().await;
    let made = fixture.product("Brake Disc — Front", "BD-1", json!({ "metadata": { "erp": "7" } })).await;
    assert_eq!(made["channel_ids"], json!([channel]), "published in the default channel without `channel_ids`");
    assert_eq!(made["variants"][0]["status"], "active");
    let path = format!("/v1/catalog/products/{}", text(&made["id"]));
    let read = fixture.client.get(&path).send().await.expect(200);
    assert_eq!((read.header("etag"), &read.json), ("\"1\"", &made));
    let unchanged = fixture.client.get(&path).header("if-none-match", "\"1\"").send().await;
    assert_eq!((unchanged.status, unchanged.text.as_str()), (304, ""));

    let wish = json!({ "title": "Brake Disc", "external_id": "X-1", "metadata": { "erp": null, "wms": "3" } });
    let changed = fixture.client.patch(&path).if_match(1).json(&wish).send().await.expect(200);
    assert_eq!(changed.version(), 2);
    assert_eq!((&changed.json["metadata"], &changed.json["external_id"]), (&json!({ "wms": "3" }), &json!("X-1")));
    assert_eq!(fixture.client.patch(&path).if_match(1).json(&wish).send().await.expect(412).code(), "stale_version");
    assert_eq!(fixture.client.patch(&path).json(&wish).send().await.expect(428).code(), "if_match_required");
    for malformed in ["2", "foo", "W/\"2\"", "\"2\", \"3\"", "*", "\""] {
        let refused = fixture.client.patch(&path).header("if-match", malformed).json(&wish).send().await.expect(400);
        assert_eq!(refused.code(), "if_match_invalid", "{malformed}");
    }
    assert_eq!(
        fixture.client.patch(&path).header("if-match", "\"foo\"").json(&wish).send().await.expect(412).code(),
        "stale_version"
    );
    let cleared = fixture.client.patch(&path).if_match(2).json(&json!({ "external_id": null })).send().await.expect(200);
    assert_eq!(cleared.json["external_id"], Value::Null);

    let _ = fixture.client.delete(&path).if_match(3).send().await.expect(204);
    assert_eq!(fixture.client.get(&path).send().await.expect(200).json["status"], "archived");
    let found = fixture.events(&text(&made["id"])).await;
    assert_eq!(
        found,
        [("product.created", 1), ("product.updated", 2), ("product.updated", 3), ("product.archived", 4)]
            .map(|(kind, version)| (kind.to_owned(), version))
    );
    fixture.assert_invariants().await;
}

#[tokio::test]
async fn a_sku_belongs_to_one_active_variant() {
    let (fixture, _) = shop().await;
    let first = fixture.product("A", "SKU-1", json!({})).await;
    let second = fixture.product("B", "SKU-2", json!({})).await;
    let taken = json!({ "title": "C", "variants": [{ "sku": "SKU-1" }] });
    let refused = fixture.client.post("/v1/catalog/products").json(&taken).send().await.expect(409);
    assert_eq!((refused.code(), &refused.json["errors"][0]["pointer"]), ("sku_taken", &json!("/variants/0/sku")));
    let variant = format!("products/{}/variants/{}", text(&second["id"]), variant_of(&second));
    assert_eq!(fixture.patch(&variant, json!({ "sku": "SKU-1" })).await.expect(409).code(), "sku_taken");

    // An archived variant frees its SKU; the last active one of a product stays.
    let first_path = format!("/v1/catalog/products/{}", text(&first["id"]));
    let only = format!("{first_path}/variants/{}", variant_of(&first));
    assert_eq!(fixture.client.delete(&only).if_match(1).send().await.expect(400).json["errors"][0]["pointer"], "/variants");
    let options = json!({ "options": [{ "name": "Size", "values": ["S", "M"] }] });
    let sized = fixture.patch(&format!("products/{}", text(&first["id"])), options).await.expect(200);
    assert_eq!(sized.json["variants"][0]["options"], json!({ "Size": "S" }), "a new option gives its first value");
    let more = json!({ "sku": "SKU-1-M", "options": { "Size": "M" }, "weight_grams": 900, "barcode": "4006381333931" });
    let added = fixture.client.post(&format!("{first_path}/variants")).if_match(2).json(&more).send().await.expect(201);
    assert_eq!((added.version(), &added.json["title"], &added.json["position"]), (3, &json!("M"), &json!(2)));
    let _ = fixture.client.delete(&only).if_match(3).send().await.expect(204);
    let again = json!({ "title": "C", "variants": [{ "sku": "SKU-1" }] });
    let _ = fixture.client.post("/v1/catalog/products").json(&again).send().await.expect(201);
    let archived = fixture.client.patch(&only).if_match(4).json(&json!({ "weight_grams": 1 })).send().await.expect(409);
    assert_eq!(archived.code(), "variant_archived");
    fixture.assert_invariants().await;
}

#[tokio::test]
async fn a_sku_has_no_invisible_characters() {
    let (fixture, _) = shop().await;
    let seen = fixture.product("A", "Größe 7 / ℃", json!({ "external_id": "X é" })).await;
    let path = format!("products/{}", text(&seen["id"]));
    let variant = format!("{path}/variants/{}", variant_of(&seen));
    for (key, code) in [
        (" A", "format"),
        ("A\u{a0}", "format"),
        ("A\u{2003}B", "format"),
        ("A\u{200b}", "format"),
        ("A\u{200d}B", "format"),
        ("\u{feff}A", "format"),
        ("A\u{ad}B", "format"),
        ("A\u{202e}B", "format"),
        ("A\u{fe0f}", "format"),
        ("A\u{3164}", "format"),
        ("A\tB", "format"),
        ("A\n", "format"),
        ("A\u{0}B", "format"),
        ("A\u{85}B", "format"),
        ("Cafe\u{301}", "format"),
        ("", "length"),
        ("  ", "format"),
    ] {
        let made = json!({ "title": "B", "external_id": key, "variants": [{ "sku": "B" }, { "sku": key, "barcode": key,
            "external_id": key }] });
        let refused = fixture.client.post("/v1/catalog/products").json(&made).send().await.expect(400);
        let found = |answer: &bloom_testkit::Answer, pointer: &str| {
            let errors = answer.json["errors"].as_array().unwrap();
            errors.iter().any(|error| error["pointer"] == pointer && error["code"] == code)
        };
        for pointer in ["/external_id", "/variants/1/sku", "/variants/1/barcode", "/variants/1/external_id"] {
            assert!(found(&refused, pointer), "{key:?} at {pointer}: {}", refused.text);
        }
        assert!(found(&fixture.patch(&path, json!({ "external_id": key })).await.expect(400), "/external_id"), "{key:?}");
        let patched = fixture.patch(&variant, json!({ "sku": key })).await.expect(400);
        assert!(patched.text.contains(code), "{key:?}: {}", patched.text);
    }
    fixture.assert_invariants().await;
}

#[tokio::test]
async fn variants_match_the_options_of_their_product() {
    let (fixture, _) = shop().await;
    let options = json!([{ "name": "Colour", "values": ["Red", "Blue"] }, { "name": "Size", "values": ["S", "L"] }]);
    let variants = |list: Value| json!({ "title": "Shirt", "options": options, "variants": list });
    let product = |list: Value| fixture.client.post("/v1/catalog/products").json(&variants(list)).send();
    let good = json!([
        { "sku": "R-S", "options": { "Colour": "Red", "Size": "S" } },
        { "sku": "B-L", "options": { "Colour": "Blue", "Size": "L" } },
    ]);
    let made = product(good).await.expect(201).json;
    assert_eq!(made["variants"][1]["title"], "Blue / L");
    for (list, code) in [
        (json!([{ "sku": "X", "options": { "Colour": "Red" } }]), "required"),
        (json!([{ "sku": "X", "options": { "Colour": "Red", "Size": "XL" } }]), "unknown"),
        (json!([{ "sku": "X", "options": { "Colour": "Red", "Size": "S", "Fit": "Slim" } }]), "unknown"),
        (json!([]), "count"),
        (
            json!([{ "sku": "X", "options": { "Colour": "Red", "Size": "S" } }, { "sku": "Y", "options": { "Colour": "Red", "Size": "S" } }]),
            "duplicate",
        ),
        (json!([{ "sku": "", "options": { "Colour": "Red", "Size": "S" } }]), "length"),
        (json!([{ "sku": "X", "options": { "Colour": "Red", "Size": "S" }, "weight_grams": -1 }]), "out_of_range"),
    ] {
        let refused = product(list).await.expect(400);
        let codes: Vec<String> = refused.json["errors"].as_array().unwrap().iter().map(|error| text(&error["code"])).collect();
        assert!(codes.contains(&code.to_owned()), "{code} is not in {}", refused.text);
    }
    // Renaming an option by place keeps the values; dropping a value that is in use does not pass.
    let path = format!("products/{}", text(&made["id"]));
    let renamed =
        json!({ "options": [{ "name": "Color", "values": ["Red", "Blue"] }, { "name": "Size", "values": ["S", "L"] }] });
    let renamed = fixture.patch(&path, renamed).await.expect(200).json;
    assert_eq!(renamed["variants"][0]["options"], json!({ "Color": "Red", "Size": "S" }));
    let narrowed = json!({ "options": [{ "name": "Color", "values": ["Red"] }, { "name": "Size", "values": ["S", "L"] }] });
    let _ = fixture.patch(&path, narrowed).await.expect(400);
    let listed = fixture.client.get(&format!("/v1/catalog/{path}/variants?limit=1")).send().await.expect(200).json;
    let next = text(&listed["page"]["next"]);
    let rest = fixture.client.get(&format!("/v1/catalog/{path}/variants?limit=1&cursor={next}")).send().await.expect(200).json;
    assert_eq!(
        (&listed["data"][0]["sku"], &rest["data"][0]["sku"], &rest["page"]["next"]),
        (&json!("R-S"), &json!("B-L"), &Value::Null)
    );
}

#[tokio::test]
async fn bad_input_is_refused_without_effect() {
    let (fixture, _) = shop().await;
    let good = json!({ "title": "T", "variants": [{ "sku": "S" }] });
    for (more, pointer) in [
        (json!({ "price": 3 }), "/price"),
        (json!({ "title": 3 }), "/title"),
        (json!({ "title": "" }), "/title"),
        (json!({ "title": "x".repeat(256) }), "/title"),
        (json!({ "title": "a\u{0}b" }), "/title"),
        (json!({ "status": "sold" }), "/status"),
        (json!({ "media": [{ "url": "ftp://x" }] }), "/media/0/url"),
        (json!({ "metadata": { "k": "v".repeat(501) } }), "/metadata/k"),
        (json!({ "variants": [{ "sku": "S", "weight_grams": 1e3 }] }), "/variants/0/weight_grams"),
        (json!({ "attributes": { "a": 1 } }), "/attributes"),
    ] {
        let refused = fixture.client.post("/v1/catalog/products").json(&with(good.clone(), more)).send().await.expect(400);
        assert_eq!(refused.json["errors"][0]["pointer"], pointer, "{}", refused.text);
    }
    assert_eq!(fixture.titles("status=draft").await, Vec::<String>::new());
    for (id, status) in [("prod_nonsense", 404), ("var_01jd6zv4x8e5yag7k3m2n9p0qr", 404)] {
        assert_eq!(fixture.client.get(&format!("/v1/catalog/products/{id}")).send().await.status, status);
    }
    let reference = json!({ "category_ids": [fixture.id::<bloom_kernel::CategoryId>()] });
    let unknown = fixture.client.post("/v1/catalog/products").json(&with(good, reference)).send().await.expect(404);
    assert_eq!(unknown.json["errors"][0]["pointer"], "/category_ids");
}

#[tokio::test]
async fn one_idempotency_key_creates_one_product() {
    let (fixture, _) = shop().await;
    let body = json!({ "title": "T", "variants": [{ "sku": "S" }] });
    let post = |key: &'static str, body: Value| {
        let client = &fixture.client;
        async move { client.post("/v1/catalog/products").key(key).json(&body).send().await }
    };
    let first = post("k1", body.clone()).await.expect(201);
    let again = post("k1", body.clone()).await.expect(201);
    assert_eq!((first.json, "true"), (again.json.clone(), again.header("idempotent-replayed")));
    assert_eq!(post("k1", with(body, json!({ "title": "U" }))).await.expect(422).code(), "idempotency_key_reused");
    assert_eq!(fixture.titles("status=draft").await, ["T"]);
}

#[tokio::test]
async fn a_publishable_key_sees_what_its_channel_shows() {
    let (fixture, web) = shop().await;
    let shop = fixture.channel("shop", json!({})).await;
    let live = fixture.product("Live", "L", json!({ "metadata": { "cost": "3" } })).await;
    let draft = fixture.product("Draft", "D", json!({ "status": "draft" })).await;
    let elsewhere = fixture.product("Elsewhere", "E", json!({ "channel_ids": [shop] })).await;
    let request = |path: &str| fixture.client.get(&format!("/v1/catalog/{path}")).publishable(&["catalog:read"]);
    let seen =
        |list: Value| -> Vec<String> { list["data"].as_array().unwrap().iter().map(|item| text(&item["title"])).collect() };
    assert_eq!(seen(request("products").send().await.expect(200).json), ["Live"]);
    assert_eq!(seen(request("products").channel(web).send().await.expect(200).json), ["Live"]);
    assert_eq!(seen(request("products").channel(shop).send().await.expect(200).json), ["Elsewhere"]);
    for query in ["status=draft", "published=false", "status=archived"] {
        assert_eq!(request(&format!("products?{query}")).send().await.expect(403).code(), "status_not_visible");
    }
    let shown = request(&format!("products/{}", text(&live["id"]))).send().await.expect(200).json;
    assert_eq!(shown["metadata"], json!({}), "metadata is for the merchant only");
    for hidden in [&draft, &elsewhere] {
        let _ = request(&format!("products/{}", text(&hidden["id"]))).send().await.expect(404);
    }
    let write =
        fixture.client.post("/v1/catalog/products").publishable(&["catalog:read"]).json(&json!({})).send().await.expect(403);
    assert_eq!(write.json["policy"], "scope:catalog:write");
    assert_eq!(fixture.titles("published=false").await, ["Elsewhere"]);
    assert_eq!(fixture.titles("status=draft").await, ["Draft"]);
}

#[tokio::test]
async fn a_read_expands_price_and_inventory() {
    let (fixture, channel) = shop().await;
    let product = fixture.product("T", "S", json!({})).await;
    let variant = variant_of(&product);
    let location = fixture.location("BLR-1", 1).await;
    fixture.price(variant, 1, &[(channel, Some(2_499))]).await;
    fixture.stock(variant, 1, &[(location, "BLR-1", 7)]).await;
    let path = format!("/v1/catalog/products/{}", text(&product["id"]));
    let plain = fixture.client.get(&path).send().await.expect(200).json;
    assert_eq!((plain.get("price"), plain.get("inventory")), (None, None));
    let full = fixture.client.get(&format!("{path}?expand[]=price,inventory")).send().await.expect(200);
    let price = json!({ "amount": 2_499, "currency": "INR" });
    let inventory = json!({ "available": 7, "warehouse": "BLR-1" });
    assert_eq!((&full.json["price"], &full.json["inventory"]), (&price, &inventory));
    assert_eq!((&full.json["variants"][0]["price"], &full.json["variants"][0]["inventory"]), (&price, &inventory));
    assert_eq!(full.header("etag"), "", "price and stock change without the product");
    let repeated = fixture.client.get(&format!("{path}?expand[]=price&expand%5B%5D=inventory")).send().await.expect(200);
    assert_eq!(repeated.json, full.json);
    let wrong = fixture.client.get(&format!("{path}?expand[]=cost")).send().await.expect(400);
    assert_eq!(wrong.code(), "expand_unknown");
}

#[tokio::test]
async fn a_tax_class_must_exist() {
    let fixture: Fixture = empty().await;
    let class: bloom_kernel::TaxClassId = fixture.id();
    let body = json!({ "title": "T", "variants": [{ "sku": "S", "tax_class_id": class }] });
    let refused = fixture.client.post("/v1/catalog/products").json(&body).send().await.expect(404);
    assert_eq!(refused.json["errors"][0]["pointer"], "/variants/0/tax_class_id");
    let found = json!({ "id": class, "code": "reduced" });
    fixture.consume(&[fixture.envelope("pricing", "tax_class.created", &class.to_string(), 1, &found)]).await;
    let made = fixture.create("products", body).await;
    assert_eq!(made["channel_ids"], json!([]), "a catalogue may be filled before there is a channel");
    let none = fixture.client.get("/v1/catalog/products").send().await.expect(422);
    assert_eq!(none.code(), "no_default_channel");
}

/// Of two values of one key, one reader may check the first and another store the second.
#[tokio::test]
async fn an_object_with_a_duplicate_key_is_refused() {
    let fixture: Fixture = empty().await;
    let path = format!(
        "/v1/catalog/products/{}",
        text(&fixture.create("products", json!({ "title": "T", "variants": [{ "sku": "T" }] })).await["id"])
    );
    for (pointer, field) in [
        ("/metadata/a", r#""metadata": { "a": "1", "a": "1" }"#),
        ("/attributes/a", r#""attributes": { "a": 1, "a": 2 }"#),
        ("/variants/0/options/a", r#""variants": [{ "sku": "S", "options": { "a": "1", "a": "2" } }]"#),
    ] {
        let body = format!(r#"{{ "title": "T", {field} }}"#);
        let refused = fixture.client.post("/v1/catalog/products").raw("application/json", body.as_str()).send().await.expect(400);
        assert_eq!(refused.json["errors"][0]["pointer"], pointer, "{refused:?}");
        assert_eq!(refused.json["errors"][0]["code"], "duplicate", "{refused:?}");
        if pointer != "/variants/0/options/a" {
            let change = fixture.client.patch(&path).if_match(1).raw("application/json", body.as_str());
            assert_eq!(change.send().await.expect(400).json["errors"][0]["pointer"], pointer);
        }
    }
}

#[test]
fn serde_and_schema_agree_about_inputs() {
    let id = |kind: &str| format!("{kind}_01jd6zv4x8e5yag7k3m2n9p0qr");
    let variant = json!({ "sku": "S", "barcode": "B", "external_id": "E", "options": { "Size": "S" }, "weight_grams": 1,
        "tax_class_id": id("tcls"), "metadata": { "a": "b" } });
    let product = json!({ "title": "T", "product_type_id": id("ptyp"), "external_id": "E", "description": "D", "status": "draft",
        "requires_shipping": false, "options": [{ "name": "Size", "values": ["S"] }], "attributes": { "a": true },
        "category_ids": [id("cat")], "channel_ids": [id("chan")],
        "media": [{ "url": "https://img.example/1.jpg", "alt": "A", "kind": "video" }], "metadata": { "a": "b" } });
    bloom_testkit::assert_schema_agrees::<VariantCreate>([variant.clone()]);
    bloom_testkit::assert_schema_agrees::<VariantUpdate>([with(variant.clone(), json!({ "position": 2 }))]);
    bloom_testkit::assert_schema_agrees::<ProductCreate>([with(product.clone(), json!({ "variants": [variant] }))]);
    bloom_testkit::assert_schema_agrees::<ProductUpdate>([product]);
}
