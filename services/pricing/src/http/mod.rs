//! REST: one file a resource.

pub mod price_lists;
pub mod prices;
pub mod quotes;
pub mod settings;
pub mod tax_classes;
pub mod tax_rates;
pub mod tax_zones;

use aide::axum::ApiRouter;
use bloom_web::permissions;

use crate::Pricing;

permissions! {
    PricingRead = "pricing:read",
    PricingWrite = "pricing:write",
    PricingQuote = "pricing:quote",
}

/// All routes.
pub fn routes(app: Pricing) -> ApiRouter<()> {
    ApiRouter::new()
        .merge(price_lists::routes())
        .merge(prices::routes())
        .merge(tax_classes::routes())
        .merge(tax_zones::routes())
        .merge(tax_rates::routes())
        .merge(settings::routes())
        .merge(quotes::routes())
        .with_state(app)
}

/// Rows to read for a page: one more than it holds says whether there is a next one.
fn rows_of(limit: bloom_kernel::Limit) -> i64 {
    limit.get() + 1
}
