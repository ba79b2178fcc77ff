//! Kubernetes manifests as plain files: each environment in `environments.toml` gets a folder, filled from the templates.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::Files;
use super::text::{Values, fill};
use crate::Outcome;
use crate::fleet::Fleet;
use crate::workspace::Workspace;

const FOLDER: &str = "deploy/kubernetes";
/// The environment whose settings apply to every other one that does not set them itself.
const BASE: &str = "base";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Environment {
    namespace: Option<String>,
    host: Option<String>,
    replicas: Replicas,
    zone_spread: String,
    resources: Resources,
    stores: Vec<Store>,
    kafka_port: u16,
    settings: BTreeMap<String, String>,
    service_settings: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Replicas {
    min: u16,
    max: u16,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Resources {
    cpu: String,
    memory: String,
    memory_limit: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
enum Store {
    Cidr(String),
    Namespace(String),
}

/// The generated folders, relative to the root of the checkout.
pub(crate) fn folders(workspace: &Workspace) -> Outcome<Vec<String>> {
    Ok(environments(workspace)?.into_keys().map(|name| format!("{FOLDER}/{name}")).collect())
}

/// Every manifest of every environment, and the kustomization that lists them.
pub(super) fn files(workspace: &Workspace, fleet: &Fleet) -> Outcome<Files> {
    let mut files = Files::new();
    for (name, environment) in environments(workspace)? {
        let values = values(workspace, fleet, &environment)?;
        let mut listed = String::new();
        for (file, text) in manifests(workspace, fleet, &environment, &values)? {
            let _ = writeln!(listed, "  - {file}");
            files.insert(workspace.path(&format!("{FOLDER}/{name}/{file}")), text);
        }
        let kustomization = format!(
            "# Written by `cargo xtask gen`.\napiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n{listed}"
        );
        files.insert(workspace.path(&format!("{FOLDER}/{name}/kustomization.yaml")), kustomization);
    }
    Ok(files)
}

fn environments(workspace: &Workspace) -> Outcome<BTreeMap<String, Environment>> {
    let path = workspace.path("deploy/kubernetes/environments.toml");
    let mut environments: BTreeMap<String, Environment> =
        toml::from_str(&fs::read_to_string(path)?).map_err(|error| format!("environments.toml: {error}"))?;
    let base = environments.get(BASE).ok_or("environments.toml has no [base]")?;
    let (settings, service_settings) = (base.settings.clone(), base.service_settings.clone());
    for environment in environments.values_mut() {
        environment.settings = settings.clone().into_iter().chain(std::mem::take(&mut environment.settings)).collect();
        environment.service_settings =
            service_settings.clone().into_iter().chain(std::mem::take(&mut environment.service_settings)).collect();
    }
    Ok(environments)
}

/// The files of one environment: most templates are filled once, the template of a service once per service.
fn manifests(
    workspace: &Workspace,
    fleet: &Fleet,
    environment: &Environment,
    values: &Values,
) -> Outcome<BTreeMap<String, String>> {
    let mut manifests = BTreeMap::new();
    for path in workspace.files(&format!("{FOLDER}/templates"), ".yaml.in")? {
        let template = fs::read_to_string(&path)?;
        let source = workspace.relative(&path).display().to_string();
        let filled = |values: &Values| -> Outcome<String> {
            let text = fill(&template, values).map_err(|error| format!("{source}: {error}"))?;
            Ok(format!("# Written by `cargo xtask gen` from {source}.\n{text}"))
        };
        let name = crate::workspace::name(&path).unwrap_or_default().trim_end_matches(".in").to_owned();
        match name.as_str() {
            "service.yaml" => {
                for service in fleet.names() {
                    let own = values.clone().into_iter().chain(values_of_service(fleet, service));
                    if manifests.insert(format!("{service}.yaml"), filled(&own.collect())?).is_some() {
                        return Err(format!("`{service}` cannot be the name of a service: a manifest is called so").into());
                    }
                }
            }
            "namespace.yaml" if environment.namespace.is_none() => {}
            "ingress.yaml" if environment.host.is_none() => {}
            _ => {
                manifests.insert(name, filled(values)?);
            }
        }
    }
    Ok(manifests)
}

fn values(workspace: &Workspace, fleet: &Fleet, environment: &Environment) -> Outcome<Values> {
    let collector = fs::read_to_string(workspace.path("deploy/otel/collector.yaml"))?;
    let digest = Sha256::digest(&collector)[..8].iter().fold(String::new(), |digest, byte| format!("{digest}{byte:02x}"));
    Ok(Values::from([
        ("registry", fleet.images.registry.clone()),
        ("release", fleet.images.release.clone()),
        ("gateway_port", fleet.gateway.port.to_string()),
        ("namespace", environment.namespace.clone().unwrap_or_default()),
        ("host", environment.host.clone().unwrap_or_default()),
        ("replicas_min", environment.replicas.min.to_string()),
        ("replicas_max", environment.replicas.max.to_string()),
        ("zone_spread", environment.zone_spread.clone()),
        ("cpu", environment.resources.cpu.clone()),
        ("memory", environment.resources.memory.clone()),
        ("memory_limit", environment.resources.memory_limit.clone()),
        ("stores", environment.stores.iter().map(Store::peer).collect()),
        ("kafka_port", environment.kafka_port.to_string()),
        ("settings", settings(&environment.settings)),
        ("service_settings", settings(&environment.service_settings)),
        ("ingress_paths", ingress_paths(fleet)),
        ("collector_digest", digest),
        ("collector", collector),
    ]))
}

fn values_of_service(fleet: &Fleet, name: &str) -> Values {
    let called = fleet.services.iter().filter(|(other, _)| other == name).flat_map(|(_, service)| &service.calls);
    let called: String = called.map(|name| pods("name", name)).collect();
    let egress = if called.is_empty() {
        String::new()
    } else {
        format!("egress:\n  - to:\n{}    ports:\n      - port: 8080\n", indented(&called, "      "))
    };
    let callers = pods("name", "gateway") + &pods("component", "operator");
    let callers = fleet.callers(name).fold(callers, |callers, name| callers + &pods("name", name));
    Values::from([("service", name.to_owned()), ("callers", callers), ("egress", egress)])
}

/// A peer of a network policy that selects pods by a label.
fn pods(label: &str, value: &str) -> String {
    format!("- podSelector:\n    matchLabels:\n      app.kubernetes.io/{label}: {value}\n")
}

fn indented(text: &str, indentation: &str) -> String {
    text.lines().fold(String::new(), |text, line| text + indentation + line + "\n")
}

fn settings(settings: &BTreeMap<String, String>) -> String {
    settings.iter().fold(String::new(), |lines, (name, value)| format!("{lines}{name}: {value:?}\n"))
}

/// The first path segments of all prefixes, and the pages that the gateway serves itself.
fn ingress_paths(fleet: &Fleet) -> String {
    let mut paths: Vec<String> = Vec::new();
    for (_, prefix) in fleet.prefixes() {
        let first = format!("/{}", prefix.path.split('/').nth(1).unwrap_or_default());
        if !paths.contains(&first) {
            paths.push(first);
        }
    }
    let entry = |path: &str, kind: &str| {
        format!(
            "- path: {path}\n  pathType: {kind}\n  backend:\n    service:\n      name: gateway\n      port:\n        name: http\n"
        )
    };
    let prefixes = paths.iter().map(|path| entry(path, "Prefix"));
    prefixes.chain(fleet.gateway.pages.iter().map(|path| entry(path, "Exact"))).collect()
}

impl Store {
    fn peer(&self) -> String {
        match self {
            Self::Cidr(cidr) => format!("- ipBlock:\n    cidr: {cidr}\n"),
            Self::Namespace(name) => {
                format!("- namespaceSelector:\n    matchLabels:\n      kubernetes.io/metadata.name: {name}\n")
            }
        }
    }
}
