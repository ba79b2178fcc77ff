//! Where an account wants its notices.

use bloom_kernel::{TenantId, Timestamp};
use sqlx::PgConnection;

/// Address and secret.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Address.
    pub url: String,
    /// What notices are signed with.
    pub secret: Vec<u8>,
}

/// Sets it.
pub async fn endpoint_set(
    conn: &mut PgConnection,
    account: TenantId,
    endpoint: &Endpoint,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into endpoint (tenant_id, url, secret, updated_at) values ($1, $2, $3, $4)
         on conflict (tenant_id) do update
           set url = excluded.url, secret = excluded.secret, updated_at = excluded.updated_at",
        account.uuid(),
        endpoint.url,
        endpoint.secret,
        now,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// The account's, if it has one.
pub async fn endpoint_get(conn: &mut PgConnection) -> Result<Option<Endpoint>, sqlx::Error> {
    sqlx::query_as!(Endpoint, "select url, secret from endpoint").fetch_optional(conn).await
}
