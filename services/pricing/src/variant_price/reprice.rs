//! Calculates the prices of variants again, and publishes those that have changed.

use std::collections::{BTreeSet, HashMap};

use bloom_contract_pricing::events::ChannelPrice;
use bloom_db::TenantTx;
use bloom_events::Publish as _;
use bloom_fault::Fault;
use bloom_kernel::{Country, TenantId, Timestamp, VariantId};
use sqlx::PgConnection;
use sqlx::types::Json;

use super::model::{VariantPrice, channel_prices};
use super::store::variant_prices_update;
use crate::Pricing;
use crate::channel::channel_list;
use crate::quote::{Candidate, candidates_of_variants};
use crate::settings::settings_get;
use crate::tax::TaxRules;
use crate::variant_class::variant_classes_get;

/// Calculates the prices of locked variants at a moment, and writes and publishes those that have changed.
pub async fn reprice(app: &Pricing, tx: &mut TenantTx, now: Timestamp, locked: Vec<VariantPrice>) -> Result<(), Fault> {
    if locked.is_empty() {
        return Ok(());
    }
    let variants: Vec<VariantId> = locked.iter().map(|row| row.variant_id).collect();
    let tenant = tx.tenant();
    let mut current = prices_at(app, tx, tenant, now, &variants).await?;
    let next = |row: VariantPrice| {
        let prices = current.remove(&row.variant_id)?;
        row.differs_from(&prices).then(|| VariantPrice { prices: Json(prices), version: row.version + 1, ..row })
    };
    let changed: Vec<VariantPrice> = locked.into_iter().filter_map(next).collect();
    if !changed.is_empty() {
        variant_prices_update(tx, &changed, now).await?;
    }
    for price in &changed {
        tx.publish(price);
    }
    Ok(())
}

/// The prices of variants at a moment, by channel.
pub async fn prices_at(
    app: &Pricing,
    conn: &mut PgConnection,
    tenant: TenantId,
    now: Timestamp,
    variants: &[VariantId],
) -> Result<HashMap<VariantId, Vec<ChannelPrice>>, Fault> {
    let candidates = candidates_of_variants(conn, variants, now).await?;
    let classes = variant_classes_get(conn, variants).await?;
    let settings = settings_get(conn).await?;
    let channels = channel_list(conn).await?;
    let countries = channels.iter().map(|channel| channel.country.clone()).chain(tax_countries(&candidates)).collect();
    let tables = app.taxes.tables(conn, tenant, countries, settings.tax_version).await?;
    let rules = TaxRules { rounding: settings.rounding, tables };
    let prices = |variant: &VariantId| {
        let rows = candidates.get(variant).map_or(&[][..], Vec::as_slice);
        (*variant, channel_prices(&channels, rows, classes.get(variant).copied(), now, &rules))
    };
    Ok(variants.iter().map(prices).collect())
}

fn tax_countries(candidates: &HashMap<VariantId, Vec<Candidate>>) -> BTreeSet<Country> {
    candidates.values().flatten().filter_map(|candidate| candidate.list.tax_country.clone()).collect()
}
