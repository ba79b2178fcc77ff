//! The table `api_key`.

use bloom_fault::Fault;
use bloom_kernel::{AccountId, ApiKeyId, ChannelId, TenantId, Timestamp};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::api_key::{ApiKey, KeyKind, KeyMode};
use crate::error::refusal;
use crate::store::unknown;

/// A row as it is stored, without the digest.
pub struct ApiKeyRow {
    tenant_id: TenantId,
    id: ApiKeyId,
    kind: String,
    mode: String,
    name: String,
    hint: String,
    scopes: Vec<String>,
    channel_id: Option<ChannelId>,
    expires_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
    rotated_from: Option<ApiKeyId>,
    rotated_to: Option<ApiKeyId>,
    last_used_at: Option<Timestamp>,
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl TryFrom<ApiKeyRow> for ApiKey {
    type Error = Fault;

    fn try_from(row: ApiKeyRow) -> Result<Self, Fault> {
        Ok(Self {
            id: row.id,
            environment_id: row.tenant_id,
            kind: KeyKind::parse(&row.kind).ok_or_else(|| unknown("api_key.kind", &row.kind))?,
            mode: KeyMode::parse(&row.mode).ok_or_else(|| unknown("api_key.mode", &row.mode))?,
            name: row.name,
            hint: row.hint,
            scopes: row.scopes,
            channel_id: row.channel_id,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
            rotated_from: row.rotated_from,
            rotated_to: row.rotated_to,
            last_used_at: row.last_used_at,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// A key of the connection's tenant.
pub async fn api_key_get(conn: &mut PgConnection, id: ApiKeyId) -> Result<Option<ApiKey>, Fault> {
    let row = sqlx::query_as!(
        ApiKeyRow,
        r#"select tenant_id as "tenant_id: TenantId", id as "id: ApiKeyId", kind, mode, name, hint, scopes,
                  channel_id as "channel_id: ChannelId", expires_at, revoked_at, rotated_from as "rotated_from: ApiKeyId",
                  rotated_to as "rotated_to: ApiKeyId", last_used_at, version, created_at, updated_at
           from api_key where id = $1"#,
        id.uuid(),
    )
    .fetch_optional(conn)
    .await?;
    row.map(ApiKey::try_from).transpose()
}

/// A key and the one that it replaced, locked in the order of their ids.
pub async fn api_key_lock(conn: &mut PgConnection, id: ApiKeyId) -> Result<Vec<ApiKey>, Fault> {
    let rows = sqlx::query_as!(
        ApiKeyRow,
        r#"select tenant_id as "tenant_id: TenantId", id as "id: ApiKeyId", kind, mode, name, hint, scopes,
                  channel_id as "channel_id: ChannelId", expires_at, revoked_at, rotated_from as "rotated_from: ApiKeyId",
                  rotated_to as "rotated_to: ApiKeyId", last_used_at, version, created_at, updated_at
           from api_key
           where id = $1 or id = (select rotated_from from api_key where id = $1)
           order by id for update"#,
        id.uuid(),
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(ApiKey::try_from).collect()
}

/// The tenant's keys, newest first.
pub async fn api_key_list(
    conn: &mut PgConnection,
    tenant: TenantId,
    before: Option<ApiKeyId>,
    limit: i64,
) -> Result<Vec<ApiKey>, Fault> {
    let rows = sqlx::query_as!(
        ApiKeyRow,
        r#"select tenant_id as "tenant_id: TenantId", id as "id: ApiKeyId", kind, mode, name, hint, scopes,
                  channel_id as "channel_id: ChannelId", expires_at, revoked_at, rotated_from as "rotated_from: ApiKeyId",
                  rotated_to as "rotated_to: ApiKeyId", last_used_at, version, created_at, updated_at
           from api_key
           where tenant_id = $1 and ($2::uuid is null or id < $2)
           order by id desc limit $3"#,
        tenant.uuid(),
        before.map(ApiKeyId::uuid),
        limit,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(ApiKey::try_from).collect()
}

/// The keys of everybody, in the order of environment and id: for the system's eyes.
pub async fn api_key_scan(
    conn: &mut PgConnection,
    after: Option<(TenantId, ApiKeyId)>,
    limit: i64,
) -> Result<Vec<ApiKey>, Fault> {
    let (tenant, id) = after.unzip();
    let rows = sqlx::query_as!(
        ApiKeyRow,
        r#"select tenant_id as "tenant_id: TenantId", id as "id: ApiKeyId", kind, mode, name, hint, scopes,
                  channel_id as "channel_id: ChannelId", expires_at, revoked_at, rotated_from as "rotated_from: ApiKeyId",
                  rotated_to as "rotated_to: ApiKeyId", last_used_at, version, created_at, updated_at
           from api_key where $1::uuid is null or (tenant_id, id) > ($1, $2)
           order by tenant_id, id limit $3"#,
        tenant.map(TenantId::uuid),
        id.map(ApiKeyId::uuid),
        limit,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(ApiKey::try_from).collect()
}

/// Adds a key under its keyed digest; the connection's tenant must be the key's environment.
pub async fn api_key_insert(conn: &mut PgConnection, key: &ApiKey, digest: &[u8]) -> Result<(), Fault> {
    sqlx::query!(
        "insert into api_key
           (tenant_id, id, kind, mode, name, hint, digest, scopes, channel_id, expires_at, rotated_from, version, created_at,
            updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        key.environment_id.uuid(),
        key.id.uuid(),
        key.kind.as_str(),
        key.mode.as_str(),
        key.name,
        key.hint,
        digest,
        &key.scopes,
        key.channel_id.map(ChannelId::uuid),
        key.expires_at,
        key.rotated_from.map(ApiKeyId::uuid),
        key.version,
        key.created_at,
        key.updated_at,
    )
    .execute(conn)
    .await
    .map_err(refusal)?;
    Ok(())
}

/// Writes the columns that rotation and revocation change.
pub async fn api_key_update(conn: &mut PgConnection, key: &ApiKey) -> Result<(), Fault> {
    sqlx::query!(
        "update api_key set expires_at = $3, revoked_at = $4, rotated_to = $5, version = $6, updated_at = $7
         where tenant_id = $1 and id = $2",
        key.environment_id.uuid(),
        key.id.uuid(),
        key.expires_at,
        key.revoked_at,
        key.rotated_to.map(ApiKeyId::uuid),
        key.version,
        key.updated_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What a gateway is told about the holder of a key.
pub struct Holder {
    /// The key.
    pub key_id: ApiKeyId,
    /// Its environment.
    pub tenant_id: TenantId,
    /// Its account.
    pub account_id: AccountId,
    /// The environment's cell.
    pub cell: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// `secret` or `publishable`.
    pub kind: String,
    /// `live` or `test`.
    pub mode: String,
    /// Its channel.
    pub channel_id: Option<ChannelId>,
    /// When it ceases to work.
    pub expires_at: Option<Timestamp>,
    /// The last revocation that this answer knows.
    pub revocations: i64,
}

/// The holder of a key that is not revoked: for the system's eyes, as nobody knows the tenant yet.
pub async fn api_key_resolve(conn: &mut PgConnection, digest: &[u8]) -> Result<Option<Holder>, Fault> {
    let holder = sqlx::query_as!(
        Holder,
        r#"select api_key.id as "key_id: ApiKeyId", api_key.tenant_id as "tenant_id: TenantId",
                  environment.account_id as "account_id: AccountId", environment.cell, api_key.scopes, api_key.kind, api_key.mode,
                  api_key.channel_id as "channel_id: ChannelId", api_key.expires_at,
                  (select seq from revocation_head) as "revocations!"
           from api_key join environment on environment.tenant_id = api_key.tenant_id
           where api_key.digest = $1 and api_key.revoked_at is null"#,
        digest,
    )
    .fetch_optional(conn)
    .await?;
    Ok(holder)
}

/// Notes when keys were last used. A use is no change: the version stays.
pub async fn api_key_touch(conn: &mut PgConnection, ids: &[Uuid], used_at: &[Timestamp]) -> Result<(), Fault> {
    sqlx::query!(
        "update api_key set last_used_at = used.at
         from unnest($1::uuid[], $2::timestamptz[]) as used(id, at)
         where api_key.id = used.id and (last_used_at is null or last_used_at < used.at)",
        ids,
        used_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}
