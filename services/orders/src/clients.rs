//! The calls to other services, with their replies in this service's types.

use bloom_contract_cart::{CartRef, CartSnapshot, CompleteRequest, FreezeRequest};
use bloom_contract_inventory as inventory;
use bloom_contract_payments::{self as payments, OperationStatus, PaymentStatus, Provider};
use bloom_fault::{Code, Fault};
use bloom_kernel::{CartId, CheckoutId, HoldId, Money, OperationId, OrderId, PaymentId, ViolationCode};
use bloom_runtime::RequestContext;

use crate::Orders;
use crate::operation::StockUnits;

/// True when the same call may succeed a moment later: the other service is unreachable, slow, busy or has failed internally.
pub(crate) fn is_transient(fault: &Fault) -> bool {
    // Between services a refused identity means that keys or clocks of the fleet differ. The buyer has made no mistake.
    let is_ours = matches!(fault.code, Code::Internal | Code::Unauthenticated | Code::Forbidden);
    fault.is_retryable() || is_ours || (fault.code == Code::Conflict && fault.reason == "void_in_progress")
}

/// The outcome of an authorisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Authorisation {
    /// The whole amount is authorised, or captured already.
    Authorised,
    /// The payer has to do something first.
    ActionRequired {
        /// `redirect`
        kind: String,
        /// The page that the payer is sent to.
        url: String,
    },
    /// The provider has not answered yet.
    Pending,
    /// It failed, or was voided.
    Refused {
        /// The provider's reason; may be empty.
        code: String,
        /// The provider's explanation; may be empty.
        message: String,
    },
}

/// A payment in the reply of payments.
#[derive(Debug, Clone)]
pub(crate) struct Payment {
    pub(crate) id: PaymentId,
    pub(crate) authorised: Money,
    pub(crate) captured: Money,
    pub(crate) refunded: Money,
    pub(crate) voided: Money,
    pub(crate) version: i64,
    pub(crate) authorisation: Authorisation,
    /// True when people, not a provider, confirm it.
    pub(crate) is_manual: bool,
    /// Whether the operation of the call succeeded; `None` while it is pending.
    pub(crate) operation_succeeded: Option<bool>,
}

fn payment(reply: payments::PaymentReply) -> Result<Payment, Fault> {
    let reply = payments::Payment::try_from(reply)?;
    let is_whole = reply.amount.amount() <= reply.authorised.amount() - reply.voided.amount();
    let authorisation = match (reply.status, reply.action) {
        (
            PaymentStatus::Authorised
            | PaymentStatus::PartiallyCaptured
            | PaymentStatus::Captured
            | PaymentStatus::PartiallyRefunded
            | PaymentStatus::Refunded,
            _,
        ) if is_whole => Authorisation::Authorised,
        (PaymentStatus::ActionRequired, Some(action)) => {
            Authorisation::ActionRequired { kind: action.kind.as_str().to_owned(), url: action.url }
        }
        (PaymentStatus::ActionRequired | PaymentStatus::Pending | PaymentStatus::Unknown, _) => Authorisation::Pending,
        _ => {
            let failure = reply.failure.map(|failure| (failure.code.as_str().to_owned(), failure.message));
            let (code, message) = failure.unwrap_or_default();
            Authorisation::Refused { code, message }
        }
    };
    Ok(Payment {
        id: reply.id,
        authorised: reply.authorised,
        captured: reply.captured,
        refunded: reply.refunded,
        voided: reply.voided,
        version: reply.version,
        authorisation,
        is_manual: reply.provider == Provider::Manual,
        operation_succeeded: match reply.operation {
            Some(OperationStatus::Succeeded) => Some(true),
            Some(OperationStatus::Failed) => Some(false),
            Some(OperationStatus::Pending | OperationStatus::Unknown) | None => None,
        },
    })
}

pub(crate) async fn cart_freeze(
    app: &Orders,
    context: &RequestContext,
    cart: CartId,
    checkout: CheckoutId,
    (cart_token, version): (Option<&str>, Option<i64>),
) -> Result<CartSnapshot, Fault> {
    let request = FreezeRequest {
        cart_id: cart.to_string(),
        checkout_id: checkout.to_string(),
        cart_token: cart_token.map(str::to_owned),
        version: version.unwrap_or_default(),
    };
    Ok(app.cart.clone().freeze(app.context.request(context, request)).await?.into_inner())
}

pub(crate) async fn cart_unfreeze(
    app: &Orders,
    context: &RequestContext,
    cart: CartId,
    checkout: CheckoutId,
) -> Result<(), Fault> {
    let request = CartRef { cart_id: cart.to_string(), checkout_id: checkout.to_string() };
    app.cart.clone().unfreeze(app.context.request(context, request)).await?;
    Ok(())
}

