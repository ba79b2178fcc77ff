//! What the purchase and its aftermath ask of other services, in this service's own words.

use bloom_contract_cart::{CartRef, CartSnapshot, CompleteRequest, FreezeRequest};
use bloom_contract_inventory as inventory;
use bloom_contract_payments as payments;
use bloom_fault::{Code, Fault};
use bloom_kernel::{CartId, CheckoutId, Currency, HoldId, Money, OperationId, OrderId, PaymentId};
use bloom_runtime::RequestContext;

use crate::Orders;
use crate::domain::checkout::Action;
use crate::domain::fulfilment::Units;
use crate::domain::order::OrderPayment;
use crate::instructions::Instructions;

/// True when the same request may pass a moment later: the neighbour is away, slow, busy or at fault itself.
pub(crate) fn is_transient(fault: &Fault) -> bool {
    match fault.code {
        Code::Unavailable
        | Code::DeadlineExceeded
        | Code::Timeout
        | Code::BadGateway
        | Code::RateLimited
        | Code::Internal
        // Between services these say that the fleet's keys or clocks disagree: not the buyer's mistake.
        | Code::Unauthenticated
        | Code::Forbidden => true,
        Code::Conflict => matches!(&*fault.reason, "busy" | "void_in_progress"),
        Code::Invalid
        | Code::NotFound
        | Code::MethodNotAllowed
        | Code::Gone
        | Code::PreconditionFailed
        | Code::TooLarge
        | Code::UnsupportedMedia
        | Code::Unprocessable
        | Code::PreconditionRequired => false,
    }
}

/// How an authorisation stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The whole amount is promised (or drawn already).
    Promised,
    /// The payer has to do something first.
    Action(Action),
    /// The provider has not said yet.
    Open,
    /// It failed, or was given up.
    Refused { code: String, message: String },
}

/// What payments say.
#[derive(Debug, Clone)]
pub(crate) struct Payment {
    /// The amounts.
    pub(crate) amounts: OrderPayment,
    /// The authorisation.
    pub(crate) outcome: Outcome,
    /// True when people, not a provider, say what becomes of it.
    pub(crate) manual: bool,
    /// Of the operation that the call named: nothing while it is open, else whether it succeeded.
    pub(crate) operation: Option<bool>,
}

