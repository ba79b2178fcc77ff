//! The development database for the checked SQL macros: one schema per service, always rebuilt from migrations.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Stdio;

use bloom_pgdev::{Address, Cluster, Options};

use crate::Outcome;
use crate::workspace::Workspace;

const DATABASE: &str = "bloom_dev";
const OWNER: &str = "bloom_owner";

/// Recreates one schema or all of them, and writes the `.env` of the crates that use it.
pub(crate) fn run(workspace: &Workspace, wanted: &str) -> Outcome {
    let address = Cluster::open(&workspace.root, "dev").start(&Options::durable())?;
    let _guard = lock(workspace)?;
    let exists = format!("select count(*) from pg_database where datname = '{DATABASE}'");
    if address.query("postgres", "postgres", &exists)? == "0" {
        address.query("postgres", "postgres", &format!("create database {DATABASE}"))?;
    }
    let services = workspace.migrations()?;
    if wanted != "all" && !services.iter().any(|service| service == wanted) {
        return Err(format!("no folder migrations/{wanted}; there are: {}", services.join(", ")).into());
    }
    for service in services.iter().filter(|service| wanted == "all" || *service == wanted) {
        let schema = service.replace('-', "_");
        recreate(&address, &schema, &script(workspace, service, &schema)?)?;
        for folder in workspace.crates_of(service)? {
            write_env(&address, &schema, &folder)?;
            println!("{schema}: {} is ready", workspace.relative(&folder).join(".env").display());
        }
    }
    Ok(())
}

/// Roles are shared by all schemas, so only one process at a time may create them.
fn lock(workspace: &Workspace) -> Outcome<fs::File> {
    let folder = workspace.path(".bloom");
    fs::create_dir_all(&folder)?;
    let file = fs::File::create(folder.join("db.lock"))?;
    file.lock()?;
    Ok(file)
}

/// Drops the schema and applies the platform's and the service's migrations in one `psql`.
fn recreate(address: &Address, schema: &str, script: &str) -> Outcome {
    let mut command = address.psql("postgres", DATABASE);
    let mut child = command.args(["-f", "-"]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A psql that stops at an error closes the pipe. Its own message is more useful than the write error.
        let _ = std::io::Write::write_all(&mut stdin, script.as_bytes());
    }
    let output = child.wait_with_output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("the migrations of {schema} failed:\n{}", String::from_utf8_lossy(&output.stderr).trim()).into())
}

fn script(workspace: &Workspace, service: &str, schema: &str) -> Outcome<String> {
    let (role, system) = (format!("bloom_{schema}"), format!("bloom_{schema}_system"));
    let mut script = String::from("set lock_timeout = '30s';\n");
    for role in [OWNER, &role, &system] {
        let _ = writeln!(script, "do $$ begin create role {role} login; exception when duplicate_object then null; end $$;");
    }
    let _ = write!(
        script,
        "drop schema if exists {schema} cascade;\ncreate schema {schema} authorization {OWNER};\n\
         grant usage on schema {schema} to {role}, {system};\nset role {OWNER};\nset search_path to {schema}, pg_temp;\n\
         set bloom.service_role = '{role}';\nset bloom.system_role = '{system}';\n"
    );
    let mut files = workspace.files("migrations/platform", ".sql")?;
    if service != "platform" {
        files.extend(workspace.files(&format!("migrations/{service}"), ".sql")?);
    }
    for file in files {
        let include = format!("\\i '{}'", file.display());
        if fs::read_to_string(&file)?.starts_with("-- no-transaction") {
            let _ = writeln!(script, "{include}");
        } else {
            let _ = writeln!(script, "begin;\n{include}\ncommit;");
        }
    }
    Ok(script)
}

fn write_env(address: &Address, schema: &str, folder: &Path) -> Outcome {
    let metadata = folder.join(".sqlx");
    fs::create_dir_all(&metadata)?;
    let url = address.url(OWNER, DATABASE);
    let text = format!(
        "# Written by `cargo xtask db`.\nDATABASE_URL={url}?options=-csearch_path%3D{schema}\nSQLX_OFFLINE_DIR={}\n",
        metadata.display()
    );
    let path = folder.join(".env");
    // An unchanged file keeps its modification time, so that cargo does not compile the crate again.
    if fs::read_to_string(&path).is_ok_and(|present| present == text) {
        return Ok(());
    }
    fs::write(path, text)?;
    Ok(())
}
