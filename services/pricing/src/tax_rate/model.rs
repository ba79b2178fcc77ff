//! The tax rate, its input and its rules.

use bloom_fault::{Fault, ViolationCode};
use bloom_kernel::{Aggregate, Name, Rate, TaxClassId, TaxRateId, TaxZoneId, Timestamp, set, update};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::unprocessable;

/// Most rates of one class in one zone.
const RATES_MAX: usize = 10;

/// A tax rate. Several rates of one zone and class add up; none is applied to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TaxRate {
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
pub struct TaxRateCreate {
    /// Where it is due.
    pub zone_id: TaxZoneId,
    /// For which class.
    pub class_id: TaxClassId,
    /// Name on documents; unique in its zone and class.
    pub name: Name,
    /// The share.
    pub rate_ppm: Rate,
}

update! {
    /// Changes to a tax rate; a field that is left out keeps its value.
    pub struct TaxRateUpdate {
        /// Name on documents.
        pub name: Option<Name>,
        /// The share.
        pub rate_ppm: Option<Rate>,
    }
}

/// Which tax rates a list holds.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaxRateFilter {
    /// Due in this zone.
    pub zone_id: Option<TaxZoneId>,
    /// Due for this class.
    pub class_id: Option<TaxClassId>,
}

impl TaxRate {
    pub(super) fn new(id: TaxRateId, now: Timestamp, input: TaxRateCreate) -> Self {
        let TaxRateCreate { zone_id, class_id, name, rate_ppm } = input;
        Self { id, zone_id, class_id, name, rate_ppm, version: 1, created_at: now, updated_at: now }
    }

    pub(super) fn update(&mut self, now: Timestamp, input: TaxRateUpdate) {
        let TaxRateUpdate { name, rate_ppm } = input;
        set(&mut self.name, name);
        set(&mut self.rate_ppm, rate_ppm);
        self.version += 1;
        self.updated_at = now;
    }
}

impl Aggregate for TaxRate {
    const NOUN: &'static str = "tax_rate";
    type Id = TaxRateId;

    fn id(&self) -> TaxRateId {
        self.id
    }

    fn version(&self) -> i64 {
        self.version
    }
}

/// Refuses rates of one class in one zone that are too many or add up to more than the whole.
pub(super) fn rates_check(rates: &[Rate]) -> Result<(), Fault> {
    let ppm: u64 = rates.iter().map(|rate| u64::from(rate.ppm())).sum();
    let refuse = |code, detail: &str| Err(unprocessable("/rate_ppm", "too_many_rates", code, detail));
    if RATES_MAX < rates.len() {
        refuse(ViolationCode::Count, "One class has at most 10 rates in one zone.")
    } else if u64::from(Rate::WHOLE) < ppm {
        let detail = "The rates of one class in one zone sum up to at most 1000000 parts per million.";
        refuse(ViolationCode::OutOfRange, detail)
    } else {
        Ok(())
    }
}
