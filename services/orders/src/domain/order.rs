//! The order: frozen facts of the purchase, and what has happened since.

use bloom_fault::{Code, Fault};
use bloom_kernel::{
    CartId, ChannelId, CheckoutId, Currency, DeliveryOptionId, LocationId, Metadata, Money, OrderId, OrderLineId, PaymentId,
    ProductId, SubjectId, Timestamp, VariantId,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fulfilment::{Fulfilment, FulfilmentState};
use super::refund::Refund;
use super::status::{FulfilmentStatus, PaymentStatus, Status, fulfilment_status, payment_status};

/// Whether prices include tax.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PriceBasis {
    /// They do.
    Gross,
    /// Tax comes on top.
    Net,
}

/// A postal address, as the cart took it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Address {
    /// Name of the recipient.
    pub name: String,
    /// Company.
    #[serde(default)]
    pub company: Option<String>,
    /// Street and number.
    pub line1: String,
    /// Floor, flat, building.
    #[serde(default)]
    pub line2: Option<String>,
    /// Town.
    pub city: String,
    /// State, province or county.
    #[serde(default)]
    pub region: Option<String>,
    /// Postal code.
    #[serde(default)]
    pub postal_code: Option<String>,
    /// ISO 3166-1 alpha-2 code.
    pub country: String,
    /// Telephone number.
    #[serde(default)]
    pub phone: Option<String>,
}

/// What identifies the buyer. Sealed at rest, absent from events, gone after an erasure.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Personal {
    /// Where the confirmation goes.
    pub email: Option<String>,
    /// Where the goods go.
    pub shipping_address: Option<Address>,
    /// Where the bill goes.
    pub billing_address: Option<Address>,
}

/// Tax of one rate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TaxLine {
    /// Name of the tax.
    pub name: String,
    /// Parts per million: 18 % is 180000.
    pub rate_ppm: u32,
    /// What is taxed.
    pub taxable: Money,
    /// The tax.
    pub tax: Money,
}

/// Units of a line that a location has set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Allocation {
    /// Where.
    pub location_id: LocationId,
    /// How many.
    pub quantity: i64,
    /// Of these, units that were not on hand.
    pub backordered: i64,
}

/// So many units of one variant. Prices and taxes are those of the moment of purchase, for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderLine {
    /// Its id.
    pub id: OrderLineId,
    /// What was bought.
    pub variant_id: VariantId,
    /// The variant's product.
    pub product_id: ProductId,
    /// Stock keeping unit.
    pub sku: String,
    /// Title of the product.
    pub title: String,
    /// Option values.
    pub variant_title: String,
    /// Units.
    pub quantity: i64,
    /// Price of a unit in the order's price basis.
    pub unit_price: Money,
    /// Unit price × quantity, in the order's price basis.
    pub subtotal: Money,
    /// Without tax.
    pub net: Money,
    /// The tax.
    pub tax: Money,
    /// With tax.
    pub total: Money,
    /// The tax by rate.
    pub taxes: Vec<TaxLine>,
    /// False for what needs no delivery.
    pub requires_shipping: bool,
    /// Where its units come from.
    pub allocations: Vec<Allocation>,
    /// Units whose money is given back or on its way.
    pub refunded_quantity: i64,
    /// Money given back for them.
    pub refunded: Money,
}

/// The chosen way to deliver, and what it cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Delivery {
    /// The option.
    pub option_id: DeliveryOptionId,
    /// What buyers read.
    pub name: String,
    /// The charge in the order's price basis.
    pub price: Money,
    /// Without tax.
    pub net: Money,
    /// The tax.
    pub tax: Money,
    /// With tax.
    pub total: Money,
}

/// What payments said last about the order's money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderPayment {
    /// The payment.
    pub id: PaymentId,
    /// Promised by the payer's bank.
    pub authorised: Money,
    /// Drawn.
    pub captured: Money,
    /// Given back.
    pub refunded: Money,
    /// Given up.
    pub voided: Money,
    /// Version of the payment that says so.
    pub version: i64,
}

