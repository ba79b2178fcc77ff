//! Product types and the typed attributes that products of a type carry.

use std::collections::{BTreeMap, BTreeSet};

use bloom_fault::Fault;
use bloom_kernel::{Metadata, MetadataPatch, ProductTypeId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check::Checks;
use super::patch::set;

/// Most attributes of a type.
pub const ATTRIBUTES_MAX: usize = 100;
/// Most values of an `enum` attribute.
pub const VALUES_MAX: usize = 200;
/// Most characters of a text or enum value.
pub const VALUE_CHARS_MAX: usize = 500;

/// What kind of value an attribute takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttributeKind {
    /// Free text.
    Text,
    /// A JSON number.
    Number,
    /// True or false.
    Boolean,
    /// One of the values that the type lists.
    Enum,
}

/// One attribute that products of a type may carry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AttributeDefinition {
    /// Key of the attribute in a product's `attributes`.
    pub code: String,
    /// What people call it.
    pub name: String,
    /// The kind of its values.
    pub kind: AttributeKind,
    /// The values of an `enum`; empty for other kinds.
    #[serde(default)]
    pub values: Vec<String>,
    /// Whether an active product must carry it.
    #[serde(default)]
    pub required: bool,
}

/// A value of an attribute.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum AttributeValue {
    /// Of a `boolean`.
    Boolean(bool),
    /// Of a `number`.
    Number(serde_json::Number),
    /// Of a `text` or `enum`.
    Text(String),
}

/// Attribute values by code.
pub type Attributes = BTreeMap<String, AttributeValue>;

/// A product type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProductType {
    /// Its id.
    pub id: ProductTypeId,
    /// Unique code, for example `brake-part`; imports name types by it.
    pub code: String,
    /// What people call it.
    pub name: String,
    /// The attributes of its products.
    pub attributes: Vec<AttributeDefinition>,
    /// The merchant's own notes.
    pub metadata: Metadata,
    /// Counts its changes.
    pub version: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// A product type to be.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProductTypeCreate {
    /// Unique code, for example `brake-part`.
    pub code: String,
    /// What people call it.
    pub name: String,
    /// The attributes of its products.
    #[serde(default)]
    pub attributes: Vec<AttributeDefinition>,
    /// The merchant's own notes.
    #[serde(default)]
    pub metadata: Metadata,
}

/// A change of a product type. `attributes` replaces the list; it may add attributes and values and change names, but
/// not drop an attribute, an enum value or the kind of an attribute, because products may use them.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProductTypePatch {
    /// What people call it.
    #[serde(default)]
    pub name: Option<String>,
    /// The attributes of its products.
    #[serde(default)]
    pub attributes: Option<Vec<AttributeDefinition>>,
    /// Merged into the present metadata; `null` removes a key.
    #[serde(default)]
    pub metadata: Option<MetadataPatch>,
}

impl ProductType {
    /// Checks everything that a type says about itself.
    pub fn validate(&self) -> Result<(), Fault> {
        let mut checks = Checks::default();
        checks.code("/code", &self.code);
        checks.text("/name", &self.name, 1, 255);
        checks.count("/attributes", self.attributes.len(), ATTRIBUTES_MAX);
        let mut codes = BTreeSet::new();
        for (index, attribute) in self.attributes.iter().enumerate().take(ATTRIBUTES_MAX) {
            let at = format!("/attributes/{index}");
            attribute.validate(&at, &mut checks);
            if !codes.insert(&attribute.code) {
                checks.fail(format!("{at}/code"), "duplicate", "Two attributes have this code.");
            }
        }
        checks.finish()
    }

    /// The type after a change.
    pub fn patched(mut self, patch: ProductTypePatch, now: Timestamp) -> Result<Self, Fault> {
        if let Some(attributes) = &patch.attributes {
            refuse_loss(&self.attributes, attributes)?;
        }
        set(&mut self.name, patch.name);
        set(&mut self.attributes, patch.attributes);
        if let Some(metadata) = patch.metadata {
            self.metadata.merge(metadata)?;
        }
        self.version += 1;
        self.updated_at = now;
        self.validate()?;
        Ok(self)
    }

