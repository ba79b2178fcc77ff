use bloom_db::seal;
use bloom_kernel::TenantId;
use bloom_runtime::RequestContext;
use futures::FutureExt as _;
use futures::future::try_join_all;
use futures::stream::{self, StreamExt as _};
use sqlx::PgConnection;

use crate::TestEnv;
use crate::tests::counter;

async fn subjects(connection: &mut PgConnection) -> Vec<TenantId> {
    sqlx::query_scalar("select tenant_id from subject_key").fetch_all(connection).await.expect("readable")
}

async fn remember(bench: &TestEnv, tenant: TenantId) {
    let call = RequestContext { tenant, ..bench.call() };
    let mut tx = bench.db.write(&call).await.expect("a transaction");
    seal::seal(&mut tx, &bench.host, bench.host.id(tenant), "name", b"x").await.expect("sealed");
    tx.commit().await.expect("committed");
}

#[tokio::test]
async fn a_tenant_sees_its_own_rows_and_the_platform_all() {
    let (bench, ..) = counter().await;
    remember(&bench, bench.tenant).await;
    remember(&bench, bench.other_tenant).await;
    let mut read = bench.db.read(bench.tenant).await.expect("a connection");
    assert_eq!(subjects(&mut read).await, [bench.tenant]);
    drop(read);
    let mut read = bench.db.read(bench.other_tenant).await.expect("a connection");
    assert_eq!(subjects(&mut read).await, [bench.other_tenant]);
    let mut system = bench.db.system().await.expect("a transaction");
    assert_eq!(subjects(&mut system).await.len(), 2);
}

#[tokio::test]
async fn without_a_tenant_the_service_reads_and_writes_nothing() {
    let (bench, ..) = counter().await;
    remember(&bench, bench.tenant).await;
    let mut read = bench.db.read(bench.tenant).await.expect("a connection");
    sqlx::query("select set_config('bloom.tenant', '', false)").execute(&mut *read).await.expect("forgotten");
    assert!(subjects(&mut read).await.is_empty());
    let foreign = sqlx::query("insert into subject_key (tenant_id, subject_id, wrapped, created_at) values ($1, $1, '', now())")
        .bind(bench.tenant)
        .execute(&mut *read)
        .await
        .expect_err("no tenant, no row");
    assert!(foreign.to_string().contains("row-level security"), "{foreign}");
}

#[tokio::test]
async fn a_write_for_another_tenant_is_refused_by_the_database() {
    let (bench, ..) = counter().await;
    let mut tx = bench.db.write(&bench.call()).await.expect("a transaction");
    let foreign = sqlx::query("insert into subject_key (tenant_id, subject_id, wrapped, created_at) values ($1, $1, '', now())")
        .bind(bench.other_tenant)
        .execute(&mut *tx)
        .await
        .expect_err("not its row");
    assert!(foreign.to_string().contains("row-level security"), "{foreign}");
}

#[tokio::test]
async fn many_tenants_share_a_pool_without_seeing_each_other() {
    let (bench, ..) = counter().await;
    let tenants = [bench.tenant, bench.other_tenant];
    for tenant in tenants {
        remember(&bench, tenant).await;
    }
    let turns = (0..2_000_usize).map(|turn| {
        let (bench, tenant) = (&bench, tenants[turn % 2]);
        async move {
            let seen = if turn % 3 == 0 {
                let mut tx = bench.db.write(&RequestContext { tenant, ..bench.call() }).await.expect("a transaction");
                subjects(&mut tx).await
            } else {
                let mut read = bench.db.read(tenant).await.expect("a connection");
                subjects(&mut read).await
            };
            seen == [tenant]
        }
    });
    let seen: Vec<bool> = stream::iter(turns).buffer_unordered(64).collect().await;
    assert_eq!(seen.len(), 2_000);
    assert!(seen.into_iter().all(|own| own), "a tenant saw another tenant's row");
}

#[tokio::test]
async fn a_cancelled_transaction_is_rolled_back_before_reuse() {
    let (bench, ..) = counter().await;
    let call = bench.call();
    let all = || try_join_all((0..8).map(|_| bench.db.write(&call)));
    drop(all().await.expect("every connection"));
    for turn in 0..40 {
        let mut tx = bench.db.write(&call).await.expect("a transaction");
        seal::seal(&mut tx, &bench.host, bench.host.id(bench.tenant), "name", b"x").await.expect("sealed");
        match turn % 4 {
            // In the middle of a statement.
            0 => drop(sqlx::query("select count(*) from generate_series(1, 50000)").execute(&mut *tx).now_or_never()),
            // After one that failed.
            1 => drop(sqlx::query("select 1 / 0").execute(&mut *tx).await.expect_err("no number")),
            // While it ends, or as it begins.
            2 => drop(tx.rollback().now_or_never()),
            _ => drop(bench.db.write(&call).now_or_never()),
        }
    }
    let mut open = all().await.expect("every connection");
    for tx in &mut open {
        assert!(subjects(tx).await.is_empty(), "something of a transaction that never was");
    }
}
