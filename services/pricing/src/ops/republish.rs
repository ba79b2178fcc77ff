//! Publishing prices anew: at once for the variants whose prices were set, in passes of bounded batches when terms change
//! that many prices share, and at the moment when a dated list starts or ends.

use std::collections::{BTreeSet, HashMap};

use bloom_db::TenantTx;
use bloom_events::{cancel, publish_many, schedule};
use bloom_fault::Fault;
use bloom_kernel::{ChannelId, PriceListId, TenantId, Timestamp, VariantId};
use bloom_runtime::RequestContext;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use sqlx::types::Json;

use crate::Pricing;
use crate::domain::choice::Candidate;
use crate::domain::listing::{ChannelPrice, listing_prices};
use crate::domain::place::Country;
use crate::domain::price_list::PriceList;
use crate::events::VariantPrice;
use crate::store::candidate::candidates_of_variants;
use crate::store::channel::{channel_version, channels_all, variant_classes_get};
use crate::store::price::price_variants;
use crate::store::price_list::price_list_get;
use crate::store::settings::settings_get;
use crate::store::terms::terms_share;
use crate::store::variant_price::{Published, variant_prices_after, variant_prices_lock, variant_prices_update};

/// The timer of a pass.
pub const PASS: &str = "listing.pass";
/// The timer of a list that starts or ends.
pub const TURN: &str = "price_list.turn";
/// Variants of one batch, which is one transaction.
const BATCH: i64 = 200;

/// Which terms changed, and to which version. A pass ends where it finds a later version: that one has its own pass.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// A price list: the variants that have a price in it.
    List(PriceListId, i64),
    /// Taxes or settings: every variant.
    Taxes(i64),
    /// A channel: every variant.
    Channel(ChannelId, i64),
}

/// How far a pass has come.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Pass {
    /// What it is about.
    scope: Scope,
    /// When the terms changed. A process whose clock is behind does not work out what was before.
    since: Timestamp,
    /// The last variant of the batch before.
    after: Option<VariantId>,
}

/// A list that starts or ends.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Turn {
    price_list_id: PriceListId,
    moment: Timestamp,
}

/// Begins a pass when the transaction commits.
pub async fn pass_begin(tx: &mut TenantTx, now: Timestamp, scope: Scope) -> Result<(), Fault> {
    // Each pass has a key of its own: two about the same terms at two moments do not take each other's place.
    let moment = now.timestamp_micros();
    let key = match scope {
        Scope::List(id, version) => format!("{id}:{version}:{moment}"),
        Scope::Taxes(version) => format!("taxes:{version}:{moment}"),
        Scope::Channel(id, version) => format!("{id}:{version}:{moment}"),
    };
    schedule(tx, PASS, &key, now, &Pass { scope, since: now, after: None }).await
}

/// Does one batch of a pass and leaves the rest to the next firing.
pub async fn pass_run(app: &Pricing, call: &RequestContext, key: &str, pass: &Pass) -> Result<(), Fault> {
    let mut tx = app.db.write(call).await?;
    terms_share(&mut tx).await?;
    let variants = match pass.scope {
        Scope::List(id, version) => match price_list_get(&mut tx, id).await? {
            Some(list) if list.version <= version => price_variants(&mut tx, id, pass.after, BATCH).await?,
            Some(_) | None => Vec::new(),
        },
        Scope::Taxes(version) if version < settings_get(&mut tx).await?.tax_version => Vec::new(),
        Scope::Channel(id, version) if Some(version) < channel_version(&mut tx, id).await? => Vec::new(),
        Scope::Taxes(_) | Scope::Channel(..) => {
            let rows = variant_prices_after(&mut tx, pass.after, BATCH).await?;
            rows.into_iter().map(|row| row.variant_id).collect()
        }
    };
    let locked = variant_prices_lock(&mut tx, &variants).await?;
    let now = app.host.now(call.tenant).max(pass.since);
    let changed = reprice(app, &mut tx, now, locked).await?;
    publish_prices(app, &mut tx, call, &changed).await?;
    if let Some(last) = variants.last().filter(|_| i64::try_from(variants.len()) == Ok(BATCH)) {
        let rest = Pass { after: Some(*last), ..*pass };
        schedule(&mut tx, PASS, key, now, &rest).await?;
    }
    tx.commit().await
}

