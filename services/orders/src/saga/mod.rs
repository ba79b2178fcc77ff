//! The purchase of a cart.
//!
//! | step | do | undo |
//! |---|---|---|
//! | `FreezeCart` | the cart stands still, priced as its buyer saw it | it is the buyer's again |
//! | `HoldStock` | units of every line are held | they are released |
//! | `AuthorisePayment` | the amount is promised | the promise is given up, drawn money given back |
//! | `PlaceOrder` | order, number and event are committed | none: from here on it goes forward only |
//! | `CommitHold` | the hold becomes the order's allocation | – |
//! | `CompleteCart` | the cart is completed | – |
//!
//! Every id that a step names was committed with the checkout's row before the first step, so every step may be asked for
//! again and happens once. A checkout that is taken up again therefore starts from the top; no step keeps a state of its
//! own. That it has failed is committed before anything is undone, and placing the order takes the row from the states
//! that may still be placed: whichever comes first wins.

pub(crate) mod drive;
pub mod fault;
mod place;
mod undo;

use bloom_events::TimerHandler;
use bloom_fault::Fault;
use bloom_kernel::CheckoutId;
use bloom_runtime::RequestContext;
use futures::future::BoxFuture;
use serde_json::value::RawValue;

use crate::store::checkout::checkout_get;
use crate::{NAME, Orders};

/// A step of the purchase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// The cart stands still.
    FreezeCart,
    /// Units are held.
    HoldStock,
    /// The amount is promised.
    AuthorisePayment,
    /// The order exists.
    PlaceOrder,
    /// The units are the order's.
    CommitHold,
    /// The cart is completed.
    CompleteCart,
}

/// All steps, in order.
pub const STEPS: [Step; 6] =
    [Step::FreezeCart, Step::HoldStock, Step::AuthorisePayment, Step::PlaceOrder, Step::CommitHold, Step::CompleteCart];

impl Step {
    /// True once the order exists.
    pub const fn is_past_placing(self) -> bool {
        match self {
            Self::FreezeCart | Self::HoldStock | Self::AuthorisePayment | Self::PlaceOrder => false,
            Self::CommitHold | Self::CompleteCart => true,
        }
    }
}

/// Kind of the timer that takes a checkout up again; its key is the checkout's id.
pub const TIMER: &str = "checkout";

/// Takes up checkouts that nobody works on, asks after payments that wait, gives up those whose time is over.
pub struct CheckoutTimer(pub Orders);

impl TimerHandler for CheckoutTimer {
    fn kind(&self) -> &'static str {
        TIMER
    }

    fn fire<'a>(&'a self, call: &'a RequestContext, key: &'a str, _: &'a RawValue) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let Ok(id) = key.parse::<CheckoutId>() else { return Ok(()) };
            let stored = checkout_get(&mut *self.0.db.read(call.tenant).await?, id).await?;
            let Some(checkout) = stored else { return Ok(()) };
            let call =
                RequestContext { trace: call.trace.clone(), ..RequestContext::background(NAME, call.tenant, &checkout.actor) };
            drive::resume(&self.0, &call, checkout).await
        })
    }
}
