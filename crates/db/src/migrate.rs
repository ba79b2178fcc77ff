//! Creates schema, roles and migrations of one service as the owner, and checks that no migration is pending.

use std::time::Duration;

use sqlx::migrate::{Migrate as _, MigrateError, Migration, Migrator};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, PgConnection};

use crate::config::Schema;
use bloom_runtime::{Keys, StartError};

/// Tables that every service's schema contains: outbox, inbox, timers, idempotency, subject keys.
pub static PLATFORM: Migrator = sqlx::migrate!("../../migrations/platform");

/// Role that owns every schema and that no service can log in as.
const OWNER: &str = "bloom_owner";

/// Creates or updates one service's schema. Idempotent, and safe to run concurrently.
pub async fn run(server: &PgConnectOptions, schema: &Schema, service: &'static Migrator, keys: &Keys) -> Result<(), StartError> {
    let mut connection = connect(server).await?;
    let result = migrate(&mut connection, schema, service, keys).await;
    let _ = connection.close().await;
    result
}

async fn migrate(
    connection: &mut PgConnection,
    schema: &Schema,
    service: &'static Migrator,
    keys: &Keys,
) -> Result<(), StartError> {
    connection.execute("set client_min_messages to warning").await?;
    // Roles belong to the whole server, so all migrations on it take this lock in turn.
    connection.execute("select pg_advisory_lock(723150021)").await?;
    let roles = connection.execute(AssertSqlSafe(roles_sql(schema, keys) + &passwords_sql(schema, keys))).await;
    connection.execute("select pg_advisory_unlock(723150021)").await?;
    roles.map_err(|error| {
        StartError::caused(
            format!("the roles of {} could not be made; migrate with a role that may create roles", schema.service),
            error,
        )
    })?;
    connection.execute(AssertSqlSafe(session_sql(schema))).await?;
    merged(service)
        .run(&mut *connection)
        .await
        .map_err(|error| StartError::caused(format!("a migration of {} failed and was rolled back", schema.service), error))?;
    // A service reads this table when it starts, and refuses to start while a migration is pending.
    let grant = format!("grant select on _sqlx_migrations to {}", schema.system_role());
    connection.execute(AssertSqlSafe(grant)).await?;
    Ok(())
}

/// Migrations that this executable contains and the database lacks; a service with any of them refuses to start.
pub async fn pending(server: &PgConnectOptions, service: &'static Migrator) -> Result<Vec<String>, StartError> {
    let mut connection = connect(server).await?;
    let migrator = merged(service);
    let applied = match connection.list_applied_migrations(&migrator.table_name).await {
        Ok(applied) => applied,
        // Without this table no migration was ever applied.
        Err(MigrateError::Execute(sqlx::Error::Database(error))) if error.code().as_deref() == Some("42P01") => Vec::new(),
        Err(error) => return Err(StartError::caused("the applied migrations cannot be read", error)),
    };
    let _ = connection.close().await;
    Ok(migrator
        .iter()
        .filter(|wanted| !applied.iter().any(|done| done.version == wanted.version && done.checksum == wanted.checksum))
        .map(|wanted| format!("{:04} {}", wanted.version, wanted.description))
        .collect())
}

/// All DDL of a schema as one batch, for tests that create hundreds of schemas: roles, schema, tables.
pub fn script(schema: &Schema, service: &'static Migrator, keys: &Keys) -> String {
    let mut script = roles_sql(schema, keys);
    script.push_str(&session_sql(schema));
    for migration in merged(service).iter() {
        script.push_str(migration.sql.as_str());
        script.push_str(";\n");
    }
    script
}

async fn connect(server: &PgConnectOptions) -> Result<PgConnection, StartError> {
    let options = server.clone().disable_statement_logging();
    match tokio::time::timeout(Duration::from_secs(10), options.connect()).await {
        Ok(Ok(connection)) => Ok(connection),
        Ok(Err(error)) => Err(StartError::caused("the database could not be reached", error)),
        Err(_) => Err(StartError::new("the database did not answer within 10 s")),
    }
}

fn merged(service: &'static Migrator) -> Migrator {
    let migrations: Vec<Migration> = PLATFORM.iter().chain(service.iter()).cloned().collect();
    Migrator::with_migrations(migrations)
}

/// Names come from the list of services and passwords are hexadecimal, so nothing needs quoting.
fn roles_sql(schema: &Schema, keys: &Keys) -> String {
    use std::fmt::Write as _;
    let mut sql = String::new();
    let mut role = |name: &str, attributes: &str| {
        let _ = write!(
            sql,
            "do $$ begin
               if not exists (select from pg_roles where rolname = '{name}') then create role {name} {attributes}; end if;
             exception when duplicate_object or unique_violation then null; end $$;\n"
        );
    };
    role(OWNER, "nologin");
    for name in [schema.service_role(), schema.system_role()] {
        role(&name, &format!("login password '{}'", keys.database_password(&name)));
    }
    let Schema { schema: name, .. } = schema;
    let (service, system) = (schema.service_role(), schema.system_role());
    let _ = write!(
        sql,
        "do $$ begin if not pg_has_role(current_user, '{OWNER}', 'member') then execute format('grant {OWNER} to %I', current_user); end if; end $$;
         create schema if not exists {name} authorization {OWNER};
         grant usage on schema {name} to {service}, {system};\n"
    );
    sql
}

/// Roles outlive their databases: an existing role gets the password of this key, so that `bloom migrate` is all that a
/// restored database or a new key needs. Two errors are ignored: a role of somebody else that we may not alter, and one
/// that a migration of another database is altering at the same time (an internal error of PostgreSQL).
fn passwords_sql(schema: &Schema, keys: &Keys) -> String {
    let password = |role: String| {
        format!(
            "do $$ begin alter role {role} password '{}'; exception when insufficient_privilege or internal_error then null; end $$;\n",
            keys.database_password(&role)
        )
    };
    password(schema.service_role()) + &password(schema.system_role())
}

fn session_sql(schema: &Schema) -> String {
    format!(
        "set role {OWNER}; set search_path to {}, pg_temp; set bloom.service_role to '{}'; set bloom.system_role to '{}'; set lock_timeout to '2s';\n",
        schema.schema,
        schema.service_role(),
        schema.system_role()
    )
}
