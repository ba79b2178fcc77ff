//! Where a provider sends the notices of a connection: the provider is given the address and the secret, and the current
//! address of this installation replaces an older one.

use bloom_events::Publish as _;
use bloom_fault::Fault;
use bloom_kernel::ConnectionId;
use bloom_runtime::RequestContext;

use super::cache::{ConnectionSelector, OpenConnection};
use super::model::webhook_url;
use super::secrets::Secrets;
use super::store::{connection_lock, connection_update};
use crate::Payments;

/// Gives the provider the current address and these secrets; returns the address.
pub(super) async fn register(app: &Payments, id: ConnectionId, secrets: &Secrets) -> Result<String, Fault> {
    let url = webhook_url(&app.notices_url, id);
    app.providers.register(&secrets.credentials, &url, &secrets.webhook_secret).await?;
    Ok(url)
}

/// Gives the provider the current address and the secrets that are stored, read past the cache: another replica may have
/// rotated them.
pub(super) async fn register_stored(app: &Payments, context: &RequestContext, id: ConnectionId) {
    if let Err(fault) = try_register_stored(app, context, id).await {
        tracing::error!(connection = %id, cause = fault.chain(), "the provider was not given the stored address and secret");
    }
}

async fn try_register_stored(app: &Payments, context: &RequestContext, id: ConnectionId) -> Result<(), Fault> {
    app.connections.invalidate();
    let mut conn = app.db.read(context.tenant).await?;
    let stored = app.connections.get(&mut conn, context.tenant, ConnectionSelector::Id(id)).await?;
    drop(conn);
    let Some(webhook_secret) = stored.webhook_secret().map(<[u8]>::to_vec) else { return Ok(()) };
    let secrets = Secrets { credentials: stored.account().credentials.to_owned(), webhook_secret };
    let url = register(app, id, &secrets).await?;
    app.db
        .transaction(context, async |tx| {
            let Some(mut connection) = connection_lock(tx, id).await? else { return Ok(()) };
            if connection.webhook_url.as_ref() == Some(&url) {
                return Ok(());
            }
            connection.webhook_url = Some(url);
            connection.version += 1;
            connection.updated_at = tx.now();
            connection_update(tx, &connection).await?;
            tx.publish(&connection);
            app.connection_changed(tx);
            Ok(())
        })
        .await
}

/// Registers the current address where the provider still has an older one. After a move to another host or port, the notices would
/// otherwise go to the old address. Called before a request to the provider, outside of a transaction.
pub(crate) async fn refresh_registration(app: &Payments, context: &RequestContext, connection: &OpenConnection) {
    if !connection.address_is_current {
        register_stored(app, context, connection.id).await;
    }
}
