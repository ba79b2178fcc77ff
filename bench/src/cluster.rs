//! The benchmark's own PostgreSQL: durable, with statement statistics and commit times; both sides of every ratio use
//! it.

use std::path::{Path, PathBuf};
use std::process::Command;

use bloom_pgdev::{Address, Cluster, Options};

use crate::{Outcome, machine};

/// The platform's database.
pub(crate) const DATABASE: &str = "bloom";
/// The server's superuser.
const OWNER: &str = "postgres";

/// Planner settings of a platform role, as crates/db gives them to its connections (config.rs; system.rs for those that
/// poll), so that the same statements get the same plans on both sides.
pub(crate) fn planner(role: &str) -> &'static str {
    if role.ends_with("_system") {
        "-c jit=off -c enable_seqscan=off -c enable_bitmapscan=off"
    } else {
        "-c jit=off -c enable_seqscan=off -c plan_cache_mode=force_generic_plan"
    }
}

/// A running server.
pub(crate) struct Server {
    cluster: Cluster,
    pub(crate) address: Address,
    /// Root of its process tree.
    pub(crate) pid: u32,
}

impl Server {
    /// Starts a fresh cluster; deletes what an earlier run left.
    pub(crate) fn start(checkout: &Path) -> Outcome<Self> {
        let cluster = Cluster::open(checkout, "bench");
        cluster.erase()?;
        let mut options = Options::durable();
        options.settings = [
            ("shared_buffers", "1GB"),
            ("max_wal_size", "8GB"),
            // A server that has run for a day recycles its log files; a new one would have to create each.
            ("min_wal_size", "2GB"),
            ("shared_preload_libraries", "pg_stat_statements"),
            ("pg_stat_statements.max", "10000"),
            // The delay of a projection is computed from the commit times of rows.
            ("track_commit_timestamp", "on"),
            ("logging_collector", "on"),
            ("log_destination", "csvlog"),
            ("log_directory", "log"),
            ("log_filename", "bench.log"),
            ("log_rotation_age", "0"),
            ("log_rotation_size", "0"),
        ]
        .map(|(name, value)| (name, value.to_owned()))
        .into();
        let address = cluster.start(&options)?;
        let pid = machine::pid_in(&cluster.home().join("data/postmaster.pid"))?;
        let server = Self { cluster, address, pid };
        server.sql(OWNER, &format!("create database {DATABASE}"))?;
        server.sql(DATABASE, "create extension pg_stat_statements")?;
        Ok(server)
    }

    /// Address of the platform's database.
    pub(crate) fn url(&self) -> String {
        self.address.url(OWNER, DATABASE)
    }

    /// Runs SQL as the superuser, who sees every tenant.
    pub(crate) fn sql(&self, database: &str, text: &str) -> Outcome<String> {
        Ok(self.address.query(OWNER, database, text)?)
    }

    /// A number from the platform's database.
    pub(crate) fn number(&self, text: &str) -> Outcome<u64> {
        Ok(self.sql(DATABASE, text)?.parse()?)
    }

    /// Rows of fields from the platform's database.
    pub(crate) fn rows(&self, text: &str) -> Outcome<Vec<Vec<String>>> {
        let table = self.sql(DATABASE, text)?;
        Ok(table.lines().map(|line| line.split('|').map(str::to_owned).collect()).collect())
    }

    /// Refreshes statistics and vacuums, so that neither happens during a measurement.
    pub(crate) fn tidy(&self) -> Outcome {
        self.sql(DATABASE, "vacuum (analyze)")?;
        self.sql(DATABASE, "checkpoint")?;
        Ok(())
    }

    /// Switches logging of every statement with its parameters on or off.
    pub(crate) fn log_statements(&self, on: bool) -> Outcome {
        let wanted = if on { "all" } else { "none" };
        self.sql(OWNER, &format!("alter system set log_statement = '{wanted}'"))?;
        self.sql(OWNER, "select pg_reload_conf()")?;
        Ok(())
    }

    /// The log file, in CSV format.
    pub(crate) fn log(&self) -> PathBuf {
        self.cluster.home().join("data/log/bench.csv")
    }

    /// The length of the log.
    pub(crate) fn log_end(&self) -> u64 {
        std::fs::metadata(self.log()).map_or(0, |file| file.len())
    }

    /// A program of the server's own version, such as `pgbench`, connected to the platform's database.
    pub(crate) fn client(&self, program: &str, role: &str) -> Outcome<Command> {
        let psql = self.address.psql(role, DATABASE);
        let path = Path::new(psql.get_program()).with_file_name(program);
        if !path.exists() {
            return Err(format!("{} is not there: it comes with Debian's package postgresql", path.display()).into());
        }
        let mut command = Command::new(path);
        command.arg("-h").arg(&self.address.socket_dir).args(["-p", &self.address.port.to_string(), "-U", role]);
        Ok(command)
    }

    /// Copies the platform's database, which must have no connections.
    pub(crate) fn copy(&self, name: &str) -> Outcome {
        self.sql(OWNER, &format!("drop database if exists {name}"))?;
        let modern = self.sql(OWNER, "show server_version_num")?.parse::<u32>()? >= 150_000;
        let strategy = if modern { " strategy file_copy" } else { "" };
        self.sql(OWNER, &format!("create database {name} template {DATABASE}{strategy}"))?;
        self.sql(name, "create extension if not exists pg_prewarm")?;
        self.sql(name, "select count(pg_prewarm(oid)) from pg_class where relkind in ('r', 'i') and relpersistence = 'p'")?;
        self.sql(OWNER, "checkpoint")?;
        Ok(())
    }

    /// Rows inserted, updated and deleted in a database since its creation.
    pub(crate) fn written(&self, database: &str) -> Outcome<[i64; 3]> {
        let text = format!("select tup_inserted, tup_updated, tup_deleted from pg_stat_database where datname = '{database}'");
        let row = self.sql(OWNER, &text)?;
        let fields: Vec<i64> = row.split('|').map(str::parse).collect::<Result<_, _>>()?;
        fields.try_into().map_err(|_| "pg_stat_database has other columns".into())
    }

    /// Stops the server and deletes its data.
    pub(crate) fn erase(self) -> Outcome {
        Ok(self.cluster.erase()?)
    }
}
