//! Parses a whole JSON text again after serde refused it, to validate it against its schema. Unlike a `serde_json`
//! tree, which keeps only the last of two equal keys, this notices duplicates.

use std::cell::{Cell, RefCell};
use std::fmt;

use bloom_fault::{Violation, ViolationCode};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Number, Value};

use crate::violations::{VIOLATIONS_MAX, step};

/// A JSON value, and violations that a tree of values cannot represent.
pub(super) struct Reread {
    pub(super) value: Value,
    /// Number of values in it.
    pub(super) nodes: usize,
    /// Duplicate keys, and numbers that are too large.
    pub(super) violations: Vec<Violation>,
}

/// Parses a whole text.
pub(super) fn reread(bytes: &[u8]) -> Result<Reread, serde_json::Error> {
    let (violations, nodes) = (RefCell::new(Vec::new()), Cell::new(0));
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let read = Node { place: &Place::Root, violations: &violations, nodes: &nodes }.deserialize(&mut json);
    match read.and_then(|value| json.end().map(|()| value)) {
        Ok(value) => Ok(Reread { value, nodes: nodes.get(), violations: violations.into_inner() }),
        Err(error) if error.is_syntax() => match within_range(bytes) {
            Some(bytes) => reread(&bytes),
            None => Err(error),
        },
        Err(error) => Err(error),
    }
}

/// Replaces a number that is too large: JSON allows it, a float cannot hold it.
const BEYOND: &str = "1.7976931348623157e308";

/// The text with each number that is too large for a float replaced; `None` if there is none.
fn within_range(bytes: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let is_number = |letter: char| matches!(letter, '-' | '+' | '.' | '0'..='9' | 'e' | 'E');
    let mut replaced = String::with_capacity(text.len());
    let mut rest = text;
    let mut found = false;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => string_length(rest),
            '-' | '0'..='9' => rest.find(|letter| !is_number(letter)).unwrap_or(rest.len()),
            _ => first.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        let is_beyond = first != '"' && token.parse::<f64>().is_ok_and(f64::is_infinite);
        found |= is_beyond;
        match (is_beyond, first) {
            (true, '-') => replaced.extend(["-", BEYOND]),
            (true, _) => replaced.push_str(BEYOND),
            (false, _) => replaced.push_str(token),
        }
        rest = after;
    }
    found.then(|| replaced.into_bytes())
}

/// The length of the string at the start of a text, quotes included.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    let end = text.bytes().enumerate().skip(1).find(|(_, byte)| {
        let ends = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        ends
    });
    end.map_or(text.len(), |(at, _)| at + 1)
}

/// Path of a value; its steps live on the stack.
enum Place<'p> {
    Root,
    Member(&'p Self, &'p str),
    Item(&'p Self, usize),
}

impl Place<'_> {
    fn pointer(&self) -> String {
        match self {
            Self::Root => String::new(),
            Self::Member(parent, name) => parent.pointer() + &step(name),
            Self::Item(parent, index) => format!("{}/{index}", parent.pointer()),
        }
    }
}

struct Node<'p> {
    place: &'p Place<'p>,
    violations: &'p RefCell<Vec<Violation>>,
    nodes: &'p Cell<usize>,
}

impl Node<'_> {
    fn below<'p>(&'p self, place: &'p Place<'p>) -> Node<'p> {
        Node { place, violations: self.violations, nodes: self.nodes }
    }

    fn note(&self, pointer: String, code: ViolationCode, message: &str) {
        let mut violations = self.violations.borrow_mut();
        if violations.len() < VIOLATIONS_MAX {
            violations.push(Violation { pointer, code: code.into(), message: message.to_owned() });
        }
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.nodes.set(self.nodes.get() + 1);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        if f64::MAX <= value.abs() {
            self.note(self.place.pointer(), ViolationCode::OutOfRange, "This number is too large.");
        }
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        loop {
            let place = Place::Item(self.place, list.len());
            let Some(item) = items.next_element_seed(self.below(&place))? else {
                return Ok(Value::Array(list));
            };
            list.push(item);
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = entries.next_key::<String>()? {
            let place = Place::Member(self.place, &name);
            let value = entries.next_value_seed(self.below(&place))?;
            match members.entry(name) {
                Entry::Vacant(entry) => drop(entry.insert(value)),
                Entry::Occupied(entry) => {
                    let pointer = Place::Member(self.place, entry.key()).pointer();
                    self.note(pointer, ViolationCode::Duplicate, "This is there twice.");
                }
            }
        }
        Ok(Value::Object(members))
    }
}
