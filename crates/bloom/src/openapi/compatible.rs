//! Finds incompatible changes of an API description that clients, or generators of clients, rely on; names count too.

use std::collections::BTreeSet;

use serde_json::Value;

/// Differences between two descriptions that break a client of the old one.
pub fn breaking_changes(old: &Value, new: &Value) -> Vec<String> {
    let mut changes = Changes { old, new, found: Vec::new() };
    for (path, item) in entries(&old["paths"]) {
        for (method, was) in entries(item) {
            let place = format!("{} {path}", method.to_uppercase());
            match new["paths"].get(path).and_then(|item| item.get(method)) {
                Some(is) => changes.operation(&place, was, is),
                None => changes.add(format!("{place} is gone")),
            }
        }
    }
    changes.found
}

/// Maximum depth at which recursive shapes are compared.
const DEPTH: usize = 12;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Reply,
    Input,
}

struct Changes<'d> {
    old: &'d Value,
    new: &'d Value,
    found: Vec<String>,
}

impl<'d> Changes<'d> {
    fn add(&mut self, change: String) {
        self.found.push(change);
    }

    fn operation(&mut self, place: &str, was: &'d Value, is: &'d Value) {
        for word in ["operationId", "tags"] {
            if was[word] != is[word] {
                self.add(format!("{place} had {word} {} and has {}", was[word], is[word]));
            }
        }
        self.parameters(place, was, is);
        for (status, response) in entries(&was["responses"]) {
            match is["responses"].get(status) {
                None => self.add(format!("{place} no longer answers {status}")),
                Some(now) => {
                    if let (Some(was), Some(is)) = (body(resolve(response, self.old)), body(resolve(now, self.new))) {
                        self.schema(place, Direction::Reply, was, is, 0);
                    }
                }
            }
        }
        match (body(&was["requestBody"]), body(&is["requestBody"])) {
            (Some(was), Some(is)) => self.schema(place, Direction::Input, was, is, 0),
            (None, Some(_)) => self.add(format!("{place} wants a body")),
            (Some(_), None) => self.add(format!("{place} no longer takes a body")),
            (None, None) => {}
        }
    }

    fn parameters(&mut self, place: &str, was: &'d Value, is: &'d Value) {
        let list = |operation: &'d Value| operation["parameters"].as_array().into_iter().flatten();
        let same = |one: &Value, other: &Value| one["in"] == other["in"] && one["name"] == other["name"];
        for parameter in list(was) {
            match list(is).find(|other| same(parameter, other)) {
                None => self.add(format!("{place} no longer takes {}", parameter["name"])),
                Some(now) => {
                    let place = format!("{place} ← {}", parameter["name"].as_str().unwrap_or_default());
                    self.schema(&place, Direction::Input, &parameter["schema"], &now["schema"], 0);
                }
            }
        }
        for parameter in list(is).filter(|parameter| parameter["required"] == true) {
            if !list(was).any(|other| same(parameter, other) && other["required"] == true) {
                self.add(format!("{place} requires {}", parameter["name"]));
            }
        }
    }

    /// A field that clients read may not be removed, change its type or become optional; a field that they send must
    /// stay known, and none may become required.
    fn schema(&mut self, place: &str, direction: Direction, was: &'d Value, is: &'d Value, depth: usize) {
        if was.get("$ref") != is.get("$ref") {
            self.add(format!("{place} was named {} and is {}", name(was), name(is)));
        }
        let (was, is) = (resolve(was, self.old), resolve(is, self.new));
        if was["type"] != is["type"] {
            self.add(format!("{place} was {} and is {}", was["type"], is["type"]));
            return;
        }
        if depth > DEPTH {
            return;
        }
        if direction == Direction::Input {
            for value in values(was).difference(&values(is)) {
                self.add(format!("{place} no longer takes {value}"));
            }
        }
        self.properties(place, direction, was, is, depth);
        for word in ["items", "additionalProperties"] {
            if was[word].is_object() {
                self.schema(place, direction, &was[word], &is[word], depth + 1);
            }
        }
        for word in ["anyOf", "oneOf"] {
            let choices =
                |schema: &'d Value| schema[word].as_array().into_iter().flatten().filter(|one| one.get("const").is_none());
            if choices(was).count() > choices(is).count() || (choices(was).count() < choices(is).count() && word == "anyOf") {
                self.add(format!("{place} had {} shapes and has {}", choices(was).count(), choices(is).count()));
            }
            for (was, is) in choices(was).zip(choices(is)) {
                self.schema(place, direction, was, is, depth + 1);
            }
        }
    }

    fn properties(&mut self, place: &str, direction: Direction, was: &'d Value, is: &'d Value, depth: usize) {
        let arrow = if direction == Direction::Reply { "→" } else { "←" };
        for (name, property) in entries(&was["properties"]) {
            let place = format!("{place} {arrow} {name}");
            match is["properties"].get(name) {
                None => self.add(format!("{place} is gone")),
                Some(now) => self.schema(&place, direction, property, now, depth + 1),
            }
        }
        let (before, after) = (required(was), required(is));
        match direction {
            Direction::Reply => {
                let gone = before.difference(&after).filter(|name| is["properties"].get(**name).is_some());
                gone.for_each(|name| self.found.push(format!("{place} {arrow} {name} may stay away now")));
            }
            Direction::Input => {
                after.difference(&before).for_each(|name| self.found.push(format!("{place} {arrow} {name} has become required")));
            }
        }
    }
}

fn required(schema: &Value) -> BTreeSet<&str> {
    schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// The values of an enumeration.
fn values(schema: &Value) -> BTreeSet<String> {
    let listed = schema["enum"].as_array().into_iter().flatten();
    let described = schema["oneOf"].as_array().into_iter().flatten().filter_map(|one| one.get("const"));
    listed.chain(described).map(Value::to_string).collect()
}

fn name(schema: &Value) -> &str {
    schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()).unwrap_or("nothing")
}

fn resolve<'d>(value: &'d Value, document: &'d Value) -> &'d Value {
    let pointer = value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    pointer.and_then(|pointer| document.pointer(pointer)).unwrap_or(value)
}

fn body(holder: &Value) -> Option<&Value> {
    let content = holder.get("content")?.as_object()?;
    content.values().next().map(|media| &media["schema"])
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}
