//! The table `environment`. A connection sees its tenant's own row, and the live environment its account's sandboxes.

use bloom_fault::Fault;
use bloom_kernel::{AccountId, Currency, TenantId, Timestamp};
use sqlx::PgConnection;

use crate::domain::environment::{Environment, EnvironmentKind};
use crate::error::refusal;
use crate::store::unknown;

/// A row as it is stored.
pub struct EnvironmentRow {
    tenant_id: TenantId,
    account_id: AccountId,
    kind: String,
    name: String,
    cell: String,
    time_zone: String,
    locale: String,
    currency: Currency,
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl TryFrom<EnvironmentRow> for Environment {
    type Error = Fault;

    fn try_from(row: EnvironmentRow) -> Result<Self, Fault> {
        Ok(Self {
            id: row.tenant_id,
            account_id: row.account_id,
            kind: EnvironmentKind::parse(&row.kind).ok_or_else(|| unknown("environment.kind", &row.kind))?,
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
pub async fn environment_get(conn: &mut PgConnection, id: TenantId) -> Result<Option<Environment>, Fault> {
    let row = sqlx::query_as!(
        EnvironmentRow,
        r#"select tenant_id as "tenant_id: TenantId", account_id as "account_id: AccountId", kind, name, cell, time_zone,
                  locale, currency as "currency: Currency", version, created_at, updated_at
           from environment where tenant_id = $1"#,
        id.uuid(),
    )
    .fetch_optional(conn)
    .await?;
    row.map(Environment::try_from).transpose()
}

/// The tenant's own environment, locked against other changes.
pub async fn environment_lock(conn: &mut PgConnection, id: TenantId) -> Result<Option<Environment>, Fault> {
    let row = sqlx::query_as!(
        EnvironmentRow,
        r#"select tenant_id as "tenant_id: TenantId", account_id as "account_id: AccountId", kind, name, cell, time_zone,
                  locale, currency as "currency: Currency", version, created_at, updated_at
           from environment where tenant_id = $1 for update"#,
        id.uuid(),
    )
    .fetch_optional(conn)
    .await?;
    row.map(Environment::try_from).transpose()
}

/// The environments that the connection may see, in the order of their ids.
pub async fn environment_list(conn: &mut PgConnection, after: Option<TenantId>, limit: i64) -> Result<Vec<Environment>, Fault> {
    let rows = sqlx::query_as!(
        EnvironmentRow,
        r#"select tenant_id as "tenant_id: TenantId", account_id as "account_id: AccountId", kind, name, cell, time_zone,
                  locale, currency as "currency: Currency", version, created_at, updated_at
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

/// The environments of everybody, in the order of their ids: for the system's eyes.
pub async fn environment_scan(conn: &mut PgConnection, after: Option<TenantId>, limit: i64) -> Result<Vec<Environment>, Fault> {
    let rows = sqlx::query_as!(
        EnvironmentRow,
        r#"select tenant_id as "tenant_id: TenantId", account_id as "account_id: AccountId", kind, name, cell, time_zone,
                  locale, currency as "currency: Currency", version, created_at, updated_at
           from environment where $1::uuid is null or tenant_id > $1
           order by tenant_id limit $2"#,
        after.map(TenantId::uuid),
        limit,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Environment::try_from).collect()
}

/// Adds an environment; the connection's tenant must be the new one.
pub async fn environment_insert(conn: &mut PgConnection, environment: &Environment) -> Result<(), Fault> {
    sqlx::query!(
        "insert into environment
           (tenant_id, account_id, kind, name, cell, time_zone, locale, currency, version, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        environment.id.uuid(),
        environment.account_id.uuid(),
        environment.kind.as_str(),
        environment.name,
        environment.cell,
        environment.time_zone,
        environment.locale,
        environment.currency.as_str(),
        environment.version,
        environment.created_at,
        environment.updated_at,
    )
    .execute(conn)
    .await
    .map_err(refusal)?;
    Ok(())
}

/// Writes the columns that may change.
pub async fn environment_update(conn: &mut PgConnection, environment: &Environment) -> Result<(), Fault> {
    sqlx::query!(
        "update environment set name = $2, time_zone = $3, locale = $4, currency = $5, version = $6, updated_at = $7
         where tenant_id = $1",
        environment.id.uuid(),
        environment.name,
        environment.time_zone,
        environment.locale,
        environment.currency.as_str(),
        environment.version,
        environment.updated_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Whether the database knows the name of a time zone.
pub async fn time_zone_exists(conn: &mut PgConnection, name: &str) -> Result<bool, Fault> {
    let known = sqlx::query_scalar!(r#"select exists (select from pg_timezone_names where name = $1) as "known!""#, name)
        .fetch_one(conn)
        .await?;
    Ok(known)
}

/// Accounts that do not have exactly one live environment.
pub async fn account_without_one_live(conn: &mut PgConnection) -> Result<Vec<AccountId>, Fault> {
    let accounts = sqlx::query_scalar!(
        r#"select account.id as "id: AccountId" from account
           where 1 <> (select count(*) from environment where account_id = account.id and kind = 'live')
           order by account.id limit 100"#
    )
    .fetch_all(conn)
    .await?;
    Ok(accounts)
}
