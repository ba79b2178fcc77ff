//! `PATCH /v1/carts/{cart_id}` and the operations on its lines: every write of a buyer. Prices and stock are read from other
//! services before the transaction begins. The update is conditional on the version, so that a concurrent change is not lost.

use axum::extract::State;
use bloom_contract_cart::CartToken;
use bloom_db::Begin;
use bloom_events::Publish as _;
use bloom_fault::{Fault, refuse_card_numbers};
use bloom_kernel::{Address, CartId, CartLineId, DeliveryOptionId, Email, Items, MetadataPatch, Patch, Quantity, update};
use bloom_runtime::{Operation, RequestContext};
use bloom_web::{Body, Caller, IfMatch, Path, Reply};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::document::CartDocument;
use super::get::load;
use super::model::{Cart, CartLineCreate, LINES_MAX};
use super::personal::{refuse_cards, seal};
use super::price::{PricedCart, Purpose, price};
use super::store::{StoredCart, cart_update};
use crate::{Carts, CartsWrite};

/// Lines to add to a cart.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CartLinesAdd {
    /// The lines.
    pub lines: Items<CartLineCreate, 1, LINES_MAX>,
}

/// The new quantity of a line.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CartLineUpdate {
    /// Units.
    pub quantity: Quantity,
}

update! {
    /// A change of a cart other than of its lines: absent fields stay, `null` clears. An empty one accepts the present prices.
    pub(super) struct CartUpdate {
        /// E-mail address for the confirmation.
        pub email: Patch<Email>,
        /// Address of the recipient.
        pub shipping_address: Patch<Address>,
        /// Address for the invoice.
        pub billing_address: Patch<Address>,
        /// The chosen delivery option.
        pub delivery_option_id: Patch<DeliveryOptionId>,
        /// Pairs to merge into the metadata; `null` removes a key.
        pub metadata: MetadataPatch,
    }
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
    const fn operation(&self) -> &'static str {
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
            Self::Add(add) => cart.add(&add.lines, new_id),
            Self::Quantity(line, update) => cart.set_quantity(*line, update.quantity),
            Self::Remove(line) => cart.remove(*line),
            Self::Update(update) => update.apply(cart),
        }
    }
}

impl CartUpdate {
    fn apply(&self, cart: &mut Cart) -> Result<(), Fault> {
        let Self { email, shipping_address, billing_address, delivery_option_id, metadata } = self.clone();
        email.apply(&mut cart.email);
        shipping_address.apply(&mut cart.shipping_address);
        billing_address.apply(&mut cart.billing_address);
        delivery_option_id.apply(&mut cart.delivery_option_id);
        refuse_card_numbers(metadata.pairs())?;
        cart.metadata.merge(metadata)?;
        refuse_cards(&cart.personal())
    }
}

pub(super) async fn update(
    State(app): State<Carts>,
    caller: Caller<CartsWrite>,
    token: CartToken,
    if_match: IfMatch,
    Path(id): Path<CartId>,
    Body(input): Body<CartUpdate>,
) -> Result<Reply<Cart>, Fault> {
    change(&app, &caller, &token, id, if_match, Change::Update(Box::new(input))).await
}

pub(super) async fn lines_add(
    State(app): State<Carts>,
    caller: Caller<CartsWrite>,
    token: CartToken,
    if_match: IfMatch,
    Path(id): Path<CartId>,
    Body(input): Body<CartLinesAdd>,
) -> Result<Reply<Cart>, Fault> {
    change(&app, &caller, &token, id, if_match, Change::Add(input)).await
}

pub(super) async fn line_update(
    State(app): State<Carts>,
    caller: Caller<CartsWrite>,
    token: CartToken,
    if_match: IfMatch,
    Path((id, line)): Path<(CartId, CartLineId)>,
    Body(input): Body<CartLineUpdate>,
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

/// Applies one change to the version that the buyer saw, and replies with the cart at the present prices.
async fn change(
    app: &Carts,
    caller: &RequestContext,
    token: &CartToken,
    id: CartId,
    if_match: IfMatch,
    change: Change,
) -> Result<Reply<Cart>, Fault> {
    let version = if_match.required()?;
    let operation = caller.operation(change.operation(), &(id, version, &change));
    let before = load(app, caller, token, id).await?;
    let may_change = before.cart.check_open().and_then(|()| if_match.check(before.cart.version));
    if let Err(refusal) = may_change {
        // The repeat of a successful request sees the version that the first one wrote.
        return app.db.replay_or(operation, refusal).await;
    }
    let mut cart = before.cart.clone();
    change.apply(&mut cart, || app.context.id(caller.tenant))?;
    let priced = price(app, caller, &before, cart, change.added(), Purpose::Write).await?;
    save(app, operation, before, priced).await
}

async fn save(app: &Carts, operation: Operation<'_>, before: StoredCart, priced: PricedCart) -> Result<Reply<Cart>, Fault> {
    let PricedCart { mut cart, catalog, problems } = priced;
    let tenant = operation.context.tenant;
    cart.changed(app.context.now(tenant));
    let personal = cart.personal();
    let (key, sealed) = if personal == before.cart.personal() {
        (None, before.personal)
    } else {
        seal(app, tenant, before.subject, before.wrapped.as_deref(), &personal)?.unzip()
    };
    let document = CartDocument::of(&cart)?;
    let stored = StoredCart { cart: cart.clone(), personal: sealed, locations: catalog.channel.locations, ..before };
    let version = cart.version;
    cart.problems = Some(problems);
    let reply = Reply::ok(cart).etag(version);

    let mut write = match app.db.begin_once(operation, &reply).await? {
        Begin::Run(write) => write,
        Begin::Replay(reply) => return Ok(reply),
    };
    write.publish(&document);
    let changed = cart_update(write, &stored, key.as_ref(), &document).await;
    if changed.map_err(|error| app.db.explain(error.into()))? { Ok(reply) } else { Err(IfMatch::stale()) }
}
