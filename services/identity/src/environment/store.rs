//! SQL of the table `environment`. Row-level security shows a tenant its own row, and the live environment its account's
//! sandboxes too.

use bloom_db::TenantTx;
use bloom_events::ExportPage;
use bloom_kernel::{AccountId, Currency, Locale, Name, TenantId, Timestamp};
use sqlx::PgConnection;

use super::model::{Environment, EnvironmentKind, TimeZone};

struct EnvironmentRow {
    tenant_id: TenantId,
    account_id: AccountId,
    kind: String,
    name: Name,
    cell: String,
    time_zone: TimeZone,
    locale: Locale,
    currency: Currency,
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl TryFrom<EnvironmentRow> for Environment {
    type Error = sqlx::Error;

    fn try_from(row: EnvironmentRow) -> sqlx::Result<Self> {
        let kind = EnvironmentKind::parse(&row.kind);
        Ok(Self {
            id: row.tenant_id,
            account_id: row.account_id,
            kind: kind.ok_or_else(|| sqlx::Error::Decode(format!("environment.kind is `{}`", row.kind).into()))?,
            name: row.name,
            cell: row.cell,
            time_zone: row.time_zone,
            locale: row.locale,
            currency: row.currency,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// An environment that the connection may see.
pub(super) async fn environment_get(conn: &mut PgConnection, id: TenantId) -> sqlx::Result<Option<Environment>> {
    let row = sqlx::query_as!(
        EnvironmentRow,
        r#"select tenant_id as "tenant_id: TenantId", account_id as "account_id: AccountId", kind, name as "name: Name", cell,
                  time_zone as "time_zone: TimeZone", locale as "locale: Locale", currency as "currency: Currency", version, created_at, updated_at
           from environment where tenant_id = $1"#,
        id.uuid(),
    )
    .fetch_optional(conn)
    .await?;
    row.map(Environment::try_from).transpose()
}

/// The tenant's own environment, locked against other changes.
pub(super) async fn environment_lock(conn: &mut PgConnection, id: TenantId) -> sqlx::Result<Option<Environment>> {
    let row = sqlx::query_as!(
        EnvironmentRow,
        r#"select tenant_id as "tenant_id: TenantId", account_id as "account_id: AccountId", kind, name as "name: Name", cell,
                  time_zone as "time_zone: TimeZone", locale as "locale: Locale", currency as "currency: Currency", version, created_at, updated_at
           from environment where tenant_id = $1 for update"#,
        id.uuid(),
    )
    .fetch_optional(conn)
    .await?;
    row.map(Environment::try_from).transpose()
}

/// The environments that the connection may see, in the order of their ids.
pub(super) async fn environment_list(
    conn: &mut PgConnection,
    after: Option<TenantId>,
    limit: i64,
) -> sqlx::Result<Vec<Environment>> {
    let rows = sqlx::query_as!(
        EnvironmentRow,
        r#"select tenant_id as "tenant_id: TenantId", account_id as "account_id: AccountId", kind, name as "name: Name", cell,
                  time_zone as "time_zone: TimeZone", locale as "locale: Locale", currency as "currency: Currency", version, created_at, updated_at
           from environment
           where account_id = own_account() and ($1::uuid is null or tenant_id > $1)
           order by tenant_id limit $2"#,
        after.map(TenantId::uuid),
        limit,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Environment::try_from).collect()
}

/// Environments of all tenants, for the export.
pub(crate) async fn environment_export(
    conn: &mut PgConnection,
    page: ExportPage<TenantId>,
) -> sqlx::Result<Vec<(TenantId, Environment)>> {
    let (tenant, _) = page.position();
    let rows = sqlx::query_as!(
        EnvironmentRow,
        r#"select tenant_id as "tenant_id: TenantId", account_id as "account_id: AccountId", kind, name as "name: Name", cell,
                  time_zone as "time_zone: TimeZone", locale as "locale: Locale", currency as "currency: Currency", version,
                  created_at, updated_at
           from environment where tenant_id > $1
           order by tenant_id limit $2"#,
        tenant,
        page.limit,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| Environment::try_from(row).map(|environment| (environment.id, environment))).collect()
}

/// Adds an environment; the connection's tenant must be that environment.
pub(super) async fn environment_insert(tx: &mut TenantTx, environment: &Environment) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into environment
           (tenant_id, account_id, kind, name, cell, time_zone, locale, currency, version, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        tx.tenant().uuid(),
        environment.account_id.uuid(),
        environment.kind.as_str(),
        environment.name.as_str(),
        environment.cell,
        environment.time_zone.as_str(),
        environment.locale.as_str(),
        environment.currency.as_str(),
        environment.version,
        environment.created_at,
        environment.updated_at,
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Writes the columns that may change.
pub(super) async fn environment_update(conn: &mut PgConnection, environment: &Environment) -> sqlx::Result<()> {
    sqlx::query!(
        "update environment set name = $2, time_zone = $3, locale = $4, currency = $5, version = $6, updated_at = $7
         where tenant_id = $1",
        environment.id.uuid(),
        environment.name.as_str(),
        environment.time_zone.as_str(),
        environment.locale.as_str(),
        environment.currency.as_str(),
        environment.version,
        environment.updated_at,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Whether the database knows the name of a time zone.
pub(super) async fn time_zone_exists(conn: &mut PgConnection, name: &TimeZone) -> sqlx::Result<bool> {
    sqlx::query_scalar!(r#"select exists (select from pg_timezone_names where name = $1) as "known!""#, name.as_str())
        .fetch_one(conn)
        .await
}
