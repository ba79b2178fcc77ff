//! `PATCH /v1/carts/{cart_id}` and the operations on its lines: every write of a buyer. Other services are asked for prices and
//! stock before the transaction begins; the update is conditional on the version, so that a change in between is not lost.

use axum::extract::State;
use bloom_db::Begin;
use bloom_events::{Draft, publish};
use bloom_fault::Fault;
use bloom_kernel::{CartId, CartLineId, DeliveryOptionId, MetadataPatch};
use bloom_runtime::RequestContext;
use bloom_web::Reply;
use bloom_web::{Caller, CartToken, IfMatch, Json, Path};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::create::seal_personal;
use super::get::load;
use super::model::{Cart, CartLineCreate};
use super::personal::Address;
use super::price::{PricedCart, Purpose, price};
use super::store::{StoredCart, cart_update, document};
use crate::Carts;
use crate::error::refusal;
use crate::patch::{merge_metadata, nullable};
use crate::permissions::CartsWrite;

/// Lines to add to a cart.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CartLinesAdd {
    /// The lines.
    #[schemars(length(min = 1, max = 200))]
    pub lines: Vec<CartLineCreate>,
}

/// The new quantity of a line.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CartLineUpdate {
    /// Units.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub quantity: i64,
}

/// A change of a cart other than of its lines: absent fields stay, `null` clears. An empty one accepts the present prices.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CartUpdate {
    /// E-mail address for the confirmation.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub email: Option<Option<String>>,
    /// Address of the recipient.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Address>")]
    pub shipping_address: Option<Option<Address>>,
    /// Address for the invoice.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Address>")]
    pub billing_address: Option<Option<Address>>,
    /// The chosen delivery option.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<DeliveryOptionId>")]
    pub delivery_option_id: Option<Option<DeliveryOptionId>>,
    /// Pairs to merge into the metadata; `null` removes a key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<MetadataPatch>,
}

/// One change of a buyer.
#[derive(Debug, Serialize)]
enum Change {
    Add(CartLinesAdd),
    Quantity(CartLineId, CartLineUpdate),
    Remove(CartLineId),
    Update(Box<CartUpdate>),
}

impl Change {
    const fn op(&self) -> &'static str {
        match self {
            Self::Add(_) => "cart_line_add",
            Self::Quantity(..) => "cart_line_update",
            Self::Remove(_) => "cart_line_remove",
            Self::Update(_) => "cart_update",
        }
    }

    fn added(&self) -> &[CartLineCreate] {
        match self {
            Self::Add(add) => &add.lines,
            Self::Quantity(..) | Self::Remove(_) | Self::Update(_) => &[],
        }
    }

    fn apply(&self, cart: &mut Cart, new_id: impl FnMut() -> CartLineId) -> Result<(), Fault> {
        match self {
            Self::Add(add) if add.lines.is_empty() => Err(Fault::invalid("/lines", "lines_empty", "Give at least one line.")),
            Self::Add(add) => cart.add(&add.lines, new_id),
            Self::Quantity(line, update) => cart.set_quantity(*line, update.quantity),
            Self::Remove(line) => cart.remove(*line),
            Self::Update(update) => update.apply(cart),
        }
    }
}

impl CartUpdate {
    fn apply(&self, cart: &mut Cart) -> Result<(), Fault> {
        if let Some(email) = &self.email {
            cart.email.clone_from(email);
        }
        if let Some(address) = &self.shipping_address {
            cart.shipping_address.clone_from(address);
        }
        if let Some(address) = &self.billing_address {
            cart.billing_address.clone_from(address);
        }
        if let Some(option) = self.delivery_option_id {
            cart.delivery_option_id = option;
        }
        if let Some(patch) = &self.metadata {
            merge_metadata(&mut cart.metadata, patch.clone())?;
        }
        cart.personal().check()
    }
}

pub(super) async fn update(
    State(app): State<Carts>,
    caller: Caller<CartsWrite>,
    token: CartToken,
    if_match: IfMatch,
    Path(id): Path<CartId>,
    Json(input): Json<CartUpdate>,
) -> Result<Reply<Cart>, Fault> {
    change(&app, &caller, &token, id, if_match, Change::Update(Box::new(input))).await
}

pub(super) async fn lines_add(
    State(app): State<Carts>,
    caller: Caller<CartsWrite>,
    token: CartToken,
    if_match: IfMatch,
    Path(id): Path<CartId>,
    Json(input): Json<CartLinesAdd>,
) -> Result<Reply<Cart>, Fault> {
    change(&app, &caller, &token, id, if_match, Change::Add(input)).await
}

pub(super) async fn line_update(
    State(app): State<Carts>,
    caller: Caller<CartsWrite>,
    token: CartToken,
    if_match: IfMatch,
    Path((id, line)): Path<(CartId, CartLineId)>,
    Json(input): Json<CartLineUpdate>,
) -> Result<Reply<Cart>, Fault> {
    change(&app, &caller, &token, id, if_match, Change::Quantity(line, input)).await
}

pub(super) async fn line_remove(
    State(app): State<Carts>,
    caller: Caller<CartsWrite>,
    token: CartToken,
    if_match: IfMatch,
    Path((id, line)): Path<(CartId, CartLineId)>,
) -> Result<Reply<Cart>, Fault> {
    change(&app, &caller, &token, id, if_match, Change::Remove(line)).await
}

/// Applies one change to the version that the buyer saw, and answers the cart with the present prices.
async fn change(
    app: &Carts,
    call: &RequestContext,
    token: &CartToken,
    id: CartId,
    if_match: IfMatch,
    change: Change,
) -> Result<Reply<Cart>, Fault> {
    let version = if_match.required()?;
    let input = (id, version, &change);
    let before = load(app, call, token, id).await?;
    let may_change = before.cart.check_open().and_then(|()| if_match.check(before.cart.version));
    if let Err(refusal) = may_change {
        // The repeat of a successful request sees the version that the first one wrote.
        return app.db.replay_or(call.operation(change.op(), &input), refusal).await;
    }
    let mut cart = before.cart.clone();
    change.apply(&mut cart, || app.host.id(call.tenant))?;
    let priced = price(app, call, &before, cart, change.added(), Purpose::Write).await?;
    save(app, call, (change.op(), &input), before, priced).await
}

async fn save(
    app: &Carts,
    call: &RequestContext,
    (op, input): (&'static str, &impl Serialize),
    before: StoredCart,
    priced: PricedCart,
) -> Result<Reply<Cart>, Fault> {
    let PricedCart { mut cart, catalog, problems } = priced;
    cart.version += 1;
    cart.updated_at = app.host.now(call.tenant);
    let personal = cart.personal();
    let (key, sealed) = if personal == before.cart.personal() {
        (None, before.personal)
    } else {
        seal_personal(app, call, before.subject, before.wrapped.as_deref(), &personal)?.unzip()
    };
    let document = document(&cart)?;
    let stored = StoredCart { cart: cart.clone(), personal: sealed, locations: catalog.channel.locations, ..before };
    let (aggregate, version) = (cart.id.to_string(), cart.version);
    cart.problems = Some(problems);
    let reply = Reply::ok(cart).etag(version);

    let mut write = match app.db.begin_once(call.operation(op, input), &reply).await? {
        Begin::Run(write) => write,
        Begin::Replay(reply) => return Ok(reply),
    };
    let draft = Draft { kind: "cart.updated", aggregate, version, data: &document, causation: None };
    publish(&mut write, &app.host, call, draft).await?;
    if cart_update(write, &stored, key.as_ref(), &document).await.map_err(refusal)? { Ok(reply) } else { Err(IfMatch::stale()) }
}
