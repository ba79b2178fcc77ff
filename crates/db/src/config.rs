//! Location of a service's schema, and the connection settings of its two roles.

use std::str::FromStr as _;

use bloom_runtime::{Keys, StartError};
use sqlx::ConnectOptions as _;
use sqlx::postgres::PgConnectOptions;

/// How a service connects to its database.
#[derive(Clone, Debug)]
pub struct DbConfig {
    /// As the service role, which sees one tenant at a time.
    pub service: PgConnectOptions,
    /// As the system role, which sees all tenants.
    pub system: PgConnectOptions,
    /// Maximum connections of the service role; the system role gets a quarter of that.
    pub connections: u32,
    /// Reads in a transaction instead of using a session setting: required behind a pooler in transaction mode.
    pub transaction_pooler: bool,
}

/// Location of a service's schema, and the names of its two roles.
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

    /// Connection settings for a server: the service's own roles, with passwords derived from its key.
    pub fn database(
        &self,
        server: &str,
        keys: &Keys,
        connections: u32,
        transaction_pooler: bool,
    ) -> Result<DbConfig, StartError> {
        // Slow statements are still logged; formatting a log line for every other one would cost time.
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
            // Every statement of a service has an index. A plan made while a table was empty would scan it
            // sequentially, and would be reused until the table is first analysed. A generic plan serves all values,
            // because planning a statement takes longer than running it (a list that needs custom plans overrides
            // this).
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
        // The address may contain a password, so the error does not repeat it.
        StartError::new("the database address is not usable: it reads postgres://user:password@host:port/database")
    })
}
