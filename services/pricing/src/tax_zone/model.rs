//! The tax zone, its input and its changes.

use std::collections::BTreeSet;

use bloom_kernel::{TaxZoneId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bounded::Name;
use crate::place::TaxArea;

/// A tax zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct TaxZone {
    /// The zone.
    pub id: TaxZoneId,
    /// Name for people.
    pub name: Name,
    /// What it covers. The narrowest area that covers an address decides its zone.
    pub areas: TaxAreas,
    /// Rises with every change.
    pub version: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// 1 to 1,000 different areas.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Vec<TaxArea>")]
pub(crate) struct TaxAreas(#[schemars(length(min = 1, max = 1000))] pub Vec<TaxArea>);

impl TryFrom<Vec<TaxArea>> for TaxAreas {
    type Error = &'static str;

    fn try_from(areas: Vec<TaxArea>) -> Result<Self, Self::Error> {
        let different: BTreeSet<TaxArea> = areas.iter().cloned().collect();
        let valid = (1..=1000).contains(&areas.len()) && different.len() == areas.len();
        if valid { Ok(Self(different.into_iter().collect())) } else { Err("a zone has 1 to 1000 different areas") }
    }
}

/// A tax zone to create.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TaxZoneCreate {
    /// Name for people.
    pub name: Name,
    /// What it covers; an area belongs to one zone.
    pub areas: TaxAreas,
}

/// Changes to a tax zone; a field that is left out keeps its value.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TaxZoneUpdate {
    /// Name for people.
    #[serde(default)]
    pub name: Option<Name>,
    /// What it covers; replaces the present areas.
    #[serde(default)]
    pub areas: Option<TaxAreas>,
}

impl TaxZone {
    pub(crate) fn new(id: TaxZoneId, now: Timestamp, input: TaxZoneCreate) -> Self {
        let TaxZoneCreate { name, areas } = input;
        Self { id, name, areas, version: 1, created_at: now, updated_at: now }
    }

    pub(crate) fn update(self, now: Timestamp, input: TaxZoneUpdate) -> Self {
        Self {
            name: input.name.unwrap_or(self.name),
            areas: input.areas.unwrap_or(self.areas),
            version: self.version + 1,
            updated_at: now,
            ..self
        }
    }
}
