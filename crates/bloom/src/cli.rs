//! The command line.

use std::path::PathBuf;
use std::process::ExitCode;

use bloom_process::{Settings, arguments, block_on, print_line};
use bloom_runtime::StartError;
use clap::{CommandFactory as _, Parser, Subcommand};

use crate::fleet::Fleet;
use crate::peers::OPERATOR;
use crate::up::UpOptions;
use crate::{SERVICES, account, check, configuration, import, openapi, operate, seed, up};

/// The whole command line.
#[derive(Parser)]
#[command(name = "bloom", version, about = "Composable commerce infrastructure")]
pub(crate) struct Arguments {
    #[command(flatten)]
    settings: Settings,
    /// Folder of this installation.
    #[arg(long, env = "BLOOM_STATE_DIR", default_value = ".bloom", global = true)]
    state: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start everything on this machine, with a demo shop.
    Up(UpOptions),
    /// Stop what `up` started.
    Down,
    /// Stop it and delete its data.
    Reset,
    /// Run one service, or `gateway`.
    Serve {
        /// Name of the service.
        service: String,
    },
    /// Lay or update schemas; run before a new version starts.
    Migrate {
        /// Services; all when none is named.
        services: Vec<String>,
        /// Lay nothing: wait until the named services, with their own keys, find their schemas up to date.
        #[arg(long)]
        wait: bool,
    },
    /// Print the keys of one service, of `gateway` or of `operator`, derived from the master key.
    Keys {
        /// Name of the service, `gateway`, or `operator` (who runs `check`, `events` and `subject`).
        service: String,
    },
    /// Accounts.
    #[command(subcommand)]
    Account(account::AccountCommand),
    /// Load the demo shop through the API; with `--found`, found the demo accounts first.
    Seed(seed::SeedOptions),
    /// Import a file of products (NDJSON), resuming where an earlier run was cut off.
    Import(import::ImportOptions),
    /// Prove the invariants of a platform at rest; exit code 1 names what is broken.
    ///
    /// Run it while nobody buys: on a shop that is closed for the moment, on a restored backup, after a load test. With
    /// traffic events keep coming, and services that are compared are read one after the other, so it ends with exit code 1
    /// though nothing is wrong. It holds all tenants' orders, payments, prices and stock in memory.
    Check(check::CheckOptions),
    /// Print the description of the whole API.
    Openapi(openapi::OpenApiOptions),
    /// Print what docs/configuration.md holds: every setting.
    Settings(configuration::SettingsOptions),
    /// Events.
    #[command(subcommand)]
    Events(operate::EventsCommand),
    /// Data subjects.
    #[command(subcommand)]
    Subject(operate::SubjectCommand),
}

/// Parses the command line, runs the command, and prints an error in one sentence.
pub fn main() -> ExitCode {
    let own = SERVICES.iter().map(bloom_process::own_settings).filter(|text| !text.is_empty());
    let own = own.collect::<Vec<_>>().join("\n");
    let command = Arguments::command().mut_subcommand("serve", |serve| serve.after_help(own));
    match arguments(command) {
        Ok(arguments) => block_on("bloom", run(arguments)),
        Err(code) => code,
    }
}

async fn run(Arguments { settings, state, command }: Arguments) -> Result<ExitCode, StartError> {
    match command {
        Command::Up(options) => up::up(settings, &state, options).await?,
        Command::Down => up::down(&state).await?,
        Command::Reset => up::reset(&settings, &state).await?,
        Command::Serve { service } if service == bloom_gateway::NAME => bloom_gateway::serve(&settings).await?,
        Command::Serve { service } => bloom_process::serve(definition(&service)?, &settings).await?,
        Command::Migrate { services, wait: false } => migrate(&settings, &services).await?,
        Command::Migrate { services, wait: true } => until_migrated(&settings, &services).await?,
        Command::Keys { service } => keys(&settings, &service)?,
        Command::Account(command) => account::run(&settings, &state, command).await?,
        Command::Seed(options) => seed::run(&settings, &state, &options).await?,
        Command::Import(options) => return import::run(&state, &options).await,
        Command::Check(options) => return check::run(&settings, &state, &options).await,
        Command::Openapi(options) => openapi::run(&settings, &options).await?,
        Command::Settings(options) => configuration::run(&options)?,
        Command::Events(command) => operate::events(&settings, &state, command).await?,
        Command::Subject(command) => operate::subject(&settings, &state, command).await?,
    }
    Ok(ExitCode::SUCCESS)
}

fn definition(service: &str) -> Result<&'static bloom_web::Definition, StartError> {
    SERVICES.iter().find(|definition| definition.name == service).ok_or_else(|| {
        StartError::new(format!("there is no service `{service}`; there are {} and gateway", bloom_fleet::SERVICES.join(", ")))
    })
}

async fn migrate(settings: &Settings, services: &[String]) -> Result<(), StartError> {
    let mut chosen = Vec::new();
    for service in services {
        chosen.push(*definition(service)?);
    }
    let chosen = if chosen.is_empty() { SERVICES.to_vec() } else { chosen };
    for definition in chosen {
        Fleet::migrate(&[definition], settings, "").await?;
        print_line(format_args!("{} is up to date", definition.name))?;
    }
    Ok(())
}

async fn until_migrated(settings: &Settings, services: &[String]) -> Result<(), StartError> {
    if services.is_empty() {
        return Err(StartError::new("name the services to wait for: each is asked with its own key"));
    }
    for service in services {
        bloom_process::until_migrated(definition(service)?, settings).await?;
        print_line(format_args!("{service} is up to date"))?;
    }
    Ok(())
}

fn keys(settings: &Settings, service: &str) -> Result<(), StartError> {
    if ![bloom_gateway::NAME, OPERATOR].contains(&service) {
        definition(service)?;
    }
    let Some(master) = &settings.secrets.master_key else {
        return Err(StartError::new("set BLOOM_MASTER_KEY to derive keys from it"));
    };
    let hex = |key: [u8; 32]| bloom_runtime::keys::hex(&key);
    print_line(format_args!("BLOOM_SERVICE_KEY={}", hex(bloom_runtime::keys::derive(&master.0, &format!("service:{service}")))))?;
    print_line(format_args!("BLOOM_CONTEXT_KEY={}", hex(bloom_runtime::keys::derive(&master.0, "context"))))?;
    Ok(())
}
