//! SQL of price lists.

use bloom_db::TenantTx;
use bloom_events::ExportPage;
use bloom_kernel::{ChannelId, Country, Currency, Metadata, Name, PriceListId, TenantId};
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::model::{PriceList, PriceListFilter, PriceListStatus};
use crate::bounded::{Code, ListPriority};

/// The text of a status in the database.
fn status_text(status: PriceListStatus) -> &'static str {
    match status {
        PriceListStatus::Draft => "draft",
        PriceListStatus::Active => "active",
        PriceListStatus::Archived => "archived",
    }
}

/// Inserts a list; `false` when it is a base list and its currency has one already.
pub async fn price_list_insert(tx: &mut TenantTx, list: &PriceList) -> sqlx::Result<bool> {
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
        list.priority.get(),
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
pub async fn price_list_update(conn: &mut PgConnection, list: &PriceList) -> sqlx::Result<()> {
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
        list.priority.get(),
        status_text(list.status),
        &list.metadata as &Json<Metadata>,
        list.version,
        list.updated_at,
    )
    .execute(conn)
    .await
    .map(drop)
}

pub async fn price_list_get(conn: &mut PgConnection, id: PriceListId) -> sqlx::Result<Option<PriceList>> {
    sqlx::query_as!(
        PriceList,
        r#"select id as "id: PriceListId", code as "code: Code", name as "name: Name", currency as "currency: Currency",
                  channel_id as "channel_id: ChannelId", gross, tax_country as "tax_country: Country", starts_at, ends_at,
                  priority as "priority: ListPriority", status as "status: PriceListStatus", is_base, metadata as "metadata: Json<Metadata>", version,
                  created_at, updated_at
           from price_list where id = $1"#,
        id.uuid(),
    )
    .fetch_optional(conn)
    .await
}

/// One list, locked until the transaction ends.
pub async fn price_list_lock(conn: &mut PgConnection, id: PriceListId) -> sqlx::Result<Option<PriceList>> {
    sqlx::query_as!(
        PriceList,
        r#"select id as "id: PriceListId", code as "code: Code", name as "name: Name", currency as "currency: Currency",
                  channel_id as "channel_id: ChannelId", gross, tax_country as "tax_country: Country", starts_at, ends_at,
                  priority as "priority: ListPriority", status as "status: PriceListStatus", is_base, metadata as "metadata: Json<Metadata>", version,
                  created_at, updated_at
           from price_list where id = $1 for no key update"#,
        id.uuid(),
    )
    .fetch_optional(conn)
    .await
}

/// Lists, oldest first.
pub async fn price_list_list(
    conn: &mut PgConnection,
    filter: &PriceListFilter,
    after: Option<PriceListId>,
    limit: i64,
) -> sqlx::Result<Vec<PriceList>> {
    sqlx::query_as!(
        PriceList,
        r#"select id as "id: PriceListId", code as "code: Code", name as "name: Name", currency as "currency: Currency",
                  channel_id as "channel_id: ChannelId", gross, tax_country as "tax_country: Country", starts_at, ends_at,
                  priority as "priority: ListPriority", status as "status: PriceListStatus", is_base, metadata as "metadata: Json<Metadata>", version,
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
pub struct PriceListKey {
    /// The list.
    pub id: PriceListId,
    /// Its currency.
    pub currency: Currency,
    /// Whether it is the base list of the currency.
    pub is_base: bool,
}

/// The lists of these ids and the base lists of these currencies.
pub async fn price_list_keys(conn: &mut PgConnection, ids: &[Uuid], currencies: &[String]) -> sqlx::Result<Vec<PriceListKey>> {
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

/// Lists of all tenants, for the export.
pub async fn price_list_export(
    conn: &mut PgConnection,
    page: ExportPage<PriceListId>,
) -> sqlx::Result<Vec<(TenantId, PriceList)>> {
    let (tenant, id) = page.position();
    let rows = sqlx::query!(
        r#"select tenant_id as "tenant_id: TenantId", id as "id: PriceListId", code as "code: Code", name as "name: Name",
                  currency as "currency: Currency", channel_id as "channel_id: ChannelId", gross,
                  tax_country as "tax_country: Country", starts_at, ends_at, priority as "priority: ListPriority",
                  status as "status: PriceListStatus", is_base, metadata as "metadata: Json<Metadata>", version, created_at,
                  updated_at
           from price_list where (tenant_id, id) > ($1, $2) order by tenant_id, id limit $3"#,
        tenant,
        id,
        page.limit,
    )
    .fetch_all(conn)
    .await?;
    let records = rows.into_iter().map(|row| {
        let list = PriceList {
            id: row.id,
            code: row.code,
            name: row.name,
            currency: row.currency,
            channel_id: row.channel_id,
            gross: row.gross,
            tax_country: row.tax_country,
            starts_at: row.starts_at,
            ends_at: row.ends_at,
            priority: row.priority,
            status: row.status,
            is_base: row.is_base,
            metadata: row.metadata,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        };
        (row.tenant_id, list)
    });
    Ok(records.collect())
}
