//! The product type, and the typed attributes that its products have.

use std::collections::{BTreeMap, BTreeSet};

use bloom_fault::Fault;
use bloom_kernel::{Metadata, MetadataPatch, ProductTypeId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::merge_patch::set;
use crate::validator::Validator;

/// Most attributes of a type.
pub(crate) const ATTRIBUTES_MAX: usize = 100;
/// Most values of an `enum` attribute.
pub(crate) const VALUES_MAX: usize = 200;
/// Most characters of a text or enum value.
pub(crate) const VALUE_CHARS_MAX: usize = 500;

/// What kind of value an attribute takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AttributeKind {
    /// Free text.
    Text,
    /// A JSON number.
    Number,
    /// True or false.
    Boolean,
    /// One of the values that the type lists.
    Enum,
}

/// An attribute that products of a type may have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AttributeDefinition {
    /// Key of the attribute in a product's `attributes`.
    pub(crate) code: String,
    /// Display name.
    pub(crate) name: String,
    /// The kind of its values.
    pub(crate) kind: AttributeKind,
    /// The values of an `enum`; empty for other kinds.
    #[serde(default)]
    pub(crate) values: Vec<String>,
    /// Whether an active product must have it.
    #[serde(default)]
    pub(crate) required: bool,
}

/// A value of an attribute.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum AttributeValue {
    /// Of a `boolean`.
    Boolean(bool),
    /// Of a `number`.
    Number(serde_json::Number),
    /// Of a `text` or `enum`.
    Text(String),
}

/// Attribute values by code.
pub(crate) type Attributes = BTreeMap<String, AttributeValue>;

/// A product type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProductType {
    pub(crate) id: ProductTypeId,
    /// Unique code, for example `brake-part`; imports name types by it.
    pub(crate) code: String,
    /// Display name.
    pub(crate) name: String,
    /// The attributes of its products.
    pub(crate) attributes: Vec<AttributeDefinition>,
    /// The merchant's own data.
    pub(crate) metadata: Metadata,
    /// Version, raised by each change.
    pub(crate) version: i64,
    /// When it was created.
    pub(crate) created_at: Timestamp,
    /// When it last changed.
    pub(crate) updated_at: Timestamp,
}

/// Input to create a product type.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProductTypeCreate {
    /// Unique code, for example `brake-part`.
    pub(crate) code: String,
    /// Display name.
    pub(crate) name: String,
    /// The attributes of its products.
    #[serde(default)]
    pub(crate) attributes: Vec<AttributeDefinition>,
    /// The merchant's own data.
    #[serde(default)]
    pub(crate) metadata: Metadata,
}

/// Changes of a product type. `attributes` replaces the list; it may add attributes and values and change names, but
/// not drop an attribute, an enum value or the kind of an attribute, because products may use them.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProductTypeUpdate {
    /// Display name.
    #[serde(default)]
    pub(crate) name: Option<String>,
    /// The attributes of its products.
    #[serde(default)]
    pub(crate) attributes: Option<Vec<AttributeDefinition>>,
    /// Merged into the present metadata; `null` removes a key.
    #[serde(default)]
    pub(crate) metadata: Option<MetadataPatch>,
}

impl ProductType {
    /// A new product type.
    pub(crate) fn new(id: ProductTypeId, now: Timestamp, input: ProductTypeCreate) -> Result<Self, Fault> {
        let product_type = Self {
            id,
            code: input.code,
            name: input.name,
            attributes: input.attributes,
            metadata: input.metadata,
            version: 1,
            created_at: now,
            updated_at: now,
        };
        product_type.validate()?;
        Ok(product_type)
    }

    fn validate(&self) -> Result<(), Fault> {
        let mut validator = Validator::default();
        validator.code("/code", &self.code);
        validator.text("/name", &self.name, 1, 255);
        validator.count("/attributes", self.attributes.len(), ATTRIBUTES_MAX);
        let mut codes = BTreeSet::new();
        for (index, attribute) in self.attributes.iter().enumerate().take(ATTRIBUTES_MAX) {
            let at = format!("/attributes/{index}");
            attribute.validate(&at, &mut validator);
            if !codes.insert(&attribute.code) {
                validator.fail(format!("{at}/code"), "duplicate", "Two attributes have this code.");
            }
        }
        validator.finish()
    }

