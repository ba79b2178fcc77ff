//! Drives a checkout through its steps, in the request that began it and in the timer that resumes it.

use std::time::Duration;

use bloom_contract_cart::CartSnapshot;
use bloom_contract_inventory::HoldReply;
use bloom_events::Publish as _;
use bloom_fault::{Code, Fault};
use bloom_kernel::CheckoutId;
use bloom_runtime::RequestContext;
use chrono::TimeDelta;
use sqlx::types::Json;
use tokio::time::Instant;

use super::fault_injection::{FaultKind, Moment, refusal, unavailable};
use super::step::{STEPS, Step};
use crate::checkout::{
    Checkout, CheckoutAction, CheckoutRecord, CheckoutSecrets, CheckoutStatus, TIMER, checkout_get, checkout_settle,
    checkout_wait, open,
};
use crate::clients::{Authorisation, Payment, is_transient};
use crate::order::Order;
use crate::{NAME, Orders};

/// How long a request retries steps whose service is unreachable. Then the timer takes over.
const RETRY_BUDGET: Duration = Duration::from_secs(3);

/// When a checkout with an unfinished step is resumed.
const RESUME_AFTER: TimeDelta = TimeDelta::seconds(2);

/// Why the steps stopped.
#[derive(Debug)]
pub enum Stop {
    /// The payment has no final answer yet.
    Wait,
    /// Permanently refused. `done`: the step took effect all the same.
    Refused { fault: Fault, done: bool },
    /// A service is unreachable, or its reply was lost; the step will be repeated.
    Later(Fault),
    /// A test crashes the process.
    Crash,
    /// Another driver has changed the checkout meanwhile: read it again.
    Overtaken,
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        if is_transient(&fault) { Self::Later(fault) } else { Self::Refused { fault, done: false } }
    }
}

impl From<sqlx::Error> for Stop {
    fn from(error: sqlx::Error) -> Self {
        Fault::from(error).into()
    }
}

/// How a run of the saga ended.
#[derive(Debug)]
pub enum Outcome {
    /// The order is placed. Not `settled`: something is left to do in other services.
    Placed { checkout: Box<Checkout>, settled: bool },
    /// It waits for its payment; its timer is set.
    Open(Box<Checkout>),
    /// A service is unreachable; the caller has to set a timer.
    Interrupted(Box<Checkout>),
    /// It failed. Not `settled`: something is left to undo in other services.
    Failed { fault: Fault, settled: bool },
}

/// One run of the saga for a checkout.
pub struct CheckoutRun<'a> {
    pub app: &'a Orders,
    pub context: &'a RequestContext,
    pub checkout: CheckoutRecord,
    pub secrets: CheckoutSecrets,
    pub snapshot: Option<CartSnapshot>,
    pub held: Option<HoldReply>,
    pub payment: Option<Payment>,
    /// When the run began.
    began: Instant,
    /// True for the request that began the checkout: it knows all that has been done.
    pub is_first_run: bool,
    /// True when this run has requested the payment.
    pub asked_for_payment: bool,
    pub order: Option<Order>,
}

/// Drives a checkout that has just begun.
pub async fn run(
    app: &Orders,
    context: &RequestContext,
    checkout: CheckoutRecord,
    secrets: CheckoutSecrets,
) -> Result<Outcome, Fault> {
    Box::pin(CheckoutRun::new(app, context, checkout, secrets, true).drive()).await
}

/// Resumes a checkout that no request drives: what its timer does. Sets the timer again unless the checkout is settled.
pub async fn resume(app: &Orders, context: &RequestContext, id: CheckoutId, (): ()) -> Result<(), Fault> {
    let Some(checkout) = checkout_get(&mut *app.db.read(context.tenant).await?, id).await? else { return Ok(()) };
    let context =
        &RequestContext { trace: context.trace.clone(), ..RequestContext::background(NAME, context.tenant, &checkout.actor) };
    let secrets = match &checkout.secrets {
        Some(sealed) => open(&app.context, context.tenant, id, sealed)?,
        None => CheckoutSecrets::default(),
    };
    match Box::pin(CheckoutRun::new(app, context, checkout, secrets, false).drive()).await? {
        Outcome::Placed { settled: true, .. } | Outcome::Failed { settled: true, .. } | Outcome::Open(_) => return Ok(()),
        Outcome::Placed { settled: false, .. } | Outcome::Failed { settled: false, .. } | Outcome::Interrupted(_) => {}
    }
    let again = app.context.now(context.tenant) + RESUME_AFTER;
    let mut tx = app.db.write(context).await?;
    tx.schedule(TIMER, &id.to_string(), again, &());
    tx.commit().await
}

