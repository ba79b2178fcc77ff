//! One service as a process.

use std::process::ExitCode;

use bloom_runtime::server::Listeners;
use bloom_runtime::{Peers, StartError, migrate, telemetry};
use clap::Parser;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::definition::{Definition, Start};
use crate::settings::Settings;

/// Exit code for a configuration that cannot be used (sysexits `EX_USAGE`).
const EX_USAGE: u8 = 64;

#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    settings: Settings,
}

/// The whole of a service's `main`.
pub fn main(definition: &'static Definition) -> ExitCode {
    run(definition.name, |settings| async move { serve(definition, &settings).await })
}

/// Parses the settings, runs a process of a name, and says in one sentence what went wrong.
pub fn run<F>(name: &str, process: impl FnOnce(Settings) -> F) -> ExitCode
where
    F: Future<Output = Result<(), StartError>>,
{
    let settings = match Arguments::try_parse() {
        Ok(arguments) => arguments.settings,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(EX_USAGE);
        }
    };
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(async {
            match process(settings).await {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => {
                    eprintln!("{name}: {}", error.chain());
                    ExitCode::FAILURE
                }
            }
        }),
        Err(error) => {
            eprintln!("{name}: no threads to run on: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Serves one service until it is told to stop. Refuses to start on a database that lacks a migration.
pub async fn serve(definition: &'static Definition, settings: &Settings) -> Result<(), StartError> {
    let _telemetry = telemetry::init(definition.name, &settings.telemetry)?;
    let shutdown = until_stopped()?;
    let peers = Peers::default();
    let mut addresses = settings.addresses(PEERS);
    for (name, address) in &addresses {
        peers.at(name, address)?;
    }
    addresses.insert("gateway".to_owned(), settings.public_url.clone());
    let host = settings.host(definition.name, peers, shutdown)?;
    refuse_pending(definition, settings, &host).await?;
    let db = settings.db(&host, definition)?;
    let bus = settings.bus()?;
    let service = (definition.start)(Start { host, db, bus, addresses: addresses.into() }).await?;
    let tcp = listen(&settings.listen).await?;
    tracing::info!(service = definition.name, listen = settings.listen, "serving");
    service.run(Listeners { tcp, memory: None }).await
}

/// Services that may be asked over gRPC or lie behind the gateway: all of them.
pub const PEERS: [&str; 8] = ["identity", "catalog", "inventory", "pricing", "cart", "orders", "payments", "sandbox-provider"];

/// Binds an address, or says in one sentence why not.
pub async fn listen(address: &str) -> Result<TcpListener, StartError> {
    TcpListener::bind(address)
        .await
        .map_err(|error| StartError::caused(format!("cannot listen on {address}; is the port taken?"), error))
}

async fn refuse_pending(
    definition: &'static Definition,
    settings: &Settings,
    host: &bloom_runtime::Host,
) -> Result<(), StartError> {
    let schema = bloom_runtime::config::Schema::of(definition.name);
    let server = settings.server(definition.name)?;
    let service = schema.database(&server, &host.keys, 1, false)?.system;
    let pending = migrate::pending(&service, definition.migrations).await?;
    match pending.first() {
        None => Ok(()),
        Some(first) => Err(StartError::new(format!(
            "{} migrations are pending on the schema of {}, the first is {first}; run `bloom migrate` before starting",
            pending.len(),
            definition.name
        ))),
    }
}

/// A token that is cancelled by the first SIGTERM or SIGINT; a second one ends the process at once.
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
