//! The timers of this service: each resumes what a request or an event has left to it.

use bloom_events::TimerHandler;
use bloom_fault::Fault;
use bloom_runtime::RequestContext;
use futures::future::BoxFuture;
use serde_json::value::RawValue;

use crate::Orders;
use crate::checkout::{self, sync_payment};
use crate::checkout_saga::resume;
use crate::operation;
use crate::order::{self, expire, resume_operation};

/// Resumes a checkout, asks for its payment, or purges it.
pub(crate) struct ResumeCheckout(pub(crate) Orders);

impl TimerHandler for ResumeCheckout {
    fn kind(&self) -> &'static str {
        checkout::TIMER
    }

    fn fire<'a>(&'a self, call: &'a RequestContext, key: &'a str, _: &'a RawValue) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move { if let Ok(id) = key.parse() { resume(&self.0, call, id).await } else { Ok(()) } })
    }
}

/// Runs an operation again that has no final answer.
pub(crate) struct ResumeOperation(pub(crate) Orders);

impl TimerHandler for ResumeOperation {
    fn kind(&self) -> &'static str {
        operation::TIMER
    }

    fn fire<'a>(&'a self, call: &'a RequestContext, key: &'a str, _: &'a RawValue) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move { if let Ok(id) = key.parse() { resume_operation(&self.0, call, id).await } else { Ok(()) } })
    }
}

/// Expires an unpaid order.
pub(crate) struct ExpireOrder(pub(crate) Orders);

impl TimerHandler for ExpireOrder {
    fn kind(&self) -> &'static str {
        order::EXPIRY_TIMER
    }

    fn fire<'a>(&'a self, call: &'a RequestContext, key: &'a str, _: &'a RawValue) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move { if let Ok(id) = key.parse() { expire(&self.0, call, id).await } else { Ok(()) } })
    }
}

/// Asks for the payment of a new order.
pub(crate) struct SyncPayment(pub(crate) Orders);

impl TimerHandler for SyncPayment {
    fn kind(&self) -> &'static str {
        checkout::PAYMENT_TIMER
    }

    fn fire<'a>(&'a self, call: &'a RequestContext, key: &'a str, _: &'a RawValue) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move { if let Ok(id) = key.parse() { sync_payment(&self.0, call, id).await } else { Ok(()) } })
    }
}
