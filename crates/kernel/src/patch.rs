//! Field changes of a PATCH as in RFC 7396: an absent field keeps the value, `null` clears it, a value replaces it.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::MetadataPatch;

/// Marks a schema property that `null` clears, until [`close_nulls`] has processed it.
const CLEARABLE: &str = "x-clearable";

/// The change of a value that can be cleared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Patch<T> {
    /// The field is absent: the value stays.
    #[default]
    Absent,
    /// The field is `null`: the value is cleared.
    Null,
    /// The field has a value: it replaces the present one.
    Value(T),
}

impl<T> Patch<T> {
    /// Whether the value stays as it is.
    pub const fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// The value that the field is set to, if it is set to one.
    pub const fn value(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Null => None,
        }
    }

    /// Applies the change.
    pub fn apply(self, field: &mut Option<T>) {
        match self {
            Self::Absent => {}
            Self::Null => *field = None,
            Self::Value(value) => *field = Some(value),
        }
    }

    /// The value after the change.
    pub fn or(self, present: Option<T>) -> Option<T> {
        match self {
            Self::Absent => present,
            Self::Null => None,
            Self::Value(value) => Some(value),
        }
    }
}

/// Sets a field that cannot be cleared, if the change contains a value for it.
pub fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

impl<T: Serialize> Serialize for Patch<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value().serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::<T>::deserialize(deserializer).map(|value| value.map_or(Self::Null, Self::Value))
    }
}

impl<T: JsonSchema> JsonSchema for Patch<T> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        Option::<T>::schema_name()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = Option::<T>::json_schema(generator);
        schema.insert(CLEARABLE.to_owned(), true.into());
        schema
    }
}

/// A field of an update: how it is parsed, and when it changes nothing.
pub trait PatchField<'de>: Sized {
    /// Parses the field, which is present.
    fn read<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;

    /// Whether the field changes nothing.
    fn is_absent(&self) -> bool;
}

impl<'de, T: Deserialize<'de>> PatchField<'de> for Option<T> {
    fn read<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(deserializer)?.map(Some).ok_or_else(|| D::Error::custom("this cannot be cleared"))
    }

    fn is_absent(&self) -> bool {
        self.is_none()
    }
}

impl<'de, T: Deserialize<'de>> PatchField<'de> for Patch<T> {
    fn read<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(deserializer)
    }

    fn is_absent(&self) -> bool {
        self.is_absent()
    }
}

impl<'de> PatchField<'de> for MetadataPatch {
    fn read<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(deserializer)
    }

    fn is_absent(&self) -> bool {
        self.is_empty()
    }
}

/// Parses a field of an update; for [`update!`](crate::update).
pub fn read_field<'de, D: Deserializer<'de>, F: PatchField<'de>>(deserializer: D) -> Result<F, D::Error> {
    F::read(deserializer)
}

/// Whether a field of an update changes nothing; for [`update!`](crate::update).
pub fn is_absent<'de, F: PatchField<'de>>(field: &F) -> bool {
    field.is_absent()
}

/// Removes `null` from the properties of an update that cannot be cleared; for [`update!`](crate::update).
pub fn close_nulls(schema: &mut Schema) {
    let properties = schema.ensure_object().get_mut("properties");
    let Some(properties) = properties.and_then(Value::as_object_mut) else { return };
    for property in properties.values_mut().filter_map(Value::as_object_mut) {
        if property.remove(CLEARABLE).is_some() {
            continue;
        }
        if let Some(Value::Array(kinds)) = property.get_mut("type") {
            kinds.retain(|kind| kind != "null");
            if let [only] = kinds.as_slice() {
                let only = only.clone();
                property.insert("type".to_owned(), only);
            }
        }
        if let Some(Value::Array(choices)) = property.get_mut("enum") {
            choices.retain(|choice| !choice.is_null());
        }
        if let Some(Value::Array(choices)) = property.get_mut("anyOf") {
            choices.retain(|choice| choice["type"] != "null");
            if let [Value::Object(only)] = choices.as_slice() {
                let only = only.clone();
                property.remove("anyOf");
                property.extend(only.into_iter().filter(|(name, _)| name != "description"));
            }
        }
    }
}

/// Declares the body of a PATCH. Every field is optional: of type `Option<T>` where the value can be replaced and not
/// cleared (`null` is refused as `required`), of type [`Patch<T>`] where `null` clears it, or [`MetadataPatch`].
///
/// ```ignore
/// update! {
///     /// Other facts of a location.
///     pub struct LocationUpdate {
///         /// A new code.
///         pub code: Option<Code>,
///         /// A new note; `null` removes it.
///         pub note: Patch<Note>,
///     }
/// }
/// ```
#[macro_export]
macro_rules! update {
    ($(
        $(#[$meta:meta])*
        $vis:vis struct $name:ident {
            $($(#[$field_meta:meta])* $field_vis:vis $field:ident: $type:ty),* $(,)?
        }
    )+) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Default, ::serde::Serialize, ::serde::Deserialize, ::schemars::JsonSchema)]
        #[serde(deny_unknown_fields, default)]
        #[schemars(transform = $crate::patch::close_nulls)]
        $vis struct $name {$(
            $(#[$field_meta])*
            #[serde(
                deserialize_with = "bloom_kernel::patch::read_field",
                skip_serializing_if = "bloom_kernel::patch::is_absent"
            )]
            $field_vis $field: $type,
        )*}
    )+};
}
