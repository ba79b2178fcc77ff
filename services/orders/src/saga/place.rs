//! The pivot: order, lines, number, events and the checkout's end in one commit. After it the purchase goes forward only.

use bloom_contract_cart::{CartSnapshot, SnapshotLine};
use bloom_contract_inventory::{Allocation as Committed, HoldReply};
use bloom_db::{seal::SubjectKey, seal::blind_index, seal::erased};
use bloom_events::{Draft, publish_many, schedule};
use bloom_fault::{Code, Fault, constraint};
use bloom_kernel::{CartLineId, Currency, Metadata, Money, OrderLineId, Timestamp};
use chrono::TimeDelta;

use super::drive::{Purchase, Standing, Stop};
use crate::domain::checkout::CheckoutStatus;
use crate::domain::order::{Address, Allocation, Delivery, Order, OrderLine, Personal, PriceBasis, TaxLine};
use crate::domain::status::{FulfilmentStatus, PaymentStatus, Status};
use crate::neighbours::{cart_freeze, stock_commit, stock_hold};
use crate::ops::cancel_order::{Stock, cancel_for_shortfall};
use crate::ops::expire_order;
use crate::ops::read_order::load;
use crate::ops::save_order::{Change, locked, save};
use crate::store::order::{PERSONAL, Sealed, document, order_place};
use crate::store::setting::setting_get;

