//! Every list without filters is a range of an index that begins with the tenant.

use bloom_kernel::{ChannelId, ProductId};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, Row as _};
use uuid::Uuid;

use super::super::query::{Filters, ListPosition, ListShape, ListState, ProductSort, SortKey};
use super::super::store::page_query;
use crate::tests::{Fixture, shop};

/// Inserts many products and their listings with SQL.
pub(super) async fn fill(fixture: &Fixture, channel: ChannelId, count: i32) {
    let mut conn = fixture.env.superuser().await;
    let tenant = fixture.env.tenant.uuid();
    sqlx::query(
        "insert into product (tenant_id, id, title, title_key, description, status, requires_shipping, options, attributes,
             media, metadata, list_json, version, created_at, updated_at)
         select $1, ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'T' || n, 't' || n, '', 'active', true, '[]',
             '{}', '[]', '{}', '\"id\":\"prod_' || lpad(n::text, 26, '0') || '\",\"title\":\"T' || n || '\"', 1, now(), now()
         from generate_series(1, $2) n",
    )
    .bind(tenant)
    .bind(count)
    .execute(&mut conn)
    .await
    .unwrap();
    sqlx::query("insert into product_channel (tenant_id, product_id, channel_id) select tenant_id, id, $1 from product")
        .bind(channel.uuid())
        .execute(&mut conn)
        .await
        .unwrap();
    conn.execute(
        "insert into listing (tenant_id, channel_id, product_id, state, price_amount, available, scopes, doc)
         select tenant_id, channel_id, product_id, state, price_amount, available, scopes, doc
         from listing_rows(array(select id from product));
         insert into listing_entry (tenant_id, channel_id, state, scope_id, product_id, title_key, price_key, position)
         select tenant_id, channel_id, state, unnest(scopes), product_id, title_key, coalesce(price_amount, 9223372036854775807), null
         from listing_rows(array(select id from product));
         analyze listing; analyze listing_entry; analyze product",
    )
    .await
    .unwrap();
    conn.close().await.unwrap();
}

async fn plan(fixture: &Fixture, channel: ChannelId, shape: &ListShape, after: Option<&ListPosition>) -> Value {
    let mut conn = fixture.env.db.read(fixture.env.tenant).await.unwrap();
    let sql = page_query(fixture.env.tenant, channel, shape, after, 21).sql().as_str().to_owned();
    // Planned without values, as on a connection that has run the statement often.
    conn.execute("set plan_cache_mode = force_generic_plan").await.unwrap();
    conn.execute(AssertSqlSafe(format!("prepare page as {sql}"))).await.unwrap();
    let parameters = sqlx::query("select cardinality(parameter_types) from pg_prepared_statements where name = 'page'");
    let count: i32 = parameters.fetch_one(&mut *conn).await.unwrap().get(0);
    let nulls = vec!["null"; usize::try_from(count).unwrap()].join(", ");
    let row =
        sqlx::query(AssertSqlSafe(format!("explain (format json) execute page({nulls})"))).fetch_one(&mut *conn).await.unwrap();
    conn.execute("deallocate page; reset plan_cache_mode").await.unwrap();
    row.get::<Value, _>(0)[0]["Plan"].clone()
}

/// Every node of a plan that reads a table: (table, kind of node, index, conditions).
fn scans(plan: &Value, found: &mut Vec<(String, String, String, String)>) {
    let word = |name: &str| plan[name].as_str().unwrap_or_default().to_owned();
    if plan["Relation Name"].is_string() {
        found.push((word("Relation Name"), word("Node Type"), word("Index Name"), word("Index Cond")));
    }
    for child in plan["Plans"].as_array().into_iter().flatten() {
        scans(child, found);
    }
}

fn sorts(plan: &Value) -> bool {
    plan["Node Type"].as_str().is_some_and(|kind| kind.contains("Sort"))
        || plan["Plans"].as_array().into_iter().flatten().any(sorts)
}