    /// Applies changes.
    pub(crate) fn update(&mut self, now: Timestamp, input: ProductTypeUpdate) -> Result<(), Fault> {
        if let Some(attributes) = &input.attributes {
            check_compatible(&self.attributes, attributes)?;
        }
        set(&mut self.name, input.name);
        set(&mut self.attributes, input.attributes);
        if let Some(metadata) = input.metadata {
            self.metadata.merge(metadata)?;
        }
        self.version += 1;
        self.updated_at = now;
        self.validate()
    }

    /// Checks a product's attributes. Required ones are required of active products only: a draft may be unfinished.
    pub(crate) fn check(&self, attributes: &Attributes, active: bool, validator: &mut Validator) {
        for (code, value) in attributes {
            let at = format!("/attributes/{}", code.replace('~', "~0").replace('/', "~1"));
            match self.attributes.iter().find(|attribute| attribute.code == *code) {
                Some(attribute) => attribute.check(&at, value, validator),
                None => validator.fail(at, "unknown_attribute", format!("The product type {} has no such attribute.", self.code)),
            }
        }
        for attribute in self.attributes.iter().filter(|attribute| active && attribute.required) {
            if !attributes.contains_key(&attribute.code) {
                validator.fail(
                    format!("/attributes/{}", attribute.code),
                    "required",
                    "An active product of this type has this attribute.",
                );
            }
        }
    }
}

impl AttributeDefinition {
    fn validate(&self, at: &str, validator: &mut Validator) {
        validator.code(&format!("{at}/code"), &self.code);
        validator.text(&format!("{at}/name"), &self.name, 1, 255);
        let values = format!("{at}/values");
        match self.kind {
            AttributeKind::Enum if self.values.is_empty() => validator.fail(&values, "required", "An enum lists its values."),
            AttributeKind::Enum => {
                validator.count(&values, self.values.len(), VALUES_MAX);
                for (index, value) in self.values.iter().enumerate().take(VALUES_MAX) {
                    validator.text(&format!("{values}/{index}"), value, 1, 100);
                }
                if self.values.iter().collect::<BTreeSet<_>>().len() < self.values.len() {
                    validator.fail(&values, "duplicate", "A value is listed twice.");
                }
            }
            AttributeKind::Text | AttributeKind::Number | AttributeKind::Boolean => {
                if !self.values.is_empty() {
                    validator.fail(&values, "not_allowed", "Only an enum lists values.");
                }
            }
        }
    }

    fn check(&self, at: &str, value: &AttributeValue, validator: &mut Validator) {
        match (self.kind, value) {
            (AttributeKind::Text, AttributeValue::Text(text)) => validator.text(at, text, 0, VALUE_CHARS_MAX),
            (AttributeKind::Enum, AttributeValue::Text(text)) => {
                if !self.values.contains(text) {
                    validator.fail(at, "unknown_value", "This is none of the values that the attribute lists.");
                }
            }
            (AttributeKind::Number, AttributeValue::Number(_)) | (AttributeKind::Boolean, AttributeValue::Boolean(_)) => {}
            (kind, _) => validator.fail(at, "wrong_type", format!("This attribute takes a {}.", kind.description())),
        }
    }
}

impl AttributeKind {
    fn description(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Enum => "text that is one of its values",
        }
    }
}

/// Refuses changes that would make attributes of existing products invalid.
fn check_compatible(present: &[AttributeDefinition], wanted: &[AttributeDefinition]) -> Result<(), Fault> {
    let mut validator = Validator::default();
    for attribute in present {
        match wanted.iter().position(|other| other.code == attribute.code) {
            None => {
                let message = format!("The attribute `{}` cannot be dropped: products may have it.", attribute.code);
                validator.fail("/attributes", "attribute_dropped", message);
            }
            Some(index) => {
                let other = &wanted[index];
                if other.kind != attribute.kind {
                    validator.fail(format!("/attributes/{index}/kind"), "kind_fixed", "The kind of an attribute cannot change.");
                } else if attribute.values.iter().any(|value| !other.values.contains(value)) {
                    validator.fail(
                        format!("/attributes/{index}/values"),
                        "value_dropped",
                        "A value of an enum cannot be dropped.",
                    );
                }
            }
        }
    }
    validator.finish()
}
