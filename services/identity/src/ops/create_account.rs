//! An account comes to be, with its live environment, a sandbox, and the first keys of both. All or nothing.

use bloom_db::TenantTx;
use bloom_fault::Fault;
use bloom_kernel::{AccountId, TenantId, Timestamp};
use bloom_runtime::RequestContext;

use crate::domain::account::{Account, AccountCreate, AccountCreated, Founded};
use crate::domain::api_key::{IssuedKey, KeyKind, NewKey};
use crate::domain::environment::{Environment, EnvironmentKind};
use crate::domain::scopes;
use crate::domain::text::check_name;
use crate::ops::found_environment::found_environment;
use crate::ops::issue_key::issue_key;
use crate::{Identity, NAME, store};

/// Founds the account; there is no caller but the operator at the machine.
pub async fn create_account(app: &Identity, input: AccountCreate) -> Result<AccountCreated, Fault> {
    check_name("/name", &input.name, 255)?;
    let now = app.host.platform_now();
    let [live, sandbox] = [(); 2].map(|()| TenantId::from_uuid(bloom_kernel::uuid_v7(now, &*app.host.entropy)));
    let account = Account {
        id: AccountId::from_uuid(bloom_kernel::uuid_v7(now, &*app.host.entropy)),
        name: input.name.clone(),
        version: 1,
        created_at: now,
        updated_at: now,
    };
    let call = RequestContext::background(NAME, live, "operator");
    let mut tx = app.db.write(&call).await?;
    store::account::account_insert(&mut tx, &account).await?;
    let live = environment(app, &account, &input, live, EnvironmentKind::Live, now)?;
    let live = found(app, &mut tx, &call, live, now).await?;
    tx.enter(sandbox).await?;
    let sandbox = environment(app, &account, &input, sandbox, EnvironmentKind::Sandbox, now)?;
    let sandbox = found(app, &mut tx, &call, sandbox, now).await?;
    tx.commit().await?;
    Ok(AccountCreated { account, live, sandbox })
}

fn environment(
    app: &Identity,
    account: &Account,
    input: &AccountCreate,
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
        account_id: account.id,
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

async fn found(
    app: &Identity,
    tx: &mut TenantTx,
    call: &RequestContext,
    environment: Environment,
    now: Timestamp,
) -> Result<Founded, Fault> {
    found_environment(app, tx, call, &environment).await?;
    let secret_key = first_key(app, tx, call, &environment, KeyKind::Secret, now).await?;
    let publishable_key = first_key(app, tx, call, &environment, KeyKind::Publishable, now).await?;
    Ok(Founded { environment, secret_key, publishable_key })
}

async fn first_key(
    app: &Identity,
    tx: &mut TenantTx,
    call: &RequestContext,
    environment: &Environment,
    kind: KeyKind,
    now: Timestamp,
) -> Result<IssuedKey, Fault> {
    let new = NewKey {
        id: app.host.id(environment.id),
        environment_id: environment.id,
        kind,
        mode: environment.kind.mode(),
        name: format!("First {} key", kind.as_str()),
        scopes: scopes::grant(kind, None, &call.scopes)?,
        channel_id: None,
        expires_at: None,
    };
    issue_key(app, tx, call, new, None, now).await
}
