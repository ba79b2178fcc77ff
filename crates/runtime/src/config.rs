//! What a process is told when it starts: from flags or the environment, parsed wholly before any port is bound.

use std::str::FromStr;

use sqlx::ConnectOptions as _;
use sqlx::postgres::PgConnectOptions;

use crate::db::DbConfig;
use crate::keys::Keys;
use crate::task::StartError;

/// A 32-byte secret in hexadecimal; never shown.
#[derive(Clone)]
pub struct SecretKey(pub [u8; 32]);

impl FromStr for SecretKey {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const SHAPE: &str = "a key is 64 hexadecimal digits";
        let mut key = [0_u8; 32];
        if text.len() != 64 || !text.is_ascii() {
            return Err(SHAPE);
        }
        for (index, byte) in key.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[index * 2..index * 2 + 2], 16).map_err(|_| SHAPE)?;
        }
        Ok(Self(key))
    }
}

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretKey(redacted)")
    }
}

/// A secret text, such as a password; never shown.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// The text itself, for whoever asks for it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(redacted)")
    }
}

/// Where a service's schema lives, and what its two roles are called.
#[derive(Clone, Debug)]
pub struct Schema {
    /// The service.
    pub service: String,
    /// Its schema: the service's name, or another one in tests.
    pub schema: String,
}

impl Schema {
    /// The schema of a service under its usual name.
    pub fn of(service: &str) -> Self {
        Self { service: service.to_owned(), schema: service.replace('-', "_") }
    }

    /// Role that serves requests: one tenant at a time.
    pub fn service_role(&self) -> String {
        format!("bloom_{}", self.service.replace('-', "_"))
    }

    /// Role of relay, timers and checks: all tenants.
    pub fn system_role(&self) -> String {
        format!("{}_system", self.service_role())
    }

    /// Connections to a server: the service's own roles, with passwords derived from its key.
    pub fn database(
        &self,
        server: &str,
        keys: &Keys,
        connections: u32,
        transaction_pooler: bool,
    ) -> Result<DbConfig, StartError> {
        // Slow statements are told of; to ask for every other whether somebody wants to read of it costs each of them.
        let silent = "off".parse().map_err(|error| StartError::caused("`off` is no level", error))?;
        let options = |role: &str, planner: &[(&str, &str)]| {
            Ok::<_, StartError>(
                connect_options(server)?
                    .username(role)
                    .password(&keys.database_password(role))
                    .application_name(&format!("bloom-{}", self.service))
                    .options([("search_path", self.schema.as_str()), ("jit", "off")])
                    .options(planner.iter().copied())
                    .log_statements(silent),
            )
        };
        Ok(DbConfig {
            // Every statement of a service has its index. A plan that was made while a table was empty would read all of it,
            // and go on doing so until the table is first analysed. One plan serves all values: to plan a statement anew for
            // each takes longer than to run it (a list that is better off with plans of its own says so).
            service: options(&self.service_role(), &[("enable_seqscan", "off"), ("plan_cache_mode", "force_generic_plan")])?,
            system: options(&self.system_role(), &[])?,
            connections,
            transaction_pooler,
        })
    }
}

/// Parses the address of a PostgreSQL server.
pub fn connect_options(server: &str) -> Result<PgConnectOptions, StartError> {
    PgConnectOptions::from_str(server).map_err(|_| {
        // The address may hold a password: it is not repeated.
        StartError::new("the database address is not usable: it reads postgres://user:password@host:port/database")
    })
}
