//! Products and variants.

use serde_json::{Value, json};

use super::{Stage, shop, stage, text, variant_of, with};

#[tokio::test]
async fn a_product_is_created_read_and_changed() {
    let (stage, channel) = shop().await;
    let made = stage.product("Brake Disc — Front", "BD-1", json!({ "metadata": { "erp": "7" } })).await;
    assert_eq!(made["channel_ids"], json!([channel]), "published in the default channel when it does not say");
    assert_eq!(made["variants"][0]["status"], "active");
    let path = format!("/v1/catalog/products/{}", text(&made["id"]));
    let read = stage.door.get(&path).send().await.expect(200);
    assert_eq!((read.header("etag"), &read.json), ("\"1\"", &made));
    let unchanged = stage.door.get(&path).header("if-none-match", "\"1\"").send().await;
    assert_eq!((unchanged.status, unchanged.text.as_str()), (304, ""));

    let wish = json!({ "title": "Brake Disc", "external_id": "X-1", "metadata": { "erp": null, "wms": "3" } });
    let changed = stage.door.patch(&path).if_match(1).json(&wish).send().await.expect(200);
    assert_eq!(changed.version(), 2);
    assert_eq!((&changed.json["metadata"], &changed.json["external_id"]), (&json!({ "wms": "3" }), &json!("X-1")));
    assert_eq!(stage.door.patch(&path).if_match(1).json(&wish).send().await.expect(412).code(), "stale_version");
    assert_eq!(stage.door.patch(&path).json(&wish).send().await.expect(428).code(), "if_match_required");
    for malformed in ["2", "foo", "W/\"2\"", "\"2\", \"3\"", "*", "\""] {
        let refused = stage.door.patch(&path).header("if-match", malformed).json(&wish).send().await.expect(400);
        assert_eq!(refused.code(), "if_match_invalid", "{malformed}");
    }
    assert_eq!(
        stage.door.patch(&path).header("if-match", "\"foo\"").json(&wish).send().await.expect(412).code(),
        "stale_version"
    );
    let cleared = stage.door.patch(&path).if_match(2).json(&json!({ "external_id": null })).send().await.expect(200);
    assert_eq!(cleared.json["external_id"], Value::Null);

    let _ = stage.door.delete(&path).if_match(3).send().await.expect(204);
    assert_eq!(stage.door.get(&path).send().await.expect(200).json["status"], "archived");
    let told = stage.events(&text(&made["id"])).await;
    let told: Vec<(&str, i64)> = told.iter().map(|(kind, version)| (kind.as_str(), *version)).collect();
    assert_eq!(
        told,
        [
            ("bloom.catalog.product.created", 1),
            ("bloom.catalog.product.updated", 2),
            ("bloom.catalog.product.updated", 3),
            ("bloom.catalog.product.archived", 4)
        ]
        .map(|(kind, version)| (short(kind, &told), version))
    );
    stage.sound().await;
}

/// Kinds are stored with or without their prefix; the test does not mind.
fn short<'a>(kind: &'a str, told: &[(&str, i64)]) -> &'a str {
    if told.iter().any(|(kind, _)| kind.starts_with("bloom.")) { kind } else { kind.trim_start_matches("bloom.catalog.") }
}

