//! Where a provider sends the notices of a connection: the provider is given the address and the secret, and the current
//! address of this installation replaces an older one.

use bloom_fault::Fault;
use bloom_kernel::ConnectionId;
use bloom_runtime::Call;

use super::cache::{ConnectionSelector, OpenConnection};
use super::model::webhook_url;
use super::secrets::Secrets;
use super::store::connection_registered;
use crate::Payments;

/// Gives the provider the current address and these secrets; the address that it was given.
pub(crate) async fn register(app: &Payments, id: ConnectionId, secrets: &Secrets) -> Result<String, Fault> {
    let url = webhook_url(&app.notices_url, id);
    app.providers.register(&secrets.credentials, &url, &secrets.webhook_secret).await?;
    Ok(url)
}

/// Gives the provider the current address and the secrets that are stored, read past the cache: another replica may have
/// rotated them.
pub(crate) async fn register_stored(app: &Payments, call: &Call, id: ConnectionId) {
    let registered = async {
        app.connections.invalidate();
        let mut conn = app.db.read(call.tenant).await?;
        let stored = app.connections.get(&mut conn, call.tenant, ConnectionSelector::Id(id)).await?;
        drop(conn);
        let Some(webhook_secret) = stored.webhook_secret().map(<[u8]>::to_vec) else { return Ok(()) };
        let secrets = Secrets { credentials: stored.account().credentials.to_owned(), webhook_secret };
        let url = register(app, id, &secrets).await?;
        let mut tx = app.db.write(call).await?;
        connection_registered(&mut tx, id, &url).await?;
        tx.commit().await?;
        app.connections.invalidate();
        Ok::<_, Fault>(())
    };
    if let Err(fault) = registered.await {
        tracing::error!(connection = %id, cause = fault.chain(), "the provider was not given the stored address and secret");
    }
}

/// Gives the provider the current address where it still has an older one: an installation that has moved to another host
/// or port would wait for notices that go to the former. Called before a provider is asked, outside of a transaction.
pub(crate) async fn refresh_registration(app: &Payments, call: &Call, connection: &OpenConnection) {
    if !connection.address_is_current {
        register_stored(app, call, connection.id).await;
    }
}
