//! Price lists.

use bloom_db::TenantTx;
use bloom_kernel::{ChannelId, Currency, Metadata, PriceListId};
use sqlx::PgConnection;
use sqlx::types::Json;

use crate::domain::bounded::{Code, Name};
use crate::domain::place::Country;
use crate::domain::price_list::{PriceList, Status};

/// Which lists are wanted.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter {
    /// Of this status.
    pub status: Option<Status>,
    /// In this currency.
    pub currency: Option<Currency>,
    /// For this channel only.
    pub channel_id: Option<ChannelId>,
}

/// The word that stands for a status in the database.
fn word(status: Status) -> &'static str {
    match status {
        Status::Draft => "draft",
        Status::Active => "active",
        Status::Archived => "archived",
    }
}

/// Writes a new list; `false` when it is a base list and its currency has one already.
pub async fn price_list_insert(tx: &mut TenantTx, list: &PriceList) -> Result<bool, sqlx::Error> {
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
        word(list.status),
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

/// Writes what a change left.
pub async fn price_list_update(tx: &mut TenantTx, list: &PriceList) -> Result<(), sqlx::Error> {
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
        word(list.status),
        &list.metadata as &Json<Metadata>,
        list.version,
        list.updated_at,
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// One list.
pub async fn price_list_get(conn: &mut PgConnection, id: PriceListId) -> Result<Option<PriceList>, sqlx::Error> {
    sqlx::query_as!(
        PriceList,
        r#"select id as "id: PriceListId", code as "code: Code", name as "name: Name", currency as "currency: Currency",
                  channel_id as "channel_id: ChannelId", gross, tax_country as "tax_country: Country", starts_at, ends_at,
                  priority, status as "status: Status", is_base, metadata as "metadata: Json<Metadata>", version,
                  created_at, updated_at
           from price_list where id = $1"#,
        id.uuid(),
    )
    .fetch_optional(conn)
    .await
}

/// One list, locked until the transaction ends.
pub async fn price_list_lock(tx: &mut TenantTx, id: PriceListId) -> Result<Option<PriceList>, sqlx::Error> {
    sqlx::query_as!(
        PriceList,
        r#"select id as "id: PriceListId", code as "code: Code", name as "name: Name", currency as "currency: Currency",
                  channel_id as "channel_id: ChannelId", gross, tax_country as "tax_country: Country", starts_at, ends_at,
                  priority, status as "status: Status", is_base, metadata as "metadata: Json<Metadata>", version,
                  created_at, updated_at
           from price_list where id = $1 for no key update"#,
        id.uuid(),
    )
    .fetch_optional(&mut **tx)
    .await
}

/// A page of lists, oldest first.
pub async fn price_list_page(
    conn: &mut PgConnection,
    filter: Filter,
    after: Option<PriceListId>,
    limit: i64,
) -> Result<Vec<PriceList>, sqlx::Error> {
    sqlx::query_as!(
        PriceList,
        r#"select id as "id: PriceListId", code as "code: Code", name as "name: Name", currency as "currency: Currency",
                  channel_id as "channel_id: ChannelId", gross, tax_country as "tax_country: Country", starts_at, ends_at,
                  priority, status as "status: Status", is_base, metadata as "metadata: Json<Metadata>", version,
                  created_at, updated_at
           from price_list
           where ($1::text is null or status = $1) and ($2::text is null or currency = $2)
             and ($3::uuid is null or channel_id = $3) and ($4::uuid is null or id > $4)
           order by id limit $5"#,
        filter.status.map(word),
        filter.currency.map(Currency::as_str),
        filter.channel_id.map(ChannelId::uuid),
        after.map(PriceListId::uuid),
        limit,
    )
    .fetch_all(conn)
    .await
}

/// What setting prices must know of lists.
#[derive(Debug, Clone, Copy)]
pub struct ListKey {
    /// The list.
    pub id: PriceListId,
    /// Its currency.
    pub currency: Currency,
    /// Whether it is the base list of the currency.
    pub is_base: bool,
}

/// The lists of these ids and the base lists of these currencies.
pub async fn price_list_keys(
    conn: &mut PgConnection,
    ids: &[uuid::Uuid],
    currencies: &[String],
) -> Result<Vec<ListKey>, sqlx::Error> {
    sqlx::query_as!(
        ListKey,
        r#"select id as "id: PriceListId", currency as "currency: Currency", is_base
           from price_list where id = any($1) or (is_base and currency = any($2))"#,
        ids,
        currencies,
    )
    .fetch_all(conn)
    .await
}
