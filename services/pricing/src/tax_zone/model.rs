//! The tax zone, its input and its changes.

use std::collections::BTreeSet;

use bloom_fault::{Fault, ViolationCode};
use bloom_kernel::{Aggregate, Country, Items, Name, TaxZoneId, Timestamp, set, update};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::place::TaxArea;

/// A tax zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TaxZone {
    /// The zone.
    pub id: TaxZoneId,
    /// Name for people.
    pub name: Name,
    /// What it covers, in order. The narrowest area that covers an address decides its zone.
    pub areas: Vec<TaxArea>,
    /// Rises with every change.
    pub version: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// The areas of a zone.
type Areas = Items<TaxArea, 1, 1000>;

/// A tax zone to create.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaxZoneCreate {
    /// Name for people.
    pub name: Name,
    /// 1 to 1,000 different areas; an area belongs to one zone.
    pub areas: Areas,
}

update! {
    /// Changes to a tax zone; a field that is left out keeps its value.
    pub struct TaxZoneUpdate {
        /// Name for people.
        pub name: Option<Name>,
        /// 1 to 1,000 different areas; they replace the present ones.
        pub areas: Option<Areas>,
    }
}

/// Which tax zones a list holds.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaxZoneFilter {
    /// That cover some of this country.
    pub country: Option<Country>,
}

impl TaxZone {
    pub(super) fn new(id: TaxZoneId, now: Timestamp, input: TaxZoneCreate) -> Result<Self, Fault> {
        let TaxZoneCreate { name, areas } = input;
        Ok(Self { id, name, areas: in_order(areas)?, version: 1, created_at: now, updated_at: now })
    }

    pub(super) fn update(&mut self, now: Timestamp, input: TaxZoneUpdate) -> Result<(), Fault> {
        let TaxZoneUpdate { name, areas } = input;
        set(&mut self.name, name);
        set(&mut self.areas, areas.map(in_order).transpose()?);
        self.version += 1;
        self.updated_at = now;
        Ok(())
    }
}

/// The areas in order; the same area twice is refused.
fn in_order(areas: Areas) -> Result<Vec<TaxArea>, Fault> {
    let mut ordered = BTreeSet::new();
    for (index, area) in areas.into_iter().enumerate() {
        if !ordered.insert(area) {
            let detail = "An earlier entry is the same area.";
            return Err(Fault::invalid(format!("/areas/{index}"), ViolationCode::Duplicate, detail));
        }
    }
    Ok(ordered.into_iter().collect())
}

impl Aggregate for TaxZone {
    const NOUN: &'static str = "tax_zone";
    type Id = TaxZoneId;

    fn id(&self) -> TaxZoneId {
        self.id
    }

    fn version(&self) -> i64 {
        self.version
    }
}
