//! Builds the API description without a running platform, and checks that it is compatible with `docs/openapi.json`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use bloom_db::Db;
use bloom_events::Bus;
use bloom_gateway::config::GatewayConfig;
use bloom_process::Settings;
use bloom_runtime::{Peers, StartError};
use bloom_web::Start;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::SERVICES;

mod compatible;
mod rules;

pub use compatible::breaking_changes;
use rules::broken_rules;

/// `bloom openapi`
#[derive(clap::Args, Clone, Debug)]
pub struct OpenApiOptions {
    /// Write it to this file instead of standard output.
    #[arg(long)]
    pub write: Option<std::path::PathBuf>,
}

/// Prints or writes the description.
pub async fn run(settings: &Settings, options: &OpenApiOptions) -> Result<(), StartError> {
    write(options.write.as_deref(), &format!("{:#}\n", describe(settings).await?))
}

/// Writes a document to a file, otherwise to standard output.
pub(crate) fn write(file: Option<&Path>, text: &str) -> Result<(), StartError> {
    match file {
        Some(file) => {
            std::fs::write(file, text).map_err(|error| StartError::caused(format!("{} cannot be written", file.display()), error))
        }
        None => bloom_process::print_line(text.trim_end()),
    }
}

/// Builds every service on a database that is never connected, and merges their API descriptions.
#[allow(clippy::unused_async, reason = "services are built within the runtime that serves them")]
pub async fn describe(settings: &Settings) -> Result<Value, StartError> {
    let mut settings = settings.clone();
    settings.secrets.master_key = Some(bloom_runtime::config::SecretKey([0; 32]));
    settings.database_url = Some("postgres://nobody@localhost/nothing".to_owned());
    let addresses: BTreeMap<String, String> = SERVICES
        .iter()
        .map(|definition| definition.name)
        .chain([bloom_gateway::NAME])
        .map(|name| (name.to_owned(), format!("http://{name}:8080")))
        .collect();
    let addresses = Arc::new(addresses);
    let mut documents = BTreeMap::new();
    for definition in SERVICES {
        let host = settings.host(definition.name, Peers::default(), CancellationToken::new())?;
        let db: Db = settings.db(&host, definition)?;
        let start = Start { context: host, db, bus: Bus::in_process(), addresses: addresses.clone() };
        let (_, api) = (definition.start)(start)?.router();
        documents.insert(definition.name.to_owned(), api);
    }
    let merged = bloom_gateway::openapi::merge(&GatewayConfig::new(&addresses)?, documents);
    let refused = match &merged {
        Ok(document) => broken_rules(document),
        Err(clashes) => clashes.iter().map(ToString::to_string).collect(),
    };
    if refused.is_empty() { Ok(merged.unwrap_or_default()) } else { Err(StartError::new(refused.join("\n"))) }
}
