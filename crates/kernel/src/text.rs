//! Bounded texts: [`text!`](macro@crate::text) declares the length and the form of a text once. The type refuses an
//! invalid text when it is parsed, and publishes the same bounds in its JSON Schema.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use schemars::{Schema, json_schema};

use crate::{InvalidValue, ViolationCode};

/// The form of a text, besides its length.
#[derive(Debug, Clone, Copy)]
pub struct Form {
    /// The form as a regular expression of ECMA 262; published, and asserted by the schema.
    pub pattern: Option<&'static str>,
    /// The form's name where a pattern cannot express it; published, and asserted by the schema.
    pub format: Option<&'static str>,
    /// The same rule as a function. A test compares it with the pattern.
    pub check: fn(&str) -> bool,
    /// The sentence that states the rule.
    pub sentence: &'static str,
}

impl Form {
    /// One line of text: not blank, without control characters.
    pub const LINE: Self = Self {
        pattern: Some(
            "^[^\\u0000-\\u001f\\u007f-\\u009f]*\
             [^\\u0000-\\u0020\\u007f-\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]\
             [^\\u0000-\\u001f\\u007f-\\u009f]*$",
        ),
        format: None,
        check: |text| !is_blank(text) && !has_control(text),
        sentence: "Give a text that is not blank and has no line breaks or other control characters.",
    };

    /// One line of text that may be empty or blank, without control characters.
    pub const LINE_OR_BLANK: Self = Self {
        pattern: Some("^[^\\u0000-\\u001f\\u007f-\\u009f]*$"),
        format: None,
        check: |text| !has_control(text),
        sentence: "Give a text without line breaks and other control characters.",
    };

    /// Several lines of text, which may be empty: no control characters but line breaks and tabs.
    pub const LINES: Self = Self {
        pattern: Some("^[^\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f-\\u009f]*$"),
        format: None,
        check: |text| !text.chars().any(|letter| letter.is_control() && !matches!(letter, '\n' | '\r' | '\t')),
        sentence: "Give a text without control characters other than line breaks and tabs.",
    };

    /// A form expressed by a regular expression.
    pub const fn pattern(pattern: &'static str, check: fn(&str) -> bool, sentence: &'static str) -> Self {
        Self { pattern: Some(pattern), format: None, check, sentence }
    }

    /// A form that only a function can check. The name is published as `format`.
    pub const fn format(name: &'static str, check: fn(&str) -> bool, sentence: &'static str) -> Self {
        Self { pattern: None, format: Some(name), check, sentence }
    }
}

/// The rule of a bounded text, as [`text!`](macro@crate::text) declares it.
#[derive(Debug, Clone, Copy)]
pub struct TextRule {
    /// The fewest characters.
    pub min: usize,
    /// The most characters.
    pub max: usize,
    /// What the text looks like.
    pub form: Form,
    /// A value for documentation.
    pub example: &'static str,
}

impl TextRule {
    /// Refuses a text that violates the rule.
    pub fn check(&self, text: &str) -> Result<(), InvalidValue> {
        let length = text.chars().count();
        if length < self.min || self.max < length {
            return Err(InvalidValue::new(ViolationCode::Length, length_sentence(self.min, self.max)));
        }
        if (self.form.check)(text) {
            return Ok(());
        }
        let code = if self.form.format.is_some() { ViolationCode::Format } else { ViolationCode::Pattern };
        Err(InvalidValue::new(code, self.form.sentence))
    }

    /// The rule as JSON Schema.
    pub fn schema(&self) -> Schema {
        publish(self.form);
        let mut schema = json_schema!({ "type": "string", "maxLength": self.max, "examples": [self.example] });
        if 0 < self.min {
            schema.insert("minLength".to_owned(), self.min.into());
        }
        if let Some(pattern) = self.form.pattern {
            schema.insert("pattern".to_owned(), pattern.into());
        }
        if let Some(format) = self.form.format {
            schema.insert("format".to_owned(), format.into());
        }
        schema
    }
}

/// The sentence for a text that is too short or too long.
pub fn length_sentence(min: usize, max: usize) -> String {
    match (min, max) {
        (0, max) => format!("Give at most {max} characters."),
        (min, max) if min == max => format!("Give {min} characters."),
        (min, max) => format!("Give {min} to {max} characters."),
    }
}

/// The forms of all generated schemas, by pattern or format name. Validators use them for checks and error sentences,
/// which a schema cannot hold.
static PUBLISHED: RwLock<BTreeMap<&'static str, Form>> = RwLock::new(BTreeMap::new());

/// Registers a form for validators. The `json_schema` of every type with its own form calls this.
pub fn publish(form: Form) {
    let mut published = PUBLISHED.write().unwrap_or_else(PoisonError::into_inner);
    for name in [form.pattern, form.format].into_iter().flatten() {
        published.insert(name, form);
    }
}

/// The form behind a pattern or a format name of a published schema.
pub fn published(name: &str) -> Option<Form> {
    PUBLISHED.read().unwrap_or_else(PoisonError::into_inner).get(name).copied()
}

/// The published forms that have a format name, by this name.
pub fn published_formats() -> BTreeMap<&'static str, Form> {
    let published = PUBLISHED.read().unwrap_or_else(PoisonError::into_inner);
    published.values().filter_map(|form| Some((form.format?, *form))).collect()
}

fn is_blank(text: &str) -> bool {
    text.chars().all(char::is_whitespace)
}

fn has_control(text: &str) -> bool {
    text.chars().any(char::is_control)
}

/// Declares a bounded text.
///
/// ```ignore
/// text! {
///     /// What people call a location.
///     pub struct Name { length: 1..=255, form: Form::LINE, example: "Bengaluru" }
/// }
/// ```
///
/// The length counts characters. The type refuses when it is read (serde, `FromStr`, `TryFrom`), publishes the same rule as
/// JSON Schema, and is stored as text. `normalise: str::to_uppercase` at the end rewrites a text that was accepted.
#[macro_export]
macro_rules! text {
    ($(
        $(#[$meta:meta])*
        $vis:vis struct $name:ident {
            length: $min:tt ..= $max:tt, form: $form:expr, example: $example:expr
            $(, normalise: $normalise:expr)? $(,)?
        }
    )+) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, ::sqlx::Type)]
        #[sqlx(transparent)]
        $vis struct $name(String);

        #[allow(dead_code, reason = "a text type has all of these, whether its service uses them or not")]
        impl $name {
            /// The rule that such a text keeps.
            $vis const RULE: $crate::text::TextRule =
                $crate::text::TextRule { min: $min, max: $max, form: $form, example: $example };

            /// The text, when it keeps the rule.
            $vis fn new(text: impl Into<String>) -> Result<Self, $crate::InvalidValue> {
                let text = text.into();
                Self::RULE.check(&text)?;
                $(let text = $normalise(&text);)?
                Ok(Self(text))
            }

            /// The text.
            $vis fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl ::std::ops::Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = $crate::InvalidValue;

            fn from_str(text: &str) -> Result<Self, $crate::InvalidValue> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::InvalidValue;

            fn try_from(text: String) -> Result<Self, $crate::InvalidValue> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                self.0 == other
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                self.0 == *other
            }
        }

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as ::serde::Deserialize>::deserialize(deserializer)?;
                Self::new(text).map_err(::serde::de::Error::custom)
            }
        }

        impl ::schemars::JsonSchema for $name {
            fn schema_name() -> ::std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut ::schemars::SchemaGenerator) -> ::schemars::Schema {
                Self::RULE.schema()
            }
        }
    )+};
}
