//! SQL of price lists.

use bloom_kernel::{ChannelId, Currency, Metadata, PriceListId};
use bloom_runtime::TenantTx;
use sqlx::PgConnection;
use sqlx::types::Json;

use super::model::{PriceList, PriceListStatus};
use crate::bounded::{Code, Name};
use crate::place::Country;

/// Which lists a page holds.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct PriceListFilter {
    /// Of this status.
    pub status: Option<PriceListStatus>,
    /// In this currency.
    pub currency: Option<Currency>,
    /// For this channel only.
    pub channel_id: Option<ChannelId>,
}

/// The text of a status in the database.
fn status_text(status: PriceListStatus) -> &'static str {
    match status {
        PriceListStatus::Draft => "draft",
        PriceListStatus::Active => "active",
        PriceListStatus::Archived => "archived",
    }
}

/// Inserts a list; `false` when it is a base list and its currency has one already.
pub(crate) async fn price_list_insert(tx: &mut TenantTx, list: &PriceList) -> sqlx::Result<bool> {
    let tenant = tx.tenant().uuid();
    let done = sqlx::query!(
        "insert into price_list (tenant_id, id, code, name, currency, channel_id, gross, tax_country, starts_at, ends_at,
                                 priority, status, is_base, metadata, version, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
         on conflict (tenant_id, currency) where is_base do nothing",
        tenant,
        list.id.uuid(),
        list.code.as_str(),
        list.name.as_str(),
        list.currency.as_str(),
        list.channel_id.map(ChannelId::uuid),
        list.gross,
        list.tax_country.as_ref().map(Country::as_str),
        list.starts_at,
        list.ends_at,
        list.priority,
        status_text(list.status),
        list.is_base,
        &list.metadata as &Json<Metadata>,
        list.version,
        list.created_at,
        list.updated_at,
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Writes the state after a change.
pub(crate) async fn price_list_update(tx: &mut TenantTx, list: &PriceList) -> sqlx::Result<()> {
    sqlx::query!(
        "update price_list
         set code = $2, name = $3, channel_id = $4, gross = $5, tax_country = $6, starts_at = $7, ends_at = $8,
             priority = $9, status = $10, metadata = $11, version = $12, updated_at = $13
         where id = $1",
        list.id.uuid(),
        list.code.as_str(),
        list.name.as_str(),
        list.channel_id.map(ChannelId::uuid),
        list.gross,
        list.tax_country.as_ref().map(Country::as_str),
        list.starts_at,
        list.ends_at,
        list.priority,
        status_text(list.status),
        &list.metadata as &Json<Metadata>,
        list.version,
        list.updated_at,
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// One list.
pub(crate) async fn price_list_get(conn: &mut PgConnection, id: PriceListId) -> sqlx::Result<Option<PriceList>> {
    sqlx::query_as!(
        PriceList,
        r#"select id as "id: PriceListId", code as "code: Code", name as "name: Name", currency as "currency: Currency",
                  channel_id as "channel_id: ChannelId", gross, tax_country as "tax_country: Country", starts_at, ends_at,
                  priority, status as "status: PriceListStatus", is_base, metadata as "metadata: Json<Metadata>", version,
                  created_at, updated_at
           from price_list where id = $1"#,
        id.uuid(),
    )
    .fetch_optional(conn)
    .await
}

/// One list, locked until the transaction ends.
pub(crate) async fn price_list_lock(tx: &mut TenantTx, id: PriceListId) -> sqlx::Result<Option<PriceList>> {
    sqlx::query_as!(
        PriceList,
        r#"select id as "id: PriceListId", code as "code: Code", name as "name: Name", currency as "currency: Currency",
                  channel_id as "channel_id: ChannelId", gross, tax_country as "tax_country: Country", starts_at, ends_at,
                  priority, status as "status: PriceListStatus", is_base, metadata as "metadata: Json<Metadata>", version,
                  created_at, updated_at
           from price_list where id = $1 for no key update"#,
        id.uuid(),
    )
    .fetch_optional(&mut **tx)
    .await
}

/// A page of lists, oldest first.
pub(crate) async fn price_list_page(
    conn: &mut PgConnection,
    filter: PriceListFilter,
    after: Option<PriceListId>,
    limit: i64,
) -> sqlx::Result<Vec<PriceList>> {
    sqlx::query_as!(
        PriceList,
        r#"select id as "id: PriceListId", code as "code: Code", name as "name: Name", currency as "currency: Currency",
                  channel_id as "channel_id: ChannelId", gross, tax_country as "tax_country: Country", starts_at, ends_at,
                  priority, status as "status: PriceListStatus", is_base, metadata as "metadata: Json<Metadata>", version,
                  created_at, updated_at
           from price_list
           where ($1::text is null or status = $1) and ($2::text is null or currency = $2)
             and ($3::uuid is null or channel_id = $3) and ($4::uuid is null or id > $4)
           order by id limit $5"#,
        filter.status.map(status_text),
        filter.currency.map(Currency::as_str),
        filter.channel_id.map(ChannelId::uuid),
        after.map(PriceListId::uuid),
        limit,
    )
    .fetch_all(conn)
    .await
}

/// What setting prices needs to know of a list.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PriceListKey {
    /// The list.
    pub id: PriceListId,
    /// Its currency.
    pub currency: Currency,
    /// Whether it is the base list of the currency.
    pub is_base: bool,
}

/// The lists of these ids and the base lists of these currencies.
pub(crate) async fn price_list_keys(
    conn: &mut PgConnection,
    ids: &[uuid::Uuid],
    currencies: &[String],
) -> sqlx::Result<Vec<PriceListKey>> {
    sqlx::query_as!(
        PriceListKey,
        r#"select id as "id: PriceListId", currency as "currency: Currency", is_base
           from price_list where id = any($1) or (is_base and currency = any($2))"#,
        ids,
        currencies,
    )
    .fetch_all(conn)
    .await
}
