//! What is consumed (news of payments), exported, and checked.

use bloom_db::{SystemTx, TenantTx};
use bloom_events::{After, Breach, Check, Envelope, Export, Handler, StateRecord, schedule};
use bloom_fault::Fault;
use bloom_kernel::{CheckoutId, Money, OrderId, PaymentId, TenantId};
use bloom_runtime::RequestContext;
use chrono::TimeDelta;
use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use crate::domain::checkout::CheckoutStatus;
use crate::domain::order::OrderPayment;
use crate::ops::cancel_order::give_back_late;
use crate::ops::run_operation::{record_due, wake_operations};
use crate::ops::save_order::{Change, save};
use crate::ops::sync_payment::sync_soon;
use crate::saga::TIMER;
use crate::store::checkout::{checkout_concerned, checkout_export};
use crate::store::export::{
    money_of_ended_orders, open_operations, order_export, purchase_breaches, refused_parcels_gone, stuck_checkouts,
    total_breaches,
};
use crate::store::order::order_lock_of;
use crate::{NAME, Orders};

/// Wakes checkouts that wait for their payment, and keeps orders' amounts up to date.
pub struct PaymentNews(pub Orders);

/// What orders read of a payment.
#[derive(Deserialize)]
struct Payment {
    id: PaymentId,
    checkout_id: CheckoutId,
    provider: String,
    status: String,
    amount: Money,
    authorised: Money,
    captured: Money,
    refunded: Money,
    voided: Money,
    version: i64,
}

impl Payment {
    fn amounts(&self) -> OrderPayment {
        OrderPayment {
            id: self.id,
            authorised: self.authorised,
            captured: self.captured,
            refunded: self.refunded,
            voided: self.voided,
            version: self.version,
        }
    }

    /// True when the provider has said how it ends.
    fn is_decided(&self) -> bool {
        !matches!(self.status.as_str(), "pending" | "action_required" | "unknown")
    }

    /// True when it says no more than what an authorisation is answered with: its purchase knows already.
    fn is_plain(&self) -> bool {
        let nothing = [self.captured, self.refunded, self.voided].iter().all(|amount| amount.amount() == 0);
        self.provider != "manual" && self.authorised == self.amount && nothing
    }

    /// True when money is promised or drawn.
    fn has_money(&self) -> bool {
        self.voided.amount() < self.authorised.amount() && self.refunded.amount() < self.authorised.amount()
    }
}

impl Handler for PaymentNews {
    fn consumer(&self) -> &'static str {
        "orders.payments"
    }

    fn topics(&self) -> &'static [&'static str] {
        &["payments"]
    }

    fn wants(&self, kind: &str) -> bool {
        kind == "bloom.payments.payment.updated"
    }

    fn apply<'a>(&'a self, tx: &'a mut TenantTx, batch: &'a [Envelope]) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            // The last word on each payment counts.
            let mut news: Vec<Payment> = Vec::new();
            for event in batch {
                let payment: Payment = event.data()?;
                news.retain(|known| known.id != payment.id);
                news.push(payment);
            }
            self.wake(tx, &news).await?;
            self.note(tx, &news).await
        })
    }
}

impl PaymentNews {
    async fn wake(&self, tx: &mut TenantTx, news: &[Payment]) -> Result<(), Fault> {
        let ids: Vec<_> = news.iter().map(|payment| payment.checkout_id).collect();
        let now = self.0.host.now(tx.tenant());
        for concerned in checkout_concerned(tx, &ids).await? {
            let Some(payment) = news.iter().find(|payment| payment.checkout_id == concerned.id) else { continue };
            if concerned.status.may_place() && payment.is_decided() && !payment.is_plain() {
                sync_soon(&self.0, tx, concerned.id).await?;
            }
            let wake = match concerned.status {
                CheckoutStatus::PaymentPending | CheckoutStatus::ActionRequired => payment.is_decided(),
                // It failed while its authorisation was under way: that has arrived after all.
                CheckoutStatus::Failed => payment.has_money() || !payment.is_decided(),
                // Somebody works on it, or its timer will.
                CheckoutStatus::Processing | CheckoutStatus::Compensating | CheckoutStatus::Completed => false,
            };
            if wake {
                schedule(tx, TIMER, &concerned.id.to_string(), now, &()).await?;
            }
        }
        Ok(())
    }

    async fn note(&self, tx: &mut TenantTx, news: &[Payment]) -> Result<(), Fault> {
        let versions: Vec<_> = news.iter().map(|payment| (payment.checkout_id, payment.version)).collect();
        let orders = order_lock_of(tx, &versions).await?;
        let call = RequestContext::background(NAME, tx.tenant(), "service:payments");
        for order in &orders {
            wake_operations(&self.0, tx, order.id).await?;
        }
        for mut order in orders {
            let known = order.payment.as_ref().map(|payment| payment.id);
            let Some(payment) = news.iter().find(|payment| Some(payment.id) == known) else { continue };
            if let Some((word, amount)) = order.apply_payment(&payment.amounts()) {
                let data = json!({ "payment_id": payment.id, "status": payment.status, "amount": amount });
                let owed = give_back_late(&self.0, &call, &mut order);
                save(&self.0, &call, tx, &mut order, Change::new(word).data(data)).await?;
                record_due(&self.0, &call, tx, owed.as_slice()).await?;
            }
        }
        Ok(())
    }
}