fn payment(reply: payments::PaymentReply, id: PaymentId) -> Result<Payment, Fault> {
    let currency = Currency::parse(&reply.currency)?;
    let money = |amount| Money::new(amount, currency);
    let outcome = match reply.status.as_str() {
        "authorised" | "partially_captured" | "captured" | "partially_refunded" | "refunded"
            if reply.amount <= reply.authorised_amount - reply.voided_amount =>
        {
            Outcome::Promised
        }
        "action_required" => match reply.action {
            Some(action) => Outcome::Action(Action { r#type: action.r#type, url: action.url }),
            None => Outcome::Open,
        },
        "pending" | "unknown" => Outcome::Open,
        _ => {
            let failure = reply.failure.unwrap_or_default();
            Outcome::Refused { code: failure.code, message: failure.message }
        }
    };
    Ok(Payment {
        amounts: OrderPayment {
            id,
            authorised: money(reply.authorised_amount),
            captured: money(reply.captured_amount),
            refunded: money(reply.refunded_amount),
            voided: money(reply.voided_amount),
            version: reply.version,
        },
        outcome,
        manual: reply.provider == "manual",
        operation: match reply.operation_status.as_str() {
            "success" => Some(true),
            "failed" => Some(false),
            _ => None,
        },
    })
}

pub(crate) async fn cart_freeze(
    app: &Orders,
    call: &RequestContext,
    cart: CartId,
    checkout: CheckoutId,
    instructions: &Instructions,
) -> Result<CartSnapshot, Fault> {
    let request = FreezeRequest {
        cart_id: cart.to_string(),
        checkout_id: checkout.to_string(),
        cart_token: instructions.cart_token.clone(),
        version: instructions.expected_version.unwrap_or_default(),
    };
    Ok(app.cart.clone().freeze(app.host.request(call, request)).await?.into_inner())
}

pub(crate) async fn cart_unfreeze(app: &Orders, call: &RequestContext, cart: CartId, checkout: CheckoutId) -> Result<(), Fault> {
    let request = CartRef { cart_id: cart.to_string(), checkout_id: checkout.to_string() };
    app.cart.clone().unfreeze(app.host.request(call, request)).await?;
    Ok(())
}

pub(crate) async fn cart_complete(
    app: &Orders,
    call: &RequestContext,
    cart: CartId,
    checkout: CheckoutId,
    order: OrderId,
) -> Result<(), Fault> {
    let request = CompleteRequest { cart_id: cart.to_string(), checkout_id: checkout.to_string(), order_id: order.to_string() };
    app.cart.clone().complete(app.host.request(call, request)).await?;
    Ok(())
}

pub(crate) async fn stock_hold(
    app: &Orders,
    call: &RequestContext,
    hold: HoldId,
    snapshot: &CartSnapshot,
) -> Result<inventory::HoldReply, Fault> {
    let lines = snapshot.lines.iter().map(|line| inventory::HoldLine {
        line_id: line.line_id.clone(),
        variant_id: line.variant_id.clone(),
        quantity: line.quantity,
    });
    let request = inventory::HoldRequest {
        hold_id: hold.to_string(),
        location_ids: snapshot.location_ids.clone(),
        lines: lines.collect(),
        ttl_seconds: app.config.hold_ttl_s(),
    };
    Ok(app.inventory.clone().hold(app.host.request(call, request)).await?.into_inner())
}

pub(crate) async fn stock_release(app: &Orders, call: &RequestContext, hold: HoldId) -> Result<(), Fault> {
    let request = inventory::HoldRef { hold_id: hold.to_string() };
    app.inventory.clone().release_hold(app.host.request(call, request)).await?;
    Ok(())
}

/// Makes the units of a hold the order's; answers where they lie.
pub(crate) async fn stock_commit(
    app: &Orders,
    call: &RequestContext,
    hold: HoldId,
    order: OrderId,
) -> Result<Vec<inventory::Allocation>, Fault> {
    let request = inventory::CommitHoldRequest { hold_id: hold.to_string(), order_id: order.to_string() };
    Ok(app.inventory.clone().commit_hold(app.host.request(call, request)).await?.into_inner().allocations)
}

/// What an authorisation needs to know.
pub(crate) struct Authorise<'a> {
    pub(crate) operation: OperationId,
    pub(crate) payment: PaymentId,
    pub(crate) checkout: CheckoutId,
    pub(crate) amount: Money,
    pub(crate) instructions: &'a Instructions,
}

pub(crate) async fn payment_authorise(app: &Orders, call: &RequestContext, ask: Authorise<'_>) -> Result<Payment, Fault> {
    let request = payments::AuthoriseRequest {
        operation_id: ask.operation.to_string(),
        payment_id: ask.payment.to_string(),
        checkout_id: ask.checkout.to_string(),
        amount: ask.amount.amount(),
        currency: ask.amount.currency().to_string(),
        provider: ask.instructions.provider.clone().unwrap_or_default(),
        token: ask.instructions.payment_token.clone(),
        return_url: ask.instructions.return_url.clone().unwrap_or_default(),
    };
    payment(app.payments.clone().authorise(app.host.request(call, request)).await?.into_inner(), ask.payment)
}

pub(crate) async fn payment_get(app: &Orders, call: &RequestContext, id: PaymentId) -> Result<Payment, Fault> {
    let request = payments::PaymentRef { payment_id: id.to_string() };
    payment(app.payments.clone().get_payment(app.host.request(call, request)).await?.into_inner(), id)
}

pub(crate) async fn payment_void(
    app: &Orders,
    call: &RequestContext,
    operation: OperationId,
    id: PaymentId,
) -> Result<Payment, Fault> {
    let request = payments::VoidRequest { operation_id: operation.to_string(), payment_id: id.to_string() };
    payment(app.payments.clone().void(app.host.request(call, request)).await?.into_inner(), id)
}

pub(crate) async fn payment_capture(
    app: &Orders,
    call: &RequestContext,
    operation: OperationId,
    id: PaymentId,
    amount: i64,
) -> Result<Payment, Fault> {
    let (operation_id, payment_id) = (operation.to_string(), id.to_string());
    let request = payments::AmountRequest { operation_id, payment_id, amount };
    payment(app.payments.clone().capture(app.host.request(call, request)).await?.into_inner(), id)
}

pub(crate) async fn payment_refund(
    app: &Orders,
    call: &RequestContext,
    operation: OperationId,
    id: PaymentId,
    amount: i64,
) -> Result<Payment, Fault> {
    let (operation_id, payment_id) = (operation.to_string(), id.to_string());
    let request = payments::AmountRequest { operation_id, payment_id, amount };
    payment(app.payments.clone().refund(app.host.request(call, request)).await?.into_inner(), id)
}

fn allocation_change(operation: OperationId, order: OrderId, units: &[Units]) -> inventory::AllocationChange {
    let allocations = units.iter().map(|units| inventory::Allocation {
        line_id: units.line_id.to_string(),
        variant_id: units.variant_id.to_string(),
        location_id: units.location_id.to_string(),
        quantity: units.quantity,
        backordered: 0,
    });
    inventory::AllocationChange {
        operation_id: operation.to_string(),
        order_id: order.to_string(),
        allocations: allocations.collect(),
    }
}

pub(crate) async fn stock_ship(
    app: &Orders,
    call: &RequestContext,
    operation: OperationId,
    order: OrderId,
    units: &[Units],
) -> Result<(), Fault> {
    let request = allocation_change(operation, order, units);
    app.inventory.clone().ship_allocation(app.host.request(call, request)).await?;
    Ok(())
}

pub(crate) async fn stock_give_back(
    app: &Orders,
    call: &RequestContext,
    operation: OperationId,
    order: OrderId,
    units: &[Units],
) -> Result<(), Fault> {
    let request = allocation_change(operation, order, units);
    app.inventory.clone().release_allocation(app.host.request(call, request)).await?;
    Ok(())
}
