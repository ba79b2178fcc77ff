//! `POST /v1/checkouts`: one call from a cart to an order. The row that it commits first is the state of the saga and the idempotency
//! record.

use axum::extract::State;
use bloom_contract_cart::CartToken;
use bloom_db::idempotency;
use bloom_events::Publish as _;
use bloom_fault::{Code, Fault};
use bloom_kernel::{CartId, Form, WebUrl, number, text};
use bloom_runtime::RequestContext;
use bloom_runtime::request_context::fingerprint;
use bloom_web::{Accepted, Body, Caller, Created, Doc, Either, Reply, Routes};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::run::{Outcome, run};
use crate::checkout::{Checkout, CheckoutRecord, CheckoutSecrets, CheckoutStatus, TIMER, checkout_by_key, checkout_insert, seal};
use crate::detach::detached;
use crate::order::read_order;
use crate::{CheckoutsWrite, Orders};

const START: &str = "One call freezes the cart, holds stock, authorises the payment and places the order (201), or answers what the \
    payer has to do first (202). A failed one leaves nothing.";

pub(crate) fn routes() -> Routes<Orders> {
    let doc = Doc::new("Check out a cart: hold stock, authorise payment, place the order").describe(START);
    let doc = doc.needs_key().refuses(&[Code::PreconditionFailed]);
    Routes::new("/v1/checkouts").post("checkout_create", doc, start)
}

text! {
    /// Name of a payment connection.
    pub struct ProviderName { length: 0..=64, form: Form::LINE_OR_BLANK, example: "sandbox" }

    /// A provider's token for a payer's instrument.
    pub struct PaymentToken { length: 0..=255, form: Form::LINE_OR_BLANK, example: "tok_success" }
}

number! {
    /// The version of a cart that its buyer saw.
    pub struct SeenVersion(i64) { range: 1..=9_223_372_036_854_775_807, example: 3 }
}

/// How the buyer pays.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PaymentInput {
    /// `sandbox` or `manual`; absent: the shop's default connection.
    provider: Option<ProviderName>,
    /// The provider's token for the payer's instrument; never a card number.
    token: Option<PaymentToken>,
    /// Where the payer's browser goes after an action.
    return_url: Option<WebUrl>,
}

/// The purchase of a cart.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckoutCreate {
    /// The cart.
    cart_id: CartId,
    /// How the buyer pays; not needed when there is nothing to pay.
    #[serde(default)]
    payment: PaymentInput,
    /// The cart's version that the buyer saw; another one is refused (412).
    #[serde(default)]
    expected_version: Option<SeenVersion>,
}

async fn start(
    State(app): State<Orders>,
    caller: Caller<CheckoutsWrite>,
    token: CartToken,
    Body(input): Body<CheckoutCreate>,
) -> Result<Either<Created<Checkout>, Accepted<Checkout>>, Fault> {
    let context: &RequestContext = &caller;
    let key = context.require_idempotency_key()?;
    if !(1..=255).contains(&key.chars().count()) {
        return Err(Fault::new(Code::Invalid, "idempotency_key_invalid", "An Idempotency-Key has 1 to 255 characters."));
    }
    token.required(context)?;
    let (checkout, secrets) = new_checkout(&app, context, &token, &input)?;
    let mut write = app.db.write_once(context);
    let resume = checkout.created_at + app.config.resume_after();
    write.schedule(TIMER, &checkout.id.to_string(), resume, &());
    if !checkout_insert(write, &checkout, key).await? {
        return replay(&app, context, key, &checkout).await;
    }

    // A buyer who disconnects does not stop the saga.
    let (app, context) = (app.clone(), context.clone());
    match detached(async move { run(&app, &context, checkout, secrets).await }).await?? {
        Outcome::Placed { checkout, .. } => Ok(Either::Left(Reply::created(*checkout))),
        // An interrupted saga is resumed by the timer that was set with the row.
        Outcome::Open(checkout) | Outcome::Interrupted(checkout) => Ok(Either::Right(Reply::accepted(*checkout))),
        Outcome::Failed { fault, .. } => Err(fault),
    }
}

fn new_checkout(
    app: &Orders,
    context: &RequestContext,
    token: &CartToken,
    input: &CheckoutCreate,
) -> Result<(CheckoutRecord, CheckoutSecrets), Fault> {
    let (host, tenant) = (&app.context, context.tenant);
    let now = host.now(tenant);
    let secrets = CheckoutSecrets {
        cart_token: token.text(context).map(str::to_owned),
        expected_version: input.expected_version.map(SeenVersion::get),
        provider: input.payment.provider.clone().map(String::from),
        payment_token: input.payment.token.clone().map(String::from).unwrap_or_default(),
        return_url: input.payment.return_url.clone().map(String::from),
    };
    let id = host.id(tenant);
    let checkout = CheckoutRecord {
        tenant,
        id,
        cart_id: input.cart_id,
        status: CheckoutStatus::Processing,
        fingerprint: fingerprint("checkout_create", &(input, token.text(context).map(CartToken::digest))),
        actor: context.actor.clone(),
        token_digest: token.text(context).map(CartToken::digest),
        secrets: Some(seal(host, tenant, id, &secrets)?),
        order_id: host.id(tenant),
        hold_id: host.id(tenant),
        payment_id: host.id(tenant),
        authorise_id: host.id(tenant),
        void_id: host.id(tenant),
        refund_id: host.id(tenant),
        action: None,
        failure: None,
        deadline: now + app.config.processing_timeout(),
        settled: false,
        confirmed: false,
        attempts: 0,
        version: 0,
        created_at: now,
        updated_at: now,
    };
    Ok((checkout, secrets))
}

/// The reply to a repeated purchase.
async fn replay(
    app: &Orders,
    context: &RequestContext,
    key: &str,
    requested: &CheckoutRecord,
) -> Result<Either<Created<Checkout>, Accepted<Checkout>>, Fault> {
    let stored = checkout_by_key(&mut *app.db.read(context.tenant).await?, key).await?;
    // The checkout that had the key was refused and deleted a moment ago.
    let Some(stored) = stored else { return Err(idempotency::in_progress()) };
    if stored.fingerprint != requested.fingerprint {
        return Err(idempotency::reused());
    }
    let mut checkout = stored.public();
    match stored.status {
        CheckoutStatus::Processing | CheckoutStatus::Compensating => Err(idempotency::in_progress()),
        CheckoutStatus::PaymentPending | CheckoutStatus::ActionRequired => {
            Ok(Either::Right(Reply::accepted(checkout).repeated()))
        }
        CheckoutStatus::Completed => {
            checkout.order = Some(read_order(app, context, stored.order_id).await?.as_placed(stored.confirmed));
            Ok(Either::Left(Reply::created(checkout).repeated()))
        }
        CheckoutStatus::Failed => Err(stored.failure.as_ref().map_or_else(idempotency::in_progress, |failure| failure.fault())),
    }
}
