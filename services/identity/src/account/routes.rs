//! `/v1/identity/account`: the account that owns the environment of the key.

use axum::extract::State;
use bloom_fault::Fault;
use bloom_web::{Caller, Reply, Routes};

use super::model::Account;
use super::store::account_get;
use crate::{Identity, IdentityRead};

pub(crate) fn routes() -> Routes<Identity> {
    Routes::new("/v1/identity/account").get("account_get", "Get the account of the key", get)
}

async fn get(State(app): State<Identity>, caller: Caller<IdentityRead>) -> Result<Reply<Account>, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    let account = account_get(&mut conn).await?.ok_or_else(|| Fault::not_found("account"))?;
    let version = account.version;
    Ok(Reply::ok(account).etag(version))
}
