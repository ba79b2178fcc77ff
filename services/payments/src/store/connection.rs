//! Connections to providers.

use bloom_fault::Fault;
use bloom_kernel::{ConnectionId, TenantId, Timestamp};
use sqlx::PgConnection;

use crate::domain::ProviderKind;

/// A connection as it is stored, its secrets sealed.
#[derive(Clone, Debug)]
pub struct ConnectionRow {
    /// Its id.
    pub id: ConnectionId,
    /// Its provider.
    pub provider: ProviderKind,
    /// What the merchant calls it.
    pub name: String,
    /// The key that the provider knows us by.
    pub credentials: Option<Vec<u8>>,
    /// The secret that the provider signs with.
    pub webhook_secret: Option<Vec<u8>>,
    /// Used when a payment names no provider.
    pub is_default: bool,
    /// Open for new payments.
    pub active: bool,
    /// Grows with every change.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// Selects connections; the tail is the rest of the statement.
macro_rules! select_connection {
    ($tail:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            ConnectionRow,
            r#"select id as "id: ConnectionId", provider as "provider: ProviderKind", name, credentials, webhook_secret,
                      is_default, active, version, created_at, updated_at
               from connection "# + $tail
            $(, $argument)*
        )
    };
}

/// Stores a new connection.
pub async fn connection_insert(conn: &mut PgConnection, tenant: TenantId, row: &ConnectionRow) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into connection (tenant_id, id, provider, name, credentials, webhook_secret, is_default, active,
                                 version, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)",
        tenant.uuid(),
        row.id.uuid(),
        row.provider.as_str(),
        row.name,
        row.credentials,
        row.webhook_secret,
        row.is_default,
        row.active,
        row.version,
        row.created_at,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Stores a changed connection.
pub async fn connection_update(conn: &mut PgConnection, row: &ConnectionRow) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update connection
         set name = $2, credentials = $3, webhook_secret = $4, is_default = $5, active = $6, version = $7, updated_at = $8
         where id = $1",
        row.id.uuid(),
        row.name,
        row.credentials,
        row.webhook_secret,
        row.is_default,
        row.active,
        row.version,
        row.updated_at,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// The default connection gives the flag up to another one; what it was before comes back changed.
pub async fn connection_default_take(
    conn: &mut PgConnection,
    taker: ConnectionId,
    now: Timestamp,
) -> Result<Option<ConnectionRow>, Fault> {
    Ok(sqlx::query_as!(
        ConnectionRow,
        r#"update connection set is_default = false, version = version + 1, updated_at = $2
           where is_default and id <> $1
           returning id as "id: ConnectionId", provider as "provider: ProviderKind", name, credentials, webhook_secret,
                     is_default, active, version, created_at, updated_at"#,
        taker.uuid(),
        now,
    )
    .fetch_optional(conn)
    .await?)
}

/// A connection.
pub async fn connection_get(conn: &mut PgConnection, id: ConnectionId) -> Result<Option<ConnectionRow>, Fault> {
    Ok(select_connection!("where id = $1", id.uuid()).fetch_optional(conn).await?)
}

/// A connection under its row lock.
pub async fn connection_lock(conn: &mut PgConnection, id: ConnectionId) -> Result<Option<ConnectionRow>, Fault> {
    Ok(select_connection!("where id = $1 for update", id.uuid()).fetch_optional(conn).await?)
}

/// The connection that a new payment uses: the default one, or the youngest of the named provider (the default first).
pub async fn connection_choose(conn: &mut PgConnection, provider: Option<ProviderKind>) -> Result<Option<ConnectionRow>, Fault> {
    Ok(select_connection!(
        "where active and (provider = $1 or ($1::text is null and is_default)) order by is_default desc, id desc limit 1",
        provider.map(ProviderKind::as_str),
    )
    .fetch_optional(conn)
    .await?)
}

/// Connections, youngest first.
pub async fn connection_list(
    conn: &mut PgConnection,
    before: Option<ConnectionId>,
    limit: i64,
) -> Result<Vec<ConnectionRow>, Fault> {
    let before = before.map_or(uuid::Uuid::max(), ConnectionId::uuid);
    Ok(select_connection!("where id < $1 order by id desc limit $2", before, limit).fetch_all(conn).await?)
}

/// Whose connection this is: a provider that calls back knows its id and nothing else.
pub async fn connection_tenant(conn: &mut PgConnection, id: ConnectionId) -> Result<Option<TenantId>, Fault> {
    Ok(sqlx::query_scalar!(r#"select tenant_id as "tenant_id: TenantId" from connection where id = $1"#, id.uuid())
        .fetch_optional(conn)
        .await?)
}

/// Connections of all tenants, in order.
pub async fn connection_export(
    conn: &mut PgConnection,
    after: Option<(TenantId, ConnectionId)>,
    limit: i64,
) -> Result<Vec<(TenantId, ConnectionRow)>, Fault> {
    let (tenant, id) = after.map_or((uuid::Uuid::nil(), uuid::Uuid::nil()), |(tenant, id)| (tenant.uuid(), id.uuid()));
    let keys = sqlx::query!(
        r#"select tenant_id as "tenant_id: TenantId", id from connection
           where (tenant_id, id) > ($1, $2) order by tenant_id, id limit $3"#,
        tenant,
        id,
        limit,
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
