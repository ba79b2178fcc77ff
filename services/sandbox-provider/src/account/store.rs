//! Webhook endpoints in the database.

use bloom_db::TenantTx;
use sqlx::PgConnection;

/// Where the notices of an account go.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    /// Address.
    pub url: String,
    /// What notices are signed with.
    pub secret: Vec<u8>,
}

/// Sets the account's endpoint.
pub(crate) async fn endpoint_set(tx: &mut TenantTx, endpoint: &Endpoint) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into endpoint (tenant_id, url, secret, updated_at) values ($1, $2, $3, $4)
         on conflict (tenant_id) do update
           set url = excluded.url, secret = excluded.secret, updated_at = excluded.updated_at",
        tx.tenant().uuid(),
        endpoint.url,
        endpoint.secret,
        tx.now(),
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// The account's endpoint, if it has one.
pub(crate) async fn endpoint_get(conn: &mut PgConnection) -> sqlx::Result<Option<Endpoint>> {
    sqlx::query_as!(Endpoint, "select url, secret from endpoint").fetch_optional(conn).await
}