#[tokio::test]
async fn a_sku_belongs_to_one_active_variant() {
    let (stage, _) = shop().await;
    let first = stage.product("A", "SKU-1", json!({})).await;
    let second = stage.product("B", "SKU-2", json!({})).await;
    let taken = json!({ "title": "C", "variants": [{ "sku": "SKU-1" }] });
    let refused = stage.door.post("/v1/catalog/products").json(&taken).send().await.expect(409);
    assert_eq!((refused.code(), &refused.json["errors"][0]["pointer"]), ("sku_taken", &json!("/variants/0/sku")));
    let variant = format!("products/{}/variants/{}", text(&second["id"]), variant_of(&second));
    assert_eq!(stage.patch(&variant, json!({ "sku": "SKU-1" })).await.expect(409).code(), "sku_taken");

    // An archived variant gives its SKU free; the last one of a product stays.
    let first_path = format!("/v1/catalog/products/{}", text(&first["id"]));
    let only = format!("{first_path}/variants/{}", variant_of(&first));
    assert_eq!(stage.door.delete(&only).if_match(1).send().await.expect(400).json["errors"][0]["pointer"], "/variants");
    let options = json!({ "options": [{ "name": "Size", "values": ["S", "M"] }] });
    let sized = stage.patch(&format!("products/{}", text(&first["id"])), options).await.expect(200);
    assert_eq!(sized.json["variants"][0]["options"], json!({ "Size": "S" }), "a new option gives its first value");
    let more = json!({ "sku": "SKU-1-M", "options": { "Size": "M" }, "weight_grams": 900, "barcode": "4006381333931" });
    let added = stage.door.post(&format!("{first_path}/variants")).if_match(2).json(&more).send().await.expect(201);
    assert_eq!((added.version(), &added.json["title"], &added.json["position"]), (3, &json!("M"), &json!(2)));
    let _ = stage.door.delete(&only).if_match(3).send().await.expect(204);
    let again = json!({ "title": "C", "variants": [{ "sku": "SKU-1" }] });
    let _ = stage.door.post("/v1/catalog/products").json(&again).send().await.expect(201);
    let archived = stage.door.patch(&only).if_match(4).json(&json!({ "weight_grams": 1 })).send().await.expect(409);
    assert_eq!(archived.code(), "variant_archived");
    stage.sound().await;
}

#[tokio::test]
async fn what_looks_the_same_is_no_other_sku() {
    let (stage, _) = shop().await;
    let seen = stage.product("A", "Größe 7 / ℃", json!({ "external_id": "X é" })).await;
    let path = format!("products/{}", text(&seen["id"]));
    let variant = format!("{path}/variants/{}", variant_of(&seen));
    for (key, code) in [
        (" A", "outer_blank"),
        ("A\u{a0}", "outer_blank"),
        ("A\u{2003}B", "invisible_character"),
        ("A\u{200b}", "invisible_character"),
        ("A\u{200d}B", "invisible_character"),
        ("\u{feff}A", "invisible_character"),
        ("A\u{ad}B", "invisible_character"),
        ("A\u{202e}B", "invisible_character"),
        ("A\u{fe0f}", "invisible_character"),
        ("A\u{3164}", "invisible_character"),
        ("A\tB", "control_character"),
        ("A\n", "control_character"),
        ("A\u{0}B", "control_character"),
        ("A\u{85}B", "control_character"),
        ("Cafe\u{301}", "not_normalised"),
        ("", "required"),
        ("  ", "required"),
    ] {
        let made = json!({ "title": "B", "external_id": key, "variants": [{ "sku": "B" }, { "sku": key, "barcode": key,
            "external_id": key }] });
        let refused = stage.door.post("/v1/catalog/products").json(&made).send().await.expect(400);
        let told = |answer: &bloom_testkit::Answer, pointer: &str| {
            let errors = answer.json["errors"].as_array().unwrap();
            errors.iter().any(|error| error["pointer"] == pointer && error["code"] == code)
        };
        for pointer in ["/external_id", "/variants/1/sku", "/variants/1/barcode", "/variants/1/external_id"] {
            assert!(told(&refused, pointer), "{key:?} at {pointer}: {}", refused.text);
        }
        assert!(told(&stage.patch(&path, json!({ "external_id": key })).await.expect(400), "/external_id"), "{key:?}");
        let patched = stage.patch(&variant, json!({ "sku": key })).await.expect(400);
        assert!(patched.text.contains(code), "{key:?}: {}", patched.text);
    }
    stage.sound().await;
}

