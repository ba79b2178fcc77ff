//! The refusal for each violated constraint, and refusals that several resources share.

use bloom_db::{Constraints, idempotency};
use bloom_fault::{Code, Fault, constraint};
use bloom_kernel::ViolationCode;

/// Constraints that input can violate.
pub(crate) const CONSTRAINTS: Constraints = &[
    ("channel_code_key", code_taken),
    ("product_type_code_key", code_taken),
    ("collection_code_key", code_taken),
    ("channel_default_key", || {
        conflict("default_channel_contested", "Another request changes the default channel; try again.").retry_after(1)
    }),
    ("product_external_id_key", || taken("external_id_taken", "/external_id", "Another product has this external id.")),
    ("variant_external_id_key", || taken("external_id_taken", "/external_id", "Another variant has this external id.")),
    ("variant_sku_key", || taken("sku_taken", "/sku", "Another variant has this SKU.")),
    ("variant_options_key", || taken("options_taken", "/options", "Another variant of the product has these option values.")),
    ("category_name_key", || taken("name_taken", "/name", "A sibling has this name.")),
    ("category_cycle_check", || {
        let detail = "A category cannot be moved below itself.";
        Fault::new(Code::Unprocessable, "category_cycle", detail).at("/parent_id", ViolationCode::Mismatch, detail)
    }),
    ("category_depth_check", || {
        let detail = "The category tree has at most 16 levels.";
        Fault::new(Code::Unprocessable, "category_too_deep", detail).at("/parent_id", ViolationCode::OutOfRange, detail)
    }),
    ("category_parent_fkey", || {
        conflict("category_not_empty", "The category has categories below it; move or delete them first.")
    }),
    ("product_category_category_fkey", || unknown("category", "/category_ids")),
    ("product_collection_collection_fkey", || {
        conflict("collection_not_empty", "Products are in this collection; take them out first.")
    }),
    ("product_collection_product_fkey", || unknown("product", "/products")),
    ("product_channel_channel_fkey", || unknown("channel", "/channel_ids")),
    ("product_type_fkey", || unknown("product type", "/product_type_id")),
    ("import_job_idempotency_key", idempotency::in_progress),
];

/// The body refers to something that the tenant does not have: answered like an unknown id in the path.
pub(crate) fn unknown(noun: &str, pointer: &str) -> Fault {
    Fault::not_found(noun).at(pointer, ViolationCode::Unknown, format!("There is no such {noun}."))
}

/// The deletion of a category. Its foreign key from products means something else here than when a product is written.
pub(crate) fn category_in_use(error: sqlx::Error) -> Fault {
    match constraint(&error) {
        Some("product_category_category_fkey") => {
            conflict("category_not_empty", "Products are in this category; take them out first.")
        }
        _ => error.into(),
    }
}

fn code_taken() -> Fault {
    taken("code_taken", "/code", "Another one has this code.")
}

fn taken(reason: &'static str, pointer: &str, message: &str) -> Fault {
    conflict(reason, message).at(pointer, ViolationCode::Taken, message)
}

fn conflict(reason: &'static str, detail: &str) -> Fault {
    Fault::new(Code::Conflict, reason, detail)
}
