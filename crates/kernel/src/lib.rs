//! Basic types that all services share. The crate exists because services that disagree on one of them cannot communicate.
//!
//! * [`aggregate`]: the properties of an aggregate: noun, id, version
//! * [`ids`]: one newtype per kind of resource, `TypeID` text in the API
//! * [`money`]: integer minor units with a currency, rates, rounding, allocation of remainders
//! * [`time`] and [`entropy`]: the only access to the clock and to randomness
//! * [`page`]: page limits and signed cursors
//! * [`metadata`]: the bounded key-value map of API resources
//! * [`api_key`]: the text format of API keys
//! * [`card`]: detection of card numbers
//! * [`country`]: the list of countries
//! * [`text`](mod@text) and [`number`](mod@number): bounded texts and numbers, declared once with their JSON Schema;
//!   [`named`]: those that several services use
//! * [`items`]: bounded lists, maps with unique keys, times in requests
//! * [`patch`]: field changes of a PATCH
//! * [`violation`]: the codes for invalid fields
//! * [`person`] and [`tax`]: addresses, personal data, price basis, tax lines
//!
//! Deliberately absent: IO, async code, and knowledge of any service.

// The macros of this crate refer to it by its name, here as in other crates.
extern crate self as bloom_kernel;

pub mod aggregate;
pub mod api_key;
pub mod card;
pub mod country;
pub mod entropy;
pub mod ids;
pub mod items;
pub mod metadata;
pub mod money;
pub mod named;
pub mod number;
pub mod page;
pub mod patch;
pub mod person;
pub mod tax;
pub mod text;
pub mod time;
mod unique;
pub mod violation;

#[cfg(test)]
mod tests;

pub use aggregate::{Aggregate, Tombstone};
pub use card::looks_like_card_number;
pub use country::is_country;
pub use entropy::{Entropy, OsEntropy, uuid_v7};
pub use ids::*;
pub use items::{Items, Moment, UniqueMap};
pub use metadata::{Metadata, MetadataPatch};
pub use money::{Currency, Money, MoneyError, Rate, Rounding, allocate};
pub use named::{Code, Country, Email, Locale, Name, Phone, Priority, Quantity, WebUrl};
pub use page::{CursorKey, Limit, cursor_decode, cursor_encode};
pub use patch::{Patch, set};
pub use person::{Address, AddressLine, AddressLine2, City, Company, PersonalData, PostalCode, RecipientName, Region};
pub use tax::{PriceBasis, TaxLine};
pub use text::{Form, TextRule};
pub use time::{Clock, SystemClock, Timestamp, moment};
pub use unique::unique_keys;
pub use violation::{InvalidValue, ViolationCode};
