//! The pivot of the saga: order, number, events and the end of the checkout in one commit. After it the saga only goes forward.

use bloom_contract_inventory::Allocation as Committed;
use bloom_db::seal::{SubjectKey, blind_index};
use bloom_events::Publish as _;
use bloom_fault::{Code, Fault};
use chrono::TimeDelta;

use super::draft::{allocations, order_draft};
use super::run::{CheckoutRun, Outcome, Stop};
use super::store::{Sealed, order_place};
use crate::checkout::CheckoutStatus;
use crate::clients::{stock_commit_hold, stock_hold};
use crate::order::{
    Change, EXPIRY_TIMER, Order, OrderDocument, OrderStatus, PERSONAL, cancel_for_shortfall, lock_order, read_order, save,
};
use crate::settings::settings_get;

impl CheckoutRun<'_> {
    /// Places the order, unless another driver has failed the checkout meanwhile.
    pub async fn place(&mut self) -> Result<(), Stop> {
        let (app, context) = (self.app, self.context);
        let number = app.numbers.next(&app.db, context).await?;
        let now = app.context.now(context.tenant);
        let (Some(snapshot), Some(held)) = (&self.snapshot, &self.held) else {
            return Err(Fault::internal("an order follows a frozen cart and held stock").into());
        };
        let mut order = order_draft(&self.checkout, snapshot, held, self.payment.as_ref(), number, now)?;
        order.derive(now);
        let is_manual = self.payment.as_ref().is_some_and(|payment| payment.is_manual);
        if order.status == OrderStatus::Placed && !is_manual {
            // The authorisation was voided since the provider answered.
            let fault = Fault::new(Code::Unprocessable, "payment_declined", "The payment was voided.");
            return Err(Stop::Refused { fault, done: true });
        }
        let mut checkout = self.checkout.clone();
        (checkout.status, checkout.confirmed) = (CheckoutStatus::Completed, order.status == OrderStatus::Confirmed);
        (checkout.action, checkout.secrets) = (None, None);
        (checkout.version, checkout.updated_at) = (checkout.version + 1, now);
        let (public, document) = (checkout.public(), OrderDocument::new(&order)?);
        let mut write = app.db.write_once(context);
        if order.status == OrderStatus::Placed {
            let hours = settings_get(&mut *app.db.read(context.tenant).await?).await?.unpaid_hours;
            let expires = now + TimeDelta::hours(i64::from(hours.get()));
            write.schedule(EXPIRY_TIMER, &order.id.to_string(), expires, &());
        }
        write.publish_as("placed", &document);
        write.publish(&public);
        match order_place(write, &order, number, &public, &self.seal(&order)?, &document).await {
            Ok(true) => {}
            Ok(false) => return Err(Stop::Overtaken),
            Err(error) => return Err(app.db.explain(error.into()).into()),
        }
        (self.checkout, self.order) = (checkout, Some(order));
        Ok(())
    }

    fn seal(&self, order: &Order) -> Result<Sealed, Fault> {
        let (host, tenant) = (&self.app.context, self.context.tenant);
        let personal = order.personal();
        let email_index = personal.email.as_deref().map(|email| blind_index(host, tenant, "email", email));
        let plaintext = serde_json::to_vec(&personal).map_err(Fault::internal)?;
        // A data subject belongs to one cart and a cart becomes one order, so this service has no key for the subject yet.
        let key = SubjectKey::fresh(host, tenant, order.subject_id);
        Ok(Sealed { personal: key.seal(host, PERSONAL, &plaintext), key, email_index })
    }

    /// Allocates the held units to the order. A hold may have expired after the order was placed, if the fleet was down: the units
    /// are held again, and if there is too little stock, the order is canceled and its payment voided.
    pub async fn commit_hold(&mut self) -> Result<(), Stop> {
        let (app, context, order) = (self.app, self.context, self.checkout.order_id);
        let committed = match stock_commit_hold(app, context, self.checkout.hold_id, order).await {
            Ok(committed) => committed,
            Err(fault) if has_ended(&fault) => {
                if !self.hold_again().await? {
                    return Ok(());
                }
                stock_commit_hold(app, context, self.checkout.hold_id, order).await?
            }
            Err(fault) => return Err(fault.into()),
        };
        self.store_allocations(&committed).await
    }

    /// False when there was too little stock, and the order is canceled.
    async fn hold_again(&mut self) -> Result<bool, Stop> {
        let (app, context) = (self.app, self.context);
        let order = self.checkout.order_id;
        match read_order(app, context, order).await?.status {
            OrderStatus::Placed | OrderStatus::Confirmed | OrderStatus::Completed => {}
            OrderStatus::Canceled | OrderStatus::Expired => return Ok(false),
        }
        let snapshot = self.freeze_cart().await?;
        self.replace_hold().await?;
        match stock_hold(app, context, self.checkout.hold_id, &snapshot).await {
            Ok(_) => Ok(true),
            Err(fault) if fault.reason == "insufficient_stock" => {
                cancel_for_shortfall(app, context, order).await?;
                Ok(false)
            }
            Err(fault) => Err(fault.into()),
        }
    }

    /// Stores the locations of the order's units from inventory's reply: a replaced hold may have units at other locations.
    async fn store_allocations(&mut self, committed: &[Committed]) -> Result<(), Stop> {
        let (app, context) = (self.app, self.context);
        let order = match &self.order {
            Some(order) => order,
            None => &read_order(app, context, self.checkout.order_id).await?,
        };
        if is_known(order, committed)? {
            return Ok(());
        }
        let id = self.checkout.order_id;
        let stored = app.db.transaction(context, async |tx| {
            let mut order = lock_order(tx, id).await?;
            for line in &mut order.lines {
                line.allocations = allocations(line.id, committed)?;
            }
            save(tx, &mut order, Change::new("allocated_anew")).await
        });
        Ok(stored.await?)
    }

    /// The checkout with its order, for a reply.
    pub async fn placed(self, settled: bool) -> Result<Outcome, Fault> {
        let order = match self.order {
            Some(order) => order,
            None => read_order(self.app, self.context, self.checkout.order_id).await?,
        };
        let mut checkout = self.checkout.public();
        checkout.order = Some(order.as_placed(self.checkout.confirmed));
        Ok(Outcome::Placed { checkout: Box::new(checkout), settled })
    }
}

/// True when a hold cannot be committed because it has ended, or was never placed.
fn has_ended(fault: &Fault) -> bool {
    matches!(&*fault.reason, "hold_expired" | "not_found")
}

fn is_known(order: &Order, committed: &[Committed]) -> Result<bool, Fault> {
    for line in &order.lines {
        if line.allocations != allocations(line.id, committed)? {
            return Ok(false);
        }
    }
    Ok(true)
}
