//! Typed ids: a `UUIDv7` inside, `TypeID` text (`prod_` and 26 characters) at the edge.

use std::fmt;

use uuid::Uuid;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const SUFFIX_LEN: usize = 26;

/// The text is not an id of the expected kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id with the prefix `{prefix}_`")]
pub struct IdError {
    /// The expected prefix.
    pub prefix: &'static str,
}

/// Encodes 128 bits as 26 characters of lower-case Crockford base32, highest bits first.
fn encode_suffix(uuid: Uuid) -> [u8; SUFFIX_LEN] {
    let mut rest = uuid.as_u128();
    let mut text = [0; SUFFIX_LEN];
    for place in text.iter_mut().rev() {
        *place = ALPHABET[(rest & 31) as usize];
        rest >>= 5;
    }
    text
}

/// Decodes the output of [`encode_suffix`]; accepts exactly one spelling per id.
fn decode_suffix(text: &str) -> Option<Uuid> {
    let bytes = text.as_bytes();
    // 26 characters carry 130 bits: the first may only use its lower three.
    if bytes.len() != SUFFIX_LEN || bytes[0] > b'7' {
        return None;
    }
    let mut value = 0_u128;
    for byte in bytes {
        let digit = ALPHABET.iter().position(|letter| letter == byte)?;
        value = (value << 5) | digit as u128;
    }
    Some(Uuid::from_u128(value))
}

#[doc(hidden)]
pub fn write_id(f: &mut fmt::Formatter<'_>, prefix: &str, uuid: Uuid) -> fmt::Result {
    let suffix = encode_suffix(uuid);
    let suffix = std::str::from_utf8(&suffix).map_err(|_| fmt::Error)?;
    f.write_str(prefix)?;
    f.write_str("_")?;
    f.write_str(suffix)
}

#[doc(hidden)]
pub fn parse_id(prefix: &'static str, text: &str) -> Result<Uuid, IdError> {
    text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_')).and_then(decode_suffix).ok_or(IdError { prefix })
}

/// Declares the id of one kind of thing. Kinds that several services speak of are below; a kind that one service alone knows is
/// declared there.
///
/// ```ignore
/// id! {
///     /// A wish list.
///     pub struct WishListId = "wish";
/// }
/// ```
#[macro_export]
macro_rules! id {
    ($(#[$meta:meta])* $vis:vis struct $name:ident = $prefix:literal;) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ::sqlx::Type)]
        #[sqlx(transparent)]
        $vis struct $name(::uuid::Uuid);

        #[allow(dead_code, reason = "an id has all of these, whether its service uses them or not")]
        impl $name {
            /// What the text of such an id starts with.
            $vis const PREFIX: &'static str = $prefix;

            /// The typed id of a stored UUID.
            $vis const fn from_uuid(uuid: ::uuid::Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID that the database stores.
            $vis const fn uuid(self) -> ::uuid::Uuid {
                self.0
            }
        }

        impl From<::uuid::Uuid> for $name {
            fn from(uuid: ::uuid::Uuid) -> Self {
                Self(uuid)
            }
        }

        impl From<$name> for ::uuid::Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                $crate::ids::write_id(f, Self::PREFIX, self.0)
            }
        }

        impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                $crate::ids::write_id(f, Self::PREFIX, self.0)
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = $crate::ids::IdError;

            fn from_str(text: &str) -> Result<Self, $crate::ids::IdError> {
                $crate::ids::parse_id(Self::PREFIX, text).map(Self)
            }
        }

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <::std::borrow::Cow<'de, str> as ::serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(::serde::de::Error::custom)
            }
        }

        impl ::schemars::JsonSchema for $name {
            fn schema_name() -> ::std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut ::schemars::SchemaGenerator) -> ::schemars::Schema {
                let pattern = concat!("^", $prefix, "_[0-7][0-9a-hjkmnp-tv-z]{25}$");
                let sentence = concat!("Give an id such as ", $prefix, "_01jd6zv4x8e5yag7k3m2n9p0qr.");
                $crate::text::publish($crate::Form::pattern(pattern, |text| text.parse::<Self>().is_ok(), sentence));
                ::schemars::json_schema!({
                    "type": "string",
                    "pattern": pattern,
                    "examples": [concat!($prefix, "_01jd6zv4x8e5yag7k3m2n9p0qr")],
                })
            }
        }
    };
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {
        $($crate::id! { $(#[$doc])* pub struct $name = $prefix; })*

        /// The prefixes of all kinds of ids.
        #[cfg(test)]
        pub(crate) const PREFIXES: &[&str] = &[$($prefix),*];
    };
}

ids! {
    /// An account: the customer of Bloom.
    AccountId = "acct";
    /// An environment, which is the tenant of every other thing.
    TenantId = "env";
    /// An API key.
    ApiKeyId = "key";
    /// A sales channel.
    ChannelId = "chan";
    /// A product type.
    ProductTypeId = "ptyp";
    /// A product.
    ProductId = "prod";
    /// A variant of a product.
    VariantId = "var";
    /// A category.
    CategoryId = "cat";
    /// A collection.
    CollectionId = "coll";
    /// A bulk import.
    ImportId = "imp";
    /// A stock location.
    LocationId = "loc";
    /// A stock hold.
    HoldId = "hold";
    /// A stock movement.
    MovementId = "mov";
    /// A price list.
    PriceListId = "plst";
    /// A price row.
    PriceId = "price";
    /// A tax class.
    TaxClassId = "tcls";
    /// A tax zone.
    TaxZoneId = "tzon";
    /// A tax rate.
    TaxRateId = "trat";
    /// A cart.
    CartId = "cart";
    /// A line of a cart.
    CartLineId = "cli";
    /// A delivery option.
    DeliveryOptionId = "dopt";
    /// A checkout: the saga of one purchase.
    CheckoutId = "chk";
    /// An order.
    OrderId = "ord";
    /// A line of an order.
    OrderLineId = "oli";
    /// A fulfilment.
    FulfilmentId = "ful";
    /// A refund.
    RefundId = "rfd";
    /// A payment.
    PaymentId = "pay";
    /// An operation on a payment.
    OperationId = "pop";
    /// A journal of the ledger.
    JournalId = "jrn";
    /// A connection to a payment provider.
    ConnectionId = "conn";
    /// A data subject: the person behind sealed columns.
    SubjectId = "subj";
    /// An event.
    EventId = "evt";
}