impl<'a> CheckoutRun<'a> {
    fn new(
        app: &'a Orders,
        context: &'a RequestContext,
        checkout: CheckoutRecord,
        secrets: CheckoutSecrets,
        is_first_run: bool,
    ) -> Self {
        Self {
            app,
            context,
            checkout,
            secrets,
            snapshot: None,
            held: None,
            payment: None,
            began: Instant::now(),
            is_first_run,
            asked_for_payment: false,
            order: None,
        }
    }

    async fn drive(mut self) -> Result<Outcome, Fault> {
        // A status that another driver has changed meanwhile is read again; it changes at most three times.
        for _ in 0..4 {
            let stopped = match self.checkout.status {
                CheckoutStatus::Processing | CheckoutStatus::PaymentPending | CheckoutStatus::ActionRequired => {
                    self.forward(&STEPS).await
                }
                CheckoutStatus::Completed if self.checkout.settled => return self.placed(true).await,
                CheckoutStatus::Completed => self.forward(&STEPS[4..]).await,
                CheckoutStatus::Compensating => return self.undo_all().await,
                CheckoutStatus::Failed => return self.failed().await,
            };
            let (step, stop) = match stopped {
                Ok(()) => return Box::pin(self.settle()).await,
                Err(stopped) => stopped,
            };
            match stop {
                Stop::Wait => {
                    if self.wait().await? {
                        return Ok(Outcome::Open(Box::new(self.checkout.public())));
                    }
                    self.reload().await?;
                }
                // A placed order stays placed; the remaining steps are repeated until they are done.
                Stop::Refused { fault, .. } if step.is_past_placing() => return Box::pin(self.interrupted(step, fault)).await,
                Stop::Refused { fault, done } => match self.fail(step, fault, done).await? {
                    Some(outcome) => return Ok(outcome),
                    None => self.reload().await?,
                },
                Stop::Later(fault) => return Box::pin(self.interrupted(step, fault)).await,
                Stop::Crash => return Err(unavailable(step)),
                Stop::Overtaken => self.reload().await?,
            }
        }
        Ok(Outcome::Interrupted(Box::new(self.checkout.public())))
    }

    /// True while no other driver can have resumed the checkout: its timer is not due yet.
    pub fn is_only_driver(&self) -> bool {
        let due = self.app.config.resume_after().to_std().unwrap_or_default();
        self.is_first_run && self.began.elapsed() + Duration::from_secs(1) < due
    }

    async fn reload(&mut self) -> Result<(), Fault> {
        let mut conn = self.app.db.read(self.context.tenant).await?;
        let stored = checkout_get(&mut conn, self.checkout.id).await?;
        self.checkout = stored.ok_or_else(|| Fault::not_found("checkout"))?;
        // The saga starts again at its first step, so the step at which it stops does not show what has to be undone.
        self.is_first_run = false;
        Ok(())
    }

    async fn forward(&mut self, steps: &[Step]) -> Result<(), (Step, Stop)> {
        for &step in steps {
            if self.checkout.status.may_place() && self.checkout.deadline <= self.app.context.now(self.context.tenant) {
                // The previous step is undone with the rest.
                return Err((step, Stop::Refused { fault: too_late(), done: true }));
            }
            self.with_retry(step).await.map_err(|stop| (step, stop))?;
        }
        Ok(())
    }