pub(crate) async fn cart_complete(
    app: &Orders,
    context: &RequestContext,
    cart: CartId,
    checkout: CheckoutId,
    order: OrderId,
) -> Result<(), Fault> {
    let request = CompleteRequest { cart_id: cart.to_string(), checkout_id: checkout.to_string(), order_id: order.to_string() };
    app.cart.clone().complete(app.context.request(context, request)).await?;
    Ok(())
}

pub(crate) async fn stock_hold(
    app: &Orders,
    context: &RequestContext,
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
    Ok(app.inventory.clone().hold(app.context.request(context, request)).await?.into_inner())
}

pub(crate) async fn stock_release_hold(app: &Orders, context: &RequestContext, hold: HoldId) -> Result<(), Fault> {
    let request = inventory::HoldRef { hold_id: hold.to_string() };
    app.inventory.clone().release_hold(app.context.request(context, request)).await?;
    Ok(())
}

/// Allocates the units of a hold to the order; answers their locations.
pub(crate) async fn stock_commit_hold(
    app: &Orders,
    context: &RequestContext,
    hold: HoldId,
    order: OrderId,
) -> Result<Vec<inventory::Allocation>, Fault> {
    let request = inventory::CommitHoldRequest { hold_id: hold.to_string(), order_id: order.to_string() };
    Ok(app.inventory.clone().commit_hold(app.context.request(context, request)).await?.into_inner().allocations)
}

/// A request for an authorisation.
pub(crate) struct Authorise<'a> {
    pub(crate) operation: OperationId,
    pub(crate) payment: PaymentId,
    pub(crate) checkout: CheckoutId,
    pub(crate) order: OrderId,
    pub(crate) amount: Money,
    pub(crate) provider: Option<&'a str>,
    pub(crate) token: &'a str,
    pub(crate) return_url: Option<&'a str>,
}

pub(crate) async fn payment_authorise(app: &Orders, context: &RequestContext, input: Authorise<'_>) -> Result<Payment, Fault> {
    let unknown = || Fault::invalid("/payment/provider", ViolationCode::Unknown, "There is no such payment provider.");
    let provider = match input.provider {
        None | Some("") => payments::proto::Provider::Unspecified,
        Some(word) => Provider::parse(word).ok_or_else(unknown)?.into(),
    };
    let request = payments::AuthoriseRequest {
        operation_id: input.operation.to_string(),
        payment_id: input.payment.to_string(),
        checkout_id: input.checkout.to_string(),
        amount: input.amount.amount(),
        currency: input.amount.currency().to_string(),
        provider: provider.into(),
        token: input.token.to_owned(),
        return_url: input.return_url.unwrap_or_default().to_owned(),
        order_id: input.order.to_string(),
    };
    payment(app.payments.clone().authorise(app.context.request(context, request)).await?.into_inner())
}

pub(crate) async fn payment_get(app: &Orders, context: &RequestContext, id: PaymentId) -> Result<Payment, Fault> {
    let request = payments::PaymentRef { payment_id: id.to_string() };
    payment(app.payments.clone().get_payment(app.context.request(context, request)).await?.into_inner())
}

pub(crate) async fn payment_void(
    app: &Orders,
    context: &RequestContext,
    operation: OperationId,
    id: PaymentId,
) -> Result<Payment, Fault> {
    let request = payments::VoidRequest { operation_id: operation.to_string(), payment_id: id.to_string() };
    payment(app.payments.clone().void(app.context.request(context, request)).await?.into_inner())
}

pub(crate) async fn payment_capture(
    app: &Orders,
    context: &RequestContext,
    operation: OperationId,
    id: PaymentId,
    amount: i64,
) -> Result<Payment, Fault> {
    let (operation_id, payment_id) = (operation.to_string(), id.to_string());
    let request = payments::AmountRequest { operation_id, payment_id, amount };
    payment(app.payments.clone().capture(app.context.request(context, request)).await?.into_inner())
}

pub(crate) async fn payment_refund(
    app: &Orders,
    context: &RequestContext,
    operation: OperationId,
    id: PaymentId,
    amount: i64,
) -> Result<Payment, Fault> {
    let (operation_id, payment_id) = (operation.to_string(), id.to_string());
    let request = payments::AmountRequest { operation_id, payment_id, amount };
    payment(app.payments.clone().refund(app.context.request(context, request)).await?.into_inner())
}

fn allocation_change(operation: OperationId, order: OrderId, units: &[StockUnits]) -> inventory::AllocationChange {
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
    context: &RequestContext,
    operation: OperationId,
    order: OrderId,
    units: &[StockUnits],
) -> Result<(), Fault> {
    let request = allocation_change(operation, order, units);
    app.inventory.clone().ship_allocation(app.context.request(context, request)).await?;
    Ok(())
}

pub(crate) async fn stock_release_units(
    app: &Orders,
    context: &RequestContext,
    operation: OperationId,
    order: OrderId,
    units: &[StockUnits],
) -> Result<(), Fault> {
    let request = allocation_change(operation, order, units);
    app.inventory.clone().release_allocation(app.context.request(context, request)).await?;
    Ok(())
}
