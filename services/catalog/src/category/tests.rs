//! The category tree.

use serde_json::{Value, json};

use super::model::{CategoryCreate, CategoryUpdate};
use crate::tests::{Fixture, shop, text};

impl Fixture {
    async fn category(&self, name: &str, parent: Option<&str>) -> String {
        text(&self.create("categories", json!({ "name": name, "parent_id": parent })).await["id"])
    }

    async fn move_category(&self, id: &str, parent: Option<&str>) -> bloom_testkit::Answer {
        self.patch(&format!("categories/{id}"), json!({ "parent_id": parent })).await
    }
}

#[tokio::test]
async fn a_category_moves_with_its_subtree() {
    let (fixture, _) = shop().await;
    let (parts, sale) = (fixture.category("Parts", None).await, fixture.category("Sale", None).await);
    let brakes = fixture.category("Brakes", Some(&parts)).await;
    let discs = fixture.category("Discs", Some(&brakes)).await;
    fixture.product("Disc", "D", json!({ "category_ids": [discs] })).await;
    fixture.product("Fluid", "F", json!({ "category_ids": [brakes] })).await;
    fixture.product("Both", "B", json!({ "category_ids": [discs, sale] })).await;
    fixture.product("Lamp", "L", json!({})).await;
    let listed = |id: String| {
        let fixture = &fixture;
        async move { fixture.titles(&format!("category={id}&sort=title")).await }
    };
    assert_eq!(listed(parts.clone()).await, ["Both", "Disc", "Fluid"]);
    assert_eq!(listed(discs.clone()).await, ["Both", "Disc"]);
    assert_eq!(listed(sale.clone()).await, ["Both"]);

    let moved = fixture.move_category(&brakes, Some(&sale)).await.expect(200).json;
    assert_eq!((&moved["parent_id"], &moved["version"]), (&json!(sale), &json!(2)));
    assert_eq!(listed(parts.clone()).await, Vec::<String>::new());
    assert_eq!(listed(sale.clone()).await, ["Both", "Disc", "Fluid"]);
    assert_eq!(listed(discs.clone()).await, ["Both", "Disc"]);
    fixture.assert_invariants().await;

    // No cycle, no unknown parent, nothing else changed.
    for parent in [&brakes, &discs] {
        assert_eq!(fixture.move_category(&brakes, Some(parent)).await.expect(422).code(), "category_cycle");
    }
    let other_tenant = fixture.id::<bloom_kernel::CategoryId>().to_string();
    let unknown = fixture.move_category(&brakes, Some(&other_tenant)).await.expect(404);
    assert_eq!(unknown.json["errors"][0]["pointer"], "/parent_id");
    let _ = fixture.move_category(&brakes, None).await.expect(200);
    assert_eq!(listed(sale.clone()).await, ["Both"]);
    assert_eq!(fixture.move_category(&brakes, None).await.expect(200).json["parent_id"], Value::Null);

    // In use: neither with products nor with categories below.
    let delete =
        |id: String, version: i64| fixture.client.delete(&format!("/v1/catalog/categories/{id}")).if_match(version).send();
    assert_eq!(delete(discs.clone(), 1).await.expect(409).code(), "category_not_empty");
    assert_eq!(delete(brakes.clone(), 4).await.expect(409).code(), "category_not_empty");
    let _ = delete(parts.clone(), 1).await.expect(204);
    let _ = delete(parts.clone(), 1).await.expect(404);
    assert_eq!(fixture.events(&parts).await.last().map(|(_, version)| *version), Some(2));
    fixture.assert_invariants().await;
}

#[tokio::test]
async fn sibling_names_are_unique_and_depth_is_bounded() {
    let (fixture, _) = shop().await;
    let root = fixture.category("Root", None).await;
    let twin = fixture.client.post("/v1/catalog/categories").json(&json!({ "name": "Root" })).send().await.expect(409);
    assert_eq!(twin.code(), "name_taken");
    let mut above = root.clone();
    for level in 2..=16 {
        above = fixture.category(&format!("L{level}"), Some(&above)).await;
    }
    let deep = json!({ "name": "L17", "parent_id": above });
    assert_eq!(fixture.client.post("/v1/catalog/categories").json(&deep).send().await.expect(422).code(), "category_too_deep");
    // Moving the whole chain one down would push its end below the last level.
    let other = fixture.category("Other", None).await;
    assert_eq!(fixture.move_category(&root, Some(&other)).await.expect(422).code(), "category_too_deep");
    let children = fixture.client.get(&format!("/v1/catalog/categories?parent={root}")).send().await.expect(200).json;
    assert_eq!(children["data"].as_array().unwrap().len(), 1);
    for name in ["", "a/b", " a"] {
        let _ = fixture.client.post("/v1/catalog/categories").json(&json!({ "name": name })).send().await.expect(400);
    }
}

#[tokio::test]
async fn two_moves_at_once_make_no_cycle() {
    let (fixture, _) = shop().await;
    for round in 0..5 {
        let a = fixture.category(&format!("A{round}"), None).await;
        let b = fixture.category(&format!("B{round}"), None).await;
        let (first, second) = tokio::join!(fixture.move_category(&a, Some(&b)), fixture.move_category(&b, Some(&a)));
        let codes = [first.status, second.status];
        assert!(codes == [200, 422] || codes == [422, 200] || codes.contains(&409), "{codes:?}");
    }
}

#[test]
fn serde_and_schema_agree_about_inputs() {
    let parent = "cat_01jd6zv4x8e5yag7k3m2n9p0qr";
    bloom_testkit::assert_schema_agrees::<CategoryCreate>([
        json!({ "name": "Brakes", "parent_id": parent, "position": 1, "metadata": { "a": "b" } }),
    ]);
    bloom_testkit::assert_schema_agrees::<CategoryUpdate>([
        json!({ "name": "Brakes", "parent_id": parent, "position": 1, "metadata": { "a": null } }),
    ]);
}
