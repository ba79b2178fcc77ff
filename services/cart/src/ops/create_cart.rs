//! Creates a cart, with everything in it that the buyer already knows.

use bloom_db::Begin;
use bloom_db::seal::SubjectKey;
use bloom_events::{Draft, publish, schedule};
use bloom_fault::{Fault, refuse_card_numbers};
use bloom_kernel::{CartId, CheckoutId, DeliveryOptionId, Metadata, Money, SubjectId};
use bloom_runtime::RequestContext;
use bloom_web::CartToken;
use bloom_web::Reply;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::expire_cart::TIMER;
use super::price_cart::{Look, Priced, check_known, facts, option, price_with, wanted_channel};
use crate::CartService;
use crate::domain::address::{Address, Personal};
use crate::domain::cart::{Cart, LineInput, Status, check_lines};
use crate::domain::pricing::Facts;
use crate::store::cart::{Stored, cart_insert, document};

/// What an idempotency key belongs to.
const OP: &str = "cart_create";

/// A new cart; everything may come later.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CartCreate {
    /// What is bought.
    #[schemars(length(max = 200))]
    pub lines: Vec<LineInput>,
    /// Where the confirmation goes.
    pub email: Option<String>,
    /// Where the goods go.
    pub shipping_address: Option<Address>,
    /// Where the bill goes; absent: as the goods.
    pub billing_address: Option<Address>,
    /// The chosen way to deliver.
    pub delivery_option_id: Option<DeliveryOptionId>,
    /// The merchant's own notes.
    pub metadata: Metadata,
}

/// Creates the cart and tells its token, once.
pub async fn create_cart(app: &CartService, call: &RequestContext, input: CartCreate) -> Result<Reply<Cart, 201>, Fault> {
    let personal = Personal {
        email: input.email.clone(),
        shipping_address: input.shipping_address.clone(),
        billing_address: input.billing_address.clone(),
    };
    Fault::of_all([personal.check(), refuse_card_numbers(input.metadata.pairs()), check_lines(&input.lines)])?;
    match price(app, call, &input, personal).await {
        Ok(priced) => save(app, call, &input, priced).await,
        // A repeat may name what is not sold any more.
        Err(refusal) => app.db.replay_or(call.operation(OP, &input), refusal).await,
    }
}

async fn price(app: &CartService, call: &RequestContext, input: &CartCreate, personal: Personal) -> Result<Priced, Fault> {
    let option = match input.delivery_option_id {
        Some(id) => Some(option(app, call, id).await?),
        None => None,
    };
    let facts = facts(app, call, wanted_channel(call), input.lines.iter().map(|line| line.variant_id)).await?;
    check_known(&facts, &input.lines, &[])?;
    let mut cart = empty(app, call, &facts, input);
    cart.set_personal(personal);
    cart.add(&input.lines, || app.host.id(call.tenant))?;
    price_with(app, call, facts, option, None, cart, Look::Written).await
}

async fn save(app: &CartService, call: &RequestContext, input: &CartCreate, priced: Priced) -> Result<Reply<Cart, 201>, Fault> {
    let Priced { mut cart, facts, problems } = priced;
    let (id, expires, token) = (cart.id.to_string(), cart.created_at + app.config.retention(), app.host.token());
    let document = document(&cart)?;
    let (key, personal) = seal_personal(app, call, cart.subject_id, None, &cart.personal())?.unzip();
    let stored = Stored {
        token_digest: CartToken::digest(&token),
        subject: cart.subject_id,
        personal,
        wrapped: None,
        locations: facts.channel.locations,
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
    schedule(&mut write, TIMER, &id, expires, &()).await?;
    cart_insert(write, &stored, key.as_ref(), &document).await?;
    Ok(reply)
}

fn empty(app: &CartService, call: &RequestContext, facts: &Facts, input: &CartCreate) -> Cart {
    let now = app.host.now(call.tenant);
    let zero = Money::zero(facts.channel.currency);
    Cart {
        id: app.host.id::<CartId>(call.tenant),
        token: None,
        status: Status::Open,
        channel_id: facts.channel.id,
        currency: facts.channel.currency,
        price_basis: facts.channel.basis,
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

/// Name of the sealed column.
pub const PERSONAL: &str = "cart.personal";

/// Seals what is known of the buyer with their key, `wrapped` if they have one already; an empty cart needs none.
pub fn seal_personal(
    app: &CartService,
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