#[tokio::test]
async fn variants_fit_the_options_of_their_product() {
    let (stage, _) = shop().await;
    let options = json!([{ "name": "Colour", "values": ["Red", "Blue"] }, { "name": "Size", "values": ["S", "L"] }]);
    let variants = |list: Value| json!({ "title": "Shirt", "options": options, "variants": list });
    let product = |list: Value| stage.door.post("/v1/catalog/products").json(&variants(list)).send();
    let good = json!([
        { "sku": "R-S", "options": { "Colour": "Red", "Size": "S" } },
        { "sku": "B-L", "options": { "Colour": "Blue", "Size": "L" } },
    ]);
    let made = product(good).await.expect(201).json;
    assert_eq!(made["variants"][1]["title"], "Blue / L");
    for (list, code) in [
        (json!([{ "sku": "X", "options": { "Colour": "Red" } }]), "option_missing"),
        (json!([{ "sku": "X", "options": { "Colour": "Red", "Size": "XL" } }]), "unknown_option_value"),
        (json!([{ "sku": "X", "options": { "Colour": "Red", "Size": "S", "Fit": "Slim" } }]), "unknown_option"),
        (json!([]), "required"),
        (
            json!([{ "sku": "X", "options": { "Colour": "Red", "Size": "S" } }, { "sku": "Y", "options": { "Colour": "Red", "Size": "S" } }]),
            "duplicate_options",
        ),
        (json!([{ "sku": "", "options": { "Colour": "Red", "Size": "S" } }]), "required"),
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
    let renamed = stage.patch(&path, renamed).await.expect(200).json;
    assert_eq!(renamed["variants"][0]["options"], json!({ "Color": "Red", "Size": "S" }));
    let narrowed = json!({ "options": [{ "name": "Color", "values": ["Red"] }, { "name": "Size", "values": ["S", "L"] }] });
    let _ = stage.patch(&path, narrowed).await.expect(400);
    let listed = stage.door.get(&format!("/v1/catalog/{path}/variants?limit=1")).send().await.expect(200).json;
    let next = text(&listed["page"]["next"]);
    let rest = stage.door.get(&format!("/v1/catalog/{path}/variants?limit=1&cursor={next}")).send().await.expect(200).json;
    assert_eq!(
        (&listed["data"][0]["sku"], &rest["data"][0]["sku"], &rest["page"]["next"]),
        (&json!("R-S"), &json!("B-L"), &Value::Null)
    );
}

#[tokio::test]
async fn attributes_have_the_types_of_the_product_type() {
    let (stage, _) = shop().await;
    let attributes = json!([
        { "code": "material", "name": "Material", "kind": "text" },
        { "code": "diameter", "name": "Diameter", "kind": "number", "required": true },
        { "code": "vented", "name": "Vented", "kind": "boolean" },
        { "code": "axle", "name": "Axle", "kind": "enum", "values": ["front", "rear"] },
    ]);
    let kind = stage.made("product-types", json!({ "code": "brake", "name": "Brake", "attributes": attributes })).await;
    let product = |status: &str, values: Value| json!({ "title": "Disc", "status": status, "product_type_id": kind["id"], "attributes": values, "variants": [{ "sku": "D" }] });
    let post = |body: Value| async move { body };
    for (values, code) in [
        (json!({ "diameter": "288" }), "wrong_type"),
        (json!({ "diameter": 288, "vented": "yes" }), "wrong_type"),
        (json!({ "diameter": 288, "axle": "middle" }), "unknown_value"),
        (json!({ "diameter": 288, "colour": "red" }), "unknown_attribute"),
        (json!({ "vented": true }), "required"),
    ] {
        let body = post(product("active", values)).await;
        let refused = stage.door.post("/v1/catalog/products").json(&body).send().await.expect(400);
        assert_eq!(refused.json["errors"][0]["code"], code, "{}", refused.text);
    }
    let draft = stage.made("products", product("draft", json!({ "axle": "front" }))).await;
    let path = format!("products/{}", text(&draft["id"]));
    let _ = stage.patch(&path, json!({ "status": "active" })).await.expect(400);
    let whole =
        json!({ "status": "active", "attributes": { "axle": "front", "diameter": 288.5, "vented": true, "material": "steel" } });
    let _ = stage.patch(&path, whole).await.expect(200);

    // A type may grow; it may not lose what products use.
    let path = format!("product-types/{}", text(&kind["id"]));
    let lost = stage.patch(&path, json!({ "attributes": [] })).await.expect(400);
    assert_eq!(lost.json["errors"][0]["code"], "attribute_dropped");
    let mut grown = attributes.clone();
    grown[3]["values"] = json!(["front", "rear", "both"]);
    assert_eq!(stage.patch(&path, json!({ "attributes": grown })).await.expect(200).json["version"], 2);
    grown[0]["kind"] = json!("number");
    assert_eq!(stage.patch(&path, json!({ "attributes": grown })).await.expect(400).json["errors"][0]["code"], "kind_fixed");
}

#[tokio::test]
async fn bad_input_is_named_and_leaves_nothing() {
    let (stage, _) = shop().await;
    let good = json!({ "title": "T", "variants": [{ "sku": "S" }] });
    for (more, pointer) in [
        (json!({ "price": 3 }), "/price"),
        (json!({ "title": 3 }), "/title"),
        (json!({ "title": "" }), "/title"),
        (json!({ "title": "x".repeat(256) }), "/title"),
        (json!({ "title": "a\u{0}b" }), "/title"),
        (json!({ "status": "sold" }), "/status"),
        (json!({ "media": [{ "url": "ftp://x" }] }), "/media/0/url"),
        (json!({ "metadata": { "k": "v".repeat(501) } }), "/metadata"),
        (json!({ "variants": [{ "sku": "S", "weight_grams": 1e3 }] }), "/variants/0/weight_grams"),
        (json!({ "attributes": { "a": 1 } }), "/attributes"),
    ] {
        let refused = stage.door.post("/v1/catalog/products").json(&with(good.clone(), more)).send().await.expect(400);
        assert_eq!(refused.json["errors"][0]["pointer"], pointer, "{}", refused.text);
    }
    assert_eq!(stage.titles("status=draft").await, Vec::<String>::new());
    for (id, status) in [("prod_nonsense", 404), ("var_01jd6zv4x8e5yag7k3m2n9p0qr", 404)] {
        assert_eq!(stage.door.get(&format!("/v1/catalog/products/{id}")).send().await.status, status);
    }
    let reference = json!({ "category_ids": [stage.id::<bloom_kernel::CategoryId>()] });
    let unknown = stage.door.post("/v1/catalog/products").json(&with(good, reference)).send().await.expect(404);
    assert_eq!(unknown.json["errors"][0]["pointer"], "/category_ids");
}

#[tokio::test]
async fn one_key_makes_one_product() {
    let (stage, _) = shop().await;
    let body = json!({ "title": "T", "variants": [{ "sku": "S" }] });
    let post = |key: &'static str, body: Value| {
        let door = &stage.door;
        async move { door.post("/v1/catalog/products").key(key).json(&body).send().await }
    };
    let first = post("k1", body.clone()).await.expect(201);
    let again = post("k1", body.clone()).await.expect(201);
    assert_eq!((first.json, "true"), (again.json.clone(), again.header("idempotent-replayed")));
    assert_eq!(post("k1", with(body, json!({ "title": "U" }))).await.expect(422).code(), "idempotency_key_reused");
    assert_eq!(stage.titles("status=draft").await, ["T"]);
}

