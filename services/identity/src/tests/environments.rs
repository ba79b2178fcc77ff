//! Accounts, the live environment, and sandboxes.

use serde_json::{Value, json};
use sqlx::Row as _;

use super::{Shop, found, secret_of};

async fn listed(shop: &Shop, tenant: bloom_kernel::TenantId) -> Vec<Value> {
    let page = shop.door.get("/v1/identity/environments").tenant(tenant).send().await.expect(200);
    page.json["data"].as_array().unwrap().iter().map(|environment| environment["id"].clone()).collect()
}

#[tokio::test]
async fn the_live_environment_reaches_its_sandboxes_and_no_more() {
    let shop = Shop::open().await;
    let other = found(&shop.bench, "Somebody else").await;
    let (live, sandbox) = (shop.live(), shop.sandbox());
    assert_eq!(listed(&shop, live).await, [json!(live), json!(sandbox)]);
    assert_eq!(listed(&shop, sandbox).await, [json!(sandbox)]);
    let get = async |tenant, id| shop.door.get(&format!("/v1/identity/environments/{id}")).tenant(tenant).send().await.status;
    assert_eq!(get(live, sandbox).await, 200);
    assert_eq!(get(sandbox, live).await, 404);
    assert_eq!(get(live, other.sandbox.environment.id).await, 404);
    assert_eq!(get(live, other.live.environment.id).await, 404);
    for tenant in [live, sandbox] {
        let account = shop.door.get("/v1/identity/account").tenant(tenant).send().await.expect(200);
        assert_eq!((account.id(), &account.json["name"]), (shop.account.account.id.to_string(), &json!("Chai & Co")));
    }
}

#[tokio::test]
async fn a_sandbox_is_a_tenant_of_its_own() {
    let shop = Shop::open().await;
    let body = json!({ "name": "Staging", "currency": "JPY" });
    let ask = || shop.ask("POST", "/v1/identity/environments").key("staging").json(&body);
    let created = ask().send().await.expect(201);
    let environment = &created.json["environment"];
    assert_eq!(environment["kind"], "sandbox");
    assert_eq!((&environment["currency"], &environment["time_zone"]), (&json!("JPY"), &json!("Asia/Kolkata")));
    let token = secret_of(&created);
    assert!(token.starts_with("sk_test_"));
    assert_eq!(json!(shop.resolve(&token).await.unwrap().tenant_id), environment["id"]);

    let again = ask().send().await.expect(201);
    assert!(again.json["environment"] == *environment && again.json.get("secret").is_none());
    assert_eq!(listed(&shop, shop.live()).await.len(), 3);

    // Its events are its own: whoever follows them keeps them under the new environment.
    let mut connection = shop.bench.superuser().await;
    let rows = sqlx::query("select kind, aggregate from outbox where tenant_id = $1 order by seq")
        .bind(environment["id"].as_str().unwrap().parse::<bloom_kernel::TenantId>().unwrap().uuid())
        .fetch_all(&mut connection)
        .await
        .unwrap();
    let told: Vec<(String, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let key = created.json["api_key"]["id"].as_str().unwrap().to_owned();
    let environment = environment["id"].as_str().unwrap().to_owned();
    assert_eq!(told, [("environment.created".to_owned(), environment), ("api_key.created".to_owned(), key)]);
}

#[tokio::test]
async fn a_sandbox_founds_nothing() {
    let shop = Shop::open().await;
    let ask = shop.door.post("/v1/identity/environments").tenant(shop.sandbox()).json(&json!({ "name": "Another" }));
    let refused = ask.send().await.expect(403);
    assert_eq!((refused.code(), &refused.json["policy"]), ("live_key_required", &json!("environments:live-founds")));
    let body = json!({ "kind": "secret", "name": "x", "environment_id": shop.live() });
    let ask = shop.door.post("/v1/identity/api-keys").tenant(shop.sandbox()).json(&body);
    assert_eq!(ask.send().await.status, 404);
}

#[tokio::test]
async fn the_live_environment_makes_keys_for_its_sandboxes() {
    let shop = Shop::open().await;
    let body = json!({ "kind": "publishable", "name": "App", "environment_id": shop.sandbox() });
    let created = shop.create_key(body).await.expect(201);
    let token = secret_of(&created);
    assert!(token.starts_with("pk_test_"));
    assert_eq!(shop.resolve(&token).await.unwrap().tenant_id, shop.sandbox().to_string());
}

#[tokio::test]
async fn a_change_names_the_version_that_it_saw() {
    let shop = Shop::open().await;
    for id in [shop.live(), shop.sandbox()] {
        let path = format!("/v1/identity/environments/{id}");
        let ask = || shop.ask("PATCH", &path).json(&json!({ "name": "Shop", "time_zone": "Europe/Berlin" }));
        assert_eq!(ask().send().await.expect(428).code(), "if_match_required");
        let changed = ask().if_match(1).send().await.expect(200);
        assert_eq!((changed.version(), &changed.json["name"]), (2, &json!("Shop")));
        assert_eq!(ask().if_match(1).send().await.expect(412).code(), "stale_version");
        // Nothing changes, so nothing is told.
        assert_eq!(ask().if_match(2).send().await.expect(200).version(), 2);
        let seen = shop.ask("GET", &path).send().await.expect(200);
        assert_eq!((seen.version(), &seen.json), (2, &changed.json));
    }
    let live = format!("/v1/identity/environments/{}", shop.live());
    let from_sandbox = shop.door.patch(&live).tenant(shop.sandbox()).json(&json!({ "name": "x" })).if_match(2);
    assert_eq!(from_sandbox.send().await.status, 404);
}
