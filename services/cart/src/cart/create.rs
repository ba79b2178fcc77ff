//! `POST /v1/carts`: creates a cart, with everything that the buyer already knows.

use axum::extract::State;
use bloom_db::Begin;
use bloom_db::seal::SubjectKey;
use bloom_events::{Draft, publish, schedule};
use bloom_fault::{Fault, refuse_card_numbers};
use bloom_kernel::{CartId, CheckoutId, DeliveryOptionId, Metadata, Money, SubjectId};
use bloom_runtime::RequestContext;
use bloom_web::Reply;
use bloom_web::{Caller, CartToken, Json};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::expire::EXPIRY_TIMER;
use super::model::{Cart, CartLineCreate, CartStatus, check_lines};
use super::personal::{Address, Personal};
use super::price::{PricedCart, Purpose, check_known, option, price_with, requested_channel};
use super::store::{StoredCart, cart_insert, document};
use crate::Carts;
use crate::clients::{CatalogAnswer, from_catalog};
use crate::error::refusal;
use crate::permissions::CartsWrite;

const OP: &str = "cart_create";

/// A new cart; every field can be given later.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct CartCreate {
    /// Its lines.
    #[schemars(length(max = 200))]
    pub lines: Vec<CartLineCreate>,
    /// E-mail address for the confirmation.
    pub email: Option<String>,
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
    Json(input): Json<CartCreate>,
) -> Result<Reply<Cart, 201>, Fault> {
    let personal = Personal {
        email: input.email.clone(),
        shipping_address: input.shipping_address.clone(),
        billing_address: input.billing_address.clone(),
    };
    Fault::of_all([personal.check(), refuse_card_numbers(input.metadata.pairs()), check_lines(&input.lines)])?;
    match price(&app, &caller, &input, personal).await {
        Ok(priced) => save(&app, &caller, &input, priced).await,
        // A repeat may contain a variant that is no longer on sale.
        Err(refusal) => app.db.replay_or(caller.operation(OP, &input), refusal).await,
    }
}

async fn price(app: &Carts, call: &RequestContext, input: &CartCreate, personal: Personal) -> Result<PricedCart, Fault> {
    let option = match input.delivery_option_id {
        Some(id) => Some(option(app, call, id).await?),
        None => None,
    };
    let catalog = from_catalog(app, call, requested_channel(call), input.lines.iter().map(|line| line.variant_id)).await?;
    check_known(&catalog, &input.lines, &[])?;
    let mut cart = empty(app, call, &catalog, input);
    cart.set_personal(personal);
    cart.add(&input.lines, || app.host.id(call.tenant))?;
    price_with(app, call, catalog, option, None, cart, Purpose::Write).await
}

async fn save(app: &Carts, call: &RequestContext, input: &CartCreate, priced: PricedCart) -> Result<Reply<Cart, 201>, Fault> {
    let PricedCart { mut cart, catalog, problems } = priced;
    let (id, expires, token) = (cart.id.to_string(), cart.created_at + app.config.retention(), app.host.token());
    let document = document(&cart)?;
    let (key, personal) = seal_personal(app, call, cart.subject_id, None, &cart.personal())?.unzip();
    let stored = StoredCart {
        token_digest: CartToken::digest(&token),
        subject: cart.subject_id,
        personal,
        wrapped: None,
        locations: catalog.channel.locations,
        released: Vec::<CheckoutId>::new(),
        option: None,
        cart: cart.clone(),
    };
    cart.problems = Some(problems);
    let again = cart.clone();
    cart.token = Some(token);
    let reply = Reply::created(cart).etag(1).replay_as(&again)?;

    let mut write = match app.db.begin_once(call.operation(OP, input), &reply).await? {
        Begin::Run(write) => write,
        Begin::Replay(first) => return Ok(first),
    };
    let draft = Draft { kind: "cart.created", aggregate: id.clone(), version: 1, data: &document, causation: None };
    publish(&mut write, &app.host, call, draft).await?;
    schedule(&mut write, EXPIRY_TIMER, &id, expires, &()).await?;
    cart_insert(write, &stored, key.as_ref(), &document).await.map_err(refusal)?;
    Ok(reply)
}

fn empty(app: &Carts, call: &RequestContext, catalog: &CatalogAnswer, input: &CartCreate) -> Cart {
    let now = app.host.now(call.tenant);
    let zero = Money::zero(catalog.channel.currency);
    Cart {
        id: app.host.id::<CartId>(call.tenant),
        token: None,
        status: CartStatus::Open,
        channel_id: catalog.channel.id,
        currency: catalog.channel.currency,
        price_basis: catalog.channel.basis,
        subject_id: app.host.id::<SubjectId>(call.tenant),
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

/// Name of the encrypted column.
pub(super) const PERSONAL: &str = "cart.personal";

/// Encrypts the personal data with the key of the data subject, which is `wrapped` if there is one already; without personal
/// data there is none.
pub(super) fn seal_personal(
    app: &Carts,
    call: &RequestContext,
    subject: SubjectId,
    wrapped: Option<&[u8]>,
    personal: &Personal,
) -> Result<Option<(SubjectKey, Vec<u8>)>, Fault> {
    if personal.is_empty() {
        return Ok(None);
    }
    let plaintext = serde_json::to_vec(personal).map_err(Fault::internal)?;
    let key = SubjectKey::of(&app.host, call.tenant, subject, wrapped)?;
    let sealed = key.seal(&app.host, PERSONAL, &plaintext);
    Ok(Some((key, sealed)))
}