/// The place behind the last record: nothing is before the nil ids.
fn place<T: From<Uuid> + std::str::FromStr>(after: Option<After>) -> Result<(TenantId, T), Fault> {
    let Some(after) = after else { return Ok((TenantId::from_uuid(Uuid::nil()), T::from(Uuid::nil()))) };
    let bad = |_| Fault::invalid("/after", "cursor", "This is not a cursor of this export.");
    Ok((after.tenant, after.aggregate.parse().map_err(bad)?))
}

/// Orders.
pub struct OrderExport;

impl Export for OrderExport {
    fn kind(&self) -> &'static str {
        "order.updated"
    }

    fn page<'a>(
        &'a self,
        tx: &'a mut SystemTx,
        after: Option<After>,
        limit: i64,
    ) -> BoxFuture<'a, Result<Vec<StateRecord>, Fault>> {
        Box::pin(async move {
            let orders = order_export(tx, place::<OrderId>(after)?, limit).await?;
            let records = orders.into_iter().map(|order| StateRecord {
                tenant: order.tenant,
                kind: self.kind(),
                aggregate: order.id.to_string(),
                version: order.version,
                data_json: order.document,
            });
            Ok(records.collect())
        })
    }
}

/// Checkouts that were published.
pub struct CheckoutExport;

impl Export for CheckoutExport {
    fn kind(&self) -> &'static str {
        "checkout.updated"
    }

    fn page<'a>(
        &'a self,
        tx: &'a mut SystemTx,
        after: Option<After>,
        limit: i64,
    ) -> BoxFuture<'a, Result<Vec<StateRecord>, Fault>> {
        Box::pin(async move {
            let checkouts = checkout_export(tx, place::<CheckoutId>(after)?, limit).await?;
            let records = checkouts.iter().map(|stored| {
                let checkout = stored.public();
                StateRecord::new(stored.tenant, self.kind(), checkout.id.to_string(), checkout.version, &checkout)
            });
            records.collect()
        })
    }
}

fn breaches(invariant: &'static str, details: Vec<String>) -> Vec<Breach> {
    details.into_iter().map(|detail| Breach { invariant, detail }).collect()
}

/// A checkout that is completed has its one order, and an order its completed checkout.
pub struct OneOrderPerCheckout;

impl Check for OneOrderPerCheckout {
    fn name(&self) -> &'static str {
        "one_order_per_checkout"
    }

    fn breaches<'a>(&'a self, tx: &'a mut SystemTx) -> BoxFuture<'a, Result<Vec<Breach>, Fault>> {
        Box::pin(async move { Ok(breaches(self.name(), purchase_breaches(tx).await?)) })
    }
}

/// What an order costs is the sum of its lines and its delivery.
pub struct TotalsAreSums;

impl Check for TotalsAreSums {
    fn name(&self) -> &'static str {
        "order_totals_are_sums"
    }

    fn breaches<'a>(&'a self, tx: &'a mut SystemTx) -> BoxFuture<'a, Result<Vec<Breach>, Fault>> {
        Box::pin(async move { Ok(breaches(self.name(), total_breaches(tx).await?)) })
    }
}

/// A checkout comes to its end within half a minute of its deadline.
pub struct NoCheckoutStuck(pub Orders);

impl Check for NoCheckoutStuck {
    fn name(&self) -> &'static str {
        "no_checkout_stuck"
    }

    fn breaches<'a>(&'a self, tx: &'a mut SystemTx) -> BoxFuture<'a, Result<Vec<Breach>, Fault>> {
        let latest = self.0.host.platform_now() - TimeDelta::seconds(30);
        Box::pin(async move { Ok(breaches(self.name(), stuck_checkouts(tx, latest).await?)) })
    }
}

/// Calls to other services that orders need come to their end; those that give stock back or a payment up, with success.
/// Stock may refuse a shipment.
pub struct OperationsSettled(pub Orders);

impl Check for OperationsSettled {
    fn name(&self) -> &'static str {
        "order_operations_settled"
    }

    fn breaches<'a>(&'a self, tx: &'a mut SystemTx) -> BoxFuture<'a, Result<Vec<Breach>, Fault>> {
        let latest = self.0.host.platform_now() - TimeDelta::hours(24);
        Box::pin(async move { Ok(breaches(self.name(), open_operations(tx, latest).await?)) })
    }
}

/// An order that ended unshipped holds no money, unless its refund is under way or was refused.
pub struct EndedOrdersHoldNothing;

impl Check for EndedOrdersHoldNothing {
    fn name(&self) -> &'static str {
        "ended_orders_hold_nothing"
    }

    fn breaches<'a>(&'a self, tx: &'a mut SystemTx) -> BoxFuture<'a, Result<Vec<Breach>, Fault>> {
        Box::pin(async move { Ok(breaches(self.name(), money_of_ended_orders(tx).await?)) })
    }
}

/// A parcel that stock refused has not left.
pub struct RefusedParcelsStay;

impl Check for RefusedParcelsStay {
    fn name(&self) -> &'static str {
        "refused_parcels_stay"
    }

    fn breaches<'a>(&'a self, tx: &'a mut SystemTx) -> BoxFuture<'a, Result<Vec<Breach>, Fault>> {
        Box::pin(async move { Ok(breaches(self.name(), refused_parcels_gone(tx).await?)) })
    }
}
