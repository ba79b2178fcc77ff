//! Runs one service as a process.

use std::process::ExitCode;
use std::time::Duration;

use bloom_db::migrate;
use bloom_runtime::{Peers, StartError, telemetry};
use bloom_web::server::Listeners;
use bloom_web::{Definition, Start};
use clap::{Command, CommandFactory as _, FromArgMatches, Parser, Subcommand};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::known::own_settings;
use crate::print::{print_error, print_line};
use crate::ready::ready;
use crate::settings::Settings;

/// Exit code for a configuration that cannot be used (sysexits `EX_USAGE`).
const EX_USAGE: u8 = 64;
/// Interval between checks of a schema that lacks a migration.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

#[derive(Parser)]
#[command(version, about = "One process of Bloom")]
struct Arguments {
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    word: Option<Word>,
}

#[derive(Subcommand)]
enum Word {
    /// Ask the process that listens here at `BLOOM_LISTEN` whether it is ready; exit code 0 says yes.
    Ready,
}

/// The `main` function of a service.
pub fn main(definition: &'static Definition) -> ExitCode {
    process(definition.name, own_settings(definition), |settings| async move { serve(definition, &settings).await })
}

/// Parses the settings, runs a process, and prints an error in one sentence.
pub fn run<F>(name: &'static str, serve: impl FnOnce(Settings) -> F) -> ExitCode
where
    F: Future<Output = Result<(), StartError>>,
{
    process(name, String::new(), serve)
}

fn process<F>(name: &'static str, own: String, serve: impl FnOnce(Settings) -> F) -> ExitCode
where
    F: Future<Output = Result<(), StartError>>,
{
    let Arguments { settings, word } = match arguments(Arguments::command().name(name).after_help(own)) {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    block_on(name, async move {
        match word {
            None => serve(settings).await?,
            Some(Word::Ready) => ready(&settings.listen).await?,
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// Parses the arguments of this process. On failure or after printing help or version, returns the exit code.
pub fn arguments<P: FromArgMatches>(command: Command) -> Result<P, ExitCode> {
    command.try_get_matches().and_then(|matches| P::from_arg_matches(&matches)).map_err(|error| {
        let _ = error.print();
        if error.use_stderr() { ExitCode::from(EX_USAGE) } else { ExitCode::SUCCESS }
    })
}

/// Runs a process on its own runtime, and prints an error in one sentence.
pub fn block_on(name: &str, process: impl Future<Output = Result<ExitCode, StartError>>) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            print_error(format_args!("{name}: cannot start threads: {error}"));
            return ExitCode::FAILURE;
        }
    };
    runtime.block_on(process).unwrap_or_else(|error| {
        print_error(format_args!("{name}: {}", error.chain()));
        ExitCode::FAILURE
    })
}

/// Serves one service until shutdown. Refuses to start if the database lacks a migration.
pub async fn serve(definition: &'static Definition, settings: &Settings) -> Result<(), StartError> {
    let _telemetry = telemetry::init(definition.name, &settings.telemetry)?;
    let shutdown = until_stopped()?;
    let peers = Peers::default();
    let mut addresses = settings.addresses(bloom_fleet::calls(definition.name));
    for (name, address) in &addresses {
        peers.at(name, address)?;
    }
    addresses.insert("gateway".to_owned(), settings.public_url.clone());
    let host = settings.host(definition.name, peers, shutdown)?;
    let bus = settings.bus()?;
    refuse_pending(definition, settings).await?;
    let db = settings.db(&host, definition)?;
    let service = (definition.start)(Start { context: host, db, bus, addresses: addresses.into() })?;
    let tcp = listen(&settings.listen).await?;
    tracing::info!(service = definition.name, listen = settings.listen, "serving");
    service.run(Listeners { tcp, memory: None }).await
}

/// Binds an address; the error is one sentence.
pub async fn listen(address: &str) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|error| {
        let why = match error.kind() {
            std::io::ErrorKind::AddrInUse => "the port is taken by another process",
            std::io::ErrorKind::InvalidInput => "it is not of the form host:port",
            _ => "the system refuses",
        };
        StartError::caused(format!("cannot listen on `{address}`, {why}"), error)
    })
}

async fn refuse_pending(definition: &'static Definition, settings: &Settings) -> Result<(), StartError> {
    let pending = pending(definition, settings).await?;
    match pending.first() {
        None => Ok(()),
        Some(first) => Err(StartError::new(format!(
            "{} migrations are pending on the schema of {}, the first is {first}; run `bloom migrate` before starting",
            pending.len(),
            definition.name
        ))),
    }
}

/// Migrations that a service's schema lacks, as seen by the service's own role.
async fn pending(definition: &'static Definition, settings: &Settings) -> Result<Vec<String>, StartError> {
    let schema = bloom_db::config::Schema::of(definition.name);
    let (server, keys) = (settings.server(definition.name)?, settings.secrets.keys(definition.name)?);
    let service = schema.database(&server, &keys, 1, false)?.system;
    migrate::pending(&service, definition.migrations).await
}

/// Waits until a service's schema is up to date, even if its role or the database does not exist yet.
pub async fn until_migrated(definition: &'static Definition, settings: &Settings) -> Result<(), StartError> {
    // Waiting does not help if keys are missing, so this fails at once.
    settings.secrets.keys(definition.name)?;
    settings.owner(definition.name)?;
    let stopped = until_stopped()?;
    let mut said = String::new();
    loop {
        let why = match pending(definition, settings).await {
            Ok(pending) if pending.is_empty() => return Ok(()),
            Ok(pending) => format!("{} migrations are pending", pending.len()),
            Err(error) => error.chain(),
        };
        if why != said {
            print_line(format_args!("{} is not up to date: {why}", definition.name))?;
            said = why;
        }
        tokio::select! {
            () = tokio::time::sleep(POLL_INTERVAL) => {}
            () = stopped.cancelled() => return Err(StartError::new("stopped before the schema was up to date")),
        }
    }
}

/// A token that is cancelled by the first SIGTERM or SIGINT; a second signal ends the process at once.
pub fn until_stopped() -> Result<CancellationToken, StartError> {
    let cannot = |error| StartError::caused("signals cannot be received", error);
    let mut terminate = signal(SignalKind::terminate()).map_err(cannot)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(cannot)?;
    let token = CancellationToken::new();
    let stop = token.clone();
    #[expect(clippy::disallowed_methods, reason = "it outlives every service and ends the process")]
    tokio::spawn(async move {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        stop.cancel();
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        std::process::exit(130);
    });
    Ok(token)
}
