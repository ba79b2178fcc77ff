//! All services and the gateway in one process: HTTP on loopback ports, gRPC in memory, the in-process bus.

use std::collections::BTreeMap;
use std::sync::Arc;

use bloom_db::config::Schema;
use bloom_db::migrate;
use bloom_gateway::{Gateway, gateway_config};
use bloom_kernel::Clock;
use bloom_process::{Settings, listen};
use bloom_runtime::{Peers, ServiceContext, StartError};
use bloom_web::server::Listeners;
use bloom_web::{Definition, Start};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Options that differ between `bloom up` and tests.
#[derive(Default)]
pub struct FleetOptions {
    /// Address of the gateway; a free loopback port when absent.
    pub gateway: Option<String>,
    /// Prefix of each schema's name, so that several fleets can share a server.
    pub schema_prefix: String,
    /// A clock to use instead of the machine's.
    pub clock: Option<Arc<dyn Clock>>,
    /// Stops the fleet from outside.
    pub shutdown: CancellationToken,
}

/// A running fleet.
pub struct Fleet {
    /// `http://host:port` of the gateway.
    pub gateway_url: String,
    /// `http://host:port` of each service.
    pub services: BTreeMap<String, String>,
    /// The fleet's own context, for commands that call services over gRPC.
    pub host: ServiceContext,
    shutdown: CancellationToken,
    running: JoinSet<(&'static str, Result<(), StartError>)>,
}

impl Fleet {
    /// Creates or updates every schema.
    pub async fn migrate(definitions: &[Definition], settings: &Settings, prefix: &str) -> Result<(), StartError> {
        for definition in definitions {
            let keys = settings.secrets.keys(definition.name)?;
            let schema = schema(prefix, definition.name);
            migrate::run(&settings.owner(definition.name)?, &schema, definition.migrations, &keys).await?;
        }
        Ok(())
    }

    /// Starts everything and returns once all ports answer.
    pub async fn start(definitions: &[Definition], settings: &Settings, options: FleetOptions) -> Result<Self, StartError> {
        let shutdown = options.shutdown.clone();
        let peers = Peers::default();
        let mut memory: BTreeMap<_, _> =
            definitions.iter().map(|definition| (definition.name, peers.in_memory(definition.name))).collect();
        let bus = settings.bus()?;
        let mut running = JoinSet::new();
        let host = |name| {
            let mut host = settings.host(name, peers.clone(), shutdown.clone())?;
            if let Some(clock) = &options.clock {
                host.clock = clock.clone();
            }
            Ok::<_, StartError>(host)
        };
        let gateway = listen(options.gateway.as_deref().unwrap_or("127.0.0.1:0")).await?;
        let mut addresses = BTreeMap::from([(bloom_gateway::NAME.to_owned(), address(&gateway)?)]);
        let mut listeners = Vec::new();
        for definition in definitions {
            let tcp = listen("127.0.0.1:0").await?;
            addresses.insert(definition.name.to_owned(), address(&tcp)?);
            listeners.push(Listeners { tcp, memory: memory.remove(definition.name) });
        }
        let addresses = Arc::new(addresses);
        for (definition, listeners) in definitions.iter().zip(listeners) {
            let name = definition.name;
            let host = host(name)?;
            let config = schema(&options.schema_prefix, name).database(
                &settings.server(name)?,
                &host.keys,
                settings.database_connections,
                settings.database_transaction_pooler,
            )?;
            let db = bloom_db::Db::new(host.clone(), &config).constraints(definition.constraints);
            let start = Start { context: host, db, bus: bus.clone(), addresses: addresses.clone() };
            let service = (definition.start)(start)?;
            running.spawn(async move { (name, service.run(listeners).await) });
        }
        let config = gateway_config(settings, &addresses)?;
        let front = Gateway::new(config, host(bloom_gateway::NAME)?)?;
        running.spawn(async move { (bloom_gateway::NAME, front.run(gateway).await) });
        let mut services = BTreeMap::clone(&addresses);
        let gateway_url = services.remove(bloom_gateway::NAME).unwrap_or_default();
        Ok(Self { gateway_url, services, host: host("fleet")?, shutdown, running })
    }

    /// Waits until the fleet stops, on request or because a part of it failed.
    pub async fn wait(&mut self) -> Result<(), StartError> {
        let mut outcome = Ok(());
        while let Some(ended) = self.running.join_next().await {
            let (name, result) = ended.map_err(|error| StartError::caused("a service panicked", error))?;
            if let Err(error) = result
                && outcome.is_ok()
            {
                outcome = Err(StartError::caused(format!("{name} stopped"), error));
            }
            self.shutdown.cancel();
        }
        outcome
    }

    /// Drains and stops.
    pub async fn stop(mut self) -> Result<(), StartError> {
        self.shutdown.cancel();
        self.wait().await
    }
}

fn address(listener: &TcpListener) -> Result<String, StartError> {
    let address = listener.local_addr().map_err(|error| StartError::caused("a port has no address", error))?;
    Ok(format!("http://{address}"))
}

fn schema(prefix: &str, service: &str) -> Schema {
    let plain = Schema::of(service);
    Schema { schema: format!("{prefix}{}", plain.schema), ..plain }
}
