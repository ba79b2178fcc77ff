//! The codes for invalid fields of a request.

use std::borrow::Cow;
use std::fmt;

/// What is wrong with a field: the `code` in the `errors` of a problem document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ViolationCode {
    /// A field that must be there is absent, or is `null` where it cannot be.
    Required,
    /// The request names a field that does not exist.
    UnknownField,
    /// A value of another JSON type is needed: a text, a whole number, an object.
    Type,
    /// A text has another form than the documented format: a time, an e-mail address, a country.
    Format,
    /// A text does not match the documented pattern.
    Pattern,
    /// A text is too short or too long.
    Length,
    /// A list or an object has too few or too many entries.
    Count,
    /// A number or a time is outside of its bounds.
    OutOfRange,
    /// The value names something that does not exist: a choice, an id, a code.
    Unknown,
    /// Another resource has this unique value already.
    Taken,
    /// The same key or entry is there twice.
    Duplicate,
    /// The value contradicts another field or a stored value, for example another currency.
    Mismatch,
    /// The field cannot be given together with another one.
    Excluded,
    /// The field cannot be changed any more.
    Immutable,
    /// The text looks like the number of a payment card.
    CardNumber,
}

impl ViolationCode {
    /// Every code.
    pub const ALL: [Self; 15] = [
        Self::Required,
        Self::UnknownField,
        Self::Type,
        Self::Format,
        Self::Pattern,
        Self::Length,
        Self::Count,
        Self::OutOfRange,
        Self::Unknown,
        Self::Taken,
        Self::Duplicate,
        Self::Mismatch,
        Self::Excluded,
        Self::Immutable,
        Self::CardNumber,
    ];

    /// The code as the API writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::UnknownField => "unknown_field",
            Self::Type => "type",
            Self::Format => "format",
            Self::Pattern => "pattern",
            Self::Length => "length",
            Self::Count => "count",
            Self::OutOfRange => "out_of_range",
            Self::Unknown => "unknown",
            Self::Taken => "taken",
            Self::Duplicate => "duplicate",
            Self::Mismatch => "mismatch",
            Self::Excluded => "excluded",
            Self::Immutable => "immutable",
            Self::CardNumber => "card_number",
        }
    }
}

impl fmt::Display for ViolationCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<ViolationCode> for String {
    fn from(code: ViolationCode) -> Self {
        code.as_str().to_owned()
    }
}

/// A value that violates the rule of its type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct InvalidValue {
    /// The kind of the violated rule.
    pub code: ViolationCode,
    /// A sentence that states the rule.
    pub message: Cow<'static, str>,
}

impl InvalidValue {
    /// A violated rule with the sentence that states it.
    pub fn new(code: ViolationCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into() }
    }
}
