//! Tax classes of variants: a replica of what the catalog's products name.

mod store;
#[cfg(test)]
mod tests;

pub(crate) use store::{VariantClass, variant_classes_get, variant_classes_put};
