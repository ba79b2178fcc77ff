//! `POST /v1/checkouts`: one call from a cart to an order. The row that it commits first is the state of the saga and the idempotency
//! record.

use aide::OperationOutput;
use aide::axum::ApiRouter;
use aide::axum::routing::post_with;
use aide::generate::GenContext;
use aide::openapi::{Operation, Response as ResponseDoc};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bloom_db::idempotency;
use bloom_events::schedule;
use bloom_fault::{Code, Fault};
use bloom_kernel::CartId;
use bloom_runtime::RequestContext;
use bloom_web::Reply;
use bloom_web::openapi::needs_key;
use bloom_web::{Caller, CartToken, Json};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::run::{Outcome, run};
use crate::Orders;
use crate::checkout::{Checkout, CheckoutRecord, CheckoutSecrets, CheckoutStatus, TIMER, checkout_by_key, checkout_insert, seal};
use crate::detach::detached;
use crate::failure::Failure;
use crate::order::read_order;
use crate::permissions::CheckoutsWrite;

pub(crate) fn routes() -> ApiRouter<Orders> {
    ApiRouter::new().api_route(
        "/v1/checkouts",
        post_with(start, |op| {
            needs_key(op)
                .id("checkout_create")
                .tag("checkouts")
                .summary("Check out a cart: hold stock, authorise payment, place the order")
                .description(
                    "One call freezes the cart, holds stock, authorises the payment and places the order (201), or answers what \
                     the payer has to do first (202). A failed one leaves nothing.",
                )
        }),
    )
}

/// How the buyer pays.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PaymentInput {
    /// `sandbox` or `manual`; absent: the tenant's default connection.
    #[serde(default)]
    #[schemars(length(max = 64))]
    provider: Option<String>,
    /// The provider's token for the payer's instrument; never a card number.
    #[serde(default)]
    #[schemars(length(max = 255), example = &"tok_success")]
    token: String,
    /// Where the payer's browser goes after an action.
    #[serde(default)]
    #[schemars(length(max = 2048))]
    return_url: Option<String>,
}

/// The purchase of a cart.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CheckoutCreate {
    /// The cart.
    cart_id: CartId,
    /// How the buyer pays; not needed when there is nothing to pay.
    #[serde(default)]
    payment: PaymentInput,
    /// The cart's version that the buyer saw; another one is refused (412).
    #[serde(default)]
    #[schemars(range(min = 1))]
    expected_version: Option<i64>,
}

/// The reply to a purchase.
pub(super) enum CheckoutReply {
    /// 201: the order is placed.
    Placed(Reply<Checkout, 201>),
    /// 202: the payer or the provider has to do something first.
    Open(Reply<Checkout, 202>),
}

async fn start(
    State(app): State<Orders>,
    caller: Caller<CheckoutsWrite>,
    token: CartToken,
    Json(input): Json<CheckoutCreate>,
) -> Result<CheckoutReply, Fault> {
    let call: &RequestContext = &caller;
    let key = call.require_idempotency_key()?;
    if !(1..=255).contains(&key.chars().count()) {
        return Err(Fault::new(Code::Invalid, "idempotency_key_invalid", "An Idempotency-Key has 1 to 255 characters."));
    }
    token.required(call)?;
    input.check()?;
    let (checkout, secrets) = new_checkout(&app, call, &token, &input)?;
    let mut write = app.db.write_once(call);
    let resume = checkout.created_at + app.config.resume_after();
    schedule(&mut write, TIMER, &checkout.id.to_string(), resume, &()).await?;
    if !checkout_insert(write, &checkout, key).await? {
        return replay(&app, call, key, &checkout).await;
    }

    // A buyer who disconnects does not stop the saga.
    let (app, call) = (app.clone(), call.clone());
    match detached(async move { run(&app, &call, checkout, secrets).await }).await?? {
        Outcome::Placed { checkout, .. } => Ok(CheckoutReply::Placed(Reply::created(*checkout))),
        // An interrupted saga is resumed by the timer that was set with the row.
        Outcome::Open(checkout) | Outcome::Interrupted(checkout) => Ok(CheckoutReply::Open(Reply::accepted(*checkout))),
        Outcome::Failed { fault, .. } => Err(fault),
    }
}

