//! SQL of prices.

use bloom_db::TenantTx;
use bloom_events::ExportPage;
use bloom_kernel::{Currency, Money, PriceId, PriceListId, TenantId, Timestamp, VariantId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::model::{Price, PriceFilter};

/// A price as read; its currency comes from the list.
struct Row {
    id: PriceId,
    price_list_id: PriceListId,
    variant_id: VariantId,
    min_quantity: i64,
    amount: i64,
    currency: Currency,
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<Row> for Price {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            price_list_id: row.price_list_id,
            variant_id: row.variant_id,
            min_quantity: row.min_quantity,
            price: Money::new(row.amount, row.currency),
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// A price to write, with its list.
#[derive(Debug, Clone, Copy)]
pub struct NewPrice {
    /// Its id if it is new.
    pub id: PriceId,
    pub price_list_id: PriceListId,
    pub variant_id: VariantId,
    pub min_quantity: i64,
    /// Minor units of the list's currency.
    pub amount: i64,
}

/// Writes prices by (list, variant, quantity), and returns those that are new or have another amount than before.
pub async fn prices_upsert(tx: &mut TenantTx, prices: &[NewPrice]) -> sqlx::Result<Vec<Price>> {
    let tenant = tx.tenant().uuid();
    let ids: Vec<Uuid> = prices.iter().map(|price| price.id.uuid()).collect();
    let lists: Vec<Uuid> = prices.iter().map(|price| price.price_list_id.uuid()).collect();
    let variants: Vec<Uuid> = prices.iter().map(|price| price.variant_id.uuid()).collect();
    let tiers: Vec<i64> = prices.iter().map(|price| price.min_quantity).collect();
    let amounts: Vec<i64> = prices.iter().map(|price| price.amount).collect();
    let rows = sqlx::query_as!(
        Row,
        r#"with written as (
             insert into price (tenant_id, id, price_list_id, variant_id, min_quantity, amount, version, created_at, updated_at)
             select $1, id, list, variant, tier, amount, 1, $7, $7
             from unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::int8[], $6::int8[]) given(id, list, variant, tier, amount)
             order by list, variant, tier
             on conflict on constraint price_tier_key do update
               set amount = excluded.amount, version = price.version + 1, updated_at = excluded.updated_at
               where price.amount <> excluded.amount
             returning *
           )
           select written.id as "id: PriceId", price_list_id as "price_list_id: PriceListId",
                  variant_id as "variant_id: VariantId", min_quantity, amount, list.currency as "currency: Currency",
                  written.version, written.created_at, written.updated_at
           from written join price_list list on list.tenant_id = written.tenant_id and list.id = written.price_list_id"#,
        tenant,
        &ids,
        &lists,
        &variants,
        &tiers,
        &amounts,
        tx.now(),
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(Price::from).collect())
}

pub async fn price_get(conn: &mut PgConnection, id: PriceId) -> sqlx::Result<Option<Price>> {
    let row = sqlx::query_as!(
        Row,
        r#"select p.id as "id: PriceId", price_list_id as "price_list_id: PriceListId", variant_id as "variant_id: VariantId",
                  min_quantity, amount, l.currency as "currency: Currency", p.version, p.created_at, p.updated_at
           from price p join price_list l on l.tenant_id = p.tenant_id and l.id = p.price_list_id
           where p.id = $1"#,
        id.uuid(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Price::from))
}

/// Changes the amount of a price when it still has this version.
pub async fn price_update(conn: &mut PgConnection, id: PriceId, version: i64, amount: i64, now: Timestamp) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update price set amount = $3, version = version + 1, updated_at = $4 where id = $1 and version = $2",
        id.uuid(),
        version,
        amount,
        now,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Deletes a price when it still has this version.
pub async fn price_delete(conn: &mut PgConnection, id: PriceId, version: i64) -> sqlx::Result<bool> {
    let done = sqlx::query!("delete from price where id = $1 and version = $2", id.uuid(), version).execute(conn).await?;
    Ok(done.rows_affected() == 1)
}

/// Prices by list, variant and quantity.
pub async fn price_list(
    conn: &mut PgConnection,
    filter: &PriceFilter,
    after: Option<(PriceListId, VariantId, i64)>,
    limit: i64,
) -> sqlx::Result<Vec<Price>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select p.id as "id: PriceId", price_list_id as "price_list_id: PriceListId", variant_id as "variant_id: VariantId",
                  min_quantity, amount, l.currency as "currency: Currency", p.version, p.created_at, p.updated_at
           from price p join price_list l on l.tenant_id = p.tenant_id and l.id = p.price_list_id
           where ($1::uuid is null or price_list_id = $1) and ($2::uuid is null or variant_id = $2)
             and ($3::uuid is null or (price_list_id, variant_id, min_quantity) > ($3, $4::uuid, $5::int8))
           order by price_list_id, variant_id, min_quantity limit $6"#,
        filter.price_list_id.map(PriceListId::uuid),
        filter.variant_id.map(VariantId::uuid),
        after.map(|(list, _, _)| list.uuid()),
        after.map(|(_, variant, _)| variant.uuid()),
        after.map(|(_, _, min_quantity)| min_quantity),
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Price::from).collect())
}

/// The next variants that have a price in a list.
pub async fn price_variants(
    conn: &mut PgConnection,
    list: PriceListId,
    after: Option<VariantId>,
    limit: i64,
) -> sqlx::Result<Vec<VariantId>> {
    sqlx::query_scalar!(
        r#"select distinct variant_id as "id: VariantId" from price
           where price_list_id = $1 and ($2::uuid is null or variant_id > $2)
           order by variant_id limit $3"#,
        list.uuid(),
        after.map(VariantId::uuid),
        limit,
    )
    .fetch_all(conn)
    .await
}

/// Prices of all tenants, for the export.
pub async fn price_export(conn: &mut PgConnection, page: ExportPage<PriceId>) -> sqlx::Result<Vec<(TenantId, Price)>> {
    let (tenant, id) = page.position();
    let rows = sqlx::query!(
        r#"select p.tenant_id as "tenant_id: TenantId", p.id as "id: PriceId", price_list_id as "price_list_id: PriceListId",
                  variant_id as "variant_id: VariantId", min_quantity, amount, l.currency as "currency: Currency", p.version,
                  p.created_at, p.updated_at
           from price p join price_list l on l.tenant_id = p.tenant_id and l.id = p.price_list_id
           where (p.tenant_id, p.id) > ($1, $2) order by p.tenant_id, p.id limit $3"#,
        tenant,
        id,
        page.limit,
    )
    .fetch_all(conn)
    .await?;
    let records = rows.into_iter().map(|row| {
        let price = Price {
            id: row.id,
            price_list_id: row.price_list_id,
            variant_id: row.variant_id,
            min_quantity: row.min_quantity,
            price: Money::new(row.amount, row.currency),
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        };
        (row.tenant_id, price)
    });
    Ok(records.collect())
}
