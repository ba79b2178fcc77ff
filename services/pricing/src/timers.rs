//! The timers of this service, each with the function that it calls.

use std::sync::Arc;

use bloom_events::TimerHandler;
use bloom_fault::Fault;
use bloom_runtime::Call;
use futures::future::BoxFuture;
use serde_json::value::RawValue;

use crate::price_list::{self, DATE_REACHED};
use crate::terms::REPUBLISH;
use crate::{Pricing, republish};

/// All timers.
pub(crate) fn timers(app: &Pricing) -> [Arc<dyn TimerHandler>; 2] {
    [Arc::new(Republish(app.clone())), Arc::new(DateReached(app.clone()))]
}

struct Republish(Pricing);

impl TimerHandler for Republish {
    fn kind(&self) -> &'static str {
        REPUBLISH
    }

    fn fire<'a>(&'a self, call: &'a Call, key: &'a str, payload: &'a RawValue) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let pass = serde_json::from_str(payload.get()).map_err(Fault::internal)?;
            republish::pass_run(&self.0, call, key, &pass).await
        })
    }
}

struct DateReached(Pricing);

impl TimerHandler for DateReached {
    fn kind(&self) -> &'static str {
        DATE_REACHED
    }

    fn fire<'a>(&'a self, call: &'a Call, _: &'a str, payload: &'a RawValue) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let date = serde_json::from_str(payload.get()).map_err(Fault::internal)?;
            price_list::date_reached(&self.0, call, date).await
        })
    }
}
