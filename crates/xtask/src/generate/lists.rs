//! Lists of routes, permissions, services and keys, for readers and for the gateway.

use std::fmt::Write as _;
use std::fs;

use super::{Files, text};
use crate::Outcome;
use crate::fleet::{Fleet, Prefix};
use crate::workspace::Workspace;

pub(super) fn files(workspace: &Workspace, fleet: &Fleet) -> Outcome<Files> {
    let readme = workspace.path("README.md");
    let table = text::replace_part(&fs::read_to_string(&readme)?, "services", &services(workspace, fleet))?;
    Ok(Files::from([
        (workspace.path("gateway/src/routes.json"), routes(fleet)),
        (workspace.path("docs/permissions.md"), permissions(fleet)),
        (workspace.path("deploy/kubernetes/keys.txt"), keys(fleet)),
        (readme, table),
    ]))
}

/// The gateway's route table; the gateway sorts it.
fn routes(fleet: &Fleet) -> String {
    let lines: Vec<String> = fleet.prefixes().map(|(service, prefix)| format!("  {}", route(service, prefix))).collect();
    format!("[\n{}\n]\n", lines.join(",\n"))
}

fn route(service: &str, prefix: &Prefix) -> String {
    let mut route = format!("\"prefix\": {:?}, \"service\": {service:?}", prefix.path);
    for (key, value) in [("body_limit_bytes", prefix.body_limit_bytes), ("timeout_ms", prefix.timeout_ms)] {
        let _ = value.map(|value| write!(route, ", \"{key}\": {value}"));
    }
    if prefix.anonymous {
        route += ", \"anonymous\": true";
    }
    format!("{{ {route} }}")
}

fn permissions(fleet: &Fleet) -> String {
    let mut document = "# Permissions\n\n\
        Written by `cargo xtask gen` from `fleet.toml`. The `scopes` of an API key name permissions; `<noun>:*` names all of one \
        noun, and `*` all.\nA publishable key may be seen by anybody, so it holds the marked ones only.\n\n\
        | Permission | What it allows | Publishable key |\n|---|---|---|\n"
        .to_owned();
    for (name, sentence, publishable) in fleet.permissions() {
        let _ = writeln!(document, "| `{name}` | {sentence} | {} |", if publishable { "yes" } else { "" });
    }
    document
}

/// The names of the keys in the Secret `bloom-keys`, except `context`, one per line.
fn keys(fleet: &Fleet) -> String {
    ["gateway", "operator"].into_iter().chain(fleet.names()).fold(String::new(), |list, name| list + name + "\n")
}

fn services(workspace: &Workspace, fleet: &Fleet) -> String {
    let mut table = format!("| Service | Owns |\n|---|---|\n| gateway | {} |\n", fleet.gateway.owns);
    for (name, service) in &fleet.services {
        let readme = format!("services/{name}/README.md");
        let name = if workspace.path(&readme).exists() { format!("[{name}]({readme})") } else { name.clone() };
        let _ = writeln!(table, "| {name} | {} |", service.owns);
    }
    table
}
