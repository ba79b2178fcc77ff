//! Money: whole minor units with an ISO 4217 currency. No floats, no silent overflow, no mixed currencies.

use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::text::{Form, publish};

/// Why a calculation with money has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// The result does not fit into 64 bits of minor units.
    #[error("the amount is out of range")]
    Overflow,
    /// The amounts have different currencies.
    #[error("the currencies {left} and {right} cannot be mixed")]
    CurrencyMismatch {
        /// The currency of the first amount.
        left: Currency,
        /// The currency of the second amount.
        right: Currency,
    },
    /// The text is not a currency with minor units.
    #[error("not an ISO 4217 currency code")]
    UnknownCurrency,
    /// A rate above 100 %.
    #[error("a rate is at most 1000000 parts per million")]
    RateTooHigh,
}

/// A currency of ISO 4217 that has a defined number of minor digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency(iso_currency::Currency);

const CURRENCY: Form = Form {
    pattern: Some("^[A-Z]{3}$"),
    format: Some("currency"),
    check: |text| Currency::parse(text).is_ok(),
    sentence: "Give the currency's ISO 4217 code, for example INR.",
};

impl Currency {
    /// Reads an alpha-3 code in upper case.
    pub fn parse(code: &str) -> Result<Self, MoneyError> {
        iso_currency::Currency::from_code(code)
            .filter(|currency| currency.exponent().is_some())
            .map(Self)
            .ok_or(MoneyError::UnknownCurrency)
    }

    /// The number of digits after the decimal point.
    pub fn exponent(self) -> u8 {
        // `parse` admits only currencies with an exponent, and the largest one is 4.
        self.0.exponent().and_then(|digits| u8::try_from(digits).ok()).unwrap_or_default()
    }

    /// The alpha-3 code.
    pub fn as_str(self) -> &'static str {
        self.0.code()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Currency {
    type Err = MoneyError;

    fn from_str(code: &str) -> Result<Self, MoneyError> {
        Self::parse(code)
    }
}

impl Serialize for Currency {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&code).map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Currency {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Currency".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        publish(CURRENCY);
        json_schema!({
            "description": "ISO 4217 currency code",
            "type": "string",
            "pattern": CURRENCY.pattern,
            "format": CURRENCY.format,
            "examples": ["INR"],
        })
    }
}

// A column of type `char(3)`, which the database calls bpchar; text is understood as well.
impl sqlx::Type<sqlx::Postgres> for Currency {
    fn type_info() -> sqlx::postgres::PgTypeInfo {
        sqlx::postgres::PgTypeInfo::with_name("bpchar")
    }

    fn compatible(ty: &sqlx::postgres::PgTypeInfo) -> bool {
        <&str as sqlx::Type<sqlx::Postgres>>::compatible(ty)
    }
}

impl sqlx::postgres::PgHasArrayType for Currency {
    fn array_type_info() -> sqlx::postgres::PgTypeInfo {
        sqlx::postgres::PgTypeInfo::array_of("bpchar")
    }

    fn array_compatible(ty: &sqlx::postgres::PgTypeInfo) -> bool {
        <&str as sqlx::postgres::PgHasArrayType>::array_compatible(ty)
    }
}

impl sqlx::Encode<'_, sqlx::Postgres> for Currency {
    fn encode_by_ref(
        &self,
        buf: &mut sqlx::postgres::PgArgumentBuffer,
    ) -> Result<sqlx::encode::IsNull, sqlx::error::BoxDynError> {
        <&str as sqlx::Encode<sqlx::Postgres>>::encode(self.as_str(), buf)
    }
}

impl sqlx::Decode<'_, sqlx::Postgres> for Currency {
    fn decode(value: sqlx::postgres::PgValueRef<'_>) -> Result<Self, sqlx::error::BoxDynError> {
        let code = <&str as sqlx::Decode<sqlx::Postgres>>::decode(value)?;
        Ok(Self::parse(code)?)
    }
}

/// An amount of money in whole minor units of its currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Money {
    /// Minor units: 2499 is 24.99 of a currency with two decimals.
    amount: i64,
    /// The currency.
    currency: Currency,
}

impl Money {
    /// An amount of minor units.
    pub const fn new(amount: i64, currency: Currency) -> Self {
        Self { amount, currency }
    }

    /// Zero of a currency.
    pub const fn zero(currency: Currency) -> Self {
        Self { amount: 0, currency }
    }

    /// The minor units.
    pub const fn amount(self) -> i64 {
        self.amount
    }

