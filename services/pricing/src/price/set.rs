//! Sets prices by (list, variant, quantity): all of them or none, in a constant number of statements.

use std::collections::{BTreeSet, HashMap, HashSet};

use axum::extract::State;
use bloom_contract_pricing::PRICES_MAX;
use bloom_db::TenantTx;
use bloom_events::Publish as _;
use bloom_fault::{Fault, ViolationCode};
use bloom_kernel::{Currency, Items, PriceListId, VariantId};
use bloom_runtime::RequestContext;
use bloom_web::{Body, Caller, Reply};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::model::{Price, PriceCreate, currency_check};
use super::store::{NewPrice, prices_upsert};
use crate::error::unknown;
use crate::price_list::{PriceList, PriceListKey, price_list_insert, price_list_keys};
use crate::settings::settings_get;
use crate::terms::terms_lock_shared;
use crate::variant_price::{reprice, variant_prices_claim};
use crate::{Pricing, PricingWrite};

/// Prices to set together.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PricesSet {
    /// 1 to 1,000 prices, each list, variant and quantity once.
    pub prices: Items<PriceCreate, 1, PRICES_MAX>,
}

/// The result of setting prices.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
pub struct PricesChanged {
    /// Prices that are new or have another amount than before.
    pub changed: i64,
}

pub(super) async fn set(
    State(app): State<Pricing>,
    caller: Caller<PricingWrite>,
    Body(input): Body<PricesSet>,
) -> Result<Reply<PricesChanged>, Fault> {
    prices_set(&app, &caller, &input).await
}

/// Sets many prices.
pub async fn prices_set(app: &Pricing, context: &RequestContext, input: &PricesSet) -> Result<Reply<PricesChanged>, Fault> {
    app.db
        .idempotent(context.operation("prices_set", input), async |tx| {
            let changed = price_rows_set(app, tx, &input.prices, |row| format!("/prices/{row}")).await?;
            let changed = i64::try_from(changed.len()).unwrap_or(i64::MAX);
            Ok(Reply::ok(PricesChanged { changed }))
        })
        .await
}

/// Sets prices and publishes the results; returns those that are new or have another amount than before.
pub(super) async fn price_rows_set(
    app: &Pricing,
    tx: &mut TenantTx,
    inputs: &[PriceCreate],
    pointer: fn(usize) -> String,
) -> Result<Vec<Price>, Fault> {
    let now = tx.now();
    terms_lock_shared(tx).await?;
    let lists = Lists::load(tx, inputs).await?;
    let prices = new_prices(tx, &lists, inputs, pointer)?;
    let variants: Vec<VariantId> = prices.iter().map(|price| price.variant_id).collect();
    let locked = variant_prices_claim(tx, &variants).await?;
    let changed = prices_upsert(tx, &prices).await?;
    for price in &changed {
        tx.publish(price);
    }
    tx.flush_if_large().await?;
    reprice(app, tx, now, locked).await?;
    Ok(changed)
}

/// The rows to write: each in the currency of its list, and no two of the same key.
fn new_prices(
    tx: &TenantTx,
    lists: &Lists,
    inputs: &[PriceCreate],
    pointer: fn(usize) -> String,
) -> Result<Vec<NewPrice>, Fault> {
    let mut prices = Vec::with_capacity(inputs.len());
    let mut keys = HashSet::new();
    for (row, input) in inputs.iter().enumerate() {
        let list = lists.of(input).ok_or_else(|| unknown("price list", pointer(row) + "/price_list_id"))?;
        currency_check(input.price, list.currency, &(pointer(row) + "/price"))?;
        let min_quantity = input.min_quantity.get();
        if !keys.insert((list.id, input.variant_id, min_quantity)) {
            return Err(Fault::invalid(pointer(row), ViolationCode::Duplicate, "An earlier row sets the same price."));
        }
        let (id, amount) = (tx.new_id(), input.price.amount.get());
        prices.push(NewPrice { id, price_list_id: list.id, variant_id: input.variant_id, min_quantity, amount });
    }
    Ok(prices)
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
            None => self.base.get(&input.price.currency),
        }
    }

    /// Reads the lists, and creates the base lists that are missing.
    async fn load(tx: &mut TenantTx, inputs: &[PriceCreate]) -> Result<Self, Fault> {
        let ids: Vec<Uuid> = inputs.iter().filter_map(|input| input.price_list_id.map(PriceListId::uuid)).collect();
        let currencies = inputs.iter().filter(|input| input.price_list_id.is_none()).map(|input| input.price.currency);
        let currencies: BTreeSet<Currency> = currencies.collect();
        let codes: Vec<String> = currencies.iter().map(|currency| currency.as_str().to_owned()).collect();
        let mut lists = Self::default();
        lists.add(price_list_keys(tx, &ids, &codes).await?);
        let missing: Vec<Currency> = currencies.into_iter().filter(|currency| !lists.base.contains_key(currency)).collect();
        if !missing.is_empty() {
            for currency in missing {
                base_list_create(tx, currency).await?;
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
async fn base_list_create(tx: &mut TenantTx, currency: Currency) -> Result<(), Fault> {
    let gross = settings_get(tx).await?.base_lists_gross;
    let list = PriceList::base(tx.new_id(), tx.now(), currency, gross).map_err(Fault::internal)?;
    if price_list_insert(tx, &list).await? {
        tx.publish(&list);
    }
    Ok(())
}
