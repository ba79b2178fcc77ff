//! `POST /v1/carts`: creates a cart, with everything that the buyer already knows.

use axum::extract::State;
use bloom_contract_cart::CartToken;
use bloom_db::Begin;
use bloom_events::Publish as _;
use bloom_fault::{Fault, refuse_card_numbers};
use bloom_kernel::{Address, CartId, DeliveryOptionId, Email, Items, Metadata, Money, PersonalData, SubjectId};
use bloom_runtime::RequestContext;
use bloom_web::{Body, Caller, Created};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::document::CartDocument;
use super::expire::EXPIRY_TIMER;
use super::model::{Cart, CartLineCreate, CartStatus, LINES_MAX};
use super::personal::{refuse_cards, seal};
use super::price::{PricedCart, Purpose, check_known, option, price_with, requested_channel};
use super::store::{StoredCart, cart_insert};
use crate::clients::{CatalogAnswer, from_catalog};
use crate::{Carts, CartsWrite};

const OP: &str = "cart_create";

/// A new cart; every field can be given later.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct CartCreate {
    /// Its lines.
    pub lines: Items<CartLineCreate, 0, LINES_MAX>,
    /// E-mail address for the confirmation.
    pub email: Option<Email>,
    /// Address of the recipient.
    pub shipping_address: Option<Address>,
    /// Address for the invoice; absent: the shipping address.
    pub billing_address: Option<Address>,
    /// The chosen delivery option.
    pub delivery_option_id: Option<DeliveryOptionId>,
    /// Key-value pairs of the merchant.
    pub metadata: Metadata,
}

/// The reply contains the token of the cart; the reply to a repeat does not.
pub(super) async fn create(
    State(app): State<Carts>,
    caller: Caller<CartsWrite>,
    Body(input): Body<CartCreate>,
) -> Result<Created<Cart>, Fault> {
    let personal = PersonalData {
        email: input.email.clone(),
        shipping_address: input.shipping_address.clone(),
        billing_address: input.billing_address.clone(),
    };
    Fault::of_all([refuse_cards(&personal), refuse_card_numbers(input.metadata.pairs())])?;
    match price(&app, &caller, &input, personal).await {
        Ok(priced) => save(&app, &caller, &input, priced).await,
        // A repeat may contain a variant that is no longer on sale, or come while another service cannot be reached.
        Err(refusal) => app.db.replay_or(caller.operation(OP, &input), refusal).await,
    }
}

async fn price(app: &Carts, caller: &RequestContext, input: &CartCreate, personal: PersonalData) -> Result<PricedCart, Fault> {
    let option = match input.delivery_option_id {
        Some(id) => Some(option(app, caller, id).await?),
        None => None,
    };
    let variants = input.lines.iter().map(|line| line.variant_id);
    let catalog = from_catalog(app, caller, requested_channel(caller), variants).await?;
    check_known(&catalog, &input.lines, &[])?;
    let mut cart = empty(app, caller, &catalog, input);
    cart.set_personal(personal);
    cart.add(&input.lines, || app.context.id(caller.tenant))?;
    price_with(app, caller, catalog, option, None, cart, Purpose::Write).await
}

async fn save(app: &Carts, caller: &RequestContext, input: &CartCreate, priced: PricedCart) -> Result<Created<Cart>, Fault> {
    let PricedCart { mut cart, catalog, problems } = priced;
    let (id, expires, token) = (cart.id, cart.created_at + app.config.retention(), app.context.token());
    let document = CartDocument::of(&cart)?;
    let (key, personal) = seal(app, caller.tenant, cart.subject_id, None, &cart.personal())?.unzip();
    let stored = StoredCart {
        token_digest: CartToken::digest(&token),
        subject: cart.subject_id,
        personal,
        wrapped: None,
        locations: catalog.channel.locations,
        released: Vec::new(),
        option: None,
        cart: cart.clone(),
    };
    cart.problems = Some(problems);
    let again = cart.clone();
    cart.token = Some(token);
    let reply = Created::created(cart).etag(1).replay_as(&again)?;

    let mut write = match app.db.begin_once(caller.operation(OP, input), &reply).await? {
        Begin::Run(write) => write,
        Begin::Replay(first) => return Ok(first),
    };
    write.publish(&document);
    write.schedule(EXPIRY_TIMER, &id.to_string(), expires, &());
    cart_insert(write, &stored, key.as_ref(), &document).await.map_err(|error| app.db.explain(error.into()))?;
    Ok(reply)
}

fn empty(app: &Carts, caller: &RequestContext, catalog: &CatalogAnswer, input: &CartCreate) -> Cart {
    let now = app.context.now(caller.tenant);
    let zero = Money::zero(catalog.channel.currency);
    Cart {
        id: app.context.id::<CartId>(caller.tenant),
        token: None,
        status: CartStatus::Open,
        channel_id: catalog.channel.id,
        currency: catalog.channel.currency,
        price_basis: catalog.channel.basis,
        subject_id: app.context.id::<SubjectId>(caller.tenant),
        email: None,
        shipping_address: None,
        billing_address: None,
        lines: Vec::new(),
        delivery_option_id: input.delivery_option_id,
        delivery: None,
        subtotal: zero,
        delivery_total: zero,
        tax_total: zero,
        total: zero,
        taxes: Vec::new(),
        problems: None,
        checkout_id: None,
        order_id: None,
        metadata: input.metadata.clone(),
        version: 1,
        created_at: now,
        updated_at: now,
    }
}