impl Purchase<'_> {
    /// Places the order, unless the checkout was decided otherwise meanwhile.
    pub(super) async fn place(&mut self) -> Result<(), Stop> {
        let (app, call) = (self.app, self.call);
        let number = app.numbers.next(&app.db, call).await?;
        let now = app.host.now(call.tenant);
        let mut order = self.draft(number, now)?;
        order.derive(now);
        let manual = self.payment.as_ref().is_some_and(|payment| payment.manual);
        if order.status == Status::Placed && !manual {
            // The promise was given up between the provider's word and now.
            let fault = Fault::new(Code::Unprocessable, "payment_declined", "The payment was given up.");
            return Err(Stop::Refused { fault, done: true });
        }
        let mut checkout = self.checkout.clone();
        (checkout.status, checkout.confirmed) = (CheckoutStatus::Completed, order.status == Status::Confirmed);
        (checkout.action, checkout.instructions) = (None, None);
        (checkout.version, checkout.updated_at) = (checkout.version + 1, now);
        let (public, document) = (checkout.public(), document(&order)?);
        let mut write = app.db.write_once(call);
        if order.status == Status::Placed {
            let hours = setting_get(&mut *app.db.read(call.tenant).await?).await?.unpaid_hours;
            let expires = now + TimeDelta::hours(i64::from(hours));
            schedule(&mut write, expire_order::TIMER, &order.id.to_string(), expires, &()).await?;
        }
        let drafts = [
            Draft { kind: "order.placed", aggregate: order.id.to_string(), version: 1, data: &document, causation: None },
            Draft {
                kind: "checkout.updated",
                aggregate: checkout.id.to_string(),
                version: public.version,
                data: &public,
                causation: None,
            },
        ];
        publish_many(&mut write, &app.host, call, drafts).await?;
        match order_place(write, &order, number, &public, &self.seal(&order)?, &document).await {
            Ok(true) => {}
            Ok(false) => return Err(Stop::Overtaken),
            Err(error) => return Err(not_placed(error)),
        }
        (self.checkout, self.order) = (checkout, Some(order));
        Ok(())
    }

    fn seal(&self, order: &Order) -> Result<Sealed, Fault> {
        let (host, tenant) = (&self.app.host, self.call.tenant);
        let personal = order.personal();
        let email_index = personal.email.as_deref().map(|email| blind_index(host, tenant, "email", email));
        let plaintext = serde_json::to_vec(&personal).map_err(Fault::internal)?;
        // The subject is the cart's, and the cart becomes one order: this service has not heard of it before.
        let key = SubjectKey::fresh(host, tenant, order.subject_id);
        Ok(Sealed { personal: key.seal(host, PERSONAL, &plaintext), key, email_index })
    }

    /// The order as the cart, the hold and the payment make it.
    fn draft(&self, number: i64, now: Timestamp) -> Result<Order, Fault> {
        let (Some(snapshot), Some(held)) = (&self.snapshot, &self.held) else {
            return Err(Fault::internal("an order follows a frozen cart and held stock"));
        };
        let currency = Currency::parse(&snapshot.currency)?;
        let money = |amount: i64| Money::new(amount, currency);
        let personal = personal(snapshot)?;
        Ok(Order {
            id: self.checkout.order_id,
            number: number.to_string(),
            status: Status::Placed,
            payment_status: PaymentStatus::None,
            fulfilment_status: FulfilmentStatus::Unfulfilled,
            channel_id: read(&snapshot.channel_id)?,
            currency,
            price_basis: if snapshot.gross { PriceBasis::Gross } else { PriceBasis::Net },
            cart_id: self.checkout.cart_id,
            checkout_id: self.checkout.id,
            subject_id: read(&snapshot.subject_id)?,
            email: personal.email,
            shipping_address: personal.shipping_address,
            billing_address: personal.billing_address,
            lines: snapshot.lines.iter().map(|line| order_line(line, held, currency)).collect::<Result<_, _>>()?,
            delivery: delivery(snapshot, currency)?,
            subtotal: money(snapshot.subtotal),
            delivery_total: money(snapshot.delivery_total),
            tax_total: money(snapshot.tax_total),
            total: money(snapshot.total),
            taxes: taxes(&snapshot.taxes, currency)?,
            payment: self.payment.as_ref().map(|payment| payment.amounts.clone()),
            fulfilments: Vec::new(),
            refunds: Vec::new(),
            cancel_reason: None,
            metadata: Metadata::default(),
            version: 1,
            placed_at: now,
            confirmed_at: None,
            completed_at: None,
            canceled_at: None,
            expired_at: None,
            updated_at: now,
        })
    }

    /// Makes the held units the order's. A hold may have run out after the order was placed, while the fleet stood still: what
    /// can be had is held anew, and if there is too little, the order is canceled and its money given back.
    pub(super) async fn commit_hold(&mut self) -> Result<(), Stop> {
        let (app, call, order) = (self.app, self.call, self.checkout.order_id);
        let committed = match stock_commit(app, call, self.checkout.hold_id, order).await {
            Ok(committed) => committed,
            Err(fault) if has_ended(&fault) => {
                if !self.hold_anew().await? {
                    return Ok(());
                }
                stock_commit(app, call, self.checkout.hold_id, order).await?
            }
            Err(fault) => return Err(fault.into()),
        };
        self.take_over(&committed).await
    }

    /// False when there was too little, and the order is canceled.
    async fn hold_anew(&mut self) -> Result<bool, Stop> {
        let (app, call) = (self.app, self.call);
        let (id, cart, order) = (self.checkout.id, self.checkout.cart_id, self.checkout.order_id);
        match load(app, call, order).await?.status {
            Status::Placed | Status::Confirmed | Status::Completed => {}
            Status::Canceled | Status::Expired => return Ok(false),
        }
        let snapshot = cart_freeze(app, call, cart, id, &self.instructions).await?;
        self.take_new_hold().await?;
        match stock_hold(app, call, self.checkout.hold_id, &snapshot).await {
            Ok(_) => Ok(true),
            Err(fault) if fault.reason == "insufficient_stock" => {
                cancel_for_shortfall(app, call, order, Stock::NotAllocated).await?;
                Ok(false)
            }
            Err(fault) => Err(fault.into()),
        }
    }

    /// Where the order's units lie is what stock says: a hold that was taken anew, by whoever drove the checkout then, may
    /// have found them elsewhere.
    async fn take_over(&mut self, committed: &[Committed]) -> Result<(), Stop> {
        let (app, call) = (self.app, self.call);
        let order = match &self.order {
            Some(order) => order,
            None => &load(app, call, self.checkout.order_id).await?,
        };
        if is_known(order, committed)? {
            return Ok(());
        }
        let mut tx = app.db.write(call).await?;
        let (mut order, _) = locked(&mut tx, self.checkout.order_id).await?;
        for line in &mut order.lines {
            line.allocations = allocations(line.id, committed)?;
        }
        save(app, call, &mut tx, &mut order, Change::new("allocated_anew")).await?;
        tx.commit().await?;
        Ok(())
    }

    /// The checkout with its order, for an answer.
    pub(super) async fn placed(self, settled: bool) -> Result<Standing, Fault> {
        let order = match self.order {
            Some(order) => order,
            None => load(self.app, self.call, self.checkout.order_id).await?,
        };
        let mut checkout = self.checkout.public();
        checkout.order = Some(order.as_placed(self.checkout.confirmed));
        Ok(Standing::Placed { checkout: Box::new(checkout), settled })
    }
}

