//! Refusals that several resources share, and the meaning of each violated constraint.

use bloom_db::Constraints;
use bloom_fault::{Code, Fault, ViolationCode};

/// The constraints that a request can violate.
pub const CONSTRAINTS: Constraints = &[
    ("price_list_code_key", || taken("code_taken", "/code", "Another price list has this code.")),
    ("price_list_fk", || unknown("price list", "/price_list_id")),
    ("tax_class_code_key", || taken("code_taken", "/code", "Another tax class has this code.")),
    ("tax_class_default_key", || {
        let detail = "Another request has just set the default class; try again.";
        Fault::new(Code::Conflict, "busy", detail).at("/is_default", ViolationCode::Taken, detail)
    }),
    ("tax_zone_area_key", || taken("area_taken", "/areas", "One of the areas belongs to another tax zone.")),
    ("tax_rate_name_key", || taken("name_taken", "/name", "This class has a rate of that name in this zone.")),
    ("tax_rate_class_fk", || unknown("tax class", "/class_id")),
    // A zone that a new rate names is locked first, so only the deletion of a zone violates this constraint.
    ("tax_rate_zone_fk", || Fault::new(Code::Conflict, "in_use", "This tax zone is still used; remove first what refers to it.")),
];

/// Another resource has this unique value.
pub fn taken(reason: &'static str, pointer: &str, detail: &str) -> Fault {
    Fault::new(Code::Conflict, reason, detail).at(pointer, ViolationCode::Taken, detail)
}

/// The field names something that does not exist, or that the caller may not see.
pub fn unknown(what: &str, pointer: impl Into<String>) -> Fault {
    Fault::not_found(what).at(pointer, ViolationCode::Unknown, format!("There is no such {what}."))
}

/// The refusal of a well-formed request that contradicts itself or the row that it changes.
pub fn unprocessable(pointer: impl Into<String>, reason: &'static str, code: ViolationCode, detail: impl Into<String>) -> Fault {
    let detail = detail.into();
    Fault::new(Code::Unprocessable, reason, detail.clone()).at(pointer, code, detail)
}
