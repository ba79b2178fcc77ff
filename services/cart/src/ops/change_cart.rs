//! Changes a cart: every write of a buyer takes this way. The services asked for prices and stock are asked before the
//! transaction; the version in its `where` is what makes the change safe.

use bloom_db::Begin;
use bloom_events::{Draft, publish};
use bloom_fault::Fault;
use bloom_kernel::{CartId, CartLineId, DeliveryOptionId, MetadataPatch};
use bloom_runtime::RequestContext;
use bloom_web::Reply;
use bloom_web::{CartToken, IfMatch};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::create_cart::seal_personal;
use super::price_cart::{Look, Priced, price_cart};
use super::read_cart::load;
use crate::CartService;
use crate::domain::address::Address;
use crate::domain::cart::{Cart, LineInput};
use crate::domain::patch::{merge_metadata, nullable};
use crate::store::cart::{Stored, cart_update, document};

/// Lines to put into a cart.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LinesAdd {
    /// What is added.
    #[schemars(length(min = 1, max = 200))]
    pub lines: Vec<LineInput>,
}

/// The new quantity of a line.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LinePatch {
    /// Units.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub quantity: i64,
}

/// Changes to a cart beside its lines: absent fields stay, `null` clears. An empty one accepts the prices of now.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CartPatch {
    /// Where the confirmation goes.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub email: Option<Option<String>>,
    /// Where the goods go.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Address>")]
    pub shipping_address: Option<Option<Address>>,
    /// Where the bill goes.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Address>")]
    pub billing_address: Option<Option<Address>>,
    /// The chosen way to deliver.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<DeliveryOptionId>")]
    pub delivery_option_id: Option<Option<DeliveryOptionId>>,
    /// Pairs to merge into the metadata; `null` removes a key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<MetadataPatch>,
}

/// One change of a buyer.
#[derive(Debug, Serialize)]
pub enum Change {
    /// More of something.
    Add(LinesAdd),
    /// Another quantity of a line.
    Quantity(CartLineId, LinePatch),
    /// A line less.
    Remove(CartLineId),
    /// Anything beside the lines.
    Patch(Box<CartPatch>),
}

impl Change {
    const fn op(&self) -> &'static str {
        match self {
            Self::Add(_) => "cart_line_add",
            Self::Quantity(..) => "cart_line_update",
            Self::Remove(_) => "cart_line_remove",
            Self::Patch(_) => "cart_update",
        }
    }

    fn added(&self) -> &[LineInput] {
        match self {
            Self::Add(add) => &add.lines,
            Self::Quantity(..) | Self::Remove(_) | Self::Patch(_) => &[],
        }
    }

    fn apply(&self, cart: &mut Cart, new_id: impl FnMut() -> CartLineId) -> Result<(), Fault> {
        match self {
            Self::Add(add) if add.lines.is_empty() => Err(Fault::invalid("/lines", "lines_empty", "Give at least one line.")),
            Self::Add(add) => cart.add(&add.lines, new_id),
            Self::Quantity(line, patch) => cart.set_quantity(*line, patch.quantity),
            Self::Remove(line) => cart.remove(*line),
            Self::Patch(patch) => patch.apply(cart),
        }
    }
}

impl CartPatch {
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

/// Applies one change to the version that the buyer saw, and answers the cart priced anew.
pub async fn change_cart(
    app: &CartService,
    call: &RequestContext,
    token: &CartToken,
    id: CartId,
    if_match: IfMatch,
    change: Change,
) -> Result<Reply<Cart>, Fault> {
    let seen = if_match.required()?;
    let input = (id, seen, &change);
    let before = load(app, call, token, id).await?;
    let may_change = before.cart.check_open().and_then(|()| if_match.check(before.cart.version));
    if let Err(refusal) = may_change {
        // A repeat finds the cart changed by itself.
        return app.db.replay_or(call.operation(change.op(), &input), refusal).await;
    }
    let mut cart = before.cart.clone();
    change.apply(&mut cart, || app.host.id(call.tenant))?;
    let priced = price_cart(app, call, &before, cart, change.added(), Look::Written).await?;

    save(app, call, (change.op(), &input), before, priced).await
}

async fn save(
    app: &CartService,
    call: &RequestContext,
    (op, input): (&'static str, &impl Serialize),
    before: Stored,
    priced: Priced,
) -> Result<Reply<Cart>, Fault> {
    let Priced { mut cart, facts, problems } = priced;
    cart.version += 1;
    cart.updated_at = app.host.now(call.tenant);
    let personal = cart.personal();
    let (key, sealed) = if personal == before.cart.personal() {
        (None, before.personal)
    } else {
        seal_personal(app, call, before.subject, before.wrapped.as_deref(), &personal)?.unzip()
    };
    let document = document(&cart)?;
    let stored = Stored { cart: cart.clone(), personal: sealed, locations: facts.channel.locations, ..before };
    let (aggregate, version) = (cart.id.to_string(), cart.version);
    cart.problems = Some(problems);
    let reply = Reply::ok(cart).etag(version);

    let mut write = match app.db.begin_once(call.operation(op, input), &reply).await? {
        Begin::Run(write) => write,
        Begin::Replay(reply) => return Ok(reply),
    };
    let draft = Draft { kind: "cart.updated", aggregate, version, data: &document, causation: None };
    publish(&mut write, &app.host, call, draft).await?;
    if cart_update(write, &stored, key.as_ref(), &document).await? { Ok(reply) } else { Err(IfMatch::stale()) }
}