/// What the constraints say of an order that cannot be.
fn not_placed(error: sqlx::Error) -> Stop {
    match constraint(&error) {
        Some("subject_key_pkey") => Stop::Refused { fault: erased(), done: true },
        Some("checkout_cart_key") => {
            let detail = "This cart has become an order. Start a new cart.";
            Stop::Refused { fault: Fault::new(Code::Conflict, "cart_completed", detail), done: true }
        }
        _ => Fault::from(error).into(),
    }
}

/// True when a hold cannot be committed because it is over, or was never made.
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

fn read<T: std::str::FromStr>(id: &str) -> Result<T, Fault> {
    id.parse().map_err(|_| Fault::internal("a neighbour answered with an id that is none"))
}

fn taxes(lines: &[bloom_contract_cart::TaxLine], currency: Currency) -> Result<Vec<TaxLine>, Fault> {
    let lines = lines.iter().map(|line| line.read(currency)).collect::<Result<Vec<_>, _>>()?;
    serde_json::to_value(lines).and_then(serde_json::from_value).map_err(Fault::internal)
}

fn personal(snapshot: &CartSnapshot) -> Result<Personal, Fault> {
    serde_json::to_value(snapshot.personal_data()?).and_then(serde_json::from_value).map_err(Fault::internal)
}

/// A line of the order has the number of the cart's line: both name the same wish, and stock was held under it.
fn line_id(cart_line: &str) -> Result<OrderLineId, Fault> {
    Ok(OrderLineId::from_uuid(read::<CartLineId>(cart_line)?.uuid()))
}

fn allocations(line: OrderLineId, held: &[Committed]) -> Result<Vec<Allocation>, Fault> {
    let cart_line = CartLineId::from_uuid(line.uuid()).to_string();
    let parts = held.iter().filter(|part| part.line_id == cart_line);
    parts
        .map(|part| {
            let location_id = read(&part.location_id)?;
            Ok(Allocation { location_id, quantity: part.quantity, backordered: part.backordered })
        })
        .collect()
}

fn order_line(line: &SnapshotLine, held: &HoldReply, currency: Currency) -> Result<OrderLine, Fault> {
    let money = |amount: i64| Money::new(amount, currency);
    let id = line_id(&line.line_id)?;
    Ok(OrderLine {
        id,
        variant_id: read(&line.variant_id)?,
        product_id: read(&line.product_id)?,
        sku: line.sku.clone(),
        title: line.title.clone(),
        variant_title: line.variant_title.clone(),
        quantity: line.quantity,
        unit_price: money(line.unit_amount),
        subtotal: money(line.line_amount),
        net: money(line.net_amount),
        tax: money(line.tax_amount),
        total: money(line.gross_amount),
        taxes: taxes(&line.taxes, currency)?,
        requires_shipping: line.requires_shipping,
        allocations: allocations(id, &held.allocations)?,
        refunded_quantity: 0,
        refunded: money(0),
    })
}

fn delivery(snapshot: &CartSnapshot, currency: Currency) -> Result<Option<Delivery>, Fault> {
    let Some(choice) = &snapshot.delivery else { return Ok(None) };
    let money = |amount: i64| Money::new(amount, currency);
    Ok(Some(Delivery {
        option_id: read(&choice.option_id)?,
        name: choice.name.clone(),
        price: money(choice.amount),
        net: money(choice.net_amount),
        tax: money(choice.tax_amount),
        total: money(choice.gross_amount),
    }))
}
