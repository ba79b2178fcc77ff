//! `POST /v1/checkouts`: one call from a cart to an order. The row that it commits first is its saga and its idempotency
//! record.

use bloom_contract_cart::CartToken;
use bloom_db::idempotency;
use bloom_events::schedule;
use bloom_fault::{Code, Fault};
use bloom_kernel::CartId;
use bloom_runtime::RequestContext;
use bloom_web::Reply;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::read_order::load;
use crate::detach::detached;
use crate::domain::checkout::{Checkout, CheckoutStatus, Failure};
use crate::instructions::Instructions;
use crate::saga::TIMER;
use crate::saga::drive::{Standing, begin};
use crate::store::checkout::{Stored, checkout_by_key, checkout_insert};
use crate::{Orders, instructions};

/// How the buyer pays.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PaymentInput {
    /// `sandbox` or `manual`; absent: the tenant's default connection.
    #[serde(default)]
    #[schemars(length(max = 64))]
    pub provider: Option<String>,
    /// The provider's token for the payer's instrument; never a card number.
    #[serde(default)]
    #[schemars(length(max = 255), example = &"tok_success")]
    pub token: String,
    /// Where the payer's browser goes after an action.
    #[serde(default)]
    #[schemars(length(max = 2048))]
    pub return_url: Option<String>,
}

/// A purchase.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckoutCreate {
    /// The cart.
    pub cart_id: CartId,
    /// How the buyer pays; not needed when there is nothing to pay.
    #[serde(default)]
    pub payment: PaymentInput,
    /// The cart's version that the buyer saw; another one is refused (412).
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub expected_version: Option<i64>,
}

/// What a purchase is answered.
pub enum CheckoutReply {
    /// 201: the order is placed.
    Placed(Reply<Checkout, 201>),
    /// 202: the payer or the provider has to do something first.
    Open(Reply<Checkout, 202>),
}

/// Buys a cart.
pub async fn start_checkout(
    app: &Orders,
    call: &RequestContext,
    token: &CartToken,
    input: CheckoutCreate,
) -> Result<CheckoutReply, Fault> {
    let key = call.require_idempotency_key()?;
    if !(1..=255).contains(&key.chars().count()) {
        return Err(Fault::new(Code::Invalid, "idempotency_key_invalid", "An Idempotency-Key has 1 to 255 characters."));
    }
    token.required(call)?;
    input.check()?;
    let (checkout, instructions) = new_checkout(app, call, token, &input)?;
    let mut write = app.db.write_once(call);
    let resume = checkout.created_at + app.config.resume_after();
    schedule(&mut write, TIMER, &checkout.id.to_string(), resume, &()).await?;
    if !checkout_insert(write, &checkout, key).await? {
        return known(app, call, key, &checkout).await;
    }

    // A buyer who hangs up does not stop the purchase half-way.
    let (app, call) = (app.clone(), call.clone());
    let work = async move { begin(&app, &call, checkout, instructions).await };
    let standing = detached(work).await??;
    match standing {
        Standing::Placed { checkout, .. } => Ok(CheckoutReply::Placed(Reply::created(*checkout))),
        // The timer that was set with the row comes back to one that was interrupted.
        Standing::Open(checkout) | Standing::Interrupted(checkout) => Ok(CheckoutReply::Open(Reply::accepted(*checkout))),
        Standing::Failed { fault, .. } => Err(fault),
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
) -> Result<(Stored, Instructions), Fault> {
    let (host, tenant) = (&app.host, call.tenant);
    let now = host.now(tenant);
    let instructions = Instructions {
        cart_token: token.text(call).map(str::to_owned),
        expected_version: input.expected_version,
        provider: input.payment.provider.clone(),
        payment_token: input.payment.token.clone(),
        return_url: input.payment.return_url.clone(),
    };
    let id = host.id(tenant);
    let checkout = Stored {
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
        instructions: Some(instructions::seal(host, tenant, id, &instructions)?),
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
    Ok((checkout, instructions))
}

/// Answers a purchase that was asked for before.
async fn known(app: &Orders, call: &RequestContext, key: &str, asked: &Stored) -> Result<CheckoutReply, Fault> {
    let stored = checkout_by_key(&mut *app.db.read(call.tenant).await?, key).await?;
    // The one that had the key was refused, and forgotten, a moment ago.
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
            checkout.order = Some(load(app, call, stored.order_id).await?.as_placed(stored.confirmed));
            Ok(CheckoutReply::Placed(Reply::created(checkout).repeated()))
        }
        CheckoutStatus::Failed => Err(stored.failure.as_ref().map_or_else(idempotency::in_progress, Failure::fault)),
    }
}
