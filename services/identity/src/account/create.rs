//! Creates an account with its live environment, a sandbox, and the first keys of both, in one transaction.

use bloom_fault::Fault;
use bloom_kernel::{AccountId, TenantId, Timestamp};
use bloom_runtime::{Call, TenantTx};

use super::model::{Account, AccountCreate, AccountCreated, EnvironmentWithKeys};
use super::store::account_insert;
use crate::api_key::{self, IssuedKey, KeyKind};
use crate::environment::{self, Environment, EnvironmentKind};
use crate::text::check_name;
use crate::{Identity, NAME};

const NAME_CHARS_MAX: usize = 255;

/// Creates the account. Its caller is an operator on the machine: there is no route.
pub(crate) async fn create(app: &Identity, input: AccountCreate) -> Result<AccountCreated, Fault> {
    check_name("/name", &input.name, NAME_CHARS_MAX)?;
    let now = app.host.wall();
    let [live, sandbox] = [(); 2].map(|()| TenantId::from_uuid(bloom_kernel::uuid_v7(now, &*app.host.entropy)));
    let id = AccountId::from_uuid(bloom_kernel::uuid_v7(now, &*app.host.entropy));
    let account = Account::new(id, input.name.clone(), now);
    let call = Call::background(NAME, live, "operator");
    let mut tx = app.db.write(&call).await?;
    account_insert(&mut tx, &account).await?;
    let live = first_environment(app, &input, id, live, EnvironmentKind::Live, now)?;
    let live = add_with_keys(app, &mut tx, &call, live, now).await?;
    tx.enter(sandbox).await?;
    let sandbox = first_environment(app, &input, id, sandbox, EnvironmentKind::Sandbox, now)?;
    let sandbox = add_with_keys(app, &mut tx, &call, sandbox, now).await?;
    tx.commit().await?;
    Ok(AccountCreated { account, live, sandbox })
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
    Environment {
        id,
        account_id,
        kind,
        name: name.to_owned(),
        cell: app.host.cell.to_string(),
        time_zone: input.time_zone.clone(),
        locale: input.locale.clone(),
        currency: input.currency,
        version: 1,
        created_at: now,
        updated_at: now,
    }
    .checked()
}

/// Adds the environment and its two keys. The transaction's tenant must be the environment.
async fn add_with_keys(
    app: &Identity,
    tx: &mut TenantTx,
    call: &Call,
    environment: Environment,
    now: Timestamp,
) -> Result<EnvironmentWithKeys, Fault> {
    environment::add(app, tx, call, &environment).await?;
    let secret_key = first_key(app, tx, call, &environment, KeyKind::Secret, now).await?;
    let publishable_key = first_key(app, tx, call, &environment, KeyKind::Publishable, now).await?;
    Ok(EnvironmentWithKeys { environment, secret_key, publishable_key })
}

async fn first_key(
    app: &Identity,
    tx: &mut TenantTx,
    call: &Call,
    environment: &Environment,
    kind: KeyKind,
    now: Timestamp,
) -> Result<IssuedKey, Fault> {
    let name = format!("First {} key", kind.as_str());
    let new = environment.first_key(app.host.id(environment.id), kind, name, &call.scopes)?;
    api_key::issue(app, tx, call, new, None, now).await
}