    /// Checks a product's attributes. What a type requires is required of active products only: a draft may be unfinished.
    pub fn check(&self, attributes: &Attributes, active: bool, checks: &mut Checks) {
        for (code, value) in attributes {
            let at = format!("/attributes/{}", code.replace('~', "~0").replace('/', "~1"));
            match self.attributes.iter().find(|attribute| attribute.code == *code) {
                Some(attribute) => attribute.check(&at, value, checks),
                None => checks.fail(at, "unknown_attribute", format!("The product type {} has no such attribute.", self.code)),
            }
        }
        for attribute in self.attributes.iter().filter(|attribute| active && attribute.required) {
            if !attributes.contains_key(&attribute.code) {
                checks.fail(
                    format!("/attributes/{}", attribute.code),
                    "required",
                    "An active product of this type carries this.",
                );
            }
        }
    }
}

impl AttributeDefinition {
    fn validate(&self, at: &str, checks: &mut Checks) {
        checks.code(&format!("{at}/code"), &self.code);
        checks.text(&format!("{at}/name"), &self.name, 1, 255);
        let values = format!("{at}/values");
        match self.kind {
            AttributeKind::Enum if self.values.is_empty() => checks.fail(&values, "required", "An enum lists its values."),
            AttributeKind::Enum => {
                checks.count(&values, self.values.len(), VALUES_MAX);
                for (index, value) in self.values.iter().enumerate().take(VALUES_MAX) {
                    checks.text(&format!("{values}/{index}"), value, 1, 100);
                }
                if self.values.iter().collect::<BTreeSet<_>>().len() < self.values.len() {
                    checks.fail(&values, "duplicate", "A value is listed twice.");
                }
            }
            AttributeKind::Text | AttributeKind::Number | AttributeKind::Boolean => {
                if !self.values.is_empty() {
                    checks.fail(&values, "not_allowed", "Only an enum lists values.");
                }
            }
        }
    }

    fn check(&self, at: &str, value: &AttributeValue, checks: &mut Checks) {
        match (self.kind, value) {
            (AttributeKind::Text, AttributeValue::Text(text)) => checks.text(at, text, 0, VALUE_CHARS_MAX),
            (AttributeKind::Enum, AttributeValue::Text(text)) => {
                if !self.values.contains(text) {
                    checks.fail(at, "unknown_value", "This is none of the values that the attribute lists.");
                }
            }
            (AttributeKind::Number, AttributeValue::Number(_)) | (AttributeKind::Boolean, AttributeValue::Boolean(_)) => {}
            (kind, _) => checks.fail(at, "wrong_type", format!("This attribute takes a {}.", kind.word())),
        }
    }
}

impl AttributeKind {
    fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Enum => "text that is one of its values",
        }
    }
}

/// Products may use what the type has now.
fn refuse_loss(present: &[AttributeDefinition], wanted: &[AttributeDefinition]) -> Result<(), Fault> {
    let mut checks = Checks::default();
    for attribute in present {
        match wanted.iter().position(|other| other.code == attribute.code) {
            None => {
                let message = format!("The attribute `{}` cannot be dropped: products may carry it.", attribute.code);
                checks.fail("/attributes", "attribute_dropped", message);
            }
            Some(index) => {
                let other = &wanted[index];
                if other.kind != attribute.kind {
                    checks.fail(format!("/attributes/{index}/kind"), "kind_fixed", "The kind of an attribute cannot change.");
                } else if attribute.values.iter().any(|value| !other.values.contains(value)) {
                    checks.fail(format!("/attributes/{index}/values"), "value_dropped", "A value of an enum cannot be dropped.");
                }
            }
        }
    }
    checks.finish()
}
