//! Conversions between kernel values and their messages.

use bloom_fault::Fault;
use bloom_kernel::{Country, Currency, Money, PersonalData, Rate};

use crate::{Address, CartSnapshot, TaxLine};

impl From<&bloom_kernel::Address> for Address {
    fn from(address: &bloom_kernel::Address) -> Self {
        let bloom_kernel::Address { name, company, line1, line2, city, region, postal_code, country, phone } = address;
        Self {
            name: name.to_string(),
            company: company.as_ref().map(ToString::to_string),
            line1: line1.to_string(),
            line2: line2.as_ref().map(ToString::to_string),
            city: city.to_string(),
            region: region.as_ref().map(ToString::to_string),
            postal_code: postal_code.as_ref().map(ToString::to_string),
            country: country.to_string(),
            phone: phone.as_ref().map(ToString::to_string),
        }
    }
}

impl Address {
    /// The address as a kernel value.
    ///
    /// # Errors
    ///
    /// An internal error: cart sends valid addresses only.
    pub fn read(&self) -> Result<bloom_kernel::Address, Fault> {
        Ok(bloom_kernel::Address {
            name: self.name.parse().map_err(Fault::internal)?,
            company: optional(self.company.as_deref())?,
            line1: self.line1.parse().map_err(Fault::internal)?,
            line2: optional(self.line2.as_deref())?,
            city: self.city.parse().map_err(Fault::internal)?,
            region: optional(self.region.as_deref())?,
            postal_code: optional(self.postal_code.as_deref())?,
            country: Country::new(self.country.as_str()).map_err(Fault::internal)?,
            phone: optional(self.phone.as_deref())?,
        })
    }
}

impl From<&bloom_kernel::TaxLine> for TaxLine {
    fn from(line: &bloom_kernel::TaxLine) -> Self {
        Self {
            name: line.name.clone(),
            rate_ppm: line.rate_ppm.ppm(),
            taxable_amount: line.taxable.amount(),
            tax_amount: line.tax.amount(),
        }
    }
}

impl TaxLine {
    /// The tax, in the currency of the cart.
    ///
    /// # Errors
    ///
    /// An internal error: cart sends valid rates only.
    pub fn read(&self, currency: Currency) -> Result<bloom_kernel::TaxLine, Fault> {
        Ok(bloom_kernel::TaxLine {
            name: self.name.clone(),
            rate_ppm: Rate::new(self.rate_ppm).map_err(Fault::internal)?,
            taxable: Money::new(self.taxable_amount, currency),
            tax: Money::new(self.tax_amount, currency),
        })
    }
}

impl CartSnapshot {
    /// The buyer's personal data in the cart.
    ///
    /// # Errors
    ///
    /// An internal error: cart sends valid values only.
    pub fn personal_data(&self) -> Result<PersonalData, Fault> {
        Ok(PersonalData {
            email: optional(self.email.as_deref())?,
            shipping_address: self.shipping_address.as_ref().map(Address::read).transpose()?,
            billing_address: self.billing_address.as_ref().map(Address::read).transpose()?,
        })
    }
}

fn optional<T: std::str::FromStr<Err: Into<bloom_fault::Source>>>(text: Option<&str>) -> Result<Option<T>, Fault> {
    text.map(str::parse).transpose().map_err(Fault::internal)
}
