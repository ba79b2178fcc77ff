//! `/v1/identity/account`: the account behind the key.

use aide::axum::ApiRouter;
use aide::axum::routing::get_with;
use axum::extract::State;
use bloom_fault::Fault;
use bloom_web::Caller;
use bloom_web::Reply;

use super::IdentityRead;
use crate::domain::account::Account;
use crate::{Identity, store};

pub(super) fn routes() -> ApiRouter<Identity> {
    ApiRouter::new().api_route(
        "/v1/identity/account",
        get_with(account_get, |op| op.id("account_get").tag("identity").summary("Get the account of the key")),
    )
}

async fn account_get(State(app): State<Identity>, caller: Caller<IdentityRead>) -> Result<Reply<Account>, Fault> {
    let mut read = app.db.read(caller.tenant).await?;
    let account = store::account::account_own(&mut read).await?.ok_or_else(|| Fault::not_found("account"))?;
    let version = account.version;
    Ok(Reply::ok(account).etag(version))
}
