//! Connections in the database.

use bloom_db::{Db, TenantTx};
use bloom_events::ExportPage;
use bloom_fault::Fault;
use bloom_kernel::{ConnectionId, TenantId, Timestamp};
use sqlx::PgConnection;

use super::model::PaymentConnection;
use crate::provider::ProviderKind;

/// Selects connections; `tail` is the rest of the statement.
macro_rules! select_connection {
    ($tail:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            PaymentConnection,
            r#"select id as "id: ConnectionId", provider as "provider: ProviderKind", name, webhook_url,
                      is_default, active, version, created_at, updated_at, credentials, webhook_secret
               from connection "# + $tail
            $(, $argument)*
        )
    };
}

pub(crate) async fn connection_insert(tx: &mut TenantTx, connection: &PaymentConnection) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into connection (tenant_id, id, provider, name, credentials, webhook_secret, webhook_url, is_default, active,
                                 version, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)",
        tx.tenant().uuid(),
        connection.id.uuid(),
        connection.provider.as_str(),
        connection.name,
        connection.credentials,
        connection.webhook_secret,
        connection.webhook_url,
        connection.is_default,
        connection.active,
        connection.version,
        connection.created_at,
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

pub(crate) async fn connection_update(conn: &mut PgConnection, connection: &PaymentConnection) -> sqlx::Result<()> {
    sqlx::query!(
        "update connection
         set name = $2, credentials = $3, webhook_secret = $4, webhook_url = $5, is_default = $6, active = $7, version = $8,
             updated_at = $9
         where id = $1",
        connection.id.uuid(),
        connection.name,
        connection.credentials,
        connection.webhook_secret,
        connection.webhook_url,
        connection.is_default,
        connection.active,
        connection.version,
        connection.updated_at,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Clears the flag of the former default; returns that connection as changed.
pub(crate) async fn connection_clear_default(
    conn: &mut PgConnection,
    new_default: ConnectionId,
    now: Timestamp,
) -> sqlx::Result<Option<PaymentConnection>> {
    sqlx::query_as!(
        PaymentConnection,
        r#"update connection set is_default = false, version = version + 1, updated_at = $2
           where is_default and id <> $1
           returning id as "id: ConnectionId", provider as "provider: ProviderKind", name, webhook_url,
                     is_default, active, version, created_at, updated_at, credentials, webhook_secret"#,
        new_default.uuid(),
        now,
    )
    .fetch_optional(conn)
    .await
}

pub(crate) async fn connection_get(conn: &mut PgConnection, id: ConnectionId) -> sqlx::Result<Option<PaymentConnection>> {
    select_connection!("where id = $1", id.uuid()).fetch_optional(conn).await
}

pub(crate) async fn connection_lock(conn: &mut PgConnection, id: ConnectionId) -> sqlx::Result<Option<PaymentConnection>> {
    select_connection!("where id = $1 for update", id.uuid()).fetch_optional(conn).await
}

/// The connection that a new payment uses: the default one, or the newest of the named provider (the default first).
pub(crate) async fn connection_choose(
    conn: &mut PgConnection,
    provider: Option<ProviderKind>,
) -> sqlx::Result<Option<PaymentConnection>> {
    select_connection!(
        "where active and (provider = $1 or ($1::text is null and is_default)) order by is_default desc, id desc limit 1",
        provider.map(ProviderKind::as_str),
    )
    .fetch_optional(conn)
    .await
}

/// Connections, newest first.
pub(crate) async fn connection_list(
    conn: &mut PgConnection,
    before: Option<ConnectionId>,
    limit: i64,
) -> sqlx::Result<Vec<PaymentConnection>> {
    let before = before.map_or(uuid::Uuid::max(), ConnectionId::uuid);
    select_connection!("where id < $1 order by id desc limit $2", before, limit).fetch_all(conn).await
}

/// The tenant of a connection, read over all tenants: a provider that calls back, or a payer's browser, names the connection
/// alone.
pub(crate) async fn connection_tenant(db: &Db, id: ConnectionId) -> Result<Option<TenantId>, Fault> {
    let mut system = db.system().await?;
    Ok(sqlx::query_scalar!(r#"select tenant_id as "tenant_id: TenantId" from connection where id = $1"#, id.uuid())
        .fetch_optional(&mut *system)
        .await?)
}

/// Connections of all tenants, for the export.
pub(crate) async fn connection_export(
    conn: &mut PgConnection,
    page: ExportPage<ConnectionId>,
) -> sqlx::Result<Vec<(TenantId, PaymentConnection)>> {
    let (tenant, id) = page.position();
    let keys = sqlx::query!(
        r#"select tenant_id as "tenant_id: TenantId", id from connection
           where (tenant_id, id) > ($1, $2) order by tenant_id, id limit $3"#,
        tenant,
        id,
        page.limit,
    )
    .fetch_all(&mut *conn)
    .await?;
    let (tenants, ids): (Vec<_>, Vec<_>) = keys.iter().map(|key| (key.tenant_id.uuid(), key.id)).unzip();
    let rows = select_connection!(
        "join unnest($1::uuid[], $2::uuid[]) as wanted(wanted_tenant, wanted_id)
           on tenant_id = wanted_tenant and id = wanted_id
         order by tenant_id, id",
        &tenants,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(keys.into_iter().map(|key| key.tenant_id).zip(rows).collect())
}
