//! `bloom settings`: generates docs/configuration.md from the command-line parser.

use std::path::PathBuf;

use bloom_process::{Setting, settings_of, settings_of_all, settings_of_service};
use bloom_runtime::StartError;
use clap::CommandFactory as _;

use crate::SERVICES;
use crate::cli::Arguments;

/// Where to put the document.
#[derive(clap::Args, Clone, Debug)]
pub struct SettingsOptions {
    /// File to write; standard output when absent.
    #[arg(long)]
    pub write: Option<PathBuf>,
}

const HEAD: &str = "\
# Configuration

Written by `bloom settings --write docs/configuration.md`; a test compares it. Every setting is an environment variable. Those of every
process and of commands are options as well: `--help` shows them. Give secrets as variables: an option, such as `--master-key`, can be
read in the list of processes (`ps`).
";

const BY_NAME: &str = "
## By service

`<SERVICE>` is a service's name in capitals, `_` for `-`: `BLOOM_SANDBOX_PROVIDER_URL`.

| Variable | Default | Meaning |
|---|---|---|
| `BLOOM_<SERVICE>_DATABASE_URL` | `BLOOM_DATABASE_URL` | The PostgreSQL server of one service. No SQL crosses services, so each may have its own. |
| `BLOOM_<SERVICE>_URL` | `http://<service>:8080` | Where the gateway, other services and commands reach a service. |
";

const TESTS: &str = "
## Tests and benchmarks

| Variable | Meaning |
|---|---|
| `BLOOM_TEST_DATABASE_URL` | PostgreSQL server for tests; a private cluster of the checkout without |
| `BLOOM_TEST_KAFKA` | Kafka brokers for tests of the bus; they test nothing without |
| `BLOOM_TEST_KAFKA_SECURE` | the same with TLS and a login (`SASL_SSL`, as `deploy/kafka/kafka.sh` starts it) |
| `BLOOM_TEST_KAFKA_CA` | who signed its certificate: a file in PEM |
| `BLOOM_E2E` | `processes` runs the end-to-end suite against a fleet of processes |
| `BLOOM_BIN` | the executable that this fleet is started from |
| `BLOOM_SEED` | repeats a run of the kill tests |
| `BLOOM_BENCH_PROGRAM` | the executable that is measured |
";

/// Prints or writes the document.
pub fn run(options: &SettingsOptions) -> Result<(), StartError> {
    crate::openapi::write(options.write.as_deref(), &document())
}

/// The document with every setting.
pub fn document() -> String {
    let mut text = HEAD.to_owned();
    let all = settings_of_all();
    table(&mut text, "Every process", &all);
    for definition in SERVICES {
        table(&mut text, &format!("The service {}", definition.name), &settings_of_service(definition));
    }
    text.push_str(BY_NAME);
    let mut commands = Vec::new();
    of_commands(&Arguments::command(), &mut commands);
    commands.retain(|setting| all.iter().all(|other| other.name != setting.name));
    table(&mut text, "Commands of `bloom`", &commands);
    text.push_str(TESTS);
    text
}

fn of_commands(command: &clap::Command, found: &mut Vec<Setting>) {
    for setting in settings_of(command) {
        if found.iter().all(|known| known.name != setting.name) {
            found.push(setting);
        }
    }
    for inner in command.get_subcommands() {
        of_commands(inner, found);
    }
}

fn table(text: &mut String, title: &str, settings: &[Setting]) {
    use std::fmt::Write as _;
    if settings.is_empty() {
        return;
    }
    let _ = write!(text, "\n## {title}\n\n| Variable | Default | Meaning |\n|---|---|---|\n");
    for Setting { name, default, meaning } in settings {
        let default = if default.is_empty() { String::new() } else { format!("`{default}`") };
        let _ = writeln!(text, "| `{name}` | {default} | {} |", meaning.replace('\n', " ").replace('|', "\\|"));
    }
}
