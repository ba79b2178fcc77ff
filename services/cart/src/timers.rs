//! The timer that removes carts.

use bloom_events::TimerHandler;
use bloom_fault::Fault;
use bloom_runtime::RequestContext;
use futures::future::BoxFuture;
use serde_json::value::RawValue;

use crate::{Carts, cart};

/// The timer of a cart; its key is the cart's id.
pub(crate) struct ExpireCart(pub(crate) Carts);

impl TimerHandler for ExpireCart {
    fn kind(&self) -> &'static str {
        cart::EXPIRY_TIMER
    }

    fn fire<'a>(&'a self, call: &'a RequestContext, key: &'a str, _: &'a RawValue) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            match key.parse() {
                Ok(id) => cart::expire(&self.0, call, id).await,
                Err(_) => Ok(()),
            }
        })
    }
}
