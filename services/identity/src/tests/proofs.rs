//! Exported state, proven invariants, and what the database itself refuses.

use bloom_contract_platform::platform_client::PlatformClient;
use bloom_contract_platform::{CheckRequest, ExportStateRequest, StateRecord};
use serde_json::{Value, json};

use super::{Shop, found};

async fn breaches(shop: &Shop) -> Vec<String> {
    let mut platform = PlatformClient::new(shop.bench.host.peers.get(crate::NAME));
    let request = shop.bench.host.request(&shop.bench.call(), CheckRequest {});
    let reply = platform.check(request).await.unwrap().into_inner();
    reply.breaches.into_iter().map(|breach| breach.invariant).collect()
}

async fn exported(shop: &Shop, after: String, limit: u32) -> Vec<StateRecord> {
    let mut platform = PlatformClient::new(shop.bench.host.peers.get(crate::NAME));
    let message = ExportStateRequest { kinds: Vec::new(), after, limit };
    let mut stream = platform.export_state(shop.bench.host.request(&shop.bench.call(), message)).await.unwrap().into_inner();
    let mut records = Vec::new();
    while let Some(record) = stream.message().await.unwrap() {
        records.push(record);
    }
    records
}

#[tokio::test]
async fn the_state_is_exported_in_pages() {
    let shop = Shop::open().await;
    let _ = found(&shop.bench, "Somebody else").await;
    let all = exported(&shop, String::new(), 0).await;
    let count = |kind: &str| all.iter().filter(|record| record.kind == kind).count();
    assert_eq!((count("environment.updated"), count("api_key.updated"), all.len()), (4, 8, 12));
    let mut paged: Vec<StateRecord> = Vec::new();
    loop {
        let after = paged.last().map(|record| record.cursor.clone()).unwrap_or_default();
        let page = exported(&shop, after, 5).await;
        let last = page.len() < 5;
        paged.extend(page);
        if last {
            break;
        }
    }
    assert_eq!(paged, all);
    let id = shop.account.live.secret_key.api_key.id;
    let seen = shop.ask("GET", &format!("/v1/identity/api-keys/{id}")).send().await.expect(200);
    let record = all.iter().find(|record| record.aggregate == id.to_string()).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&record.data_json).unwrap(), seen.json);
}

#[tokio::test]
async fn a_silent_revocation_is_found() {
    let shop = Shop::open().await;
    assert_eq!(breaches(&shop).await, Vec::<String>::new());
    let mut connection = shop.bench.superuser().await;
    let now = shop.bench.clock.time();
    sqlx::query("update api_key set revoked_at = $1 where kind = 'secret' and mode = 'live'")
        .bind(now)
        .execute(&mut connection)
        .await
        .unwrap();
    assert_eq!(breaches(&shop).await, ["revoked_keys_are_announced"]);
}

#[tokio::test]
async fn an_account_without_a_live_environment_is_found() {
    let shop = Shop::open().await;
    let mut connection = shop.bench.superuser().await;
    sqlx::query("update environment set kind = 'sandbox'").execute(&mut connection).await.unwrap();
    assert_eq!(breaches(&shop).await, ["account_has_one_live_environment"]);
}

#[tokio::test]
async fn the_service_role_sees_no_other_tenant() {
    let shop = Shop::open().await;
    let theirs = found(&shop.bench, "Somebody else").await.live;
    let mut tx = shop.bench.db.write(&bloom_runtime::RequestContext { tenant: shop.live(), ..shop.bench.call() }).await.unwrap();
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
async fn an_account_is_founded_whole_or_not_at_all() {
    let shop = Shop::open().await;
    let input = crate::domain::account::AccountCreate {
        name: "Half".to_owned(),
        time_zone: "Mars/Olympus".to_owned(),
        locale: "en".to_owned(),
        currency: bloom_kernel::Currency::parse("INR").unwrap(),
    };
    let refused = crate::account_create(&shop.bench.host, &shop.bench.db, input).await.unwrap_err();
    assert_eq!(json!(refused.errors[0].pointer), json!("/time_zone"));
    let mut connection = shop.bench.superuser().await;
    let accounts: i64 = sqlx::query_scalar("select count(*) from account").fetch_one(&mut connection).await.unwrap();
    assert_eq!(accounts, 1);
}
