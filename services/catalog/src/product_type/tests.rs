//! Product types, and the attributes of products.

use serde_json::{Value, json};

use super::model::{ProductTypeCreate, ProductTypeUpdate};
use crate::tests::{shop, text};

#[tokio::test]
async fn attributes_have_the_types_of_the_product_type() {
    let (fixture, _) = shop().await;
    let attributes = json!([
        { "code": "material", "name": "Material", "kind": "text" },
        { "code": "diameter", "name": "Diameter", "kind": "number", "required": true },
        { "code": "vented", "name": "Vented", "kind": "boolean" },
        { "code": "axle", "name": "Axle", "kind": "enum", "values": ["front", "rear"] },
    ]);
    let kind = fixture.create("product-types", json!({ "code": "brake", "name": "Brake", "attributes": attributes })).await;
    let product = |status: &str, values: Value| json!({ "title": "Disc", "status": status, "product_type_id": kind["id"], "attributes": values, "variants": [{ "sku": "D" }] });
    let post = |body: Value| async move { body };
    for (values, code) in [
        (json!({ "diameter": "288" }), "type"),
        (json!({ "diameter": 288, "vented": "yes" }), "type"),
        (json!({ "diameter": 288, "axle": "middle" }), "unknown"),
        (json!({ "diameter": 288, "colour": "red" }), "unknown"),
        (json!({ "vented": true }), "required"),
    ] {
        let body = post(product("active", values)).await;
        let refused = fixture.client.post("/v1/catalog/products").json(&body).send().await.expect(400);
        assert_eq!(refused.json["errors"][0]["code"], code, "{}", refused.text);
    }
    let draft = fixture.create("products", product("draft", json!({ "axle": "front" }))).await;
    let path = format!("products/{}", text(&draft["id"]));
    let _ = fixture.patch(&path, json!({ "status": "active" })).await.expect(400);
    let whole =
        json!({ "status": "active", "attributes": { "axle": "front", "diameter": 288.5, "vented": true, "material": "steel" } });
    let _ = fixture.patch(&path, whole).await.expect(200);

    // A type may grow; it may not lose what products use.
    let path = format!("product-types/{}", text(&kind["id"]));
    let lost = fixture.patch(&path, json!({ "attributes": [] })).await.expect(400);
    assert_eq!(lost.json["errors"][0]["code"], "immutable");
    let mut grown = attributes.clone();
    grown[3]["values"] = json!(["front", "rear", "both"]);
    assert_eq!(fixture.patch(&path, json!({ "attributes": grown })).await.expect(200).json["version"], 2);
    grown[0]["kind"] = json!("number");
    assert_eq!(fixture.patch(&path, json!({ "attributes": grown })).await.expect(400).json["errors"][0]["code"], "immutable");
}

#[test]
fn serde_and_schema_agree_about_inputs() {
    let attributes = json!([{ "code": "axle", "name": "Axle", "kind": "enum", "values": ["front"], "required": true }]);
    bloom_testkit::assert_schema_agrees::<ProductTypeCreate>([
        json!({ "code": "brake", "name": "Brake", "attributes": attributes, "metadata": { "a": "b" } }),
    ]);
    bloom_testkit::assert_schema_agrees::<ProductTypeUpdate>([
        json!({ "name": "Brake", "attributes": attributes, "metadata": { "a": null } }),
    ]);
}
