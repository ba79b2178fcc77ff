//! Creates and changes delivery options.

use bloom_db::Begin;
use bloom_events::{Draft, publish};
use bloom_fault::{Code, Fault};
use bloom_kernel::{ChannelId, Currency, DeliveryOptionId, Metadata, MetadataPatch, TaxClassId};
use bloom_runtime::RequestContext;
use bloom_web::IfMatch;
use bloom_web::Reply;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::price_cart::{check_tax_class, facts};
use crate::CartService;
use crate::domain::delivery::{Charge, DeliveryOption};
use crate::domain::patch::{merge_metadata, nullable};
use crate::store::delivery_option::{delivery_option_get, delivery_option_insert, delivery_option_update};

const fn yes() -> bool {
    true
}

/// A new delivery option.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeliveryOptionCreate {
    /// The merchant's own word for it, unique.
    #[schemars(length(min = 1, max = 64))]
    pub code: String,
    /// What buyers read.
    #[schemars(length(min = 1, max = 200))]
    pub name: String,
    /// The only channel that it serves; absent: every channel of the currency.
    #[serde(default)]
    pub channel_id: Option<ChannelId>,
    /// Currency of its charges.
    pub currency: Currency,
    /// Countries that it serves; absent or empty: all.
    #[serde(default)]
    #[schemars(length(max = 250))]
    pub countries: Vec<String>,
    /// What it costs.
    pub charge: Charge,
    /// How the charge is taxed; absent: the tenant's default class.
    #[serde(default)]
    pub tax_class_id: Option<TaxClassId>,
    /// False: not offered yet.
    #[serde(default = "yes")]
    pub active: bool,
    /// Place in lists, lowest first.
    #[serde(default)]
    pub position: i32,
    /// The merchant's own notes.
    #[serde(default)]
    pub metadata: Metadata,
}

/// Changes to a delivery option: absent fields stay, `null` clears.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DeliveryOptionPatch {
    /// The merchant's own word for it, unique.
    pub code: Option<String>,
    /// What buyers read.
    pub name: Option<String>,
    /// The only channel that it serves.
    #[serde(deserialize_with = "nullable", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<ChannelId>")]
    pub channel_id: Option<Option<ChannelId>>,
    /// Currency of its charges.
    pub currency: Option<Currency>,
    /// Countries that it serves; empty: all.
    pub countries: Option<Vec<String>>,
    /// What it costs.
    pub charge: Option<Charge>,
    /// How the charge is taxed.
    #[serde(deserialize_with = "nullable", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<TaxClassId>")]
    pub tax_class_id: Option<Option<TaxClassId>>,
    /// Whether it is offered.
    pub active: Option<bool>,
    /// Place in lists.
    pub position: Option<i32>,
    /// Pairs to merge into the metadata; `null` removes a key.
    pub metadata: Option<MetadataPatch>,
}

/// Creates an option.
pub async fn create_delivery_option(
    app: &CartService,
    call: &RequestContext,
    input: DeliveryOptionCreate,
) -> Result<Reply<DeliveryOption, 201>, Fault> {
    let now = app.host.now(call.tenant);
    let option = DeliveryOption {
        id: app.host.id::<DeliveryOptionId>(call.tenant),
        code: input.code.clone(),
        name: input.name.clone(),
        channel_id: input.channel_id,
        currency: input.currency,
        countries: input.countries.clone(),
        charge: input.charge.clone(),
        tax_class_id: input.tax_class_id,
        active: input.active,
        position: input.position,
        metadata: input.metadata.clone(),
        version: 1,
        created_at: now,
        updated_at: now,
    };
    check(app, call, &option).await?;
    let mut tx = match app.db.begin(call, "delivery_option_create", &input).await? {
        Begin::Run(tx) => tx,
        Begin::Replay(reply) => return Ok(reply),
    };
    delivery_option_insert(&mut tx, call.tenant, &option).await?;
    let aggregate = option.id.to_string();
    let draft = Draft { kind: "delivery_option.created", aggregate, version: 1, data: &option, causation: None };
    publish(&mut tx, &app.host, call, draft).await?;
    tx.finish(Reply::created(option).etag(1)).await
}

/// Changes an option.
pub async fn update_delivery_option(
    app: &CartService,
    call: &RequestContext,
    id: DeliveryOptionId,
    if_match: IfMatch,
    patch: DeliveryOptionPatch,
) -> Result<Reply<DeliveryOption>, Fault> {
    if_match.required()?;
    let before = delivery_option_get(&app.db, call.tenant, id).await?.ok_or_else(|| Fault::not_found("delivery option"))?;
    let input = (id, if_match.version(), &patch);
    let mut option = patched(before, &patch)?;
    check(app, call, &option).await?;
    let mut tx = match app.db.begin(call, "delivery_option_update", &input).await? {
        Begin::Run(tx) => tx,
        Begin::Replay(reply) => return Ok(reply),
    };
    if_match.check(option.version)?;
    option.version += 1;
    option.updated_at = app.host.now(call.tenant);
    if !delivery_option_update(&mut tx, &option).await? {
        return Err(IfMatch::stale());
    }
    let (aggregate, version) = (option.id.to_string(), option.version);
    let draft = Draft { kind: "delivery_option.updated", aggregate, version, data: &option, causation: None };
    publish(&mut tx, &app.host, call, draft).await?;
    tx.finish(Reply::ok(option).etag(version)).await
}

fn patched(mut option: DeliveryOption, patch: &DeliveryOptionPatch) -> Result<DeliveryOption, Fault> {
    if let Some(code) = &patch.code {
        option.code.clone_from(code);
    }
    if let Some(name) = &patch.name {
        option.name.clone_from(name);
    }
    if let Some(countries) = &patch.countries {
        option.countries.clone_from(countries);
    }
    if let Some(charge) = &patch.charge {
        option.charge.clone_from(charge);
    }
    if let Some(metadata) = &patch.metadata {
        merge_metadata(&mut option.metadata, metadata.clone())?;
    }
    option.channel_id = patch.channel_id.unwrap_or(option.channel_id);
    option.tax_class_id = patch.tax_class_id.unwrap_or(option.tax_class_id);
    option.currency = patch.currency.unwrap_or(option.currency);
    option.active = patch.active.unwrap_or(option.active);
    option.position = patch.position.unwrap_or(option.position);
    Ok(option)
}

/// Refuses what does not fit, and ids that the catalogue and pricing do not know.
async fn check(app: &CartService, call: &RequestContext, option: &DeliveryOption) -> Result<(), Fault> {
    option.check()?;
    if let Some(channel) = option.channel_id {
        let known = facts(app, call, channel.to_string(), std::iter::empty()).await;
        known.map_err(|fault| unknown(fault, "channel", "/channel_id"))?;
    }
    match option.tax_class_id {
        Some(class) => {
            let known = check_tax_class(app, call, option.currency, class).await;
            known.map_err(|fault| unknown(fault, "tax class", "/tax_class_id"))
        }
        None => Ok(()),
    }
}

/// A neighbour does not know an id: said of the field that named it.
fn unknown(fault: Fault, what: &str, pointer: &str) -> Fault {
    if fault.code == Code::NotFound {
        return Fault::not_found(what).at(pointer, "not_found", format!("There is no such {what}."));
    }
    fault
}
