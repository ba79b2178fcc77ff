//! `/v1/identity/account`: the account that owns the environment of the key.

use aide::axum::ApiRouter;
use aide::axum::routing::get_with;
use axum::extract::State;
use bloom_fault::Fault;
use bloom_runtime::Reply;
use bloom_runtime::http::Caller;

use super::model::Account;
use super::store::account_get;
use crate::Identity;
use crate::permissions::IdentityRead;

pub(crate) fn routes() -> ApiRouter<Identity> {
    ApiRouter::new().api_route(
        "/v1/identity/account",
        get_with(get, |op| op.id("account_get").tag("identity").summary("Get the account of the key")),
    )
}

async fn get(State(app): State<Identity>, caller: Caller<IdentityRead>) -> Result<Reply<Account>, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    let account = account_get(&mut conn).await?.ok_or_else(|| Fault::not_found("account"))?;
    let version = account.version;
    Ok(Reply::ok(account).etag(version))
}
