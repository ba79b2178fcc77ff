//! Undoes a failed checkout: the decision is committed first, then every step is undone in reverse order.

use bloom_events::Publish as _;
use bloom_fault::{Code, Fault};
use chrono::TimeDelta;

use super::fault_injection::{FaultKind, Moment, unavailable};
use super::run::{CheckoutRun, Outcome};
use super::step::{STEPS, Step};
use crate::checkout::{CheckoutStatus, TIMER, checkout_delete, checkout_fail, checkout_purge, compensate};
use crate::clients::{Authorisation, cart_unfreeze, payment_refund, payment_void, stock_release_hold};
use crate::failure::Failure;

/// How long a failed checkout is kept.
const RETENTION: TimeDelta = TimeDelta::days(90);

impl CheckoutRun<'_> {
    /// Ends the saga after a refusal; nothing when another driver has decided meanwhile.
    pub async fn fail(&mut self, step: Step, fault: Fault, done: bool) -> Result<Option<Outcome>, Fault> {
        let (app, context) = (self.app, self.context);
        let mut tx = app.db.write(context).await?;
        if step == Step::FreezeCart && !done && self.is_only_driver() {
            // Refused before it had any effect: nothing is kept, and the idempotency key may be used again.
            checkout_delete(&mut tx, self.checkout.id).await?;
            tx.unschedule(TIMER, &self.checkout.id.to_string());
            tx.commit().await?;
            return Ok(Some(Outcome::Failed { fault, settled: true }));
        }
        if !compensate(&mut tx, &mut self.checkout, Failure::of(&fault)).await? {
            return Ok(None);
        }
        tx.commit().await?;
        // A resumed run does not know what earlier runs have done.
        let (last, done) = if self.is_first_run { (step, done) } else { (Step::AuthorisePayment, true) };
        let settled = self.undo_from(last, done).await;
        Ok(Some(Outcome::Failed { fault, settled }))
    }

    /// Undoes everything that earlier runs may have done.
    pub async fn undo_all(mut self) -> Result<Outcome, Fault> {
        let fault = self.failure();
        let settled = self.undo_from(Step::AuthorisePayment, true).await;
        Ok(Outcome::Failed { fault, settled })
    }

    /// A failed checkout has nothing left to undo, with two exceptions: a pending authorisation has succeeded after all, or this run held
    /// stock that the run which failed the checkout did not know of.
    pub async fn failed(self) -> Result<Outcome, Fault> {
        if self.held.is_some() {
            self.undo(Step::HoldStock).await?;
        }
        if !self.purge().await? {
            self.undo_payment().await?;
        }
        Ok(Outcome::Failed { fault: self.failure(), settled: true })
    }

    fn failure(&self) -> Fault {
        let failed = || Fault::new(Code::Conflict, "checkout_failed", "The checkout failed and was undone.");
        self.checkout.failure.as_ref().map_or_else(failed, |failure| failure.fault())
    }

    /// Undoes the steps before `last`, and `last` itself if it was `done`; true when all are undone.
    async fn undo_from(&mut self, last: Step, done: bool) -> bool {
        let undo =
            STEPS.iter().rev().copied().filter(|step| *step < last || done && *step == last || self.may_be_authorised(*step));
        for step in undo.collect::<Vec<_>>() {
            if let Err(fault) = self.undo_step(step).await {
                tracing::warn!(checkout = %self.checkout.id, ?step, cause = fault.chain(), "a step is undone later");
                return false;
            }
        }
        match self.end().await {
            Ok(()) => true,
            Err(fault) => {
                tracing::warn!(checkout = %self.checkout.id, cause = fault.chain(), "a failed checkout is ended later");
                false
            }
        }
    }

    /// True for a payment that was requested and did not just fail: it may be authorised.
    fn may_be_authorised(&self, step: Step) -> bool {
        let just_failed = self.payment.as_ref().is_some_and(|payment| {
            matches!(payment.authorisation, Authorisation::Refused { .. }) && payment.authorised == payment.voided
        });
        step == Step::AuthorisePayment && self.asked_for_payment && !just_failed
    }

    async fn undo_step(&self, step: Step) -> Result<(), Fault> {
        self.inject_undo_fault(step, Moment::BeforeUndo).await?;
        self.undo(step).await?;
        self.inject_undo_fault(step, Moment::AfterUndo).await
    }

    async fn inject_undo_fault(&self, step: Step, moment: Moment) -> Result<(), Fault> {
        match self.app.config.faults.take(step, moment) {
            None => Ok(()),
            Some(FaultKind::Repeat) => self.undo(step).await,
            Some(FaultKind::Crash | FaultKind::Refusal | FaultKind::Unreachable) => Err(unavailable(step)),
        }
    }

    async fn undo(&self, step: Step) -> Result<(), Fault> {
        let (app, context, checkout) = (self.app, self.context, &self.checkout);
        match step {
            Step::FreezeCart => done_or_unknown(cart_unfreeze(app, context, checkout.cart_id, checkout.id).await),
            Step::HoldStock => done_or_unknown(stock_release_hold(app, context, checkout.hold_id).await),
            Step::AuthorisePayment if self.is_first_run && !self.asked_for_payment => Ok(()),
            Step::AuthorisePayment => self.undo_payment().await,
            Step::PlaceOrder | Step::CommitHold | Step::CompleteCart => Ok(()),
        }
    }

    /// Voids what is authorised, now or as soon as it is known, and refunds what was captured.
    async fn undo_payment(&self) -> Result<(), Fault> {
        let (app, context, checkout) = (self.app, self.context, &self.checkout);
        let payment = match payment_void(app, context, checkout.void_id, checkout.payment_id).await {
            Ok(payment) => payment,
            Err(fault) => return done_or_unknown(Err(fault)),
        };
        let held = payment.captured.amount() - payment.refunded.amount();
        if 0 < held {
            let refund = payment_refund(app, context, checkout.refund_id, checkout.payment_id, held).await?;
            if refund.operation_succeeded != Some(true) {
                return Err(Fault::new(Code::Unavailable, "unavailable", "").source("a refund is still pending"));
            }
        }
        Ok(())
    }

    async fn end(&mut self) -> Result<(), Fault> {
        let (app, context) = (self.app, self.context);
        let now = app.context.now(context.tenant);
        let keep_key = !self.is_first_run || self.asked_for_payment;
        let mut tx = app.db.write(context).await?;
        if let Some(version) = checkout_fail(&mut tx, self.checkout.id, keep_key, now).await? {
            let checkout = &mut self.checkout;
            (checkout.status, checkout.version, checkout.updated_at) = (CheckoutStatus::Failed, version, now);
            tx.publish(&checkout.public());
        }
        let purge = self.checkout.updated_at + RETENTION;
        tx.schedule(TIMER, &self.checkout.id.to_string(), purge, &());
        tx.commit().await
    }

    /// Deletes a checkout that failed long ago; false when it is too recent.
    pub async fn purge(&self) -> Result<bool, Fault> {
        let (app, context, checkout) = (self.app, self.context, &self.checkout);
        let at = checkout.updated_at + RETENTION;
        let over = at <= app.context.now(context.tenant);
        let mut tx = app.db.write(context).await?;
        if over {
            checkout_purge(&mut tx, checkout.id).await?;
            tx.publish_deleted(&checkout.public());
        } else {
            tx.schedule(TIMER, &checkout.id.to_string(), at, &());
        }
        tx.commit().await?;
        Ok(over)
    }
}

/// An object that the other service does not know needs no undoing.
fn done_or_unknown(outcome: Result<(), Fault>) -> Result<(), Fault> {
    match outcome {
        Err(fault) if fault.code == Code::NotFound => Ok(()),
        other => other,
    }
}
