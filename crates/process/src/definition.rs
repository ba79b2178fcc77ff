//! What a service brings along.

use std::collections::BTreeMap;
use std::sync::Arc;

use bloom_db::Db;
use bloom_events::Bus;
use bloom_runtime::{ServiceContext, StartError};
use bloom_web::Service;
use futures::future::BoxFuture;
use sqlx::migrate::Migrator;

/// A service that can be started: alone, or with all others in one process.
#[derive(Clone, Copy)]
pub struct Definition {
    /// Its name: also its schema, its roles, its topic and its peers' name for it.
    pub name: &'static str,
    /// Its own migrations, behind the platform's.
    pub migrations: &'static Migrator,
    /// Adds its own settings to a command: for `--help` and docs/configuration.md.
    pub settings: fn(clap::Command) -> clap::Command,
    /// Puts it together.
    pub start: fn(Start) -> BoxFuture<'static, Result<Service, StartError>>,
}

/// What a service is handed to put itself together with.
pub struct Start {
    /// Clock, entropy, keys, peers.
    pub host: ServiceContext,
    /// Its database.
    pub db: Db,
    /// Where its events go and others' come from.
    pub bus: Bus,
    /// `http://host:port` of each service, and of `gateway` as browsers reach it.
    pub addresses: Arc<BTreeMap<String, String>>,
}

impl Start {
    /// Where a service, or `gateway`, is reached over HTTP.
    pub fn address(&self, name: &str) -> Option<String> {
        self.addresses.get(name).cloned()
    }

    /// The service's own knobs, from the environment.
    pub fn config<C: clap::Args>(&self) -> Result<C, StartError> {
        let command = C::augment_args(clap::Command::new(self.host.service).no_binary_name(true));
        let matches = command.try_get_matches_from(std::iter::empty::<String>());
        matches
            .and_then(|matches| C::from_arg_matches(&matches))
            .map_err(|error| StartError::new(format!("the configuration of {} is not usable: {error}", self.host.service)))
    }
}
