//! Invariants that `bloom check` proves.

use bloom_db::SystemTx;
use bloom_events::{Breach, Check};
use bloom_fault::Fault;
use futures::future::BoxFuture;

use crate::cart::carts_with_wrong_total;

/// The total of a cart is the sum of its lines and its delivery.
pub(crate) struct TotalsAreSums;

impl Check for TotalsAreSums {
    fn name(&self) -> &'static str {
        "cart_totals_are_sums"
    }

    fn breaches<'a>(&'a self, tx: &'a mut SystemTx) -> BoxFuture<'a, Result<Vec<Breach>, Fault>> {
        Box::pin(async move {
            let carts = carts_with_wrong_total(tx).await?;
            let breach = |cart| Breach {
                invariant: self.name(),
                detail: format!("the total of {cart} is not the sum of its lines and its delivery"),
            };
            Ok(carts.into_iter().map(breach).collect())
        })
    }
}
