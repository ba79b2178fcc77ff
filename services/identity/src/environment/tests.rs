//! Tests of environments.

use bloom_kernel::Locale;
use serde_json::{Value, json};
use sqlx::Row as _;

use super::model::{EnvironmentCreate, EnvironmentUpdate};
use crate::tests::{Fixture, create_account, secret_of};

async fn listed(fixture: &Fixture, tenant: bloom_kernel::TenantId) -> Vec<Value> {
    let page = fixture.client.get("/v1/identity/environments").tenant(tenant).send().await.expect(200);
    page.json["data"].as_array().unwrap().iter().map(|environment| environment["id"].clone()).collect()
}

#[tokio::test]
async fn the_live_environment_reads_its_sandboxes_only() {
    let fixture = Fixture::new().await;
    let other = create_account(&fixture.env, "Other Ltd").await;
    let (live, sandbox) = (fixture.live(), fixture.sandbox());
    let mut both = [json!(live.to_string()), json!(sandbox.to_string())];
    both.sort_by_key(Value::to_string);
    assert_eq!(listed(&fixture, live).await, both);
    assert_eq!(listed(&fixture, sandbox).await, [json!(sandbox)]);
    let get =
        async |tenant, id| fixture.client.get(&format!("/v1/identity/environments/{id}")).tenant(tenant).send().await.status;
    assert_eq!(get(live, sandbox).await, 200);
    assert_eq!(get(sandbox, live).await, 404);
    assert_eq!(get(live, other.sandbox.environment.id).await, 404);
    assert_eq!(get(live, other.live.environment.id).await, 404);
    for tenant in [live, sandbox] {
        let account = fixture.client.get("/v1/identity/account").tenant(tenant).send().await.expect(200);
        assert_eq!((account.id(), &account.json["name"]), (fixture.account.account.id.to_string(), &json!("Chai & Co")));
    }
}

#[tokio::test]
async fn a_sandbox_is_a_tenant_of_its_own() {
    let fixture = Fixture::new().await;
    let body = json!({ "name": "Staging", "currency": "JPY" });
    let request = || fixture.request("POST", "/v1/identity/environments").key("staging").json(&body);
    let created = request().send().await.expect(201);
    let environment = &created.json["environment"];
    assert_eq!(environment["kind"], "sandbox");
    assert_eq!((&environment["currency"], &environment["time_zone"]), (&json!("JPY"), &json!("Asia/Kolkata")));
    let token = secret_of(&created);
    assert!(token.starts_with("sk_test_"));
    assert_eq!(json!(fixture.resolve(&token).await.unwrap().tenant_id), environment["id"]);

    let again = request().send().await.expect(201);
    assert!(again.json["environment"] == *environment && again.json.get("secret").is_none());
    assert_eq!(listed(&fixture, fixture.live()).await.len(), 3);

    // Its events belong to the new environment, so consumers store them there.
    let mut connection = fixture.env.superuser().await;
    let rows = sqlx::query("select kind, aggregate from outbox where tenant_id = $1 order by seq")
        .bind(environment["id"].as_str().unwrap().parse::<bloom_kernel::TenantId>().unwrap().uuid())
        .fetch_all(&mut connection)
        .await
        .unwrap();
    let listed: Vec<(String, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let key = created.json["api_key"]["id"].as_str().unwrap().to_owned();
    let environment = environment["id"].as_str().unwrap().to_owned();
    assert_eq!(listed, [("environment.created".to_owned(), environment), ("api_key.created".to_owned(), key)]);
}

#[tokio::test]
async fn a_sandbox_creates_no_environment() {
    let fixture = Fixture::new().await;
    let request = fixture.client.post("/v1/identity/environments").tenant(fixture.sandbox()).json(&json!({ "name": "Another" }));
    let refused = request.send().await.expect(403);
    assert_eq!((refused.code(), &refused.json["policy"]), ("live_key_required", &json!("environments:live-only")));
    let body = json!({ "kind": "secret", "name": "x", "environment_id": fixture.live() });
    let request = fixture.client.post("/v1/identity/api-keys").tenant(fixture.sandbox()).json(&body);
    assert_eq!(request.send().await.status, 404);
}

#[tokio::test]
async fn an_update_requires_the_current_version() {
    let fixture = Fixture::new().await;
    for id in [fixture.live(), fixture.sandbox()] {
        let path = format!("/v1/identity/environments/{id}");
        let request = || fixture.request("PATCH", &path).json(&json!({ "name": "Shop", "time_zone": "Europe/Berlin" }));
        assert_eq!(request().send().await.expect(428).code(), "if_match_required");
        let changed = request().if_match(1).send().await.expect(200);
        assert_eq!((changed.version(), &changed.json["name"]), (2, &json!("Shop")));
        assert_eq!(request().if_match(1).send().await.expect(412).code(), "stale_version");
        // Nothing changes, so the version stays.
        assert_eq!(request().if_match(2).send().await.expect(200).version(), 2);
        let seen = fixture.request("GET", &path).send().await.expect(200);
        assert_eq!((seen.version(), &seen.json), (2, &changed.json));
    }
    let live = format!("/v1/identity/environments/{}", fixture.live());
    let from_sandbox = fixture.client.patch(&live).tenant(fixture.sandbox()).json(&json!({ "name": "x" })).if_match(2);
    assert_eq!(from_sandbox.send().await.status, 404);
}

#[tokio::test]
async fn bad_environments_are_refused_by_field() {
    let fixture = Fixture::new().await;
    for (field, value) in [
        ("name", json!("")),
        ("time_zone", json!("Mars/Olympus")),
        ("time_zone", json!("FOO+3")),
        ("locale", json!("english")),
        ("currency", json!("rupee")),
        ("currency", json!("XXX")),
        ("cell", json!("eu-1")),
    ] {
        let mut body = json!({ "name": "Staging" });
        body[field] = value.clone();
        let refused = fixture.request("POST", "/v1/identity/environments").json(&body).send().await;
        assert_eq!(refused.status, 400, "{body}: {}", refused.text);
        assert_eq!(refused.json["errors"][0]["pointer"], format!("/{field}"), "{body}: {}", refused.text);
        let path = format!("/v1/identity/environments/{}", fixture.live());
        let refused = fixture.request("PATCH", &path).if_match(1).json(&json!({ field: value })).send().await;
        assert_eq!(refused.status, 400, "{body}: {}", refused.text);
    }
    let listed = fixture.request("GET", "/v1/identity/environments").send().await.expect(200);
    assert_eq!(listed.json["data"].as_array().unwrap().len(), 2);
    assert_eq!(listed.json["data"][0]["version"], 1);
}

#[test]
fn locales_are_well_formed() {
    for right in ["en", "en-IN", "zh-Hant", "zh-Hant-TW", "es-419", "fil-PH"] {
        assert!(Locale::new(right).is_ok(), "{right}");
    }
    for wrong in ["", "e", "EN", "en-", "en_IN", "en-in", "en-IN-x", "zh-TW-Hant", "zh-Hant-Hant", "engl", "en-é1"] {
        assert!(Locale::new(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn inputs_agree_with_their_schemas() {
    let full = json!({ "name": "Staging", "time_zone": "Asia/Kolkata", "locale": "en-IN", "currency": "INR" });
    bloom_testkit::assert_schema_agrees::<EnvironmentCreate>([full.clone()]);
    bloom_testkit::assert_schema_agrees::<EnvironmentUpdate>([full]);
}
