//! Every frequent statement and every list finds its rows by an index of the tenant, among many rows of two tenants.

use bloom_db::TenantTx;
use bloom_kernel::{LocationId, TenantId, VariantId};
use chrono::TimeDelta;
use sqlx::{AssertSqlSafe, Executor as _};
use uuid::Uuid;

use super::{Fixture, fixture};
use crate::allocation::{Operation, operation_apply};
use crate::hold::{Hold, HoldLine, HoldStatus, hold_end, hold_extend, hold_get, hold_insert, hold_list, hold_lock, stock_lock};
use crate::item::{ItemFilter, item_get, item_list, item_lock};
use crate::movement::{ItemKey, MovementFilter, MovementKind, movement_list};
use crate::stock::{stock_of, stock_take_changed};

const ITEMS: i64 = 6_000;

/// Two tenants with 6,000 items at 40 locations, a movement and a hold line for each.
async fn fill(fixture: &Fixture) {
    let mut conn = fixture.env.superuser().await;
    for tenant in [fixture.env.tenant, fixture.env.other_tenant] {
        let script = format!(
            "insert into location select '{0}', md5(n::text || '{0}')::uuid, 'L' || n, 'L', n, true, 1, '2026-01-01', '2026-01-01'
             from generate_series(1, 40) n;
             insert into stock_item (tenant_id, variant_id, location_id, safety_stock, backorder_limit, version, settings_version, created_at, updated_at)
             select '{0}', md5('v' || n / 2)::uuid, md5((n % 40 + 1)::text || '{0}')::uuid, 0, 0, 1, 1, '2026-01-01', '2026-01-01'
             from generate_series(1, {ITEMS}) n;
             insert into movement (tenant_id, id, variant_id, location_id, kind, on_hand_delta, allocated_delta, held_delta, actor, occurred_at)
             select tenant_id, gen_random_uuid(), variant_id, location_id, 'received', 9, 0, 0, 'x', '2026-01-01' from stock_item where tenant_id = '{0}';
             insert into hold (tenant_id, id, status, expires_at, version, created_at, updated_at, ended_at)
             select '{0}', md5('h' || n)::uuid, 'released', '2026-01-01', 1, '2026-01-01', '2026-01-01', '2026-01-01' from generate_series(1, {ITEMS}) n;
             insert into hold_line select '{0}', md5('h' || n)::uuid, 0, 'x', md5('v' || n / 2)::uuid, md5((n % 40 + 1)::text || '{0}')::uuid, 1, 0, '2026-01-01', false
             from generate_series(1, {ITEMS}) n;
             delete from stock_dirty;",
            tenant.uuid()
        );
        conn.execute(AssertSqlSafe(script)).await.unwrap();
    }
    conn.execute("analyze location, stock_item, movement, hold, hold_line, stock_dirty").await.unwrap();
}

/// Rows read so far in this transaction from large tables: by sequential scans, and by indexes.
async fn read_rows(tx: &mut TenantTx) -> (i64, i64) {
    sqlx::query_as(
        "select coalesce(sum(seq_tup_read), 0)::bigint, coalesce(sum(idx_tup_fetch), 0)::bigint
         from pg_stat_xact_user_tables
         where schemaname = current_schema() and relname in ('stock_item', 'movement', 'hold', 'hold_line', 'stock_operation')",
    )
    .fetch_one(&mut **tx)
    .await
    .unwrap()
}

async fn some_items(tx: &mut TenantTx) -> Vec<ItemKey> {
    let rows: Vec<(VariantId, LocationId)> =
        sqlx::query_as("select variant_id, location_id from stock_item order by variant_id, location_id offset 777 limit 6")
            .fetch_all(&mut **tx)
            .await
            .unwrap();
    rows.into_iter().map(|(variant_id, location_id)| ItemKey { variant_id, location_id }).collect()
}

fn some_hold(fixture: &Fixture, items: &[ItemKey]) -> Hold {
    let now = fixture.env.clock.time();
    let line = |key: &ItemKey| HoldLine {
        line_id: "x".to_owned(),
        variant_id: key.variant_id,
        location_id: key.location_id,
        quantity: 1,
        backordered: 0,
    };
    Hold {
        id: fixture.id(),
        status: HoldStatus::Active,
        expires_at: now + TimeDelta::seconds(60),
        lines: items.iter().map(line).collect(),
        order_id: None,
        version: 1,
        created_at: now,
        updated_at: now,
    }
}

