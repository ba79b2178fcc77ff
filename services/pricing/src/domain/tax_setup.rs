//! What a tenant sets up about tax: classes, zones, rates, and how it rounds.

use std::collections::BTreeSet;

use bloom_kernel::{Rate, Rounding, TaxClassId, TaxRateId, TaxZoneId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bounded::{Code, Name, OutOfBounds};
use super::place::Area;

/// A tax class: things that are taxed alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TaxClass {
    /// The class.
    pub id: TaxClassId,
    /// Unique among the classes.
    pub code: Code,
    /// For people.
    pub name: Name,
    /// Whether it is the class of things that name none; one class is at most.
    pub is_default: bool,
    /// Rises with every change.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A tax class to be made.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaxClassCreate {
    /// Unique among the classes.
    pub code: Code,
    /// For people.
    pub name: Name,
    /// Takes the place of the present default class.
    #[serde(default)]
    pub is_default: bool,
}

/// What to change about a tax class; what is left out stays.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaxClassUpdate {
    /// Unique among the classes.
    #[serde(default)]
    pub code: Option<Code>,
    /// For people.
    #[serde(default)]
    pub name: Option<Name>,
    /// `true` takes the place of the present default class, `false` leaves the tenant without one.
    #[serde(default)]
    pub is_default: Option<bool>,
}

/// A tax zone: places that tax alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TaxZone {
    /// The zone.
    pub id: TaxZoneId,
    /// For people.
    pub name: Name,
    /// What it covers; the narrowest area that covers an address names its zone.
    pub areas: Areas,
    /// Rises with every change.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// 1 to 1,000 different areas.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Vec<Area>")]
pub struct Areas(#[schemars(length(min = 1, max = 1000))] pub Vec<Area>);

impl TryFrom<Vec<Area>> for Areas {
    type Error = &'static str;

    fn try_from(areas: Vec<Area>) -> Result<Self, Self::Error> {
        let different: BTreeSet<Area> = areas.iter().cloned().collect();
        let right = (1..=1000).contains(&areas.len()) && different.len() == areas.len();
        if right { Ok(Self(different.into_iter().collect())) } else { Err("a zone has 1 to 1000 different areas") }
    }
}

/// A tax zone to be made.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaxZoneCreate {
    /// For people.
    pub name: Name,
    /// What it covers; an area belongs to one zone.
    pub areas: Areas,
}

/// What to change about a tax zone; what is left out stays.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaxZoneUpdate {
    /// For people.
    #[serde(default)]
    pub name: Option<Name>,
    /// What it covers, in place of what it covered.
    #[serde(default)]
    pub areas: Option<Areas>,
}

/// A tax rate: a share due in a zone for a class. Several rates of one zone and class add up; none is taken of another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TaxRate {
    /// The rate.
    pub id: TaxRateId,
    /// Where it is due.
    pub zone_id: TaxZoneId,
    /// For which class.
    pub class_id: TaxClassId,
    /// As documents show it; unique in its zone and class.
    pub name: Name,
    /// The share.
    pub rate_ppm: Rate,
    /// Rises with every change.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A tax rate to be made.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaxRateCreate {
    /// Where it is due.
    pub zone_id: TaxZoneId,
    /// For which class.
    pub class_id: TaxClassId,
    /// As documents show it; unique in its zone and class.
    pub name: Name,
    /// The share.
    pub rate_ppm: Rate,
}

/// What to change about a tax rate; what is left out stays.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaxRateUpdate {
    /// As documents show it.
    #[serde(default)]
    pub name: Option<Name>,
    /// The share.
    #[serde(default)]
    pub rate_ppm: Option<Rate>,
}

/// Most rates of one class in one zone.
pub const RATES_MAX: usize = 10;

/// Whether these may be the rates of one class in one zone: few enough, and together no more than the whole.
pub fn check_rates(rates: impl Iterator<Item = Rate>) -> Result<(), OutOfBounds> {
    let (mut count, mut ppm) = (0, 0_u64);
    for rate in rates {
        count += 1;
        ppm += u64::from(rate.ppm());
    }
    if RATES_MAX < count {
        Err(OutOfBounds::new("one class has at most 10 rates in one zone"))
    } else if u64::from(Rate::WHOLE) < ppm {
        Err(OutOfBounds::new("the rates of one class in one zone sum up to at most 1000000 parts per million"))
    } else {
        Ok(())
    }
}

/// How a tenant calculates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Settings {
    /// What becomes of exactly half a minor unit.
    pub rounding: Rounding,
    /// Whether base lists made on demand hold prices that include tax.
    pub base_lists_gross: bool,
    /// Rises with every change; 0: never set.
    pub version: i64,
    /// Counts the changes that a tax calculation may notice.
    #[serde(skip)]
    #[schemars(skip)]
    pub tax_version: i64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { rounding: Rounding::HalfUp, base_lists_gross: true, version: 0, tax_version: 0 }
    }
}

/// What to change about the settings; what is left out stays.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SettingsUpdate {
    /// What becomes of exactly half a minor unit.
    #[serde(default)]
    pub rounding: Option<Rounding>,
    /// Whether base lists made on demand hold prices that include tax.
    #[serde(default)]
    pub base_lists_gross: Option<bool>,
}