#[tokio::test]
async fn a_publishable_key_sees_what_its_channel_shows() {
    let (stage, web) = shop().await;
    let shop = stage.channel("shop", json!({})).await;
    let live = stage.product("Live", "L", json!({ "metadata": { "cost": "3" } })).await;
    let draft = stage.product("Draft", "D", json!({ "status": "draft" })).await;
    let elsewhere = stage.product("Elsewhere", "E", json!({ "channel_ids": [shop] })).await;
    let ask = |path: &str| stage.door.get(&format!("/v1/catalog/{path}")).publishable(&["catalog:read"]);
    let seen =
        |list: Value| -> Vec<String> { list["data"].as_array().unwrap().iter().map(|item| text(&item["title"])).collect() };
    assert_eq!(seen(ask("products").send().await.expect(200).json), ["Live"]);
    assert_eq!(seen(ask("products").channel(web).send().await.expect(200).json), ["Live"]);
    assert_eq!(seen(ask("products").channel(shop).send().await.expect(200).json), ["Elsewhere"]);
    for query in ["status=draft", "published=false", "status=archived"] {
        assert_eq!(ask(&format!("products?{query}")).send().await.expect(403).code(), "status_not_visible");
    }
    let shown = ask(&format!("products/{}", text(&live["id"]))).send().await.expect(200).json;
    assert_eq!(shown["metadata"], json!({}), "notes are the merchant's");
    for hidden in [&draft, &elsewhere] {
        let _ = ask(&format!("products/{}", text(&hidden["id"]))).send().await.expect(404);
    }
    let write = stage.door.post("/v1/catalog/products").publishable(&["catalog:read"]).json(&json!({})).send().await.expect(403);
    assert_eq!(write.json["policy"], "scope:catalog:write");
    assert_eq!(stage.titles("published=false").await, ["Elsewhere"]);
    assert_eq!(stage.titles("status=draft").await, ["Draft"]);
}