impl CheckoutCreate {
    fn check(&self) -> Result<(), Fault> {
        let fits = |text: &str, most: usize| text.chars().count() <= most && !text.chars().any(char::is_control);
        let check = |good: bool, pointer, code, message| if good { Ok(()) } else { Err(Fault::invalid(pointer, code, message)) };
        let PaymentInput { provider, token, return_url } = &self.payment;
        let url = return_url.as_deref().unwrap_or_default();
        Fault::of_all([
            check(
                fits(token, 255),
                "/payment/token",
                "invalid_text",
                "Give at most 255 characters, none of them a control character.",
            ),
            check(
                provider.as_deref().is_none_or(|provider| fits(provider, 64)),
                "/payment/provider",
                "invalid_text",
                "Give at most 64 characters, none of them a control character.",
            ),
            check(
                !url.chars().any(char::is_control),
                "/payment/return_url",
                "character",
                "An address has no line breaks and no other control characters. Percent-encode them or leave them out.",
            ),
            check(url.chars().count() <= 2048, "/payment/return_url", "invalid_text", "Give at most 2048 characters."),
            check(
                self.expected_version.is_none_or(|version| 1 <= version),
                "/expected_version",
                "out_of_range",
                "A version is at least 1.",
            ),
        ])
    }
}

fn new_checkout(
    app: &Orders,
    call: &RequestContext,
    token: &CartToken,
    input: &CheckoutCreate,
) -> Result<(CheckoutRecord, CheckoutSecrets), Fault> {
    let (host, tenant) = (&app.host, call.tenant);
    let now = host.now(tenant);
    let secrets = CheckoutSecrets {
        cart_token: token.text(call).map(str::to_owned),
        expected_version: input.expected_version,
        provider: input.payment.provider.clone(),
        payment_token: input.payment.token.clone(),
        return_url: input.payment.return_url.clone(),
    };
    let id = host.id(tenant);
    let checkout = CheckoutRecord {
        tenant,
        id,
        cart_id: input.cart_id,
        status: CheckoutStatus::Processing,
        fingerprint: bloom_runtime::request_context::fingerprint(
            "checkout_create",
            &(input, token.text(call).map(CartToken::digest)),
        ),
        actor: call.actor.clone(),
        token_digest: token.text(call).map(CartToken::digest),
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
async fn replay(app: &Orders, call: &RequestContext, key: &str, asked: &CheckoutRecord) -> Result<CheckoutReply, Fault> {
    let stored = checkout_by_key(&mut *app.db.read(call.tenant).await?, key).await?;
    // The checkout that had the key was refused and deleted a moment ago.
    let Some(stored) = stored else { return Err(idempotency::in_progress()) };
    if stored.fingerprint != asked.fingerprint {
        return Err(idempotency::reused());
    }
    let mut checkout = stored.public();
    match stored.status {
        CheckoutStatus::Processing | CheckoutStatus::Compensating => Err(idempotency::in_progress()),
        CheckoutStatus::PaymentPending | CheckoutStatus::ActionRequired => {
            Ok(CheckoutReply::Open(Reply::accepted(checkout).repeated()))
        }
        CheckoutStatus::Completed => {
            checkout.order = Some(read_order(app, call, stored.order_id).await?.as_placed(stored.confirmed));
            Ok(CheckoutReply::Placed(Reply::created(checkout).repeated()))
        }
        CheckoutStatus::Failed => Err(stored.failure.as_ref().map_or_else(idempotency::in_progress, Failure::fault)),
    }
}

impl IntoResponse for CheckoutReply {
    fn into_response(self) -> Response {
        match self {
            Self::Placed(reply) => reply.into_response(),
            Self::Open(reply) => reply.into_response(),
        }
    }
}

impl OperationOutput for CheckoutReply {
    type Inner = Checkout;

    fn operation_response(ctx: &mut GenContext, operation: &mut Operation) -> Option<ResponseDoc> {
        <Reply<Checkout, 201> as OperationOutput>::operation_response(ctx, operation)
    }

    fn inferred_responses(ctx: &mut GenContext, operation: &mut Operation) -> Vec<(Option<u16>, ResponseDoc)> {
        let mut responses = <Reply<Checkout, 201> as OperationOutput>::inferred_responses(ctx, operation);
        responses.extend(<Reply<Checkout, 202> as OperationOutput>::inferred_responses(ctx, operation));
        responses
    }
}
