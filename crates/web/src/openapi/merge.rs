//! Merges the API descriptions of several services. A schema name has one shape in the whole fleet.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::{Map, Value, json};

use super::contract::INPUT;
use super::{each_reference, statuses};

/// Suffix of an input's name when the reply of the same name has another shape.
const SUFFIX: &str = "Input";

const SCHEMAS: &str = "#/components/schemas/";

/// Paths and components of all services.
#[derive(Debug)]
pub struct Merged {
    /// By path.
    pub paths: Value,
    /// `schemas` and `responses`.
    pub components: Value,
}

/// A schema name with two shapes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Clash {
    /// The name.
    pub name: String,
    /// The two services that use it; the same service twice if it defines both shapes.
    pub services: (String, String),
}

impl fmt::Display for Clash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (one, other) = &self.services;
        write!(f, "the schema name {} has two shapes, in {one} and in {other}: rename one", self.name)
    }
}

/// By name: the service where it was found first, and the shape.
type Schemas = BTreeMap<String, (String, Value)>;

/// Merges the documents of the named services, or lists the names with two shapes.
pub fn merge(documents: BTreeMap<String, Value>) -> Result<Merged, Vec<Clash>> {
    let mut clashes = BTreeSet::new();
    let (mut paths, mut schemas) = (Map::new(), Schemas::new());
    for (service, mut document) in documents {
        let own = take_object(&mut document["paths"]);
        for (name, schema) in referenced(&own, take_object(&mut document["components"]["schemas"])) {
            let (first, shape) = schemas.entry(name.clone()).or_insert_with(|| (service.clone(), schema.clone()));
            if *shape != schema {
                clashes.insert(Clash { name: plain(&name).to_owned(), services: (first.clone(), service.clone()) });
            }
        }
        paths.extend(own);
    }
    clashes.extend(numbered(&schemas));
    let names = final_names(&schemas, &mut clashes);
    let mut merged = Map::new();
    for (name, (service, mut schema)) in schemas {
        rename(&mut schema, &names);
        let name = names.get(&name).cloned().unwrap_or(name);
        if let Some(other) = merged.insert(name.clone(), schema.clone())
            && other != schema
        {
            clashes.insert(Clash { name, services: (service.clone(), service) });
        }
    }
    if !clashes.is_empty() {
        return Err(clashes.into_iter().collect());
    }
    paths.values_mut().for_each(|path| rename(path, &names));
    let mut paths = Value::Object(paths);
    let responses = statuses::components(&mut paths);
    Ok(Merged { paths, components: json!({ "schemas": merged, "responses": responses }) })
}

fn take_object(value: &mut Value) -> Map<String, Value> {
    match value.take() {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// The schemas that the paths refer to, directly or indirectly.
fn referenced(paths: &Map<String, Value>, mut all: Map<String, Value>) -> Map<String, Value> {
    let mut reached = Map::new();
    let mut open: Vec<Value> = paths.values().cloned().collect();
    // The responses shared by all services refer to it.
    open.push(json!({ "$ref": "#/components/schemas/Problem" }));
    while let Some(mut value) = open.pop() {
        each_reference(&mut value, &mut |reference| {
            let name = reference.strip_prefix(SCHEMAS).unwrap_or_default();
            if let Some(schema) = all.remove(name) {
                open.push(schema.clone());
                reached.insert(name.to_owned(), schema);
            }
        });
    }
    reached
}

/// The generator appends a number to the second type of the same name within a service.
fn numbered(schemas: &Schemas) -> impl Iterator<Item = Clash> {
    schemas.iter().filter_map(|(name, (service, _))| {
        let first = name.trim_end_matches(|last: char| last.is_ascii_digit());
        let is_numbered = first != name && schemas.contains_key(first);
        is_numbered.then(|| Clash { name: plain(first).to_owned(), services: (service.clone(), service.clone()) })
    })
}

fn plain(name: &str) -> &str {
    name.strip_prefix(INPUT).unwrap_or(name)
}

/// Final names of inputs: the type's name if the reply of that name has the same shape or does not exist. The two
/// shapes of one type may differ only in `required`; otherwise they are two types, a clash.
fn final_names(schemas: &Schemas, clashes: &mut BTreeSet<Clash>) -> BTreeMap<String, String> {
    let inputs: Vec<&String> = schemas.keys().filter(|name| name.starts_with(INPUT)).collect();
    let mut names: BTreeMap<String, String> = inputs.iter().map(|name| ((*name).clone(), plain(name).to_owned())).collect();
    for name in &inputs {
        if let Some((other, reply)) = schemas.get(plain(name)) {
            let (service, input) = &schemas[*name];
            let (mut input, mut reply) = (input.clone(), reply.clone());
            rename(&mut input, &names);
            remove_required(&mut input);
            remove_required(&mut reply);
            if input != reply {
                clashes.insert(Clash { name: plain(name).to_owned(), services: (other.clone(), service.clone()) });
            }
        }
    }
    // A shape also differs when it refers to one that differs; repeat until no more are found.
    loop {
        let differing = inputs.iter().find(|name| {
            let (input, reply) = (&schemas[**name], schemas.get(plain(name)));
            let mut input = input.1.clone();
            rename(&mut input, &names);
            names[**name] == plain(name) && reply.is_some_and(|reply| reply.1 != input)
        });
        let Some(name) = differing else { return names };
        names.insert((*name).clone(), format!("{}{SUFFIX}", plain(name)));
    }
}

fn remove_required(value: &mut Value) {
    match value {
        Value::Object(map) => {
            if map.get("required").is_some_and(Value::is_array) {
                map.remove("required");
            }
            map.values_mut().for_each(remove_required);
        }
        Value::Array(items) => items.iter_mut().for_each(remove_required),
        _ => {}
    }
}

fn rename(value: &mut Value, names: &BTreeMap<String, String>) {
    each_reference(value, &mut |reference| {
        if let Some(name) = reference.strip_prefix(SCHEMAS).and_then(|name| names.get(name)) {
            *reference = format!("{SCHEMAS}{name}");
        }
    });
}

#[cfg(test)]
mod tests;
