//! The refusals that several resources share, and the one table from constraints to refusals.

use bloom_fault::{Code, Fault, constraint};

/// The refusal that belongs to a broken constraint; any other database error as it is.
pub(crate) fn refusal(error: sqlx::Error) -> Fault {
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

/// The field names something that does not exist, or that the caller may not see.
pub(crate) fn not_found(what: &str, pointer: impl Into<String>) -> Fault {
    Fault::not_found(what).at(pointer, "not_found", format!("There is no such {what}."))
}

/// A deletion of something that other rows refer to.
pub(crate) fn in_use(what: &str) -> Fault {
    Fault::new(Code::Conflict, "in_use", format!("This {what} is still used; remove first what refers to it."))
}

/// A well-formed request that its own fields, or the row that it changes, contradict.
pub(crate) fn unprocessable(pointer: impl Into<String>, reason: &'static str, detail: impl Into<String>) -> Fault {
    let detail = detail.into();
    Fault::new(Code::Unprocessable, reason, detail.clone()).at(pointer, reason, detail)
}