fn position(order: ProductSort) -> ListPosition {
    let product = ProductId::from_uuid(Uuid::nil());
    match order.key() {
        SortKey::Created => ListPosition { text: None, number: None, product },
        SortKey::Title => ListPosition { text: Some("t5".to_owned()), number: None, product },
        SortKey::Price | SortKey::Position => ListPosition { text: None, number: Some(5), product },
    }
}

#[tokio::test]
async fn every_order_is_one_range_of_an_index() {
    let (fixture, channel) = shop().await;
    fill(&fixture, channel, 3_000).await;
    let index = |order: ProductSort| match order.key() {
        SortKey::Created => "listing_entry_pkey",
        SortKey::Title => "listing_entry_title",
        SortKey::Price => "listing_entry_price",
        SortKey::Position => "listing_entry_position",
    };
    for order in ProductSort::ALL {
        // The whole catalogue, a category and a collection are the same statement with another scope.
        let shape = ListShape { state: ListState::Live, scope: Uuid::nil(), order, filters: Filters::default() };
        for after in [None, Some(position(order))] {
            let plan = plan(&fixture, channel, &shape, after.as_ref()).await;
            let mut found = Vec::new();
            scans(&plan, &mut found);
            assert!(!sorts(&plan), "{order:?} sorts: {plan:#}");
            assert_eq!(found.len(), 2, "{order:?}: {plan:#}");
            let (table, kind, used, conditions) = &found[0];
            assert_eq!((table.as_str(), used.as_str()), ("listing_entry", index(order)), "{order:?}: {plan:#}");
            assert!(kind.starts_with("Index"), "{order:?}: {kind}");
            for column in ["tenant_id", "channel_id", "state", "scope_id"] {
                assert!(conditions.contains(column), "{order:?}: {column} is no condition of the index in {conditions}");
            }
            assert_eq!(after.is_some(), conditions.contains('>') || conditions.contains('<'), "{order:?}: {conditions}");
            assert_eq!((found[1].0.as_str(), found[1].2.as_str()), ("listing", "listing_pkey"), "{order:?}: {plan:#}");
        }
    }
}

#[tokio::test]
async fn a_filtered_list_reads_a_bounded_range() {
    let (fixture, channel) = shop().await;
    fill(&fixture, channel, 3_000).await;
    let filters = Filters {
        category: Some(Uuid::nil()),
        attributes: vec![("colour".to_owned(), "red".to_owned())],
        price_min: Some(1),
        price_max: Some(9),
        available: Some(true),
        updated_since: Some(fixture.env.clock.time()),
    };
    for order in ProductSort::ALL {
        let shape = ListShape { state: ListState::Live, scope: Uuid::nil(), order, filters: filters.clone() };
        let plan = plan(&fixture, channel, &shape, Some(&position(order))).await;
        let mut found = Vec::new();
        scans(&plan, &mut found);
        for (table, kind, index, conditions) in &found {
            assert!(
                kind.starts_with("Index") || kind == "Bitmap Heap Scan" || kind == "CTE Scan",
                "{order:?}: {kind} of {table}: {plan:#}"
            );
            assert!(index.is_empty() || conditions.contains("tenant_id"), "{order:?}: {index} without the tenant: {conditions}");
        }
        assert!(found.iter().any(|(table, ..)| table == "product"), "{order:?}");
    }
}

#[tokio::test]
async fn a_refresh_uses_indexes_in_an_empty_database() {
    let (fixture, _) = shop().await;
    let mut tx = fixture.env.db.write(&fixture.call()).await.unwrap();
    crate::listing::topology_share(&mut tx).await.unwrap();
    let sql = format!("explain (format json) select * from listing_rows(array['{}'::uuid])", Uuid::nil());
    let plan = sqlx::query(AssertSqlSafe(sql)).fetch_one(&mut *tx).await.unwrap().get::<Value, _>(0)[0]["Plan"].clone();
    let mut found = Vec::new();
    scans(&plan, &mut found);
    for (table, kind, ..) in &found {
        assert!(kind != "Seq Scan", "all of {table} is read: {plan:#}");
    }
    drop(tx);
    fixture.product("T", "S", json!({})).await;
}
