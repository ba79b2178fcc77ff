//! The command line.

use std::path::PathBuf;
use std::process::ExitCode;

use bloom_process::Settings;
use bloom_runtime::StartError;
use clap::{Parser, Subcommand};

use crate::fleet::Fleet;
use crate::up::UpOptions;
use crate::{SERVICES, account, check, import, openapi, operate, seed, up};

/// Exit code for a command line that cannot be used (sysexits `EX_USAGE`).
const EX_USAGE: u8 = 64;

#[derive(Parser)]
#[command(name = "bloom", version, about = "Composable commerce infrastructure")]
struct Arguments {
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
    },
    /// Print the keys of one service, derived from the master key.
    Keys {
        /// Name of the service.
        service: String,
    },
    /// Accounts.
    #[command(subcommand)]
    Account(account::AccountCommand),
    /// Load the demo shop through the API.
    Seed(seed::SeedOptions),
    /// Import a file of products (NDJSON), resuming where an earlier run was cut off.
    Import(import::ImportOptions),
    /// Prove the invariants of the running platform; exit code 1 names what is broken.
    Check(check::CheckOptions),
    /// Print the description of the whole API.
    Openapi(openapi::OpenApiOptions),
    /// Events.
    #[command(subcommand)]
    Events(operate::EventsCommand),
    /// Data subjects.
    #[command(subcommand)]
    Subject(operate::SubjectCommand),
}

/// Parses, runs, and says in one sentence what went wrong.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(EX_USAGE) } else { ExitCode::SUCCESS };
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("bloom: no threads to run on: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(arguments)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("bloom: {}", error.chain());
            ExitCode::FAILURE
        }
    }
}

async fn run(Arguments { settings, state, command }: Arguments) -> Result<ExitCode, StartError> {
    match command {
        Command::Up(options) => up::up(settings, &state, options).await?,
        Command::Down => up::down(&state).await?,
        Command::Reset => up::reset(&state).await?,
        Command::Serve { service } if service == bloom_gateway::NAME => bloom_gateway::serve(&settings).await?,
        Command::Serve { service } => bloom_process::serve(definition(&service)?, &settings).await?,
        Command::Migrate { services } => migrate(&settings, &services).await?,
        Command::Keys { service } => keys(&settings, &service)?,
        Command::Account(command) => account::run(&settings, &state, command).await?,
        Command::Seed(options) => seed::run(&state, &options).await?,
        Command::Import(options) => return import::run(&state, &options).await,
        Command::Check(options) => return check::run(&settings, &state, &options).await,
        Command::Openapi(options) => openapi::run(&settings, &options).await?,
        Command::Events(command) => operate::events(&settings, &state, command).await?,
        Command::Subject(command) => operate::subject(&settings, &state, command).await?,
    }
    Ok(ExitCode::SUCCESS)
}

fn definition(service: &str) -> Result<&'static bloom_process::Definition, StartError> {
    static DEFINITIONS: [bloom_process::Definition; 8] = SERVICES;
    DEFINITIONS.iter().find(|definition| definition.name == service).ok_or_else(|| {
        let names: Vec<_> = SERVICES.iter().map(|definition| definition.name).collect();
        StartError::new(format!("there is no service `{service}`; there are {} and gateway", names.join(", ")))
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
        println!("{} is up to date", definition.name);
    }
    Ok(())
}

fn keys(settings: &Settings, service: &str) -> Result<(), StartError> {
    let Some(master) = &settings.secrets.master_key else {
        return Err(StartError::new("set BLOOM_MASTER_KEY to derive keys from it"));
    };
    let hex = |key: [u8; 32]| bloom_runtime::keys::hex(&key);
    println!("BLOOM_SERVICE_KEY={}", hex(bloom_runtime::keys::derive(&master.0, &format!("service:{service}"))));
    println!("BLOOM_CONTEXT_KEY={}", hex(bloom_runtime::keys::derive(&master.0, "context")));
    Ok(())
}
