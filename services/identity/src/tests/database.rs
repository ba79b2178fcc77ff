//! Exported state, checked invariants, and what row-level security hides.

use bloom_contract_platform::platform_client::PlatformClient;
use bloom_contract_platform::{CheckRequest, ExportStateRequest, StateRecord};
use serde_json::{Value, json};

use super::{Fixture, create_account};

async fn breaches(fixture: &Fixture) -> Vec<String> {
    let mut platform = PlatformClient::new(fixture.env.host.peers.get(crate::NAME));
    let request = fixture.env.host.request(&fixture.env.call(), CheckRequest {});
    let reply = platform.check(request).await.unwrap().into_inner();
    reply.breaches.into_iter().map(|breach| breach.invariant).collect()
}

async fn exported(fixture: &Fixture, after: String, limit: u32) -> Vec<StateRecord> {
    let mut platform = PlatformClient::new(fixture.env.host.peers.get(crate::NAME));
    let message = ExportStateRequest { kinds: Vec::new(), after, limit };
    let mut stream = platform.export_state(fixture.env.host.request(&fixture.env.call(), message)).await.unwrap().into_inner();
    let mut records = Vec::new();
    while let Some(record) = stream.message().await.unwrap() {
        records.push(record);
    }
    records
}

#[tokio::test]
async fn the_state_is_exported_in_pages() {
    let fixture = Fixture::new().await;
    let _ = create_account(&fixture.env, "Other Ltd").await;
    let all = exported(&fixture, String::new(), 0).await;
    let count = |kind: &str| all.iter().filter(|record| record.kind == kind).count();
    assert_eq!((count("environment.updated"), count("api_key.updated"), all.len()), (4, 8, 12));
    let mut paged: Vec<StateRecord> = Vec::new();
    loop {
        let after = paged.last().map(|record| record.cursor.clone()).unwrap_or_default();
        let page = exported(&fixture, after, 5).await;
        let last = page.len() < 5;
        paged.extend(page);
        if last {
            break;
        }
    }
    assert_eq!(paged, all);
    let id = fixture.account.live.secret_key.api_key.id;
    let seen = fixture.request("GET", &format!("/v1/identity/api-keys/{id}")).send().await.expect(200);
    let record = all.iter().find(|record| record.aggregate == id.to_string()).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&record.data_json).unwrap(), seen.json);
}

#[tokio::test]
async fn the_check_finds_a_revocation_that_is_not_listed() {
    let fixture = Fixture::new().await;
    assert_eq!(breaches(&fixture).await, Vec::<String>::new());
    let mut connection = fixture.env.superuser().await;
    let now = fixture.env.clock.time();
    sqlx::query("update api_key set revoked_at = $1 where kind = 'secret' and mode = 'live'")
        .bind(now)
        .execute(&mut connection)
        .await
        .unwrap();
    assert_eq!(breaches(&fixture).await, ["revoked_keys_are_announced"]);
}

#[tokio::test]
async fn the_check_finds_an_account_without_live_environment() {
    let fixture = Fixture::new().await;
    let mut connection = fixture.env.superuser().await;
    sqlx::query("update environment set kind = 'sandbox'").execute(&mut connection).await.unwrap();
    assert_eq!(breaches(&fixture).await, ["account_has_one_live_environment"]);
}

#[tokio::test]
async fn the_service_role_sees_no_other_tenant() {
    let fixture = Fixture::new().await;
    let theirs = create_account(&fixture.env, "Other Ltd").await.live;
    let mut tx =
        fixture.env.db.write(&bloom_runtime::RequestContext { tenant: fixture.live(), ..fixture.env.call() }).await.unwrap();
    let count = |table: &str| format!("select count(*) from {table}");
    for (table, mine) in [("environment", 2), ("api_key", 2), ("account", 1)] {
        let seen: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(count(table))).fetch_one(&mut *tx).await.unwrap();
        assert_eq!(seen, mine, "{table}");
    }
    // A sandbox may be read from the live environment, but not written without entering it.
    let written = sqlx::query("update environment set name = 'x'").execute(&mut *tx).await.unwrap();
    assert_eq!(written.rows_affected(), 1);
    let stolen = sqlx::query("update api_key set name = 'x' where id = $1")
        .bind(theirs.secret_key.api_key.id.uuid())
        .execute(&mut *tx)
        .await
        .unwrap();
    assert_eq!(stolen.rows_affected(), 0);
    assert!(sqlx::query("select * from revocation").execute(&mut *tx).await.is_err());
}

#[tokio::test]
async fn an_account_is_created_whole_or_not_at_all() {
    let fixture = Fixture::new().await;
    let input = crate::AccountCreate {
        name: "Half".to_owned(),
        time_zone: "Mars/Olympus".to_owned(),
        locale: "en".to_owned(),
        currency: bloom_kernel::Currency::parse("INR").unwrap(),
    };
    let refused = crate::account_create(&fixture.env.host, &fixture.env.db, input).await.unwrap_err();
    assert_eq!(json!(refused.errors[0].pointer), json!("/time_zone"));
    let mut connection = fixture.env.superuser().await;
    let accounts: i64 = sqlx::query_scalar("select count(*) from account").fetch_one(&mut connection).await.unwrap();
    assert_eq!(accounts, 1);
}
