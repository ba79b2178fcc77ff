//! SQL of the tables `api_key`, `revocation` and `revocation_head`.

use bloom_db::TenantTx;
use bloom_events::ExportPage;
use bloom_kernel::{AccountId, ApiKeyId, ChannelId, TenantId, Timestamp};
use sqlx::PgConnection;
use uuid::Uuid;

use super::model::{ApiKey, KeyKind, KeyMode, KeyName};

/// A row without its digest.
struct ApiKeyRow {
    tenant_id: TenantId,
    id: ApiKeyId,
    kind: String,
    mode: String,
    name: KeyName,
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
    type Error = sqlx::Error;

    fn try_from(row: ApiKeyRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.id,
            environment_id: row.tenant_id,
            kind: KeyKind::parse(&row.kind).ok_or_else(|| invalid("api_key.kind", &row.kind))?,
            mode: KeyMode::parse(&row.mode).ok_or_else(|| invalid("api_key.mode", &row.mode))?,
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

/// The error of a value that the check constraints forbid.
fn invalid(column: &str, value: &str) -> sqlx::Error {
    sqlx::Error::Decode(format!("{column} is `{value}`").into())
}

/// The mode of the keys of an environment; none when the connection's tenant does not see the environment.
pub(super) async fn environment_key_mode(conn: &mut PgConnection, environment: TenantId) -> sqlx::Result<Option<KeyMode>> {
    let mode = sqlx::query_scalar!(
        r#"select case kind when 'live' then 'live' else 'test' end as "mode!" from environment where tenant_id = $1"#,
        environment.uuid(),
    )
    .fetch_optional(conn)
    .await?;
    mode.map(|mode| KeyMode::parse(&mode).ok_or_else(|| invalid("environment.kind", &mode))).transpose()
}

/// A key of the connection's tenant.
pub(super) async fn api_key_get(conn: &mut PgConnection, id: ApiKeyId) -> sqlx::Result<Option<ApiKey>> {
    let row = sqlx::query_as!(
        ApiKeyRow,
        r#"select tenant_id as "tenant_id: TenantId", id as "id: ApiKeyId", kind, mode, name as "name: KeyName", hint, scopes,
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
pub(super) async fn api_key_lock(conn: &mut PgConnection, id: ApiKeyId) -> sqlx::Result<Vec<ApiKey>> {
    let rows = sqlx::query_as!(
        ApiKeyRow,
        r#"select tenant_id as "tenant_id: TenantId", id as "id: ApiKeyId", kind, mode, name as "name: KeyName", hint, scopes,
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
pub(super) async fn api_key_list(
    conn: &mut PgConnection,
    tenant: TenantId,
    before: Option<ApiKeyId>,
    limit: i64,
) -> sqlx::Result<Vec<ApiKey>> {
    let rows = sqlx::query_as!(
        ApiKeyRow,
        r#"select tenant_id as "tenant_id: TenantId", id as "id: ApiKeyId", kind, mode, name as "name: KeyName", hint, scopes,
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

/// Keys of all tenants, for the export.
pub(crate) async fn api_key_export(conn: &mut PgConnection, page: ExportPage<ApiKeyId>) -> sqlx::Result<Vec<(TenantId, ApiKey)>> {
    let (tenant, id) = page.position();
    let rows = sqlx::query_as!(
        ApiKeyRow,
        r#"select tenant_id as "tenant_id: TenantId", id as "id: ApiKeyId", kind, mode, name as "name: KeyName", hint, scopes,
                  channel_id as "channel_id: ChannelId", expires_at, revoked_at, rotated_from as "rotated_from: ApiKeyId",
                  rotated_to as "rotated_to: ApiKeyId", last_used_at, version, created_at, updated_at
           from api_key where (tenant_id, id) > ($1, $2)
           order by tenant_id, id limit $3"#,
        tenant,
        id,
        page.limit,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| ApiKey::try_from(row).map(|key| (key.environment_id, key))).collect()
}

/// Adds a key under its keyed digest; the connection's tenant must be the key's environment.
pub(super) async fn api_key_insert(tx: &mut TenantTx, key: &ApiKey, digest: &[u8]) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into api_key
           (tenant_id, id, kind, mode, name, hint, digest, scopes, channel_id, expires_at, rotated_from, version, created_at,
            updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        tx.tenant().uuid(),
        key.id.uuid(),
        key.kind.as_str(),
        key.mode.as_str(),
        key.name.as_str(),
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
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Writes the columns that rotation and revocation change.
pub(super) async fn api_key_update(conn: &mut PgConnection, key: &ApiKey) -> sqlx::Result<()> {
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
    .await
    .map(drop)
}

/// The holder of a key.
pub(super) struct Holder {
    /// The key.
    pub(super) key_id: ApiKeyId,
    /// Its environment.
    pub(super) tenant_id: TenantId,
    /// Its account.
    pub(super) account_id: AccountId,
    /// The environment's cell.
    pub(super) cell: String,
    /// What it may do.
    pub(super) scopes: Vec<String>,
    /// `secret` or `publishable`.
    pub(super) kind: String,
    /// `live` or `test`.
    pub(super) mode: String,
    /// Its channel.
    pub(super) channel_id: Option<ChannelId>,
    /// When it ceases to work.
    pub(super) expires_at: Option<Timestamp>,
    /// The last revocation that this answer knows.
    pub(super) revocations: i64,
}

/// The holder of a key that is not revoked; for the system role, as the key names its tenant.
pub(super) async fn api_key_resolve(conn: &mut PgConnection, digest: &[u8]) -> sqlx::Result<Option<Holder>> {
    sqlx::query_as!(
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
    .await
}

/// Writes when keys were last used. A use is no change: the version stays.
pub(super) async fn api_key_touch(conn: &mut PgConnection, ids: &[Uuid], used_at: &[Timestamp]) -> sqlx::Result<()> {
    sqlx::query!(
        "update api_key set last_used_at = used.at
         from unnest($1::uuid[], $2::timestamptz[]) as used(id, at)
         where api_key.id = used.id and (last_used_at is null or last_used_at < used.at)",
        ids,
        used_at,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Adds a key to the list of revocations. The head stays locked until the transaction ends, so this is called last.
pub(super) async fn revocation_insert(tx: &mut TenantTx, key: ApiKeyId, now: Timestamp) -> sqlx::Result<()> {
    sqlx::query!(
        "with head as (update revocation_head set seq = seq + 1 returning seq)
         insert into revocation (tenant_id, seq, key_id, announced_at) select $1, seq, $2, $3 from head",
        tx.tenant().uuid(),
        key.uuid(),
        now,
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// One row of the list of revocations.
pub(super) struct Revocation {
    /// The highest number so far.
    pub(super) head: i64,
    /// The number of this revocation; none when there is none after the cursor.
    pub(super) seq: Option<i64>,
    pub(super) key_id: Option<ApiKeyId>,
}

/// The revocations after a number, and the head; never empty. A number beyond the head comes from before a restore of the
/// database: then all revocations are returned again.
pub(super) async fn revocation_list(conn: &mut PgConnection, after: i64, limit: i64) -> sqlx::Result<Vec<Revocation>> {
    sqlx::query_as!(
        Revocation,
        r#"select head.seq as "head!", revocation.seq as "seq?", revocation.key_id as "key_id?: ApiKeyId"
           from revocation_head head
           left join revocation on revocation.seq > case when $1 <= head.seq then $1 else 0 end
           order by revocation.seq limit $2"#,
        after,
        limit,
    )
    .fetch_all(conn)
    .await
}

/// Deletes the revocations before a time, and stores that time for the check.
pub(super) async fn revocation_purge(conn: &mut PgConnection, before: Timestamp) -> sqlx::Result<()> {
    sqlx::query!(
        "with head as (update revocation_head set purged_before = greatest(purged_before, $1))
         delete from revocation where announced_at < $1",
        before,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Revoked keys that are missing from the list that gateways poll.
pub(crate) async fn revocations_missing(conn: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    let keys = sqlx::query_scalar!(
        r#"select id as "id: ApiKeyId" from api_key cross join revocation_head head
           where revoked_at >= head.purged_before
               and not exists (select from revocation where key_id = api_key.id and announced_at >= revoked_at)
           order by id limit 100"#,
    )
    .fetch_all(conn)
    .await?;
    Ok(keys.into_iter().map(|key| format!("{key} was revoked and is missing from the list that gateways poll")).collect())
}
