//! Exists because two services that disagree on one of these words cannot talk to each other: typed ids, money, time,
//! randomness, cursors and key formats.
//!
//! * [`aggregate`]: what an aggregate says about itself: noun, id, version
//! * [`ids`]: one newtype per kind of thing, `TypeID` text at the edge
//! * [`money`]: integer minor units with a currency, rates, rounding, allocation of remainders
//! * [`time`] and [`entropy`]: the only doors to the clock and to randomness
//! * [`page`]: page limits and signed cursors
//! * [`metadata`]: the bounded key-value map of API resources
//! * [`api_key`]: the text format of API keys
//! * [`card`]: what looks like the number of a card
//! * [`country`]: which countries there are
//!
//! Nothing here does IO, nothing here is async, and nothing here knows a service.

pub mod aggregate;
pub mod api_key;
pub mod card;
pub mod country;
pub mod entropy;
pub mod ids;
pub mod metadata;
pub mod money;
pub mod page;
pub mod time;
mod unique;

#[cfg(test)]
mod tests;

pub use aggregate::{Aggregate, Tombstone};
pub use card::looks_like_card_number;
pub use country::is_country;
pub use entropy::{Entropy, OsEntropy, uuid_v7};
pub use ids::*;
pub use metadata::{Metadata, MetadataPatch};
pub use money::{Currency, Money, MoneyError, Rate, Rounding, allocate};
pub use page::{CursorKey, Limit, cursor_decode, cursor_encode};
pub use time::{Clock, SystemClock, Timestamp, moment};
pub use unique::unique_keys;
