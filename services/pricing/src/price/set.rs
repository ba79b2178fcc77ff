//! Setting prices by (list, variant, quantity): all of them or none, in a few statements whatever their number.

use std::collections::{BTreeSet, HashMap, HashSet};

use axum::extract::State;
use bloom_events::{Draft, publish_many};
use bloom_fault::Fault;
use bloom_kernel::{Currency, PriceListId, VariantId};
use bloom_runtime::http::{Caller, Json};
use bloom_runtime::{Begin, Call, Reply, TenantTx};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::model::{Price, PriceCreate, amount_check};
use super::store::{NewPrice, prices_upsert};
use crate::Pricing;
use crate::error::{not_found, refusal};
use crate::events::publish_event;
use crate::permissions::PricingWrite;
use crate::price_list::{PriceList, PriceListKey, price_list_insert, price_list_keys};
use crate::settings::settings_get;
use crate::terms::terms_lock_shared;
use crate::variant_price::{VariantPrice, reprice, variant_prices_claim};

/// Most prices of one request.
const PRICES_MAX: usize = 1_000;

/// Prices to set together.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PricesSet {
    /// 1 to 1,000 prices, each list, variant and quantity once.
    #[schemars(length(min = 1, max = 1000))]
    pub prices: Vec<PriceCreate>,
}

/// The result of setting prices.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub(crate) struct PricesChanged {
    /// Prices that are new or have another amount than before.
    pub changed: i64,
}

pub(super) async fn set(
    State(app): State<Pricing>,
    caller: Caller<PricingWrite>,
    Json(input): Json<PricesSet>,
) -> Result<Reply<PricesChanged>, Fault> {
    prices_set(&app, &caller, &input).await
}

/// Sets many prices.
pub(crate) async fn prices_set(app: &Pricing, call: &Call, input: &PricesSet) -> Result<Reply<PricesChanged>, Fault> {
    let mut tx = match app.db.begin(call, "prices_set", input).await? {
        Begin::Replay(reply) => return Ok(reply),
        Begin::Run(tx) => tx,
    };
    let changed = price_rows_set(app, &mut tx, call, &input.prices, &|row| format!("/prices/{row}")).await?;
    let changed = i64::try_from(changed.len()).unwrap_or(i64::MAX);
    tx.finish(Reply::ok(PricesChanged { changed })).await
}

/// Sets prices and publishes what follows from them; returns those that are new or have another amount than before.
pub(super) async fn price_rows_set(
    app: &Pricing,
    tx: &mut TenantTx,
    call: &Call,
    inputs: &[PriceCreate],
    pointer: &(dyn Fn(usize) -> String + Sync),
) -> Result<Vec<Price>, Fault> {
    if inputs.is_empty() || PRICES_MAX < inputs.len() {
        return Err(Fault::invalid("/prices", "length", "Set 1 to 1000 prices at a time."));
    }
    let now = app.host.now(tx.tenant());
    terms_lock_shared(tx).await?;
    let lists = Lists::load(app, tx, call, inputs).await?;
    let prices = new_prices(app, tx, &lists, inputs, pointer)?;
    let variants: Vec<VariantId> = prices.iter().map(|price| price.variant_id).collect();
    let locked = variant_prices_claim(tx, &variants, now).await?;
    let changed = prices_upsert(tx, &prices, now).await.map_err(refusal)?;
    let repriced = reprice(app, tx, now, locked).await?;

    let events: Vec<VariantPrice> = repriced.iter().map(VariantPrice::from).collect();
    let events = events.iter().zip(&repriced).map(|(event, row)| event.draft(row.version));
    let drafts: Vec<Draft<'_>> = changed.iter().map(price_draft).chain(events).collect();
    publish_many(tx, &app.host, call, drafts).await?;
    Ok(changed)
}

/// The rows to write: each with its list, within its bounds, and no two of the same key.
fn new_prices(
    app: &Pricing,
    tx: &TenantTx,
    lists: &Lists,
    inputs: &[PriceCreate],
    pointer: &(dyn Fn(usize) -> String + Sync),
) -> Result<Vec<NewPrice>, Fault> {
    let mut prices = Vec::with_capacity(inputs.len());
    let mut keys = HashSet::new();
    for (row, input) in inputs.iter().enumerate() {
        let list = lists.of(input).ok_or_else(|| not_found("price list", pointer(row) + "/price_list_id"))?;
        amount_check(input.price, list.currency, &(pointer(row) + "/price"))?;
        let min_quantity = input.min_quantity.get();
        if !keys.insert((list.id, input.variant_id, min_quantity)) {
            return Err(Fault::invalid(pointer(row), "duplicate", "An earlier row sets the same price."));
        }
        let id = app.host.id(tx.tenant());
        prices.push(NewPrice { id, price_list_id: list.id, variant_id: input.variant_id, min_quantity, price: input.price });
    }
    Ok(prices)
}

fn price_draft(price: &Price) -> Draft<'_> {
    let kind = if price.version == 1 { "price.created" } else { "price.updated" };
    Draft { kind, aggregate: price.id.to_string(), version: price.version, data: price, causation: None }
}

/// The lists that a request names, and the base lists that it needs.
#[derive(Default)]
struct Lists {
    by_id: HashMap<PriceListId, PriceListKey>,
    base: HashMap<Currency, PriceListKey>,
}

impl Lists {
    fn of(&self, input: &PriceCreate) -> Option<&PriceListKey> {
        match input.price_list_id {
            Some(id) => self.by_id.get(&id),
            None => self.base.get(&input.price.currency()),
        }
    }

    /// Reads the lists, and creates the base lists that are missing.
    async fn load(app: &Pricing, tx: &mut TenantTx, call: &Call, inputs: &[PriceCreate]) -> Result<Self, Fault> {
        let ids: Vec<Uuid> = inputs.iter().filter_map(|input| input.price_list_id.map(PriceListId::uuid)).collect();
        let currencies = inputs.iter().filter(|input| input.price_list_id.is_none()).map(|input| input.price.currency());
        let currencies: BTreeSet<Currency> = currencies.collect();
        let codes: Vec<String> = currencies.iter().map(|currency| currency.as_str().to_owned()).collect();
        let mut lists = Self::default();
        lists.add(price_list_keys(tx, &ids, &codes).await?);
        let missing: Vec<Currency> = currencies.into_iter().filter(|currency| !lists.base.contains_key(currency)).collect();
        if !missing.is_empty() {
            for currency in missing {
                base_list_create(app, tx, call, currency).await?;
            }
            lists.add(price_list_keys(tx, &ids, &codes).await?);
        }
        Ok(lists)
    }

    fn add(&mut self, keys: Vec<PriceListKey>) {
        for key in keys {
            self.by_id.insert(key.id, key);
            if key.is_base {
                self.base.insert(key.currency, key);
            }
        }
    }
}

/// Creates the base list of a currency, unless another request has just done so.
async fn base_list_create(app: &Pricing, tx: &mut TenantTx, call: &Call, currency: Currency) -> Result<(), Fault> {
    let tenant = tx.tenant();
    let gross = settings_get(tx).await?.base_lists_gross;
    let list = PriceList::base(app.host.id(tenant), app.host.now(tenant), currency, gross);
    if price_list_insert(tx, &list).await.map_err(refusal)? {
        publish_event(app, tx, call, "price_list.created", (list.id, list.version), &list).await?;
    }
    Ok(())
}
