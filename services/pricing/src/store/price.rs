//! Price rows.

use bloom_db::TenantTx;
use bloom_kernel::{Currency, Money, PriceId, PriceListId, Timestamp, VariantId};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::price::Price;

/// A price as it is read: the currency comes from the list.
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

/// A price to be written, its list resolved.
#[derive(Debug, Clone, Copy)]
pub struct NewPrice {
    /// Its id, should it be new.
    pub id: PriceId,
    /// Its list.
    pub price_list_id: PriceListId,
    /// What it prices.
    pub variant_id: VariantId,
    /// The tier.
    pub min_quantity: i64,
    /// For one unit.
    pub price: Money,
}

/// Writes prices by (list, variant, tier) and returns those that are new or other than before.
pub async fn prices_upsert(tx: &mut TenantTx, prices: &[NewPrice], now: Timestamp) -> Result<Vec<Price>, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    let ids: Vec<Uuid> = prices.iter().map(|price| price.id.uuid()).collect();
    let lists: Vec<Uuid> = prices.iter().map(|price| price.price_list_id.uuid()).collect();
    let variants: Vec<Uuid> = prices.iter().map(|price| price.variant_id.uuid()).collect();
    let tiers: Vec<i64> = prices.iter().map(|price| price.min_quantity).collect();
    let amounts: Vec<i64> = prices.iter().map(|price| price.price.amount()).collect();
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
        now,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(Price::from).collect())
}

/// One price.
pub async fn price_get(conn: &mut PgConnection, id: PriceId) -> Result<Option<Price>, sqlx::Error> {
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
pub async fn price_update(
    tx: &mut TenantTx,
    id: PriceId,
    version: i64,
    amount: i64,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        "update price set amount = $3, version = version + 1, updated_at = $4 where id = $1 and version = $2",
        id.uuid(),
        version,
        amount,
        now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Removes a price when it still has this version.
pub async fn price_delete(tx: &mut TenantTx, id: PriceId, version: i64) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!("delete from price where id = $1 and version = $2", id.uuid(), version).execute(&mut **tx).await?;
    Ok(done.rows_affected() == 1)
}

/// Where a page of prices ended.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Position {
    /// List of the last price.
    pub price_list_id: PriceListId,
    /// Variant of the last price.
    pub variant_id: VariantId,
    /// Tier of the last price.
    pub min_quantity: i64,
}

impl From<&Price> for Position {
    fn from(price: &Price) -> Self {
        let Price { price_list_id, variant_id, min_quantity, .. } = *price;
        Self { price_list_id, variant_id, min_quantity }
    }
}

/// A page of prices by list, variant and tier.
pub async fn price_page(
    conn: &mut PgConnection,
    list: Option<PriceListId>,
    variant: Option<VariantId>,
    after: Option<Position>,
    limit: i64,
) -> Result<Vec<Price>, sqlx::Error> {
    let rows = sqlx::query_as!(
        Row,
        r#"select p.id as "id: PriceId", price_list_id as "price_list_id: PriceListId", variant_id as "variant_id: VariantId",
                  min_quantity, amount, l.currency as "currency: Currency", p.version, p.created_at, p.updated_at
           from price p join price_list l on l.tenant_id = p.tenant_id and l.id = p.price_list_id
           where ($1::uuid is null or price_list_id = $1) and ($2::uuid is null or variant_id = $2)
             and ($3::uuid is null or (price_list_id, variant_id, min_quantity) > ($3, $4::uuid, $5::int8))
           order by price_list_id, variant_id, min_quantity limit $6"#,
        list.map(PriceListId::uuid),
        variant.map(VariantId::uuid),
        after.map(|after| after.price_list_id.uuid()),
        after.map(|after| after.variant_id.uuid()),
        after.map(|after| after.min_quantity),
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
) -> Result<Vec<VariantId>, sqlx::Error> {
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

/// Prices by id, for an export.
pub async fn prices_after(conn: &mut PgConnection, after: Option<PriceId>, limit: i64) -> Result<Vec<Price>, sqlx::Error> {
    let rows = sqlx::query_as!(
        Row,
        r#"select p.id as "id: PriceId", price_list_id as "price_list_id: PriceListId", variant_id as "variant_id: VariantId",
                  min_quantity, amount, l.currency as "currency: Currency", p.version, p.created_at, p.updated_at
           from price p join price_list l on l.tenant_id = p.tenant_id and l.id = p.price_list_id
           where $1::uuid is null or p.id > $1 order by p.id limit $2"#,
        after.map(PriceId::uuid),
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Price::from).collect())
}
