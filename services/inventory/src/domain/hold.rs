//! A timed hold: units promised to a buyer for a while. It ends exactly once: committed, released or expired.

use bloom_kernel::{HoldId, LocationId, OrderId, Timestamp, VariantId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The longest time that a hold lasts without being extended: 31 days.
pub const TTL_SECONDS_MAX: i64 = 2_678_400;

/// Where a hold stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HoldStatus {
    /// Its units are held.
    Active,
    /// Ended without effect.
    Released,
    /// Ended by the clock.
    Expired,
    /// Became an allocation of an order.
    Committed,
}

impl HoldStatus {
    /// The word of the database and of the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Released => "released",
            Self::Expired => "expired",
            Self::Committed => "committed",
        }
    }

    /// The status of a word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Active, Self::Released, Self::Expired, Self::Committed].into_iter().find(|status| status.as_str() == word)
    }
}

/// A hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Hold {
    /// The id.
    pub id: HoldId,
    /// Where it stands.
    pub status: HoldStatus,
    /// When it ends, or would have ended, by itself.
    pub expires_at: Timestamp,
    /// What it holds, where; a line that several locations serve appears once for each.
    pub lines: Vec<HoldLine>,
    /// The order that it became part of.
    pub order_id: Option<OrderId>,
    /// Rises with each change.
    pub version: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// Units of one line at one location.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct HoldLine {
    /// The caller's name of the line.
    pub line_id: String,
    /// The variant.
    pub variant_id: VariantId,
    /// The location.
    pub location_id: LocationId,
    /// Units.
    pub quantity: i64,
    /// Of these, units that were not on hand when they were held.
    pub backordered: i64,
}

/// How a hold ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Somebody gave it back.
    Release,
    /// Its time is over.
    Expiry,
    /// It becomes an allocation of the order.
    Commit(OrderId),
}

/// The hold has ended, so it can be neither extended nor committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended;

impl Hold {
    /// The hold as it is at that moment: over at `expires_at`, whether or not anybody has noticed.
    #[must_use]
    pub fn at(self, now: Timestamp) -> Self {
        let status = if self.is_over(now) { HoldStatus::Expired } else { self.status };
        Self { status, ..self }
    }

    /// The hold with a new end.
    pub fn extended(self, expires_at: Timestamp, now: Timestamp) -> Result<Self, Ended> {
        if self.status != HoldStatus::Active || self.is_over(now) {
            return Err(Ended);
        }
        Ok(Self { expires_at, version: self.version + 1, updated_at: now, ..self })
    }

    /// The ended hold. A release that comes after the hold's time finds it expired.
    pub fn ended(self, ending: Ending, now: Timestamp) -> Result<Self, Ended> {
        if self.status != HoldStatus::Active {
            return Err(Ended);
        }
        let (status, order_id) = match (ending, self.is_over(now)) {
            (Ending::Commit(_), true) | (Ending::Expiry, false) => return Err(Ended),
            (Ending::Commit(order), false) => (HoldStatus::Committed, Some(order)),
            (Ending::Release, false) => (HoldStatus::Released, None),
            (Ending::Release | Ending::Expiry, true) => (HoldStatus::Expired, None),
        };
        Ok(Self { status, order_id, version: self.version + 1, updated_at: now, ..self })
    }

    /// The number of its lines, as the database counts them.
    pub fn lines_len(&self) -> i64 {
        i64::try_from(self.lines.len()).unwrap_or(i64::MAX)
    }

    fn is_over(&self, now: Timestamp) -> bool {
        self.status == HoldStatus::Active && self.expires_at <= now
    }
}