/// An order. Events carry the same document without e-mail and addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Order {
    /// Its id.
    pub id: OrderId,
    /// What people call it; unique, rising, with gaps.
    pub number: String,
    /// Where it stands.
    pub status: Status,
    /// What became of the money; follows from the amounts.
    pub payment_status: PaymentStatus,
    /// What became of the goods; follows from the parcels.
    pub fulfilment_status: FulfilmentStatus,
    /// Where it was bought.
    pub channel_id: ChannelId,
    /// Currency of every amount.
    pub currency: Currency,
    /// Whether prices include tax.
    pub price_basis: PriceBasis,
    /// The cart that it was.
    pub cart_id: CartId,
    /// The checkout that placed it.
    pub checkout_id: CheckoutId,
    /// The person behind it, for erasure.
    pub subject_id: SubjectId,
    /// Where the confirmation goes.
    pub email: Option<String>,
    /// Where the goods go.
    pub shipping_address: Option<Address>,
    /// Where the bill goes; `null`: as the goods.
    pub billing_address: Option<Address>,
    /// What was bought.
    pub lines: Vec<OrderLine>,
    /// How it is delivered.
    pub delivery: Option<Delivery>,
    /// Sum of the lines' subtotals.
    pub subtotal: Money,
    /// Charge for delivery, in the order's price basis.
    pub delivery_total: Money,
    /// All tax.
    pub tax_total: Money,
    /// What it costs.
    pub total: Money,
    /// The tax by rate.
    pub taxes: Vec<TaxLine>,
    /// The money; `null` when there was nothing to pay.
    pub payment: Option<OrderPayment>,
    /// Parcels.
    pub fulfilments: Vec<Fulfilment>,
    /// Money given back.
    pub refunds: Vec<Refund>,
    /// Why it was canceled.
    pub cancel_reason: Option<String>,
    /// The merchant's own notes.
    pub metadata: Metadata,
    /// Rises with every change; the `ETag`.
    pub version: i64,
    /// When it was placed.
    pub placed_at: Timestamp,
    /// When its payment was promised.
    pub confirmed_at: Option<Timestamp>,
    /// When everything was shipped and paid.
    pub completed_at: Option<Timestamp>,
    /// When it was canceled.
    pub canceled_at: Option<Timestamp>,
    /// When it expired unpaid.
    pub expired_at: Option<Timestamp>,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Order {
    /// Puts the personal part in, or takes it out with the default.
    pub fn set_personal(&mut self, personal: Personal) {
        self.email = personal.email;
        self.shipping_address = personal.shipping_address;
        self.billing_address = personal.billing_address;
    }

    /// The personal part.
    pub fn personal(&self) -> Personal {
        Personal {
            email: self.email.clone(),
            shipping_address: self.shipping_address.clone(),
            billing_address: self.billing_address.clone(),
        }
    }

    /// What is stored and published: nothing personal.
    #[must_use]
    pub fn public(&self) -> Self {
        let mut public = self.clone();
        public.set_personal(Personal::default());
        public
    }

    /// The order as it was when it was placed, confirmed at once or not: what a repeated checkout is answered with.
    #[must_use]
    pub fn as_placed(&self, confirmed: bool) -> Self {
        let mut order = self.clone();
        order.fulfilments.clear();
        order.refunds.clear();
        for line in &mut order.lines {
            line.refunded_quantity = 0;
            line.refunded = Money::zero(order.currency);
        }
        if let Some(payment) = &mut order.payment {
            // An order that was confirmed at once began with its whole amount promised.
            let promised = if confirmed { order.total } else { Money::zero(order.currency) };
            let nothing = Money::zero(order.currency);
            *payment = OrderPayment {
                authorised: promised,
                captured: nothing,
                refunded: nothing,
                voided: nothing,
                version: 1,
                ..payment.clone()
            };
        }
        order.confirmed_at = confirmed.then_some(order.placed_at);
        order.status = if confirmed { Status::Confirmed } else { Status::Placed };
        (order.cancel_reason, order.completed_at, order.canceled_at, order.expired_at) = (None, None, None, None);
        order.metadata = Metadata::default();
        order.version = 1;
        order.updated_at = order.placed_at;
        order.derive(order.placed_at);
        order
    }

    /// Works out what nobody sets: both derived statuses, confirmation and completion.
    pub fn derive(&mut self, now: Timestamp) {
        self.payment_status = payment_status(self);
        if self.status == Status::Placed && self.is_covered() {
            self.status = Status::Confirmed;
            self.confirmed_at = Some(now);
        }
        self.fulfilment_status = fulfilment_status(self);
        let shipped = matches!(self.fulfilment_status, FulfilmentStatus::Fulfilled | FulfilmentStatus::Delivered);
        if self.status == Status::Confirmed && shipped && self.is_paid() {
            self.status = Status::Completed;
            self.completed_at = Some(now);
        }
    }

    /// True when the whole amount is promised or drawn.
    fn is_covered(&self) -> bool {
        let total = self.total.amount();
        let left = |payment: &OrderPayment| payment.authorised.amount() - payment.voided.amount();
        total == 0 || self.payment.as_ref().is_some_and(|payment| total <= left(payment))
    }

    /// True when the whole amount was drawn, whatever was given back since.
    fn is_paid(&self) -> bool {
        let total = self.total.amount();
        total == 0 || self.payment.as_ref().is_some_and(|payment| total <= payment.captured.amount())
    }

    /// Takes over what payments say, and says in a word what it is, and how much of it is new; nothing when it is older than
    /// what is known, or tells no other amounts.
    pub fn apply_payment(&mut self, news: &OrderPayment) -> Option<(&'static str, Money)> {
        let known = self.payment.as_mut().filter(|known| known.id == news.id && known.version < news.version)?;
        let amounts = [
            ("refunded", known.refunded, news.refunded),
            ("captured", known.captured, news.captured),
            ("voided", known.voided, news.voided),
            ("authorised", known.authorised, news.authorised),
        ];
        let (word, before, after) = amounts.into_iter().find(|(_, before, after)| before != after)?;
        known.clone_from(news);
        Some((word, Money::new(after.amount() - before.amount(), self.currency)))
    }

    /// Calls the order off. Legal until something was shipped.
    pub fn cancel(&mut self, reason: Option<String>, now: Timestamp) -> Result<(), Fault> {
        match self.status {
            Status::Placed | Status::Confirmed => {}
            Status::Completed => return Err(not_cancelable("It is completed; give money back with a refund.")),
            Status::Canceled => return Err(not_cancelable("It is canceled already.")),
            Status::Expired => return Err(not_cancelable("It has expired.")),
        }
        if self.fulfilments.iter().any(Fulfilment::has_left) {
            return Err(not_cancelable("Something was shipped; give money back with a refund."));
        }
        self.status = Status::Canceled;
        self.cancel_reason = reason;
        self.canceled_at = Some(now);
        self.drop_open_parcels(now);
        Ok(())
    }

    /// Ends an order that nobody paid; false when there is nothing to end.
    pub fn expire(&mut self, now: Timestamp) -> bool {
        if self.status != Status::Placed {
            return false;
        }
        self.status = Status::Expired;
        self.expired_at = Some(now);
        self.drop_open_parcels(now);
        true
    }

    fn drop_open_parcels(&mut self, now: Timestamp) {
        for parcel in self.fulfilments.iter_mut().filter(|parcel| parcel.status == FulfilmentState::Open) {
            parcel.status = FulfilmentState::Canceled;
            parcel.canceled_at = Some(now);
        }
    }
}

fn not_cancelable(why: &str) -> Fault {
    Fault::new(Code::Conflict, "order_not_cancelable", format!("This order cannot be canceled. {why}"))
}
