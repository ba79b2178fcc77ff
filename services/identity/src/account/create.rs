//! Creates an account with its live environment, a sandbox, and the first keys of both, in one transaction.

use bloom_db::TenantTx;
use bloom_fault::Fault;
use bloom_kernel::{AccountId, Name, TenantId, Timestamp};
use bloom_runtime::RequestContext;

use super::model::{Account, AccountCreate, AccountCreated, EnvironmentWithKeys};
use super::store::account_insert;
use crate::api_key::{self, KeyKind};
use crate::environment::{self, Environment, EnvironmentKind};
use crate::{Identity, NAME};

/// Creates the account. Its caller is an operator on the machine: there is no route.
pub(crate) async fn create(app: &Identity, input: AccountCreate) -> Result<AccountCreated, Fault> {
    let now = app.context.platform_now();
    let new_id = || bloom_kernel::uuid_v7(now, &*app.context.entropy);
    let name = Name::new(input.name.as_str()).map_err(|error| Fault::invalid_value("/name", error))?;
    let account = Account::new(AccountId::from_uuid(new_id()), name, now);
    let first = |kind| first_environment(app, &input, account.id, TenantId::from_uuid(new_id()), kind, now);
    let (live, sandbox) = (first(EnvironmentKind::Live)?, first(EnvironmentKind::Sandbox)?);
    let operator = RequestContext::background(NAME, live.id, "operator");
    app.db
        .transaction(&operator, async |tx| {
            account_insert(tx, &account).await?;
            let live = add_with_keys(app, tx, &operator, live, now).await?;
            tx.enter(sandbox.id).await?;
            let sandbox = add_with_keys(app, tx, &operator, sandbox, now).await?;
            Ok(AccountCreated { account, live, sandbox })
        })
        .await
}

fn first_environment(
    app: &Identity,
    input: &AccountCreate,
    account_id: AccountId,
    id: TenantId,
    kind: EnvironmentKind,
    now: Timestamp,
) -> Result<Environment, Fault> {
    let name = match kind {
        EnvironmentKind::Live => "Live",
        EnvironmentKind::Sandbox => "Sandbox",
    };
    Ok(Environment {
        id,
        account_id,
        kind,
        name: Name::new(name).map_err(Fault::internal)?,
        cell: app.context.cell.to_string(),
        time_zone: input.time_zone.parse().map_err(|error| Fault::invalid_value("/time_zone", error))?,
        locale: input.locale.parse().map_err(|error| Fault::invalid_value("/locale", error))?,
        currency: input.currency,
        version: 1,
        created_at: now,
        updated_at: now,
    })
}

/// Adds the environment and its two keys. The transaction's tenant must be the environment.
async fn add_with_keys(
    app: &Identity,
    tx: &mut TenantTx,
    operator: &RequestContext,
    environment: Environment,
    now: Timestamp,
) -> Result<EnvironmentWithKeys, Fault> {
    environment::add(tx, &environment).await?;
    let [secret, publishable] = [KeyKind::Secret, KeyKind::Publishable]
        .map(|kind| environment.first_key(tx.new_id(), kind, &format!("First {} key", kind.as_str()), &operator.scopes));
    let secret_key = api_key::issue(app, tx, secret?, None, now).await?;
    let publishable_key = api_key::issue(app, tx, publishable?, None, now).await?;
    Ok(EnvironmentWithKeys { environment, secret_key, publishable_key })
}
