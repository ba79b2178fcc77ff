//! Drives a checkout through its steps: by the request that began it, and by the timer that takes it up again.

use std::time::Duration;

use bloom_contract_cart::CartSnapshot;
use bloom_contract_inventory::HoldReply;
use bloom_events::{Draft, cancel, publish, schedule};
use bloom_fault::{Code, Fault};
use bloom_kernel::{HoldId, Money};
use bloom_runtime::RequestContext;
use chrono::TimeDelta;
use tokio::time::Instant;

use super::fault::{Mishap, Moment, refusal};
use super::{STEPS, Step, TIMER};
use crate::domain::checkout::{Checkout, CheckoutStatus};
use crate::domain::order::Order;
use crate::instructions::Instructions;
use crate::neighbours::{Authorise, Outcome, Payment, cart_complete, cart_freeze, is_transient, payment_authorise, stock_hold};
use crate::store::checkout::{Stored, checkout_get, checkout_rehold, checkout_settle, checkout_wait};
use crate::{Orders, instructions};

/// How long a request asks busy neighbours again, before the timer does.
const PATIENCE: Duration = Duration::from_secs(3);

/// When a checkout is taken up again whose neighbours were away.
const AGAIN: TimeDelta = TimeDelta::seconds(2);

/// Why the steps stopped.
#[derive(Debug)]
pub(super) enum Stop {
    /// The payment has to be waited for.
    Wait,
    /// Refused for good. `done`: the step took effect all the same.
    Refused { fault: Fault, done: bool },
    /// A neighbour is away, or its answer was lost: to be asked again.
    Later(Fault),
    /// The process died, says a test.
    Crash,
    /// Somebody else has decided meanwhile: look again.
    Overtaken,
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        if is_transient(&fault) { Self::Later(fault) } else { Self::Refused { fault, done: false } }
    }
}

/// What has become of a checkout.
#[derive(Debug)]
pub(crate) enum Standing {
    /// The order is placed. Not `settled`: something is left to do in other services.
    Placed { checkout: Box<Checkout>, settled: bool },
    /// It waits for its payment, and has set its timer.
    Open(Box<Checkout>),
    /// A neighbour is away, whatever the checkout was doing: whoever drives it has to set a timer.
    Interrupted(Box<Checkout>),
    /// It failed. Not `settled`: something is left to undo in other services.
    Failed { fault: Fault, settled: bool },
}

/// One checkout being driven.
pub(super) struct Purchase<'a> {
    pub(super) app: &'a Orders,
    pub(super) call: &'a RequestContext,
    pub(super) checkout: Stored,
    pub(super) instructions: Instructions,
    pub(super) snapshot: Option<CartSnapshot>,
    pub(super) held: Option<HoldReply>,
    pub(super) payment: Option<Payment>,
    /// When this process took it up.
    began: Instant,
    /// True for the request that began the checkout: nothing has happened that it does not know of.
    pub(super) fresh: bool,
    /// True when it has come as far as asking for the payment.
    pub(super) asked_for_payment: bool,
    pub(super) order: Option<Order>,
}

/// Drives a checkout that has just begun.
pub(crate) async fn begin(
    app: &Orders,
    call: &RequestContext,
    checkout: Stored,
    instructions: Instructions,
) -> Result<Standing, Fault> {
    Box::pin(Purchase::new(app, call, checkout, instructions, true).drive()).await
}

/// Takes a checkout up again.
pub(super) async fn resume(app: &Orders, call: &RequestContext, checkout: Stored) -> Result<(), Fault> {
    let instructions = match &checkout.instructions {
        Some(sealed) => instructions::open(&app.host, call.tenant, checkout.id, sealed)?,
        None => Instructions::default(),
    };
    let id = checkout.id;
    let ended = match Box::pin(Purchase::new(app, call, checkout, instructions, false).drive()).await? {
        Standing::Placed { settled, .. } | Standing::Failed { settled, .. } => settled,
        Standing::Open(_) => true,
        Standing::Interrupted(_) => false,
    };
    if ended {
        return Ok(());
    }
    let again = app.host.now(call.tenant) + AGAIN;
    let mut tx = app.db.write(call).await?;
    schedule(&mut tx, TIMER, &id.to_string(), again, &()).await?;
    tx.commit().await
}