async fn life_of_a_hold(fixture: &Fixture, tx: &mut TenantTx, tenant: TenantId, items: &[ItemKey]) {
    let now = fixture.env.clock.time();
    let variants: Vec<Uuid> = items.iter().map(|key| key.variant_id.uuid()).collect();
    let ids = || items.iter().map(|_| fixture.id()).collect::<Vec<_>>();
    let stock = stock_lock(tx, &variants, &[], now).await.unwrap();
    assert!(items.len() <= stock.levels.len());
    let mut hold = some_hold(fixture, items);
    assert!(hold_insert(tx.step(), &hold, b"x", &ids()).await.unwrap());
    assert!(hold_lock(tx, hold.id).await.unwrap().is_some());
    assert_eq!(hold_extend(tx, &hold).await.unwrap(), hold.lines_len());
    (hold.status, hold.order_id) = (HoldStatus::Committed, Some(fixture.id()));
    assert_eq!(hold_end(tx.step(), &hold, MovementKind::Allocated, &ids()).await.unwrap(), hold.lines_len());
    item_lock(tx, items.iter().copied()).await.unwrap();
    let units: Vec<_> = items.iter().map(|key| (fixture.id(), *key, 1)).collect();
    let operation =
        Operation { id: "x", kind: MovementKind::Shipped, order_id: hold.order_id.unwrap(), fingerprint: b"x", units: &units };
    assert!(operation_apply(tx, &operation).await.unwrap().lacking.is_empty());
    assert!(!stock_take_changed(tx, tenant, now, 500).await.unwrap().is_empty());
    assert!(!stock_of(tx, tenant, &variants, now).await.unwrap().is_empty());
    hold_get(tx, hold.id).await.unwrap();
}

async fn every_list(fixture: &Fixture, tx: &mut TenantTx, key: ItemKey) {
    let now = fixture.env.clock.time();
    item_get(tx, key, now).await.unwrap();
    for after in [None, Some((key.variant_id, key.location_id))] {
        let all = ItemFilter { variant_id: None, location_id: None };
        assert_eq!(item_list(tx, &all, after, now, 21).await.unwrap().len(), 21);
        let at_location = ItemFilter { location_id: Some(key.location_id), ..all };
        assert_eq!(item_list(tx, &at_location, after, now, 21).await.unwrap().len(), 21);
    }
    let of_variant = ItemFilter { variant_id: Some(key.variant_id), location_id: None };
    item_list(tx, &of_variant, None, now, 21).await.unwrap();
    for after in [None, Some(Uuid::from_u128(u128::MAX / 2).into())] {
        assert_eq!(movement_list(tx, MovementFilter::default(), after, 21).await.unwrap().len(), 21);
        let of_variant = MovementFilter { variant_id: Some(key.variant_id), location_id: Some(key.location_id), order_id: None };
        movement_list(tx, of_variant, after, 21).await.unwrap();
        let of_order = MovementFilter { order_id: Some(fixture.id()), ..MovementFilter::default() };
        movement_list(tx, of_order, after, 21).await.unwrap();
    }
    for status in [None, Some(HoldStatus::Released)] {
        assert_eq!(hold_list(tx, status, None, now, 21).await.unwrap().len(), 21);
    }
}

#[tokio::test]
async fn no_statement_reads_more_rows_than_it_needs() {
    let fixture = fixture().await;
    fill(&fixture).await;
    let mut tx = fixture.env.db.write(&fixture.call()).await.unwrap();
    let items = some_items(&mut tx).await;
    drop(tx);
    // PostgreSQL switches a prepared statement to its generic plan after several runs.
    for _ in 0..7 {
        let mut tx = fixture.env.db.write(&fixture.call()).await.unwrap();
        let before = read_rows(&mut tx).await;
        life_of_a_hold(&fixture, &mut tx, fixture.env.tenant, &items).await;
        every_list(&fixture, &mut tx, items[0]).await;
        let after = read_rows(&mut tx).await;
        assert_eq!(after.0, before.0, "a growing table was scanned");
        let fetched = after.1 - before.1;
        assert!((200..500).contains(&fetched), "{fetched} rows were fetched");
    }
}
