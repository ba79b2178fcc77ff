//! Rules about Cargo manifests.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::Outcome;
use crate::workspace::Workspace;

/// A feature in one member would compile the dependency a second time for everybody.
pub(crate) fn features_live_in_the_root(workspace: &Workspace) -> Outcome<Vec<String>> {
    let mut breaches = Vec::new();
    for folder in workspace.members()? {
        let path = folder.join("Cargo.toml");
        for (index, line) in fs::read_to_string(&path)?.lines().enumerate() {
            let code = line.split('#').next().unwrap_or_default();
            // A service as a process of its own is a feature of its crate, so that its tests build no Kafka.
            let is_executable = code.trim() == "[features]" || code.contains("required-features = [\"executable\"]");
            if code.contains("features") && !is_executable {
                breaches.push(format!("{}:{}: {}", workspace.relative(&path).display(), index + 1, line.trim()));
            }
        }
    }
    Ok(breaches)
}

/// A service knows others by their contract (`bloom-contract-…`), never by their crate.
pub(crate) fn services_stand_alone(workspace: &Workspace) -> Outcome<Vec<String>> {
    let output = Command::new("cargo")
        .args(["metadata", "--no-deps", "--offline", "--format-version=1"])
        .current_dir(&workspace.root)
        .output()?;
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let packages = metadata["packages"].as_array().cloned().unwrap_or_default();
    let services: Vec<&Value> = packages.iter().filter(|package| is_service(workspace, package)).collect();
    let mut breaches = Vec::new();
    for service in &services {
        for dependency in service["dependencies"].as_array().into_iter().flatten() {
            // Its tests may run the real others beside it: we write no mocks of our own services.
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
