//! One use case a file, read top to bottom; each owns its transaction.

pub mod change_price;
pub mod change_price_list;
pub mod change_settings;
pub mod change_tax_class;
pub mod change_tax_rate;
pub mod change_tax_zone;
pub mod known;
pub mod quote_lines;
pub mod republish;
pub mod set_prices;

use bloom_db::TenantTx;
use bloom_fault::Fault;

use crate::Pricing;
use crate::store::settings::tax_version_raise;
use crate::store::terms::terms_change;

/// Begins a change of taxes: takes the terms, counts the change, and schedules the pass that follows it.
async fn taxes_change(app: &Pricing, tx: &mut TenantTx) -> Result<(), Fault> {
    let now = app.host.now(tx.tenant());
    terms_change(tx).await?;
    let version = tax_version_raise(tx, now).await?;
    republish::pass_begin(tx, now, republish::Scope::Taxes(version)).await
}
