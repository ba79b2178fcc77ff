//! Checks committed files with external tools: manifests with `kubernetes-validate`; alert rules, their tests and the expressions
//! in dashboards with `promtool`. `./dev test` installs both.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::Outcome;
use crate::generate::kubernetes;
use crate::workspace::Workspace;

/// The oldest supported version of Kubernetes; xtask's tests use the types of the same version.
const KUBERNETES: &str = "1.33";

/// Runs every check; fails when one of them fails.
pub(crate) fn run(workspace: &Workspace) -> Outcome {
    let mut manifests = Vec::new();
    for folder in kubernetes::folders(workspace)? {
        manifests.extend(workspace.files(&folder, ".yaml")?);
    }
    // A kustomization is for kubectl, not for the API server.
    manifests.retain(|path| !path.ends_with("kustomization.yaml"));
    let kubernetes_validate = ["--strict", "--quiet", "-k", KUBERNETES].map(PathBuf::from).into_iter().chain(manifests);
    let rules = |name: &str| workspace.path(&format!("deploy/prometheus/{name}"));
    let outcomes = [
        execute("kubernetes-validate", kubernetes_validate),
        execute("promtool", ["check".into(), "rules".into(), rules("rules.yaml"), expressions_of_dashboards(workspace)?]),
        execute("promtool", ["test".into(), "rules".into(), rules("rules.test.yaml")]),
    ];
    outcomes.into_iter().collect()
}

/// Runs a tool and shows its output when it fails.
fn execute(tool: &str, arguments: impl IntoIterator<Item = PathBuf>) -> Outcome {
    let output = Command::new(tool).args(arguments).output();
    let output = output.map_err(|error| format!("{tool} does not run ({error}); `./dev test` installs it"))?;
    if output.status.success() {
        return Ok(());
    }
    print!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Err(format!("{tool} found mistakes").into())
}

/// The expressions of all panels as a file of recording rules, because promtool checks expressions in that form.
fn expressions_of_dashboards(workspace: &Workspace) -> Outcome<PathBuf> {
    let mut rules = Vec::new();
    for path in workspace.files("deploy/grafana", ".json")? {
        let panels = expressions(&path)?;
        rules.extend(
            panels.iter().enumerate().map(|(nr, (_, expression))| json!({ "record": format!("panel:{nr}"), "expr": expression })),
        );
    }
    let file = workspace.path("target/xtask-validate/dashboards.json");
    fs::create_dir_all(file.parent().unwrap_or(&file))?;
    fs::write(&file, json!({ "groups": [{ "name": "dashboards", "rules": rules }] }).to_string())?;
    Ok(file)
}

/// The title and expression of every target of every panel, with Grafana's variables filled in. A panel without one is an error.
pub(crate) fn expressions(dashboard: &Path) -> Outcome<Vec<(String, String)>> {
    let document: Value = serde_json::from_str(&fs::read_to_string(dashboard)?)?;
    let mut found = Vec::new();
    for panel in document["panels"].as_array().into_iter().flatten() {
        let title = panel["title"].as_str().unwrap_or_default();
        let targets = panel["targets"].as_array().filter(|targets| !targets.is_empty());
        for target in targets.ok_or_else(|| format!("the panel `{title}` shows nothing"))? {
            let expression =
                target["expr"].as_str().ok_or_else(|| format!("a target of the panel `{title}` has no expression"))?;
            found.push((title.to_owned(), expression.replace("$__rate_interval", "5m").replace("$service", ".*")));
        }
    }
    Ok(found)
}
