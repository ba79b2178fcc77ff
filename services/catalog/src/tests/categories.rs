//! The category tree.

use serde_json::{Value, json};

use super::{Stage, shop, text};

impl Stage {
    async fn category(&self, name: &str, parent: Option<&str>) -> String {
        text(&self.made("categories", json!({ "name": name, "parent_id": parent })).await["id"])
    }

    async fn move_category(&self, id: &str, parent: Option<&str>) -> bloom_testkit::Answer {
        self.patch(&format!("categories/{id}"), json!({ "parent_id": parent })).await
    }
}

#[tokio::test]
async fn a_category_lists_what_is_below_it_and_moves_with_its_subtree() {
    let (stage, _) = shop().await;
    let (parts, sale) = (stage.category("Parts", None).await, stage.category("Sale", None).await);
    let brakes = stage.category("Brakes", Some(&parts)).await;
    let discs = stage.category("Discs", Some(&brakes)).await;
    stage.product("Disc", "D", json!({ "category_ids": [discs] })).await;
    stage.product("Fluid", "F", json!({ "category_ids": [brakes] })).await;
    stage.product("Both", "B", json!({ "category_ids": [discs, sale] })).await;
    stage.product("Lamp", "L", json!({})).await;
    let listed = |id: String| {
        let stage = &stage;
        async move { stage.titles(&format!("category={id}&sort=title")).await }
    };
    assert_eq!(listed(parts.clone()).await, ["Both", "Disc", "Fluid"]);
    assert_eq!(listed(discs.clone()).await, ["Both", "Disc"]);
    assert_eq!(listed(sale.clone()).await, ["Both"]);

    let moved = stage.move_category(&brakes, Some(&sale)).await.expect(200).json;
    assert_eq!((&moved["parent_id"], &moved["version"]), (&json!(sale), &json!(2)));
    assert_eq!(listed(parts.clone()).await, Vec::<String>::new());
    assert_eq!(listed(sale.clone()).await, ["Both", "Disc", "Fluid"]);
    assert_eq!(listed(discs.clone()).await, ["Both", "Disc"]);
    stage.sound().await;

    // No cycle, no unknown parent, nothing else changed.
    for parent in [&brakes, &discs] {
        assert_eq!(stage.move_category(&brakes, Some(parent)).await.expect(422).code(), "category_cycle");
    }
    let stranger = stage.id::<bloom_kernel::CategoryId>().to_string();
    let unknown = stage.move_category(&brakes, Some(&stranger)).await.expect(404);
    assert_eq!(unknown.json["errors"][0]["pointer"], "/parent_id");
    let _ = stage.move_category(&brakes, None).await.expect(200);
    assert_eq!(listed(sale.clone()).await, ["Both"]);
    assert_eq!(stage.move_category(&brakes, None).await.expect(200).json["parent_id"], Value::Null);

    // In use: neither with products nor with categories below.
    let delete = |id: String, version: i64| stage.door.delete(&format!("/v1/catalog/categories/{id}")).if_match(version).send();
    assert_eq!(delete(discs.clone(), 1).await.expect(409).code(), "category_not_empty");
    assert_eq!(delete(brakes.clone(), 4).await.expect(409).code(), "category_not_empty");
    let _ = delete(parts.clone(), 1).await.expect(204);
    let _ = delete(parts.clone(), 1).await.expect(404);
    assert_eq!(stage.events(&parts).await.last().map(|(_, version)| *version), Some(2));
    stage.sound().await;
}

#[tokio::test]
async fn names_are_unique_among_siblings_and_depth_is_bounded() {
    let (stage, _) = shop().await;
    let root = stage.category("Root", None).await;
    let twin = stage.door.post("/v1/catalog/categories").json(&json!({ "name": "Root" })).send().await.expect(409);
    assert_eq!(twin.code(), "name_taken");
    let mut above = root.clone();
    for level in 2..=16 {
        above = stage.category(&format!("L{level}"), Some(&above)).await;
    }
    let deep = json!({ "name": "L17", "parent_id": above });
    assert_eq!(stage.door.post("/v1/catalog/categories").json(&deep).send().await.expect(422).code(), "category_too_deep");
    // Moving the whole chain one down would push its end below the last level.
    let other = stage.category("Other", None).await;
    assert_eq!(stage.move_category(&root, Some(&other)).await.expect(422).code(), "category_too_deep");
    let children = stage.door.get(&format!("/v1/catalog/categories?parent={root}")).send().await.expect(200).json;
    assert_eq!(children["data"].as_array().unwrap().len(), 1);
    for name in ["", "a/b", " a"] {
        let _ = stage.door.post("/v1/catalog/categories").json(&json!({ "name": name })).send().await.expect(400);
    }
}

#[tokio::test]
async fn two_moves_at_once_make_no_cycle() {
    let (stage, _) = shop().await;
    for round in 0..5 {
        let a = stage.category(&format!("A{round}"), None).await;
        let b = stage.category(&format!("B{round}"), None).await;
        let (first, second) = tokio::join!(stage.move_category(&a, Some(&b)), stage.move_category(&b, Some(&a)));
        let codes = [first.status, second.status];
        assert!(codes == [200, 422] || codes == [422, 200] || codes.contains(&409), "{codes:?}");
    }
}
