//! Bounded whole numbers: [`number!`](macro@crate::number) declares the bounds once. The type refuses a number outside
//! of them when it is parsed, and publishes the same bounds in its JSON Schema.

/// The error sentence for a number outside of its bounds.
pub fn range_sentence(min: impl std::fmt::Display, max: impl std::fmt::Display) -> String {
    format!("Give a whole number from {min} to {max}.")
}

/// Declares a bounded whole number.
///
/// ```ignore
/// number! {
///     /// Locations with lower numbers are asked first.
///     pub struct Priority(i32) { range: 0..=1_000_000, default: 0 }
/// }
/// ```
///
/// The type refuses when it is read (serde, `FromStr`, `TryFrom`), publishes the same bounds as JSON Schema, and is stored as
/// the number that it holds. `default` and `example: 10` may be left out.
#[macro_export]
macro_rules! number {
    ($(
        $(#[$meta:meta])*
        $vis:vis struct $name:ident($int:ty) {
            range: $min:tt ..= $max:tt $(, default: $default:expr)? $(, example: $example:expr)? $(,)?
        }
    )+) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ::sqlx::Type)]
        #[sqlx(transparent)]
        $vis struct $name($int);

        #[allow(dead_code, reason = "a number type has all of these, whether its service uses them or not")]
        impl $name {
            /// The least number.
            $vis const MIN: $int = $min;
            /// The greatest number.
            $vis const MAX: $int = $max;

            /// The number, when it is within the bounds.
            $vis fn new(number: $int) -> Result<Self, $crate::InvalidValue> {
                if (Self::MIN..=Self::MAX).contains(&number) {
                    return Ok(Self(number));
                }
                let sentence = $crate::number::range_sentence(Self::MIN, Self::MAX);
                Err($crate::InvalidValue::new($crate::ViolationCode::OutOfRange, sentence))
            }

            /// The number.
            $vis const fn get(self) -> $int {
                self.0
            }
        }

        $(impl Default for $name {
            fn default() -> Self {
                const { assert!($min <= $default && $default <= $max) };
                Self($default)
            }
        })?

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                ::std::fmt::Display::fmt(&self.0, f)
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = $crate::InvalidValue;

            fn from_str(text: &str) -> Result<Self, $crate::InvalidValue> {
                let number = text.parse().map_err(|_| {
                    let sentence = $crate::number::range_sentence(Self::MIN, Self::MAX);
                    $crate::InvalidValue::new($crate::ViolationCode::Type, sentence)
                })?;
                Self::new(number)
            }
        }

        impl TryFrom<$int> for $name {
            type Error = $crate::InvalidValue;

            fn try_from(number: $int) -> Result<Self, $crate::InvalidValue> {
                Self::new(number)
            }
        }

        impl From<$name> for $int {
            fn from(number: $name) -> Self {
                number.0
            }
        }

        impl PartialEq<$int> for $name {
            fn eq(&self, other: &$int) -> bool {
                self.0 == *other
            }
        }

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                ::serde::Serialize::serialize(&self.0, serializer)
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let number = <$int as ::serde::Deserialize>::deserialize(deserializer)?;
                Self::new(number).map_err(::serde::de::Error::custom)
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
                #[allow(unused_mut, reason = "only some numbers have an example")]
                let mut schema =
                    ::schemars::json_schema!({ "type": "integer", "minimum": Self::MIN, "maximum": Self::MAX });
                $(schema.insert("examples".to_owned(), [$example].as_slice().into());)?
                schema
            }
        }
    )+};
}
