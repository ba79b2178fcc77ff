//! Setting prices by (list, variant, tier): all of them or none, in a handful of statements however many they are.

use std::collections::{BTreeSet, HashMap, HashSet};

use bloom_db::{Begin, TenantTx};
use bloom_events::{Draft, publish_many};
use bloom_fault::{Code, Fault};
use bloom_kernel::{Currency, PriceListId, VariantId};
use bloom_runtime::RequestContext;
use bloom_web::Reply;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::republish::reprice;
use crate::Pricing;
use crate::domain::price::{Price, PriceInput, check};
use crate::domain::price_list::PriceList;
use crate::error;
use crate::events::{VariantPrice, price_draft, tell};
use crate::store::price::{NewPrice, prices_upsert};
use crate::store::price_list::{price_list_insert, price_list_keys};
use crate::store::settings::settings_get;
use crate::store::terms::terms_share;
use crate::store::variant_price::variant_prices_claim;

/// Most prices of one request.
pub const PRICES_MAX: usize = 1_000;

/// Prices to be set together.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PricesSet {
    /// 1 to 1,000 prices, each list, variant and tier once.
    #[schemars(length(min = 1, max = 1000))]
    pub prices: Vec<PriceInput>,
}

/// What setting prices did.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct PricesChanged {
    /// Prices that are new or other than before.
    pub changed: i64,
}

/// Sets many prices.
pub async fn prices_set(app: &Pricing, call: &RequestContext, input: &PricesSet) -> Result<Reply<PricesChanged>, Fault> {
    let mut tx = match app.db.begin(call, "prices_set", input).await? {
        Begin::Replay(reply) => return Ok(reply),
        Begin::Run(tx) => tx,
    };
    let changed = set(app, &mut tx, call, &input.prices, &|row| format!("/prices/{row}")).await?;
    let changed = i64::try_from(changed.len()).unwrap_or(i64::MAX);
    tx.finish(Reply::ok(PricesChanged { changed })).await
}

/// Makes one price; refused when its list has one for that variant and tier.
pub async fn price_create(app: &Pricing, call: &RequestContext, input: PriceInput) -> Result<Reply<Price, 201>, Fault> {
    let mut tx = match app.db.begin(call, "price_create", &input).await? {
        Begin::Replay(reply) => return Ok(reply),
        Begin::Run(tx) => tx,
    };
    let changed = set(app, &mut tx, call, &[input], &|_| String::new()).await?;
    let made = changed.into_iter().find(|price| price.version == 1);
    let price = made.ok_or_else(|| {
        let detail = "The list has a price for this variant from this quantity on; change that one.";
        Fault::new(Code::Conflict, "price_exists", detail).at("/min_quantity", "price_exists", detail)
    })?;
    let version = price.version;
    tx.finish(Reply::created(price).etag(version)).await
}

/// Sets prices and publishes what follows from them; returns those that are new or other than before.
async fn set(
    app: &Pricing,
    tx: &mut TenantTx,
    call: &RequestContext,
    inputs: &[PriceInput],
    pointer: &(dyn Fn(usize) -> String + Sync),
) -> Result<Vec<Price>, Fault> {
    if inputs.is_empty() || PRICES_MAX < inputs.len() {
        return Err(Fault::invalid("/prices", "length", "Set 1 to 1000 prices at a time."));
    }
    let now = app.host.now(tx.tenant());
    terms_share(tx).await?;
    let lists = Lists::read(app, tx, call, inputs).await?;
    let mut prices = Vec::with_capacity(inputs.len());
    let mut seen = HashSet::new();
    for (row, input) in inputs.iter().enumerate() {
        let (list, currency) = lists.of(input).ok_or_else(|| error::not_found("price list", pointer(row) + "/price_list_id"))?;
        check(input.price, currency).map_err(|error| error::of_price(error, &(pointer(row) + "/price")))?;
        let min_quantity = input.min_quantity.get();
        if !seen.insert((list, input.variant_id, min_quantity)) {
            return Err(Fault::invalid(pointer(row), "duplicate", "An earlier row sets the same price."));
        }
        let (id, variant_id, price) = (app.host.id(tx.tenant()), input.variant_id, input.price);
        prices.push(NewPrice { id, price_list_id: list, variant_id, min_quantity, price });
    }
    let variants: Vec<VariantId> = prices.iter().map(|price| price.variant_id).collect();
    let locked = variant_prices_claim(tx, &variants, now).await?;
    let changed = prices_upsert(tx, &prices, now).await.map_err(error::of)?;
    let published = reprice(app, tx, now, locked).await?;

    let told: Vec<VariantPrice> = published.iter().map(VariantPrice::from).collect();
    let told = told.iter().zip(&published).map(|(document, row)| document.draft(row.version));
    let drafts: Vec<Draft<'_>> = changed.iter().map(price_draft).chain(told).collect();
    publish_many(tx, &app.host, call, drafts).await?;
    Ok(changed)
}

/// The lists that a request names, and the base lists that it needs.
struct Lists {
    named: HashMap<PriceListId, Currency>,
    base: HashMap<Currency, PriceListId>,
}

impl Lists {
    fn of(&self, input: &PriceInput) -> Option<(PriceListId, Currency)> {
        match input.price_list_id {
            Some(id) => Some((id, *self.named.get(&id)?)),
            None => Some((*self.base.get(&input.price.currency())?, input.price.currency())),
        }
    }

    /// Reads them, and makes the base lists that are missing.
    async fn read(app: &Pricing, tx: &mut TenantTx, call: &RequestContext, inputs: &[PriceInput]) -> Result<Self, Fault> {
        let ids: Vec<uuid::Uuid> = inputs.iter().filter_map(|input| input.price_list_id.map(PriceListId::uuid)).collect();
        let wanted = inputs.iter().filter(|input| input.price_list_id.is_none()).map(|input| input.price.currency());
        let wanted: BTreeSet<Currency> = wanted.collect();
        let codes: Vec<String> = wanted.iter().map(|currency| currency.as_str().to_owned()).collect();
        let mut lists = Self { named: HashMap::new(), base: HashMap::new() };
        lists.take(price_list_keys(tx, &ids, &codes).await?);
        let missing: Vec<Currency> = wanted.into_iter().filter(|currency| !lists.base.contains_key(currency)).collect();
        if !missing.is_empty() {
            for currency in missing {
                base_list_create(app, tx, call, currency).await?;
            }
            lists.take(price_list_keys(tx, &ids, &codes).await?);
        }
        Ok(lists)
    }

    fn take(&mut self, keys: Vec<crate::store::price_list::ListKey>) {
        for key in keys {
            self.named.insert(key.id, key.currency);
            if key.is_base {
                self.base.insert(key.currency, key.id);
            }
        }
    }
}

/// Makes the base list of a currency, unless another request has just done so.
async fn base_list_create(app: &Pricing, tx: &mut TenantTx, call: &RequestContext, currency: Currency) -> Result<(), Fault> {
    let tenant = tx.tenant();
    let gross = settings_get(tx).await?.base_lists_gross;
    let list = PriceList::base(app.host.id(tenant), currency, gross, app.host.now(tenant)).map_err(Fault::internal)?;
    if price_list_insert(tx, &list).await.map_err(error::of)? {
        tell(app, tx, call, "price_list.created", (list.id, list.version), &list).await?;
    }
    Ok(())
}