impl<'a> Purchase<'a> {
    fn new(app: &'a Orders, call: &'a RequestContext, checkout: Stored, instructions: Instructions, fresh: bool) -> Self {
        Self {
            app,
            call,
            checkout,
            instructions,
            snapshot: None,
            held: None,
            payment: None,
            began: Instant::now(),
            fresh,
            asked_for_payment: false,
            order: None,
        }
    }

    async fn drive(mut self) -> Result<Standing, Fault> {
        // A state that somebody else changed meanwhile is looked at anew; it changes at most three times.
        for _ in 0..4 {
            let outcome = match self.checkout.status {
                CheckoutStatus::Processing | CheckoutStatus::PaymentPending | CheckoutStatus::ActionRequired => {
                    self.forward(&STEPS).await
                }
                CheckoutStatus::Completed if self.checkout.settled => return self.placed(true).await,
                CheckoutStatus::Completed => self.forward(&STEPS[4..]).await,
                CheckoutStatus::Compensating => return self.undo_all().await,
                CheckoutStatus::Failed => return self.failed().await,
            };
            match outcome {
                Ok(()) => return Box::pin(self.settle()).await,
                Err((_, Stop::Wait)) => {
                    if self.wait().await? {
                        return Ok(Standing::Open(Box::new(self.checkout.public())));
                    }
                    self.reload().await?;
                }
                // A placed order stands: what is left to do is tried until it is done.
                Err((step, Stop::Refused { fault, .. })) if step.is_past_placing() => {
                    return Box::pin(self.later(step, fault)).await;
                }
                Err((step, Stop::Refused { fault, done })) => match self.fail(step, fault, done).await? {
                    Some(standing) => return Ok(standing),
                    None => self.reload().await?,
                },
                Err((step, Stop::Later(fault))) => return Box::pin(self.later(step, fault)).await,
                Err((step, Stop::Crash)) => {
                    return Err(Fault::new(Code::Unavailable, "unavailable", "").source(format!("a test stopped at {step:?}")));
                }
                Err((_, Stop::Overtaken)) => self.reload().await?,
            }
        }
        Ok(Standing::Interrupted(Box::new(self.checkout.public())))
    }

    /// True while nobody else can have taken the checkout up: its timer has not come yet.
    pub(super) fn is_alone(&self) -> bool {
        self.fresh && self.began.elapsed() + Duration::from_secs(1) < self.app.config.resume_after().to_std().unwrap_or_default()
    }

    async fn reload(&mut self) -> Result<(), Fault> {
        let mut connection = self.app.db.read(self.call.tenant).await?;
        let stored = checkout_get(&mut connection, self.checkout.id).await?;
        self.checkout = stored.ok_or_else(|| Fault::not_found("checkout"))?;
        // It begins from the top again: where it stops no longer tells what has to be undone.
        self.fresh = false;
        Ok(())
    }

    async fn forward(&mut self, steps: &[Step]) -> Result<(), (Step, Stop)> {
        for &step in steps {
            if self.checkout.status.may_place() && self.checkout.deadline <= self.app.host.now(self.call.tenant) {
                // What the step before has begun is undone with the rest.
                return Err((step, Stop::Refused { fault: too_late(), done: true }));
            }
            self.patiently(step).await.map_err(|stop| (step, stop))?;
        }
        Ok(())
    }

