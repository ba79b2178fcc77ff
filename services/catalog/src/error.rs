//! Which refusal a violated database constraint stands for.

use bloom_fault::{Code, Fault, constraint};

/// The refusal for a database error; an error that no constraint of the table explains stays what it is.
pub(crate) fn refused(error: sqlx::Error) -> Fault {
    let Some(name) = constraint(&error) else { return error.into() };
    match name {
        "channel_code_key" | "product_type_code_key" | "collection_code_key" => {
            taken("code_taken", "/code", "Another one has this code.")
        }
        "channel_default_key" => {
            conflict("default_channel_contested", "Another request changes the default channel; try again.").retry_after(1)
        }
        "product_external_id_key" => taken("external_id_taken", "/external_id", "Another product has this external id."),
        "variant_external_id_key" => taken("external_id_taken", "/external_id", "Another variant has this external id."),
        "variant_sku_key" => taken("sku_taken", "/sku", "Another variant has this SKU."),
        "variant_options_key" => taken("options_taken", "/options", "Another variant of the product has these option values."),
        "category_name_key" => taken("name_taken", "/name", "A sibling has this name."),
        "category_cycle_check" => Fault::new(Code::Unprocessable, "category_cycle", "A category cannot be moved below itself.")
            .at("/parent_id", "cycle", "This is the category itself or one below it."),
        "category_depth_check" => Fault::new(
            Code::Unprocessable,
            "category_too_deep",
            "The category tree has at most 16 levels.",
        )
        .at("/parent_id", "too_deep", "Here the subtree would reach below the sixteenth level."),
        "category_parent_fkey" => {
            conflict("category_not_empty", "The category has categories below it; move or delete them first.")
        }
        "product_category_category_fkey" if is_delete(&error) => {
            conflict("category_not_empty", "Products are in this category; take them out first.")
        }
        "product_category_category_fkey" => unknown("category", "/category_ids"),
        "product_collection_collection_fkey" => {
            conflict("collection_not_empty", "Products are in this collection; take them out first.")
        }
        "product_collection_product_fkey" => unknown("product", "/products"),
        "product_channel_channel_fkey" => unknown("channel", "/channel_ids"),
        "product_type_fkey" => unknown("product type", "/product_type_id"),
        _ => error.into(),
    }
}

/// The body refers to something that the tenant does not have: answered like an unknown id in the path.
pub(crate) fn unknown(noun: &str, pointer: &str) -> Fault {
    Fault::not_found(noun).at(pointer, "unknown", format!("There is no such {noun}."))
}

fn taken(reason: &'static str, pointer: &str, message: &str) -> Fault {
    Fault::new(Code::Conflict, reason, message).at(pointer, "taken", message)
}

fn conflict(reason: &'static str, detail: &str) -> Fault {
    Fault::new(Code::Conflict, reason, detail)
}

/// A foreign key is violated from either side; PostgreSQL tells which by the verb of its message.
fn is_delete(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| error.message().starts_with("update or delete"))
}
