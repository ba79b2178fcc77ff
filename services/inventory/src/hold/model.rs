//! A hold reserves units for a buyer for a limited time. It ends exactly once: committed, released or expired.

use bloom_fault::Fault;
use bloom_kernel::{Aggregate, HoldId, Items, LocationId, OrderId, Timestamp, VariantId, ViolationCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::hold_expired;
use crate::units::{CallerName, HoldSeconds, LINES_MAX, StockQuantity};

/// The kind of the timer that expires a hold; the timer's key is the hold's id.
pub const HOLD_EXPIRE: &str = "hold.expire";

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
    /// The value in the database and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Released => "released",
            Self::Expired => "expired",
            Self::Committed => "committed",
        }
    }

    /// Reads a value of the database.
    pub fn parse(value: &str) -> Option<Self> {
        [Self::Active, Self::Released, Self::Expired, Self::Committed].into_iter().find(|status| status.as_str() == value)
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
    /// Its caller released it.
    Release,
    /// It expired.
    Expiry,
    /// It becomes an allocation of the order.
    Commit(OrderId),
}

/// The hold has ended, so it can be neither extended nor committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended;

impl From<Ended> for Fault {
    fn from(_: Ended) -> Self {
        hold_expired()
    }
}

impl Hold {
    /// The hold's state at a moment: expired from `expires_at` on, whether or not its timer has run.
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

    /// The ended hold. If its time has passed, a release finds it expired.
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

    /// The number of its lines, in the type of the database's row counts.
    pub fn lines_len(&self) -> i64 {
        i64::try_from(self.lines.len()).unwrap_or(i64::MAX)
    }

    fn is_over(&self, now: Timestamp) -> bool {
        self.status == HoldStatus::Active && self.expires_at <= now
    }
}

impl Aggregate for Hold {
    const NOUN: &'static str = "hold";
    type Id = HoldId;

    fn id(&self) -> HoldId {
        self.id
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn verb(&self) -> &'static str {
        match self.status {
            HoldStatus::Active if self.version == 1 => "created",
            HoldStatus::Active => "extended",
            HoldStatus::Released => "released",
            HoldStatus::Expired => "expired",
            HoldStatus::Committed => "committed",
        }
    }
}

/// Units to be held.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HoldCreate {
    /// Locations in the order in which they are asked; every active one by priority when absent.
    #[serde(default)]
    pub location_ids: Items<LocationId, 0, LINES_MAX>,
    /// All of them are held, or none.
    pub lines: Items<HoldLineCreate, 1, LINES_MAX>,
    /// Seconds from now until the hold ends by itself.
    #[serde(default)]
    pub ttl_seconds: HoldSeconds,
}

/// Units of one variant.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HoldLineCreate {
    /// Your name of the line, unique in the hold.
    pub line_id: CallerName,
    /// The variant.
    pub variant_id: VariantId,
    /// Units.
    pub quantity: StockQuantity,
}

/// More time for a hold.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HoldExtend {
    /// Seconds from now until the hold ends by itself.
    pub ttl_seconds: HoldSeconds,
}

/// Which holds a list shows.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HoldFilter {
    /// Holds of this status.
    pub status: Option<HoldStatus>,
}

/// A request for a hold under an id that the caller chose.
#[derive(Debug, Clone, Serialize)]
pub struct HoldRequest {
    /// The id.
    pub id: HoldId,
    /// Locations in the order in which they serve; every active one by priority when empty.
    pub locations: Vec<LocationId>,
    /// The lines.
    pub lines: Vec<HoldLineCreate>,
    /// Seconds from now until the hold ends by itself.
    pub ttl_seconds: HoldSeconds,
}

impl HoldRequest {
    /// Refuses two lines with the same name.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        let mut names = std::collections::BTreeSet::new();
        match self.lines.iter().position(|line| !names.insert(&line.line_id)) {
            Some(index) => {
                let pointer = format!("/lines/{index}/line_id");
                Err(Fault::invalid(pointer, ViolationCode::Duplicate, "Another line has this id."))
            }
            None => Ok(()),
        }
    }
}
