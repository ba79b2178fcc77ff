//! The tax rate, its input and its rules.

use bloom_fault::Fault;
use bloom_kernel::{Rate, TaxClassId, TaxRateId, TaxZoneId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bounded::Name;
use crate::error::unprocessable;

/// Most rates of one class in one zone.
const RATES_MAX: usize = 10;

/// A tax rate. Several rates of one zone and class add up; none is applied to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct TaxRate {
    /// The rate.
    pub id: TaxRateId,
    /// Where it is due.
    pub zone_id: TaxZoneId,
    /// For which class.
    pub class_id: TaxClassId,
    /// Name on documents; unique in its zone and class.
    pub name: Name,
    /// The share.
    pub rate_ppm: Rate,
    /// Rises with every change.
    pub version: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A tax rate to create.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TaxRateCreate {
    /// Where it is due.
    pub zone_id: TaxZoneId,
    /// For which class.
    pub class_id: TaxClassId,
    /// Name on documents; unique in its zone and class.
    pub name: Name,
    /// The share.
    pub rate_ppm: Rate,
}

/// Changes to a tax rate; a field that is left out keeps its value.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TaxRateUpdate {
    /// Name on documents.
    #[serde(default)]
    pub name: Option<Name>,
    /// The share.
    #[serde(default)]
    pub rate_ppm: Option<Rate>,
}

impl TaxRate {
    pub(crate) fn new(id: TaxRateId, now: Timestamp, input: TaxRateCreate) -> Self {
        let TaxRateCreate { zone_id, class_id, name, rate_ppm } = input;
        Self { id, zone_id, class_id, name, rate_ppm, version: 1, created_at: now, updated_at: now }
    }

    pub(crate) fn update(self, now: Timestamp, input: TaxRateUpdate) -> Self {
        Self {
            name: input.name.unwrap_or(self.name),
            rate_ppm: input.rate_ppm.unwrap_or(self.rate_ppm),
            version: self.version + 1,
            updated_at: now,
            ..self
        }
    }
}

/// Refuses rates of one class in one zone that are too many or add up to more than the whole.
pub(crate) fn rates_check(rates: &[Rate]) -> Result<(), Fault> {
    let ppm: u64 = rates.iter().map(|rate| u64::from(rate.ppm())).sum();
    let refuse = |detail: &str| Err(unprocessable("/rate_ppm", "too_many_rates", detail));
    if RATES_MAX < rates.len() {
        refuse("Refused: one class has at most 10 rates in one zone.")
    } else if u64::from(Rate::WHOLE) < ppm {
        refuse("Refused: the rates of one class in one zone sum up to at most 1000000 parts per million.")
    } else {
        Ok(())
    }
}
