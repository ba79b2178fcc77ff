//! Creates the first account with its environments and keys.

use std::path::Path;

use bloom_identity::{AccountCreate, AccountCreated};
use bloom_kernel::Currency;
use bloom_process::{Settings, print_line};
use bloom_runtime::{Peers, StartError};
use tokio_util::sync::CancellationToken;

use crate::state::StateDir;

/// `bloom account …`
#[derive(clap::Subcommand)]
pub enum AccountCommand {
    /// Found an account with a live environment and a sandbox; its keys are shown this once.
    Create(AccountOptions),
}

/// What an account begins with.
#[derive(clap::Args, Clone, Debug)]
pub struct AccountOptions {
    /// The business.
    #[arg(long)]
    pub name: String,
    /// IANA time zone.
    #[arg(long, default_value = "UTC")]
    pub time_zone: String,
    /// BCP 47 language.
    #[arg(long, default_value = "en")]
    pub locale: String,
    /// ISO 4217 currency.
    #[arg(long, default_value = "EUR")]
    pub currency: String,
}

/// Runs an account command.
pub async fn run(settings: &Settings, state: &Path, command: AccountCommand) -> Result<(), StartError> {
    let AccountCommand::Create(options) = command;
    let mut settings = settings.clone();
    if let Some(dir) = StateDir::existing(state) {
        dir.complete(&mut settings.secrets)?;
        if settings.database_url.is_none() {
            settings.database_url = crate::up::running_database(&dir)?;
        }
    }
    let created = create(&settings, &options).await?;
    for (what, founded) in [("live", &created.live), ("sandbox", &created.sandbox)] {
        print_line(format_args!("{what:<9}{}", founded.environment.id))?;
        print_line(format_args!("  secret key       {}", founded.secret_key.secret))?;
        print_line(format_args!("  publishable key  {}", founded.publishable_key.secret))?;
    }
    Ok(())
}

/// Whether an account with this name exists in the identity schema of the configured database.
pub async fn exists(settings: &Settings, name: &str) -> Result<bool, StartError> {
    let host = settings.host(bloom_identity::NAME, Peers::default(), CancellationToken::new())?;
    let db = settings.db(&host, &bloom_identity::SERVICE)?;
    let looked = async {
        let mut tx = db.system().await?;
        let found =
            sqlx::query_scalar("select exists (select from account where name = $1)").bind(name).fetch_one(&mut *tx).await?;
        tx.commit().await?;
        Ok(found)
    };
    let found = looked.await;
    db.close().await;
    found.map_err(|fault: bloom_fault::Fault| StartError::caused("the accounts cannot be read", fault))
}

/// Creates an account in the identity schema of the configured database.
pub async fn create(settings: &Settings, options: &AccountOptions) -> Result<AccountCreated, StartError> {
    let currency = Currency::parse(&options.currency)
        .map_err(|_| StartError::new(format!("`{}` is not a currency of ISO 4217", options.currency)))?;
    let host = settings.host(bloom_identity::NAME, Peers::default(), CancellationToken::new())?;
    let db = settings.db(&host, &bloom_identity::SERVICE)?;
    let input = AccountCreate {
        name: options.name.clone(),
        time_zone: options.time_zone.clone(),
        locale: options.locale.clone(),
        currency,
    };
    let created = bloom_identity::account_create(&host, &db, input).await;
    db.close().await;
    created.map_err(|fault| StartError::caused("the account could not be created", fault))
}
