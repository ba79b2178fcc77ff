//! Consumes events of other services: a changed payment resumes the checkout that waits for it, and updates the order's amounts.

use bloom_db::TenantTx;
use bloom_events::{Envelope, Publish as _};
use bloom_fault::Fault;
use bloom_kernel::{CheckoutId, Money, PaymentId};
use serde::Deserialize;

use crate::Orders;
use crate::checkout::{self, CheckoutStatus, checkouts_unfinished, sync_payment_soon};
use crate::operation::retry_now;
use crate::order::{OrderPayment, orders_lock_by_checkout, update_payment};

/// The part of a payment's event that orders read.
#[derive(Deserialize)]
struct Payment {
    id: PaymentId,
    checkout_id: CheckoutId,
    provider: String,
    status: String,
    amount: Money,
    authorised: Money,
    captured: Money,
    refunded: Money,
    voided: Money,
    version: i64,
}

impl Payment {
    fn amounts(&self) -> OrderPayment {
        OrderPayment {
            id: self.id,
            authorised: self.authorised,
            captured: self.captured,
            refunded: self.refunded,
            voided: self.voided,
            version: self.version,
        }
    }

    /// True when the authorisation has its final answer.
    fn is_decided(&self) -> bool {
        !matches!(self.status.as_str(), "pending" | "action_required" | "unknown")
    }

    /// True when it equals the reply to its authorisation, which the saga knows already.
    fn is_just_authorised(&self) -> bool {
        let nothing = [self.captured, self.refunded, self.voided].iter().all(|amount| amount.amount() == 0);
        self.provider != "manual" && self.authorised == self.amount && nothing
    }

    /// True when money is authorised or captured.
    fn holds_money(&self) -> bool {
        self.voided.amount() < self.authorised.amount() && self.refunded.amount() < self.authorised.amount()
    }

    /// True when a checkout in this status has to be resumed.
    fn resumes(&self, status: CheckoutStatus) -> bool {
        match status {
            CheckoutStatus::PaymentPending | CheckoutStatus::ActionRequired => self.is_decided(),
            // It failed while the authorisation was pending, and the authorisation has arrived after all.
            CheckoutStatus::Failed => self.holds_money() || !self.is_decided(),
            // A request or a timer is driving it.
            CheckoutStatus::Processing | CheckoutStatus::Compensating | CheckoutStatus::Completed => false,
        }
    }
}

/// Applies payments' events of one tenant; the last event of each payment counts.
pub async fn payment_updated(app: &Orders, tx: &mut TenantTx, events: &[Envelope]) -> Result<(), Fault> {
    let mut payments: Vec<Payment> = Vec::new();
    for event in events {
        let payment: Payment = event.data()?;
        payments.retain(|known| known.id != payment.id);
        payments.push(payment);
    }
    resume_checkouts(app, tx, &payments).await?;
    update_orders(tx, &payments).await
}

async fn resume_checkouts(app: &Orders, tx: &mut TenantTx, payments: &[Payment]) -> Result<(), Fault> {
    let ids: Vec<_> = payments.iter().map(|payment| payment.checkout_id).collect();
    let now = tx.now();
    for checkout in checkouts_unfinished(tx, &ids).await? {
        let Some(payment) = payments.iter().find(|payment| payment.checkout_id == checkout.id) else { continue };
        if checkout.status.may_place() && payment.is_decided() && !payment.is_just_authorised() {
            sync_payment_soon(app, tx, checkout.id);
        }
        if payment.resumes(checkout.status) {
            tx.schedule(checkout::TIMER, &checkout.id.to_string(), now, &());
        }
    }
    Ok(())
}

async fn update_orders(tx: &mut TenantTx, payments: &[Payment]) -> Result<(), Fault> {
    let versions: Vec<_> = payments.iter().map(|payment| (payment.checkout_id, payment.version)).collect();
    let orders = orders_lock_by_checkout(tx, &versions).await?;
    for order in &orders {
        retry_now(tx, order.id).await?;
    }
    for mut order in orders {
        let known = order.payment.as_ref().map(|payment| payment.id);
        let Some(payment) = payments.iter().find(|payment| Some(payment.id) == known) else { continue };
        update_payment(tx, &mut order, &payment.amounts()).await?;
    }
    Ok(())
}
