//! Rules about Cargo manifests.

use std::fs;

use serde_json::Value;

use crate::Outcome;
use crate::workspace::Workspace;

/// If one member added a feature to a dependency, the dependency would be compiled twice. A member may declare its own features
/// and enable features of our crates (such as the `fake` of a contract).
pub(crate) fn features_live_in_the_root(workspace: &Workspace) -> Outcome<Vec<String>> {
    let mut breaches = Vec::new();
    for folder in workspace.members()? {
        let path = folder.join("Cargo.toml");
        for (index, line) in fs::read_to_string(&path)?.lines().enumerate() {
            let code = line.split('#').next().unwrap_or_default();
            if code.contains("features = ") && !code.starts_with("required-features") && !code.starts_with("bloom-") {
                breaches.push(format!("{}:{}: {}", workspace.relative(&path).display(), index + 1, line.trim()));
            }
        }
    }
    Ok(breaches)
}

/// A service depends on the contracts of others (`bloom-contract-…`), never on their crates.
pub(crate) fn services_stand_alone(workspace: &Workspace) -> Outcome<Vec<String>> {
    let output = workspace.cargo().args(["metadata", "--no-deps", "--offline", "--format-version=1"]).output()?;
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let packages = metadata["packages"].as_array().cloned().unwrap_or_default();
    let services: Vec<&Value> = packages.iter().filter(|package| is_service(workspace, package)).collect();
    let mut breaches = Vec::new();
    for service in &services {
        for dependency in service["dependencies"].as_array().into_iter().flatten() {
            // Its tests may run the real services of others, because we write no mocks of our own services.
            let test_only = dependency["kind"] == "dev";
            if !test_only && services.iter().any(|other| other["name"] == dependency["name"]) {
                breaches.push(format!("{} depends on {}", service["name"], dependency["name"]));
            }
        }
    }
    Ok(breaches)
}

fn is_service(workspace: &Workspace, package: &Value) -> bool {
    let path = package["manifest_path"].as_str().unwrap_or_default();
    std::path::Path::new(path).starts_with(workspace.path("services"))
}