#[tokio::test]
async fn a_read_expands_price_and_inventory() {
    let (stage, channel) = shop().await;
    let product = stage.product("T", "S", json!({})).await;
    let variant = variant_of(&product);
    let location = stage.location("BLR-1", 1).await;
    stage.price(variant, 1, &[(channel, Some(2_499))]).await;
    stage.stock(variant, 1, &[(location, "BLR-1", 7)]).await;
    let path = format!("/v1/catalog/products/{}", text(&product["id"]));
    let plain = stage.door.get(&path).send().await.expect(200).json;
    assert_eq!((plain.get("price"), plain.get("inventory")), (None, None));
    let full = stage.door.get(&format!("{path}?expand[]=price,inventory")).send().await.expect(200);
    let price = json!({ "amount": 2_499, "currency": "INR" });
    let inventory = json!({ "available": 7, "warehouse": "BLR-1" });
    assert_eq!((&full.json["price"], &full.json["inventory"]), (&price, &inventory));
    assert_eq!((&full.json["variants"][0]["price"], &full.json["variants"][0]["inventory"]), (&price, &inventory));
    assert_eq!(full.header("etag"), "", "it changes without the product");
    let repeated = stage.door.get(&format!("{path}?expand[]=price&expand%5B%5D=inventory")).send().await.expect(200);
    assert_eq!(repeated.json, full.json);
    let wrong = stage.door.get(&format!("{path}?expand[]=cost")).send().await.expect(400);
    assert_eq!(wrong.code(), "expand_unknown");
}

#[tokio::test]
async fn a_tax_class_must_be_known() {
    let stage: Stage = stage().await;
    let class: bloom_kernel::TaxClassId = stage.id();
    let body = json!({ "title": "T", "variants": [{ "sku": "S", "tax_class_id": class }] });
    let refused = stage.door.post("/v1/catalog/products").json(&body).send().await.expect(404);
    assert_eq!(refused.json["errors"][0]["pointer"], "/variants/0/tax_class_id");
    let told = json!({ "id": class, "code": "reduced" });
    stage.hear(&[stage.envelope("pricing", "tax_class.created", &class.to_string(), 1, &told)]).await;
    let made = stage.made("products", body).await;
    assert_eq!(made["channel_ids"], json!([]), "a catalogue may be filled before there is a channel");
    let none = stage.door.get("/v1/catalog/products").send().await.expect(422);
    assert_eq!(none.code(), "no_default_channel");
}

/// Of two values of one name, whoever checks and whoever stores might each take another one.
#[tokio::test]
async fn a_name_comes_once() {
    let stage: Stage = stage().await;
    let path = format!(
        "/v1/catalog/products/{}",
        text(&stage.made("products", json!({ "title": "T", "variants": [{ "sku": "T" }] })).await["id"])
    );
    for (pointer, field) in [
        ("/metadata/a", r#""metadata": { "a": "1", "a": "1" }"#),
        ("/attributes/a", r#""attributes": { "a": 1, "a": 2 }"#),
        ("/variants/0/options/a", r#""variants": [{ "sku": "S", "options": { "a": "1", "a": "2" } }]"#),
    ] {
        let body = format!(r#"{{ "title": "T", {field} }}"#);
        let refused = stage.door.post("/v1/catalog/products").raw("application/json", body.as_str()).send().await.expect(400);
        assert_eq!(refused.json["errors"][0]["pointer"], pointer, "{refused:?}");
        assert_eq!(refused.json["errors"][0]["message"], "`a` comes twice", "{refused:?}");
        if pointer != "/variants/0/options/a" {
            let change = stage.door.patch(&path).if_match(1).raw("application/json", body.as_str());
            assert_eq!(change.send().await.expect(400).json["errors"][0]["pointer"], pointer);
        }
    }
}
