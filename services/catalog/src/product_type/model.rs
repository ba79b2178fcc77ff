//! The product type, and the typed attributes that its products have.

use std::collections::{BTreeMap, BTreeSet};

use bloom_fault::Fault;
use bloom_kernel::text::{Form, TextRule};
use bloom_kernel::{Aggregate, Items, Metadata, MetadataPatch, Name, ProductTypeId, Timestamp, ViolationCode, set, update};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::validator::Validator;
use crate::values::{ObjectCode, OptionValue};

/// Most attributes of a type.
pub(crate) const ATTRIBUTES_MAX: usize = 100;
/// Most values of an `enum` attribute.
pub(crate) const VALUES_MAX: usize = 200;
/// A value of a `text` attribute.
const TEXT_VALUE: TextRule = TextRule { min: 0, max: 500, form: Form::LINES, example: "steel" };

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
    pub(crate) code: ObjectCode,
    /// Display name.
    pub(crate) name: Name,
    /// The kind of its values.
    pub(crate) kind: AttributeKind,
    /// The values of an `enum`; empty for other kinds.
    #[serde(default)]
    pub(crate) values: Items<OptionValue, 0, VALUES_MAX>,
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct ProductType {
    pub(crate) id: ProductTypeId,
    /// Unique code, for example `brake-part`; imports name types by it.
    pub(crate) code: ObjectCode,
    /// Display name.
    pub(crate) name: Name,
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
    pub(crate) code: ObjectCode,
    /// Display name.
    pub(crate) name: Name,
    /// The attributes of its products.
    #[serde(default)]
    pub(crate) attributes: Items<AttributeDefinition, 0, ATTRIBUTES_MAX>,
    /// The merchant's own data.
    #[serde(default)]
    pub(crate) metadata: Metadata,
}

update! {
    /// Changes of a product type. `attributes` replaces the list; it may add attributes and values and change names, but not drop
    /// an attribute, an enum value or the kind of an attribute, because products may use them.
    pub(crate) struct ProductTypeUpdate {
        /// Display name.
        pub(crate) name: Option<Name>,
        /// The attributes of its products.
        pub(crate) attributes: Option<Items<AttributeDefinition, 0, ATTRIBUTES_MAX>>,
        /// Merged into the present metadata; `null` removes a key.
        pub(crate) metadata: MetadataPatch,
    }
}

impl ProductType {
    /// A new product type.
    pub(crate) fn new(id: ProductTypeId, now: Timestamp, input: ProductTypeCreate) -> Result<Self, Fault> {
        let product_type = Self {
            id,
            code: input.code,
            name: input.name,
            attributes: input.attributes.into_vec(),
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
        let mut codes = BTreeSet::new();
        for (index, attribute) in self.attributes.iter().enumerate() {
            let at = format!("/attributes/{index}");
            attribute.validate(&at, &mut validator);
            if !codes.insert(&attribute.code) {
                validator.fail(format!("{at}/code"), ViolationCode::Duplicate, "Two attributes have this code.");
            }
        }
        validator.finish()
    }

    /// Applies changes.
    pub(crate) fn update(&mut self, now: Timestamp, input: ProductTypeUpdate) -> Result<(), Fault> {
        let ProductTypeUpdate { name, attributes, metadata } = input;
        if let Some(attributes) = &attributes {
            check_compatible(&self.attributes, attributes)?;
        }
        set(&mut self.name, name);
        set(&mut self.attributes, attributes.map(Items::into_vec));
        self.metadata.merge(metadata)?;
        self.version += 1;
        self.updated_at = now;
        self.validate()
    }

    /// Checks a product's attributes. Required ones are required of active products only: a draft may be unfinished.
    pub(crate) fn check(&self, attributes: &Attributes, active: bool, validator: &mut Validator) {
        for (code, value) in attributes {
            let at = format!("/attributes/{}", code.replace('~', "~0").replace('/', "~1"));
            match self.attributes.iter().find(|attribute| attribute.code == code.as_str()) {
                Some(attribute) => attribute.check(&at, value, validator),
                None => {
                    let message = format!("The product type {} has no such attribute.", self.code);
                    validator.fail(at, ViolationCode::Unknown, message);
                }
            }
        }
        for attribute in self.attributes.iter().filter(|attribute| active && attribute.required) {
            if !attributes.contains_key(attribute.code.as_str()) {
                validator.fail(
                    format!("/attributes/{}", attribute.code),
                    ViolationCode::Required,
                    "An active product of this type has this attribute.",
                );
            }
        }
    }
}

impl AttributeDefinition {
    fn validate(&self, at: &str, validator: &mut Validator) {
        let values = format!("{at}/values");
        match self.kind {
            AttributeKind::Enum if self.values.is_empty() => {
                validator.fail(&values, ViolationCode::Count, "An enum lists its values.");
            }
            AttributeKind::Enum => {
                if self.values.iter().collect::<BTreeSet<_>>().len() < self.values.len() {
                    validator.fail(&values, ViolationCode::Duplicate, "A value is listed twice.");
                }
            }
            AttributeKind::Text | AttributeKind::Number | AttributeKind::Boolean => {
                if !self.values.is_empty() {
                    validator.fail(&values, ViolationCode::Excluded, "Only an enum lists values.");
                }
            }
        }
    }

    fn check(&self, at: &str, value: &AttributeValue, validator: &mut Validator) {
        match (self.kind, value) {
            (AttributeKind::Text, AttributeValue::Text(text)) => {
                if let Err(error) = TEXT_VALUE.check(text) {
                    validator.fail(at, error.code, error.message);
                }
            }
            (AttributeKind::Enum, AttributeValue::Text(text)) => {
                if !self.values.iter().any(|value| value == text.as_str()) {
                    validator.fail(at, ViolationCode::Unknown, "This is none of the values that the attribute lists.");
                }
            }
            (AttributeKind::Number, AttributeValue::Number(_)) | (AttributeKind::Boolean, AttributeValue::Boolean(_)) => {}
            (kind, _) => validator.fail(at, ViolationCode::Type, format!("This attribute takes a {}.", kind.description())),
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
                validator.fail("/attributes", ViolationCode::Immutable, message);
            }
            Some(index) => {
                let other = &wanted[index];
                if other.kind != attribute.kind {
                    validator.fail(
                        format!("/attributes/{index}/kind"),
                        ViolationCode::Immutable,
                        "The kind of an attribute cannot change.",
                    );
                } else if attribute.values.iter().any(|value| !other.values.contains(value)) {
                    validator.fail(
                        format!("/attributes/{index}/values"),
                        ViolationCode::Immutable,
                        "A value of an enum cannot be dropped.",
                    );
                }
            }
        }
    }
    validator.finish()
}

impl Aggregate for ProductType {
    const NOUN: &'static str = "product_type";
    type Id = ProductTypeId;

    fn id(&self) -> ProductTypeId {
        self.id
    }

    fn version(&self) -> i64 {
        self.version
    }
}
