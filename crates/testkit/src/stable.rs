//! For snapshots: replaces values that differ from run to run, so that a whole body can be compared.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// Numbers ids in the order of their appearance, and hides request ids and secrets. Use one instance for all bodies of
/// a test, so that an id has the same number in each.
#[derive(Default)]
pub struct Stable {
    ids: BTreeMap<String, String>,
    hidden: &'static [&'static str],
}

impl Stable {
    /// Also hides the values of these members.
    #[must_use]
    pub fn hiding(hidden: &'static [&'static str]) -> Self {
        Self { ids: BTreeMap::new(), hidden }
    }

    /// The value with unstable parts replaced.
    pub fn value(&mut self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(&text)),
            Value::Array(items) => items.into_iter().map(|item| self.value(item)).collect(),
            Value::Object(members) => members.into_iter().map(|(name, member)| self.member(name, member)).collect(),
            other => other,
        }
    }

    fn member(&mut self, name: String, value: Value) -> (String, Value) {
        let value = match name.as_str() {
            "request_id" => json!("…"),
            "secret" => json!(value.as_str().and_then(|text| text.get(..8)).unwrap_or_default().to_owned() + "…"),
            name if self.hidden.contains(&name) => json!("…"),
            _ => self.value(value),
        };
        (name, value)
    }

    fn text(&mut self, text: &str) -> String {
        let is_end = |letter: char| !letter.is_ascii_alphanumeric() && letter != '_';
        let parts = text.split_inclusive(is_end).map(|part| {
            let word = part.trim_end_matches(is_end);
            self.id(word) + &part[word.len()..]
        });
        parts.collect()
    }

    fn id(&mut self, text: &str) -> String {
        let Some((kind, random)) = text.rsplit_once('_') else { return text.to_owned() };
        if random.len() != 26 || !random.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return text.to_owned();
        }
        let next = self.ids.keys().filter(|id| id.starts_with(&format!("{kind}_"))).count() + 1;
        self.ids.entry(text.to_owned()).or_insert_with(|| format!("{kind}_{next}")).clone()
    }
}
