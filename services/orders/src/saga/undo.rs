//! A purchase that failed is undone: the decision is committed first, then every step is taken back, last one first.

use bloom_events::{Draft, cancel, publish, schedule};
use bloom_fault::{Code, Fault};
use chrono::TimeDelta;

use super::drive::{Purchase, Standing};
use super::fault::{Mishap, Moment};
use super::{STEPS, Step, TIMER};
use crate::domain::checkout::{CheckoutStatus, Failure, Tombstone};
use crate::neighbours::{Outcome, cart_unfreeze, payment_refund, payment_void, stock_release};
use crate::store::checkout::{checkout_compensate, checkout_delete, checkout_fail, checkout_forget};

/// How long a failed checkout is kept.
const KEPT: TimeDelta = TimeDelta::days(90);

impl Purchase<'_> {
    /// Ends the purchase after a refusal. Nothing when somebody else has decided meanwhile.
    pub(super) async fn fail(&mut self, step: Step, fault: Fault, done: bool) -> Result<Option<Standing>, Fault> {
        let (app, call) = (self.app, self.call);
        let mut tx = app.db.write(call).await?;
        if step == Step::FreezeCart && !done && self.is_alone() {
            // Refused before anything happened: nothing is kept, and the key may be used again.
            checkout_delete(&mut tx, self.checkout.id).await?;
            cancel(&mut tx, TIMER, &self.checkout.id.to_string()).await?;
            tx.commit().await?;
            return Ok(Some(Standing::Failed { fault, settled: true }));
        }
        let failure = Failure::of(&fault);
        let now = app.host.now(call.tenant);
        let Some(hold) = checkout_compensate(&mut tx, self.checkout.id, &failure, now).await? else { return Ok(None) };
        tx.commit().await?;
        // Another driver may have taken a new one for a hold that ran out.
        self.checkout.hold_id = hold;
        (self.checkout.status, self.checkout.failure) = (CheckoutStatus::Compensating, Some(failure));
        // What happened before this process took the checkout up is not known to it.
        let (last, done) = if self.fresh { (step, done) } else { (Step::AuthorisePayment, true) };
        let settled = self.undo_from(last, done).await;
        Ok(Some(Standing::Failed { fault, settled }))
    }

    /// Undoes everything that may have happened before this process took the checkout up.
    pub(super) async fn undo_all(mut self) -> Result<Standing, Fault> {
        let fault = self.failure();
        let settled = self.undo_from(Step::AuthorisePayment, true).await;
        Ok(Standing::Failed { fault, settled })
    }

    /// Nothing is left to undo, unless an authorisation that was under way when the checkout failed has arrived after all, or
    /// this driver held stock that whoever failed the checkout did not know of.
    pub(super) async fn failed(self) -> Result<Standing, Fault> {
        if self.held.is_some() {
            self.undo(Step::HoldStock).await?;
        }
        if !self.forget().await? {
            self.undo_payment().await?;
        }
        Ok(Standing::Failed { fault: self.failure(), settled: true })
    }

    fn failure(&self) -> Fault {
        let failed = || Fault::new(Code::Conflict, "checkout_failed", "The purchase failed and was undone.");
        self.checkout.failure.as_ref().map_or_else(failed, Failure::fault)
    }

    /// Takes back the steps before `last`, and that one too if it was `done`; true when all are.
    async fn undo_from(&mut self, last: Step, done: bool) -> bool {
        let undo = STEPS.iter().rev().copied().filter(|step| *step < last || done && *step == last || self.may_have(*step));
        for step in undo.collect::<Vec<_>>() {
            if let Err(fault) = self.undo_step(step).await {
                tracing::warn!(checkout = %self.checkout.id, ?step, cause = fault.chain(), "a step is undone again later");
                return false;
            }
        }
        match self.end().await {
            Ok(()) => true,
            Err(fault) => {
                tracing::warn!(checkout = %self.checkout.id, cause = fault.chain(), "a failed checkout is ended again later");
                false
            }
        }
    }

    /// True for a payment that was asked for and did not simply fail: something may be promised.
    fn may_have(&self, step: Step) -> bool {
        let nothing_promised = self.payment.as_ref().is_some_and(|payment| {
            let amounts = &payment.amounts;
            matches!(payment.outcome, Outcome::Refused { .. }) && amounts.authorised == amounts.voided
        });
        step == Step::AuthorisePayment && self.asked_for_payment && !nothing_promised
    }

    async fn undo_step(&self, step: Step) -> Result<(), Fault> {
        self.mishap_of_undo(step, Moment::BeforeUndo).await?;
        self.undo(step).await?;
        self.mishap_of_undo(step, Moment::AfterUndo).await
    }

    async fn mishap_of_undo(&self, step: Step, moment: Moment) -> Result<(), Fault> {
        match self.app.config.faults.at(step, moment) {
            None => Ok(()),
            Some(Mishap::Repeat) => self.undo(step).await,
            Some(Mishap::Crash | Mishap::Refusal | Mishap::Away) => {
                Err(Fault::new(Code::Unavailable, "unavailable", "").source(format!("a test stopped at {step:?}")))
            }
        }
    }

    async fn undo(&self, step: Step) -> Result<(), Fault> {
        let (app, call, checkout) = (self.app, self.call, &self.checkout);
        match step {
            Step::FreezeCart => done_or_unknown(cart_unfreeze(app, call, checkout.cart_id, checkout.id).await),
            Step::HoldStock => done_or_unknown(stock_release(app, call, checkout.hold_id).await),
            Step::AuthorisePayment if self.fresh && !self.asked_for_payment => Ok(()),
            Step::AuthorisePayment => self.undo_payment().await,
            Step::PlaceOrder | Step::CommitHold | Step::CompleteCart => Ok(()),
        }
    }

    /// Gives up what is promised, at once or as soon as it is known, and gives back what was drawn.
    async fn undo_payment(&self) -> Result<(), Fault> {
        let (app, call, checkout) = (self.app, self.call, &self.checkout);
        let amounts = match payment_void(app, call, checkout.void_id, checkout.payment_id).await {
            Ok(payment) => payment.amounts,
            Err(fault) => return done_or_unknown(Err(fault)),
        };
        let drawn = amounts.captured.amount() - amounts.refunded.amount();
        if 0 < drawn {
            let refund = payment_refund(app, call, checkout.refund_id, checkout.payment_id, drawn).await?;
            if refund.operation != Some(true) {
                return Err(Fault::new(Code::Unavailable, "unavailable", "").source("a refund is not through yet"));
            }
        }
        Ok(())
    }

    async fn end(&mut self) -> Result<(), Fault> {
        let (app, call) = (self.app, self.call);
        let now = app.host.now(call.tenant);
        let keep_key = !self.fresh || self.asked_for_payment;
        let mut tx = app.db.write(call).await?;
        if let Some(version) = checkout_fail(&mut tx, self.checkout.id, keep_key, now).await? {
            let checkout = &mut self.checkout;
            (checkout.status, checkout.version, checkout.updated_at) = (CheckoutStatus::Failed, version, now);
            let (aggregate, data) = (checkout.id.to_string(), checkout.public());
            let draft = Draft { kind: "checkout.updated", aggregate, version, data: &data, causation: None };
            publish(&mut tx, &app.host, call, draft).await?;
        }
        let forget = self.checkout.updated_at + KEPT;
        schedule(&mut tx, TIMER, &self.checkout.id.to_string(), forget, &()).await?;
        tx.commit().await
    }

    /// Forgets a checkout that failed long ago; false when it is not that long.
    pub(super) async fn forget(&self) -> Result<bool, Fault> {
        let (app, call, checkout) = (self.app, self.call, &self.checkout);
        let at = checkout.updated_at + KEPT;
        let over = at <= app.host.now(call.tenant);
        let mut tx = app.db.write(call).await?;
        if over {
            checkout_forget(&mut tx, checkout.id).await?;
            let tombstone = Tombstone { id: checkout.id, deleted: true, version: checkout.version + 1 };
            let (aggregate, version) = (checkout.id.to_string(), tombstone.version);
            let draft = Draft { kind: "checkout.deleted", aggregate, version, data: &tombstone, causation: None };
            publish(&mut tx, &app.host, call, draft).await?;
        } else {
            schedule(&mut tx, TIMER, &checkout.id.to_string(), at, &()).await?;
        }
        tx.commit().await?;
        Ok(over)
    }
}

/// What a neighbour has never heard of needs no undoing.
fn done_or_unknown(outcome: Result<(), Fault>) -> Result<(), Fault> {
    match outcome {
        Err(fault) if fault.code == Code::NotFound => Ok(()),
        other => other,
    }
}
