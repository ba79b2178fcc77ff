//! Reads and checks `fleet.toml`, the list of services from which `cargo xtask gen` writes everything else.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::marker::PhantomData;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::Outcome;
use crate::workspace::{self, Workspace};

/// The content of `fleet.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fleet {
    pub(crate) images: Images,
    pub(crate) gateway: Gateway,
    #[serde(rename = "service", deserialize_with = "in_order")]
    pub(crate) services: Vec<(String, Service)>,
}

/// The registry of the container images, and the release that the manifests install.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Images {
    pub(crate) registry: String,
    pub(crate) release: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Gateway {
    pub(crate) owns: String,
    pub(crate) port: u16,
    pub(crate) pages: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Service {
    pub(crate) owns: String,
    #[serde(default)]
    pub(crate) prefixes: Vec<Prefix>,
    #[serde(default)]
    pub(crate) permissions: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) publishable: Vec<String>,
    #[serde(default)]
    pub(crate) calls: Vec<String>,
}

/// A path prefix that the gateway routes to the service; absent fields have the gateway's defaults.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Prefix {
    pub(crate) path: String,
    pub(crate) body_limit_bytes: Option<u64>,
    pub(crate) timeout_ms: Option<u64>,
    #[serde(default)]
    pub(crate) anonymous: bool,
}

impl Fleet {
    /// Reads and checks the `fleet.toml` of this checkout.
    pub(crate) fn load(workspace: &Workspace) -> Outcome<Self> {
        let fleet = Self::parse(&fs::read_to_string(workspace.path("fleet.toml"))?)?;
        let mut folders = BTreeSet::new();
        for folder in workspace::folders(&workspace.path("services"))? {
            if folder.join("Cargo.toml").exists() {
                folders.extend(workspace::name(&folder));
            }
        }
        let listed: BTreeSet<String> = fleet.names().map(str::to_owned).collect();
        match folders.symmetric_difference(&listed).next() {
            None => Ok(fleet),
            Some(name) => Err(format!("fleet.toml and services/ differ: `{name}` is in one of them only").into()),
        }
    }

    /// Parses a text and refuses inconsistent content.
    pub(crate) fn parse(text: &str) -> Outcome<Self> {
        let fleet: Self = toml::from_str(text).map_err(|error| format!("fleet.toml: {error}"))?;
        match fleet.mistakes().as_slice() {
            [] => Ok(fleet),
            mistakes => Err(format!("fleet.toml: {}", mistakes.join("; ")).into()),
        }
    }

    /// Names of the services, in the order in which they start.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.services.iter().map(|(name, _)| name.as_str())
    }

    /// Every permission with its description, sorted, and whether a publishable key may hold it.
    pub(crate) fn permissions(&self) -> Vec<(&str, &str, bool)> {
        let of = |service: &'_ Service, name: &str| service.publishable.iter().any(|publishable| publishable == name);
        let services = self.services.iter().map(|(_, service)| service);
        let mut found: Vec<_> = services
            .flat_map(|service| {
                service.permissions.iter().map(move |(name, sentence)| (name.as_str(), sentence.as_str(), of(service, name)))
            })
            .collect();
        found.sort_unstable();
        found
    }

    /// Every prefix with the name of its service.
    pub(crate) fn prefixes(&self) -> impl Iterator<Item = (&str, &Prefix)> {
        self.services.iter().flat_map(|(name, service)| service.prefixes.iter().map(move |prefix| (name.as_str(), prefix)))
    }

    /// Services that call this one.
    pub(crate) fn callers<'a>(&'a self, called: &'a str) -> impl Iterator<Item = &'a str> {
        let calls = move |service: &Service| service.calls.iter().any(|name| name == called);
        self.services.iter().filter(move |(_, service)| calls(service)).map(|(name, _)| name.as_str())
    }

    fn mistakes(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut paths = BTreeSet::new();
        let mut permissions = BTreeSet::new();
        let word = |text: &str, more: char| {
            !text.is_empty() && text.chars().all(|character| character.is_ascii_lowercase() || character == more)
        };
        for (name, service) in &self.services {
            if !word(name, '-') || ["gateway", "operator", "context", "platform"].contains(&name.as_str()) {
                found.push(format!("`{name}` cannot be the name of a service"));
            }
            for Prefix { path, .. } in &service.prefixes {
                if !path.starts_with('/') || path.ends_with('/') || !paths.insert(path) {
                    found.push(format!("{name}: the prefix `{path}` begins with a slash, ends in none, and is listed once"));
                }
            }
            for permission in service.permissions.keys() {
                let formed = permission.split_once(':').is_some_and(|(noun, verb)| word(noun, '_') && word(verb, '_'));
                if !formed || !permissions.insert(permission) {
                    found.push(format!("{name}: the permission `{permission}` is `noun:verb`, and is listed once"));
                }
            }
            for publishable in service.publishable.iter().filter(|publishable| !service.permissions.contains_key(*publishable)) {
                found.push(format!("{name}: `{publishable}` is publishable and none of its permissions"));
            }
            for called in service.calls.iter().filter(|called| *called == name || self.names().all(|known| known != *called)) {
                found.push(format!("{name}: calls `{called}`, which is no other service"));
            }
        }
        found
    }
}

/// Reads a table as a list in the order of the file, in which services are started and listed.
fn in_order<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<(String, Service)>, D::Error> {
    struct Entries(PhantomData<Service>);
    impl<'de> Visitor<'de> for Entries {
        type Value = Vec<(String, Service)>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a table of services")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut entries = Vec::new();
            while let Some(entry) = map.next_entry()? {
                entries.push(entry);
            }
            Ok(entries)
        }
    }
    deserializer.deserialize_map(Entries(PhantomData))
}
