//! What this service refuses, in its own words.

use bloom_fault::{Code, Fault, constraint};

use crate::domain::price::PriceError;
use crate::domain::price_list::ListError;
use crate::domain::quote::{Place, QuoteError};

/// A database error, in words where a constraint spoke.
pub fn of(error: sqlx::Error) -> Fault {
    let taken = |pointer: &str, reason: &'static str, detail: &str| {
        Fault::new(Code::Conflict, reason, detail).at(pointer, reason, detail)
    };
    match constraint(&error) {
        Some("price_list_code_key") => taken("/code", "code_taken", "Another price list has this code."),
        Some("tax_class_code_key") => taken("/code", "code_taken", "Another tax class has this code."),
        Some("tax_class_default_key") => {
            taken("/is_default", "busy", "Another request has just set the default class; try again.")
        }
        Some("tax_zone_area_key") => taken("/areas", "area_taken", "One of the areas belongs to another tax zone."),
        Some("tax_rate_name_key") => taken("/name", "name_taken", "This class has a rate of that name in this zone."),
        Some("tax_rate_class_fk") => not_found("tax class", "/class_id"),
        Some("tax_rate_zone_fk") => not_found("tax zone", "/zone_id"),
        Some("price_list_fk") => not_found("price list", "/price_list_id"),
        _ => error.into(),
    }
}

/// Something that a field names is not there, as far as the caller may know.
pub fn not_found(what: &str, pointer: impl Into<String>) -> Fault {
    Fault::not_found(what).at(pointer, "not_found", format!("There is no such {what}."))
}

/// A storefront's key quotes in its own channel.
pub fn channel_fixed() -> Fault {
    let detail =
        "This publishable key or request is fixed to another channel. Leave channel_id out, or use that channel's own key.";
    Fault::new(Code::Forbidden, "channel_fixed", detail).at("/channel_id", "channel_fixed", detail).policy("key:channel")
}

/// The refusal of a list that cannot be as asked.
pub fn of_list(error: ListError) -> Fault {
    let (reason, pointer) = match error {
        ListError::EndsBeforeStart => ("ends_before_start", "/ends_at"),
        ListError::TaxCountryOfNet => ("tax_country_of_net", "/tax_country"),
        ListError::Metadata(_) => return Fault::invalid("/metadata", "invalid", sentence(error)),
        ListError::BaseIsFixed => ("base_list_fixed", ""),
    };
    Fault::new(Code::Unprocessable, reason, sentence(error)).at(pointer, reason, sentence(error))
}

/// The refusal of an amount that cannot be a price.
pub fn of_price(error: PriceError, pointer: &str) -> Fault {
    match error {
        PriceError::OutOfRange => Fault::invalid(format!("{pointer}/amount"), "out_of_range", sentence(error)),
        PriceError::OtherCurrency(_) => {
            let reason = "currency_mismatch";
            Fault::new(Code::Unprocessable, reason, sentence(error)).at(format!("{pointer}/currency"), reason, sentence(error))
        }
    }
}

/// The refusal of a document that cannot be priced.
pub fn of_quote(error: QuoteError) -> Fault {
    let pointer = |place: Place, field: &str| match place {
        Place::Line(at) => format!("/lines/{at}/{field}"),
        Place::Delivery => format!("/delivery/{field}"),
        Place::Document => String::new(),
    };
    match error {
        QuoteError::UnknownClass(place) => not_found("tax class", pointer(place, "tax_class_id")),
        QuoteError::OutOfRange(place) => {
            let reason = "amount_out_of_range";
            let detail = "An amount does not fit into 64 bits of minor units.";
            Fault::new(Code::Unprocessable, reason, detail).at(pointer(place, "quantity"), reason, detail)
        }
    }
}

/// The refusal of something that is still referred to.
pub fn in_use(what: &str) -> Fault {
    Fault::new(Code::Conflict, "in_use", format!("This {what} is still used; remove first what refers to it."))
}

fn sentence(error: impl std::fmt::Display) -> String {
    let text = error.to_string();
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), letters.as_str()))
}
