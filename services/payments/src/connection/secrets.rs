//! The secrets of a connection, sealed under a key of the connection's own.

use bloom_db::{TenantTx, seal};
use bloom_fault::Fault;
use bloom_kernel::{ConnectionId, SubjectId, TenantId};
use bloom_runtime::ServiceContext;
use sqlx::PgConnection;

use super::model::PaymentConnection;

/// Column under which the provider's key is sealed.
const CREDENTIALS: &str = "connection.credentials";
/// Column under which the webhook secret is sealed.
const WEBHOOK_SECRET: &str = "connection.webhook_secret";

/// Secrets in the clear.
#[derive(Clone, Default)]
pub(crate) struct Secrets {
    pub credentials: String,
    pub webhook_secret: Vec<u8>,
}

/// Seals the secrets into the row.
pub(crate) async fn seal_secrets(
    context: &ServiceContext,
    tx: &mut TenantTx,
    row: &mut PaymentConnection,
    secrets: &Secrets,
) -> Result<(), Fault> {
    let subject = subject(row.id);
    row.credentials = Some(seal::seal(tx, context, subject, CREDENTIALS, secrets.credentials.as_bytes()).await?);
    row.webhook_secret = Some(seal::seal(tx, context, subject, WEBHOOK_SECRET, &secrets.webhook_secret).await?);
    Ok(())
}

/// Opens the secrets of a row; empty where the row has none.
pub(crate) async fn open_secrets(
    context: &ServiceContext,
    conn: &mut PgConnection,
    tenant: TenantId,
    row: &PaymentConnection,
) -> Result<Secrets, Fault> {
    let subject = subject(row.id);
    let sealed: Vec<_> = [(CREDENTIALS, &row.credentials), (WEBHOOK_SECRET, &row.webhook_secret)]
        .into_iter()
        .filter_map(|(column, sealed)| Some((subject, column, sealed.as_deref()?)))
        .collect();
    if sealed.is_empty() {
        return Ok(Secrets::default());
    }
    let mut opened = seal::open_many(conn, context, tenant, &sealed).await?;
    let webhook_secret = opened.pop().flatten().unwrap_or_default();
    let credentials = String::from_utf8(opened.pop().flatten().unwrap_or_default()).map_err(Fault::internal)?;
    Ok(Secrets { credentials, webhook_secret })
}

fn subject(connection: ConnectionId) -> SubjectId {
    SubjectId::from_uuid(connection.uuid())
}