/// Sets the timers of a list's dates that are still to come, and removes those that are not.
pub async fn turns_schedule(tx: &mut TenantTx, now: Timestamp, list: &PriceList) -> Result<(), Fault> {
    for (edge, moment) in [("start", list.starts_at), ("end", list.ends_at)] {
        let key = format!("{}:{edge}", list.id);
        match moment {
            Some(moment) if now < moment => schedule(tx, TURN, &key, moment, &Turn { price_list_id: list.id, moment }).await?,
            Some(_) | None => cancel(tx, TURN, &key).await?,
        }
    }
    Ok(())
}

/// A list has started or ended: its variants are published anew.
pub async fn list_turn(app: &Pricing, call: &RequestContext, turn: Turn) -> Result<(), Fault> {
    let mut tx = app.db.write(call).await?;
    if let Some(list) = price_list_get(&mut tx, turn.price_list_id).await? {
        pass_begin(&mut tx, app.host.now(call.tenant).max(turn.moment), Scope::List(list.id, list.version)).await?;
    }
    tx.commit().await
}

/// Works out the listing prices of locked variants at a moment and writes those that are other than published. Returns them with
/// their new versions, still to be told.
pub async fn reprice(app: &Pricing, tx: &mut TenantTx, now: Timestamp, locked: Vec<Published>) -> Result<Vec<Published>, Fault> {
    if locked.is_empty() {
        return Ok(locked);
    }
    let variants: Vec<VariantId> = locked.iter().map(|row| row.variant_id).collect();
    let tenant = tx.tenant();
    let mut present = prices_at(app, tx, tenant, now, &variants).await?;
    let anew = |row: Published| {
        let prices = present.remove(&row.variant_id)?;
        is_news(&row, &prices).then(|| Published { prices: Json(prices), version: row.version + 1, ..row })
    };
    let changed: Vec<Published> = locked.into_iter().filter_map(anew).collect();
    if !changed.is_empty() {
        variant_prices_update(tx, &changed, now).await?;
    }
    Ok(changed)
}

/// Whether these prices are to be told after what was published. What never had a price anywhere is not worth an event.
pub fn is_news(published: &Published, prices: &[ChannelPrice]) -> bool {
    let silent = published.version == 0 && prices.iter().all(|price| price.price.is_none());
    !silent && published.prices.0 != prices
}

/// The listing prices of variants at a moment.
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
    let channels = channels_all(conn).await?;
    let countries = channels.iter().map(|channel| channel.country.clone()).chain(tax_countries(&candidates)).collect();
    let taxes = app.taxes.taxes(conn, tenant, countries, settings.tax_version).await?;
    let price = |variant: &VariantId| {
        let rows = candidates.get(variant).map_or(&[][..], Vec::as_slice);
        let class = classes.get(variant).copied();
        (*variant, listing_prices(&channels, rows, class, settings.rounding, now, &taxes))
    };
    Ok(variants.iter().map(price).collect())
}

fn tax_countries(candidates: &HashMap<VariantId, Vec<Candidate>>) -> BTreeSet<Country> {
    candidates.values().flatten().filter_map(|candidate| candidate.list.tax_country.clone()).collect()
}

/// Tells the prices that [`reprice`] wrote.
pub async fn publish_prices(app: &Pricing, tx: &mut TenantTx, call: &RequestContext, changed: &[Published]) -> Result<(), Fault> {
    let told: Vec<VariantPrice> = changed.iter().map(VariantPrice::from).collect();
    let drafts: Vec<_> = told.iter().zip(changed).map(|(document, row)| document.draft(row.version)).collect();
    publish_many(tx, &app.host, call, drafts).await
}
