//! Runs `pgbench` on a statement of the platform, as the platform's own role.

use crate::Outcome;
use crate::cluster::{DATABASE, Server, planner};
use crate::machine::{Cpu, Meter};
use crate::record::Statement;

/// Connections on both sides.
pub(crate) const CLIENTS: usize = 8;

/// Its results.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reached {
    pub(crate) rate: f64,
    pub(crate) cpu: Cpu,
}

/// A statement, its parameters, and its role.
pub(crate) struct Script {
    pub(crate) role: String,
    pub(crate) schema: String,
    pub(crate) tenant: String,
    pub(crate) text: String,
    pub(crate) parameters: Vec<String>,
}

impl Script {
    /// The statement as it was recorded.
    pub(crate) fn new(role: &str, schema: &str, tenant: &str, text: &str, statement: &Statement) -> Self {
        Self {
            role: role.to_owned(),
            schema: schema.to_owned(),
            tenant: tenant.to_owned(),
            text: text.to_owned(),
            parameters: statement.parameters.iter().map(|value| value.as_deref().unwrap_or_default().to_owned()).collect(),
        }
    }

    fn file(&self) -> String {
        let mut text = self.text.clone();
        // From the last on, because $1 is a prefix of $10.
        for number in (1..=self.parameters.len()).rev() {
            text = text.replace(&format!("${number}"), &format!(":p{number}"));
        }
        // pgbench needs the statement on one line.
        let text: Vec<&str> = text.split_whitespace().collect();
        format!("{};\n", text.join(" "))
    }

    /// Runs it for some seconds.
    pub(crate) fn run(&self, server: &Server, seconds: u64) -> Outcome<Reached> {
        let folder = std::env::temp_dir().join(format!("bloom-bench-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let file = folder.join("page.sql");
        std::fs::write(&file, self.file())?;
        let mut command = server.client("pgbench", &self.role)?;
        command.args(["-n", "-M", "prepared", "-c", &CLIENTS.to_string(), "-j", "2", "-T", &seconds.to_string()]);
        command.arg("-f").arg(&file).args(["-D", &format!("tenant={}", self.tenant)]);
        for (index, value) in self.parameters.iter().enumerate() {
            command.args(["-D", &format!("p{}={value}", index + 1)]);
        }
        let options = format!("-c search_path={} -c bloom.tenant={} {}", self.schema, self.tenant, planner(&self.role));
        command.env("PGOPTIONS", options).arg(DATABASE);
        let meter = Meter::start(server.pid, None);
        let output = command.output()?;
        let (cpu, _) = meter.stop();
        std::fs::remove_dir_all(&folder)?;
        let text = String::from_utf8_lossy(&output.stdout);
        let rate = text.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse::<f64>().ok());
        let rate = rate.ok_or_else(|| format!("pgbench: {}", String::from_utf8_lossy(&output.stderr)))?;
        #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
        let count = (rate * seconds as f64) as u64;
        Ok(Reached { rate, cpu: cpu.per(count) })
    }
}