    /// A step, asked for again for a moment while a buyer waits for the answer: a neighbour may just be busy.
    async fn patiently(&mut self, step: Step) -> Result<(), Stop> {
        let mut pause = Duration::from_millis(50);
        let mut is_unclear = false;
        loop {
            match self.step(step).await {
                Err(Stop::Later(_)) if self.fresh && self.began.elapsed() + pause < PATIENCE => {
                    is_unclear = true;
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
                // What was asked before, and had no answer, may have been done.
                Err(Stop::Refused { fault, done }) => return Err(Stop::Refused { fault, done: done || is_unclear }),
                other => return other,
            }
        }
    }

    /// One step, and the faults that a test wants around it.
    async fn step(&mut self, step: Step) -> Result<(), Stop> {
        self.mishap(step, Moment::Before).await?;
        self.act(step).await?;
        self.mishap(step, Moment::After).await
    }

    async fn mishap(&mut self, step: Step, moment: Moment) -> Result<(), Stop> {
        match self.app.config.faults.at(step, moment) {
            None => Ok(()),
            Some(Mishap::Repeat) => self.act(step).await,
            Some(Mishap::Crash) => Err(Stop::Crash),
            Some(Mishap::Refusal) => Err(Stop::Refused { fault: refusal(step), done: moment == Moment::After }),
            Some(Mishap::Away) => Err(Stop::Later(
                Fault::new(Code::Unavailable, "unavailable", "").source(format!("away at {step:?}, says a test")),
            )),
        }
    }

    async fn act(&mut self, step: Step) -> Result<(), Stop> {
        let (app, call) = (self.app, self.call);
        let (id, cart, order) = (self.checkout.id, self.checkout.cart_id, self.checkout.order_id);
        match step {
            Step::FreezeCart => self.snapshot = Some(cart_freeze(app, call, cart, id, &self.instructions).await?),
            Step::HoldStock => self.hold().await?,
            Step::AuthorisePayment => self.authorise().await?,
            Step::PlaceOrder => self.place().await?,
            Step::CommitHold => self.commit_hold().await?,
            Step::CompleteCart => cart_complete(app, call, cart, id, order).await?,
        }
        Ok(())
    }

    /// Holds every line; a hold that ran out while the payer was away is taken anew, if there is still enough.
    async fn hold(&mut self) -> Result<(), Stop> {
        let snapshot = self.snapshot.as_ref().ok_or_else(|| Fault::internal("stock is held after the cart is frozen"))?;
        let held = match stock_hold(self.app, self.call, self.checkout.hold_id, snapshot).await {
            Err(fault) if fault.reason == "hold_expired" => {
                self.take_new_hold().await?;
                let snapshot = self.snapshot.as_ref().ok_or_else(|| Fault::internal("the cart is frozen"))?;
                stock_hold(self.app, self.call, self.checkout.hold_id, snapshot).await?
            }
            other => other?,
        };
        self.held = Some(held);
        Ok(())
    }

    /// Another hold for one that has ended; its id is committed before it is asked for.
    pub(super) async fn take_new_hold(&mut self) -> Result<(), Stop> {
        let hold: HoldId = self.app.host.id(self.call.tenant);
        let mut tx = self.app.db.write(self.call).await?;
        if !checkout_rehold(&mut tx, &self.checkout, hold).await? {
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
        let currency = bloom_kernel::Currency::parse(&snapshot.currency).map_err(Fault::from)?;
        let ask = Authorise {
            operation: self.checkout.authorise_id,
            payment: self.checkout.payment_id,
            checkout: self.checkout.id,
            amount: Money::new(snapshot.total, currency),
            instructions: &self.instructions,
        };
        self.asked_for_payment = true;
        let payment = match payment_authorise(self.app, self.call, ask).await {
            Ok(payment) => payment,
            Err(fault) => {
                // A refusal of the request itself is not recorded over there: no payment was asked for.
                self.asked_for_payment = is_transient(&fault);
                return Err(at_payment(fault).into());
            }
        };
        let outcome = payment.outcome.clone();
        let manual = payment.manual;
        self.payment = Some(payment);
        match outcome {
            Outcome::Promised => Ok(()),
            // People will say: the order waits for them, not the buyer.
            Outcome::Open if manual => Ok(()),
            Outcome::Open | Outcome::Action(_) => Err(Stop::Wait),
            Outcome::Refused { code, message } => Err(Stop::Refused { fault: declined(&code, &message), done: false }),
        }
    }

    /// Notes that the payment has to be waited for, and when to ask after it; false when that is no longer the question.
    async fn wait(&mut self) -> Result<bool, Fault> {
        let now = self.app.host.now(self.call.tenant);
        let action = match self.payment.as_ref().map(|payment| &payment.outcome) {
            Some(Outcome::Action(action)) => Some(action.clone()),
            Some(Outcome::Open | Outcome::Promised | Outcome::Refused { .. }) | None => None,
        };
        let status = if action.is_some() { CheckoutStatus::ActionRequired } else { CheckoutStatus::PaymentPending };
        let checkout = &mut self.checkout;
        let is_news = checkout.status != status || checkout.action != action;
        checkout.deadline = checkout.created_at + self.app.config.payment_timeout();
        checkout.attempts += 1;
        checkout.version += i64::from(is_news);
        checkout.updated_at = now;
        (checkout.status, checkout.action) = (status, action);
        let ask_again = (now + patience(checkout.attempts)).min(checkout.deadline);
        let mut tx = self.app.db.write(self.call).await?;
        if !checkout_wait(&mut tx, checkout).await? {
            return Ok(false);
        }
        schedule(&mut tx, TIMER, &checkout.id.to_string(), ask_again, &()).await?;
        if is_news {
            let (aggregate, data) = (checkout.id.to_string(), checkout.public());
            let draft = Draft { kind: "checkout.updated", aggregate, version: data.version, data: &data, causation: None };
            publish(&mut tx, &self.app.host, self.call, draft).await?;
        }
        tx.commit().await?;
        Ok(true)
    }

    /// A neighbour is away: the timer comes back to it. What may still be placed is given up in time, by the deadline.
    async fn later(self, step: Step, fault: Fault) -> Result<Standing, Fault> {
        tracing::warn!(checkout = %self.checkout.id, ?step, cause = fault.chain(), "a checkout is taken up again later");
        match self.checkout.status {
            CheckoutStatus::Completed => self.placed(false).await,
            CheckoutStatus::Processing
            | CheckoutStatus::PaymentPending
            | CheckoutStatus::ActionRequired
            | CheckoutStatus::Compensating
            | CheckoutStatus::Failed => Ok(Standing::Interrupted(Box::new(self.checkout.public()))),
        }
    }

    /// Nothing is left to do.
    async fn settle(mut self) -> Result<Standing, Fault> {
        let mut write = self.app.db.write_once(self.call);
        cancel(&mut write, TIMER, &self.checkout.id.to_string()).await?;
        checkout_settle(write, self.checkout.id).await?;
        self.checkout.settled = true;
        self.placed(true).await
    }
}

/// How long to wait before the payment is asked after again: one second, doubling, at most half a minute.
fn patience(attempts: i32) -> TimeDelta {
    TimeDelta::seconds(1 << attempts.clamp(1, 6) >> 1).min(TimeDelta::seconds(30))
}

fn too_late() -> Fault {
    let detail = "The purchase was not finished in time and was undone. Nothing was charged; try again.";
    Fault::new(Code::Conflict, "checkout_expired", detail)
}

fn declined(code: &str, message: &str) -> Fault {
    let detail = "The payment was declined. Nothing was charged; try another way to pay.";
    let code = if code.is_empty() { "payment_declined" } else { code };
    let message = if message.is_empty() { "The provider declined the payment." } else { message };
    Fault::new(Code::Unprocessable, "payment_declined", detail).at("/payment/token", code, message)
}

/// Payments name their own fields; the buyer knows those of the checkout.
fn at_payment(fault: Fault) -> Fault {
    if is_transient(&fault) || fault.errors.is_empty() {
        return fault;
    }
    let told = Fault::new(fault.code, fault.reason.clone(), fault.detail.clone());
    fault.errors.iter().fold(told, |told, wrong| {
        let pointer = match wrong.pointer.as_str() {
            known if known.starts_with("/payment") => known.to_owned(),
            other => format!("/payment{other}"),
        };
        told.at(pointer, &wrong.code, &wrong.message)
    })
}
