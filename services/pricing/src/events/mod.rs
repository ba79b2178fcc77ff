//! What pricing tells and what it waits for; [`consume`]: what it hears, [`export`]: its present state, [`check`]: what
//! it proves about itself.

pub mod check;
pub mod consume;
pub mod export;

use std::fmt::Display;
use std::sync::Arc;

use bloom_db::TenantTx;
use bloom_events::{Draft, TimerHandler, publish};
use bloom_fault::Fault;
use bloom_kernel::VariantId;
use bloom_runtime::RequestContext;
use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::Pricing;
use crate::domain::listing::ChannelPrice;
use crate::domain::price::Price;
use crate::ops::republish::{self, PASS, Pass, TURN, Turn};
use crate::store::variant_price::Published;

/// The kind that tells the price of one unit now, by channel.
pub const VARIANT_PRICE: &str = "variant_price.updated";

/// What `variant_price.updated` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VariantPrice {
    /// The variant.
    pub variant_id: VariantId,
    /// Its prices, by channel.
    pub prices: Vec<ChannelPrice>,
}

impl From<&Published> for VariantPrice {
    fn from(row: &Published) -> Self {
        Self { variant_id: row.variant_id, prices: row.prices.0.clone() }
    }
}

impl VariantPrice {
    /// The event of a row that was written with this version.
    pub fn draft(&self, version: i64) -> Draft<'_> {
        Draft { kind: VARIANT_PRICE, aggregate: self.variant_id.to_string(), version, data: self, causation: None }
    }
}

/// The event of a price that was made or changed.
pub fn price_draft(price: &Price) -> Draft<'_> {
    let kind = if price.version == 1 { "price.created" } else { "price.updated" };
    Draft { kind, aggregate: price.id.to_string(), version: price.version, data: price, causation: None }
}

/// Tells that an aggregate changed, in the transaction of the change.
pub async fn tell<T: Serialize + Sync>(
    app: &Pricing,
    tx: &mut TenantTx,
    call: &RequestContext,
    kind: &'static str,
    (aggregate, version): (impl Display, i64),
    data: &T,
) -> Result<(), Fault> {
    let draft = Draft { kind, aggregate: aggregate.to_string(), version, data, causation: None };
    publish(tx, &app.host, call, draft).await
}

/// What waits for a moment.
pub fn timers(app: &Pricing) -> [Arc<dyn TimerHandler>; 2] {
    [Arc::new(OnPass(app.clone())), Arc::new(OnTurn(app.clone()))]
}

struct OnPass(Pricing);

impl TimerHandler for OnPass {
    fn kind(&self) -> &'static str {
        PASS
    }

    fn fire<'a>(&'a self, call: &'a RequestContext, key: &'a str, payload: &'a RawValue) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let pass: Pass = serde_json::from_str(payload.get()).map_err(Fault::internal)?;
            republish::pass_run(&self.0, call, key, &pass).await
        })
    }
}

struct OnTurn(Pricing);

impl TimerHandler for OnTurn {
    fn kind(&self) -> &'static str {
        TURN
    }

    fn fire<'a>(&'a self, call: &'a RequestContext, _: &'a str, payload: &'a RawValue) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let turn: Turn = serde_json::from_str(payload.get()).map_err(Fault::internal)?;
            republish::list_turn(&self.0, call, turn).await
        })
    }
}
