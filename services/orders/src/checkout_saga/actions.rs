//! The forward actions of the first steps of the saga, in other services.

use bloom_contract_cart::CartSnapshot;
use bloom_fault::{Code, Fault};
use bloom_kernel::{Currency, HoldId, Money};

use super::run::{CheckoutRun, Stop};
use super::step::Step;
use crate::checkout::checkout_replace_hold;
use crate::clients::{Authorisation, Authorise, cart_complete, cart_freeze, is_transient, payment_authorise, stock_hold};

impl CheckoutRun<'_> {
    /// Carries out a step.
    pub async fn act(&mut self, step: Step) -> Result<(), Stop> {
        let (app, context) = (self.app, self.context);
        let (id, cart, order) = (self.checkout.id, self.checkout.cart_id, self.checkout.order_id);
        match step {
            Step::FreezeCart => self.snapshot = Some(self.freeze_cart().await?),
            Step::HoldStock => self.hold().await?,
            Step::AuthorisePayment => self.authorise().await?,
            Step::PlaceOrder => self.place().await?,
            Step::CommitHold => self.commit_hold().await?,
            Step::CompleteCart => cart_complete(app, context, cart, id, order).await?,
        }
        Ok(())
    }

    pub async fn freeze_cart(&self) -> Result<CartSnapshot, Fault> {
        let buyer = (self.secrets.cart_token.as_deref(), self.secrets.expected_version);
        cart_freeze(self.app, self.context, self.checkout.cart_id, self.checkout.id, buyer).await
    }

    /// Holds every line. A hold that expired while the payer was away is replaced, if there is still enough stock.
    async fn hold(&mut self) -> Result<(), Stop> {
        let snapshot = self.snapshot.as_ref().ok_or_else(|| Fault::internal("stock is held after the cart is frozen"))?;
        let held = match stock_hold(self.app, self.context, self.checkout.hold_id, snapshot).await {
            Err(fault) if fault.reason == "hold_expired" => {
                self.replace_hold().await?;
                let snapshot = self.snapshot.as_ref().ok_or_else(|| Fault::internal("the cart is frozen"))?;
                stock_hold(self.app, self.context, self.checkout.hold_id, snapshot).await?
            }
            other => other?,
        };
        self.held = Some(held);
        Ok(())
    }

    /// Replaces an expired hold. The new id is committed before the request for the hold.
    pub async fn replace_hold(&mut self) -> Result<(), Stop> {
        let hold: HoldId = self.app.context.id(self.context.tenant);
        let mut tx = self.app.db.write(self.context).await?;
        if !checkout_replace_hold(&mut tx, &self.checkout, hold).await? {
            return Err(Stop::Overtaken);
        }
        tx.commit().await?;
        self.checkout.hold_id = hold;
        Ok(())
    }

    async fn authorise(&mut self) -> Result<(), Stop> {
        let snapshot = self.snapshot.as_ref().ok_or_else(|| Fault::internal("a payment follows a frozen cart"))?;
        if snapshot.total == 0 {
            return Ok(());
        }
        let currency = Currency::parse(&snapshot.currency).map_err(Fault::from)?;
        let input = Authorise {
            operation: self.checkout.authorise_id,
            payment: self.checkout.payment_id,
            checkout: self.checkout.id,
            order: self.checkout.order_id,
            amount: Money::new(snapshot.total, currency),
            provider: self.secrets.provider.as_deref(),
            token: &self.secrets.payment_token,
            return_url: self.secrets.return_url.as_deref(),
        };
        self.asked_for_payment = true;
        let payment = match payment_authorise(self.app, self.context, input).await {
            Ok(payment) => payment,
            Err(fault) => {
                // Payments stores nothing of a request that it refuses, so there is no payment.
                self.asked_for_payment = is_transient(&fault);
                return Err(at_payment(fault).into());
            }
        };
        let (authorisation, is_manual) = (payment.authorisation.clone(), payment.is_manual);
        self.payment = Some(payment);
        match authorisation {
            Authorisation::Authorised => Ok(()),
            // The merchant will confirm the payment, so the order waits for it and the buyer does not.
            Authorisation::Pending if is_manual => Ok(()),
            Authorisation::Pending | Authorisation::ActionRequired { .. } => Err(Stop::Wait),
            Authorisation::Refused { code, message } => Err(Stop::Refused { fault: declined(&code, &message), done: false }),
        }
    }
}

fn declined(code: &str, message: &str) -> Fault {
    let detail = "The payment was declined. Nothing was charged; try another way to pay.";
    let code = if code.is_empty() { "payment_declined" } else { code };
    let message = if message.is_empty() { "The provider declined the payment." } else { message };
    Fault::new(Code::Unprocessable, "payment_declined", detail).at("/payment/token", code, message)
}

/// Moves the pointers of payments to below `/payment`, where the buyer's request has these fields.
fn at_payment(fault: Fault) -> Fault {
    if is_transient(&fault) || fault.errors.is_empty() {
        return fault;
    }
    let moved = Fault::new(fault.code, fault.reason.clone(), fault.detail.clone());
    fault.errors.iter().fold(moved, |moved, wrong| {
        let pointer = match wrong.pointer.as_str() {
            known if known.starts_with("/payment") => known.to_owned(),
            other => format!("/payment{other}"),
        };
        moved.at(pointer, &wrong.code, &wrong.message)
    })
}
