//! Tax on prices and documents.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Money, Rate};

/// Whether prices include tax.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum PriceBasis {
    /// Prices include tax.
    Gross,
    /// Tax comes on top.
    Net,
}

impl PriceBasis {
    /// The name in the API and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gross => "gross",
            Self::Net => "net",
        }
    }

    /// The basis with this name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Gross, Self::Net].into_iter().find(|basis| basis.as_str() == name)
    }

    /// The basis of prices that include tax or do not.
    pub const fn of_gross(gross: bool) -> Self {
        if gross { Self::Gross } else { Self::Net }
    }

    /// Whether prices include tax.
    pub const fn is_gross(self) -> bool {
        matches!(self, Self::Gross)
    }
}

impl fmt::Display for PriceBasis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The tax of one rate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TaxLine {
    /// Name of the tax.
    pub name: String,
    /// Parts per million: 18 % is 180000.
    pub rate_ppm: Rate,
    /// The net amount that the tax is due on.
    pub taxable: Money,
    /// The tax.
    pub tax: Money,
}