    /// The currency.
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// The sum of two amounts of one currency.
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        self.with_amount(self.amount.checked_add(other.amount))
    }

    /// The difference of two amounts of one currency.
    pub fn checked_sub(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        self.with_amount(self.amount.checked_sub(other.amount))
    }

    /// The amount times a whole number.
    pub fn checked_mul(self, factor: i64) -> Result<Self, MoneyError> {
        self.with_amount(self.amount.checked_mul(factor))
    }

    fn same_currency(self, other: Self) -> Result<(), MoneyError> {
        if self.currency == other.currency {
            Ok(())
        } else {
            Err(MoneyError::CurrencyMismatch { left: self.currency, right: other.currency })
        }
    }

    fn with_amount(self, amount: Option<i64>) -> Result<Self, MoneyError> {
        let amount = amount.ok_or(MoneyError::Overflow)?;
        Ok(Self { amount, currency: self.currency })
    }
}

/// What happens to exactly half a minor unit; the sign plays no part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rounding {
    /// Away from zero.
    #[default]
    HalfUp,
    /// To the even neighbour.
    HalfEven,
    /// Towards zero.
    HalfDown,
}

impl Rounding {
    /// `numerator / denominator` as a whole number; the denominator is positive.
    fn divide(self, numerator: i128, denominator: i128) -> i128 {
        let whole = numerator / denominator;
        let twice_rest = (numerator % denominator).abs() * 2;
        let half_goes_away = match self {
            Self::HalfUp => true,
            Self::HalfEven => whole % 2 != 0,
            Self::HalfDown => false,
        };
        let away = denominator < twice_rest || (denominator == twice_rest && half_goes_away);
        if away { whole + numerator.signum() } else { whole }
    }
}

/// A share between nothing and the whole in parts per million: 18 % is 180,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Rate(u32);

impl Rate {
    /// Parts per million in the whole.
    pub const WHOLE: u32 = 1_000_000;

    /// A rate of so many parts per million.
    pub fn new(ppm: u32) -> Result<Self, MoneyError> {
        if ppm <= Self::WHOLE { Ok(Self(ppm)) } else { Err(MoneyError::RateTooHigh) }
    }

    /// Parts per million.
    pub const fn ppm(self) -> u32 {
        self.0
    }

    /// This share of an amount: the tax on a net price.
    pub fn of(self, amount: i64, rounding: Rounding) -> i64 {
        let exact = i128::from(amount) * i128::from(self.0);
        narrow(rounding.divide(exact, i128::from(Self::WHOLE)))
    }

    /// The amount to which this share was added to make `gross`: the net of a price that includes tax.
    pub fn net_of_gross(self, gross: i64, rounding: Rounding) -> i64 {
        let exact = i128::from(gross) * i128::from(Self::WHOLE);
        narrow(rounding.divide(exact, i128::from(Self::WHOLE) + i128::from(self.0)))
    }
}

/// Neither a share nor a net is further from zero than the amount it came from, so this never clamps.
fn narrow(amount: i128) -> i64 {
    let bounded = amount.clamp(i128::from(i64::MIN), i128::from(i64::MAX));
    i64::try_from(bounded).unwrap_or_default()
}

impl TryFrom<u32> for Rate {
    type Error = MoneyError;

    fn try_from(ppm: u32) -> Result<Self, MoneyError> {
        Self::new(ppm)
    }
}

impl From<Rate> for u32 {
    fn from(rate: Rate) -> Self {
        rate.0
    }
}

impl JsonSchema for Rate {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Rate".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Parts per million: 18 % is 180000",
            "type": "integer",
            "minimum": 0,
            "maximum": Self::WHOLE,
            "examples": [180_000],
        })
    }
}

/// Splits `total` in proportion to `weights` without losing a minor unit.
///
/// The remainder after rounding down is distributed, one unit each, to the largest fractions; among equal ones to the
/// lower index. A weight below zero counts as zero; if no weight is above zero, all count equally. The parts sum to
/// `total` whenever there is at least one weight.
pub fn allocate(total: i64, weights: &[i64]) -> Vec<i64> {
    let mut weights: Vec<i128> = weights.iter().map(|weight| i128::from((*weight).max(0))).collect();
    if weights.iter().all(|weight| *weight == 0) {
        weights.fill(1);
    }
    let sum: i128 = weights.iter().sum();
    let magnitude = i128::from(total).abs();

    let mut parts: Vec<i128> = weights.iter().map(|weight| magnitude * weight / sum).collect();
    let left = magnitude - parts.iter().sum::<i128>();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by_key(|index| std::cmp::Reverse(magnitude * weights[*index] % sum));
    for (_, index) in (0..left).zip(order) {
        parts[index] += 1;
    }

    let sign = i128::from(total.signum());
    parts.into_iter().map(|part| narrow(part * sign)).collect()
}