    /// Runs a step, and retries it briefly while a buyer waits for the reply, because a service may only be busy.
    async fn with_retry(&mut self, step: Step) -> Result<(), Stop> {
        let mut pause = Duration::from_millis(50);
        let mut may_be_done = false;
        loop {
            match self.step(step).await {
                Err(Stop::Later(_)) if self.is_first_run && self.began.elapsed() + pause < RETRY_BUDGET => {
                    may_be_done = true;
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
                // An earlier call whose reply was lost may have taken effect.
                Err(Stop::Refused { fault, done }) => return Err(Stop::Refused { fault, done: done || may_be_done }),
                other => return other,
            }
        }
    }

    /// One step, with the faults that a test injects.
    async fn step(&mut self, step: Step) -> Result<(), Stop> {
        self.inject_fault(step, Moment::Before).await?;
        self.act(step).await?;
        self.inject_fault(step, Moment::After).await
    }

    async fn inject_fault(&mut self, step: Step, moment: Moment) -> Result<(), Stop> {
        match self.app.config.faults.take(step, moment) {
            None => Ok(()),
            Some(FaultKind::Repeat) => self.act(step).await,
            Some(FaultKind::Crash) => Err(Stop::Crash),
            Some(FaultKind::Refusal) => Err(Stop::Refused { fault: refusal(step), done: moment == Moment::After }),
            Some(FaultKind::Unreachable) => Err(Stop::Later(unavailable(step))),
        }
    }

    /// Stores that the payment is pending, and when to query it; false when another driver has decided meanwhile.
    async fn wait(&mut self) -> Result<bool, Fault> {
        let now = self.app.context.now(self.context.tenant);
        let action = match self.payment.as_ref().map(|payment| &payment.authorisation) {
            Some(Authorisation::ActionRequired { kind, url }) => {
                Some(Json(CheckoutAction { r#type: kind.clone(), url: url.clone() }))
            }
            Some(Authorisation::Pending | Authorisation::Authorised | Authorisation::Refused { .. }) | None => None,
        };
        let status = if action.is_some() { CheckoutStatus::ActionRequired } else { CheckoutStatus::PaymentPending };
        let checkout = &mut self.checkout;
        let has_changed = checkout.status != status || checkout.action != action;
        checkout.deadline = checkout.created_at + self.app.config.payment_timeout();
        checkout.attempts += 1;
        checkout.version += i64::from(has_changed);
        checkout.updated_at = now;
        (checkout.status, checkout.action) = (status, action);
        let ask_again = (now + poll_interval(checkout.attempts)).min(checkout.deadline);
        let mut tx = self.app.db.write(self.context).await?;
        if !checkout_wait(&mut tx, checkout).await? {
            return Ok(false);
        }
        tx.schedule(TIMER, &checkout.id.to_string(), ask_again, &());
        if has_changed {
            tx.publish(&checkout.public());
        }
        tx.commit().await?;
        Ok(true)
    }

    /// Leaves the step to the timer. A checkout that may still be placed fails at its deadline.
    async fn interrupted(self, step: Step, fault: Fault) -> Result<Outcome, Fault> {
        tracing::warn!(checkout = %self.checkout.id, ?step, cause = fault.chain(), "a checkout is resumed later");
        match self.checkout.status {
            CheckoutStatus::Completed => self.placed(false).await,
            CheckoutStatus::Processing
            | CheckoutStatus::PaymentPending
            | CheckoutStatus::ActionRequired
            | CheckoutStatus::Compensating
            | CheckoutStatus::Failed => Ok(Outcome::Interrupted(Box::new(self.checkout.public()))),
        }
    }

    /// Stores that nothing is left to do.
    async fn settle(mut self) -> Result<Outcome, Fault> {
        let mut write = self.app.db.write_once(self.context);
        write.unschedule(TIMER, &self.checkout.id.to_string());
        checkout_settle(write, self.checkout.id).await?;
        self.checkout.settled = true;
        self.placed(true).await
    }
}

/// The wait before the next query for the payment: one second, doubling, at most half a minute.
fn poll_interval(attempts: i32) -> TimeDelta {
    TimeDelta::seconds(1 << attempts.clamp(1, 6) >> 1).min(TimeDelta::seconds(30))
}

fn too_late() -> Fault {
    let detail = "The checkout was not finished in time and was undone. Nothing was charged; try again.";
    Fault::new(Code::Conflict, "checkout_expired", detail)
}
