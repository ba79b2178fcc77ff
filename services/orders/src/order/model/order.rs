//! The order: the facts of the purchase, which never change, and what has happened since.

use bloom_kernel::{
    Address, CartId, ChannelId, CheckoutId, Currency, DeliveryOptionId, Email, LocationId, Metadata, MetadataPatch, Money,
    OperationId, OrderId, OrderLineId, PaymentId, PersonalData, PriceBasis, ProductId, SubjectId, TaxLine, Timestamp, VariantId,
    update,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fulfilment::Fulfilment;
use super::refund::Refund;
use super::status::{FulfilmentStatus, OrderPaymentStatus, OrderStatus};
use crate::operation::{Operation, OperationKind, OperationStatus};

/// Units of a line that are allocated at a location.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Allocation {
    /// The location.
    pub location_id: LocationId,
    /// How many.
    pub quantity: i64,
    /// Of these, units that were not on hand when the order was placed.
    pub backordered: i64,
}

/// Units of one variant. Prices and taxes stay those of the purchase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderLine {
    /// Its id.
    pub id: OrderLineId,
    /// The variant.
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
    /// False for goods that need no delivery.
    pub requires_shipping: bool,
    /// Where its units come from.
    pub allocations: Vec<Allocation>,
    /// Units that are refunded or being refunded.
    pub refunded_quantity: i64,
    /// Money refunded for them.
    pub refunded: Money,
}

/// The chosen delivery option, and what it cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderDelivery {
    /// The option.
    pub option_id: DeliveryOptionId,
    /// Its name for buyers.
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

/// The amounts of an order's payment, as of one version of the payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderPayment {
    /// The payment.
    pub id: PaymentId,
    /// Authorised by the payer's bank.
    pub authorised: Money,
    /// Captured.
    pub captured: Money,
    /// Refunded.
    pub refunded: Money,
    /// Voided.
    pub voided: Money,
    /// Version of the payment with these amounts.
    pub version: i64,
}

/// An order. Events carry the same document without e-mail and addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Order {
    /// Its id.
    pub id: OrderId,
    /// Number for people: unique, rising, with gaps.
    pub number: String,
    /// Its status.
    pub status: OrderStatus,
    /// Status of the payment; follows from the amounts.
    pub payment_status: OrderPaymentStatus,
    /// Status of the goods; follows from the fulfilments.
    pub fulfilment_status: FulfilmentStatus,
    /// The channel in which it was bought.
    pub channel_id: ChannelId,
    /// Currency of every amount.
    pub currency: Currency,
    /// Whether prices include tax.
    pub price_basis: PriceBasis,
    /// The cart that was bought.
    pub cart_id: CartId,
    /// The checkout that placed it.
    pub checkout_id: CheckoutId,
    /// The buyer as a data subject, for erasure.
    pub subject_id: SubjectId,
    /// The buyer's e-mail address.
    pub email: Option<Email>,
    /// Address for the goods.
    pub shipping_address: Option<Address>,
    /// Address for the invoice; `null`: the shipping address.
    pub billing_address: Option<Address>,
    /// The lines.
    pub lines: Vec<OrderLine>,
    /// The delivery.
    pub delivery: Option<OrderDelivery>,
    /// Sum of the lines' subtotals.
    pub subtotal: Money,
    /// Charge for delivery, in the order's price basis.
    pub delivery_total: Money,
    /// All tax.
    pub tax_total: Money,
    /// Sum of lines and delivery, with tax.
    pub total: Money,
    /// The tax by rate.
    pub taxes: Vec<TaxLine>,
    /// The payment; `null` when there was nothing to pay.
    pub payment: Option<OrderPayment>,
    /// The fulfilments.
    pub fulfilments: Vec<Fulfilment>,
    /// The refunds.
    pub refunds: Vec<Refund>,
    /// Why it was canceled.
    pub cancel_reason: Option<String>,
    /// The merchant's own notes.
    pub metadata: Metadata,
    /// Rises with every change; the `ETag`.
    pub version: i64,
    /// When it was placed.
    pub placed_at: Timestamp,
    /// When its payment was authorised.
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

update! {
    /// A change of an order; a field that is absent stays as it is.
    pub struct OrderUpdate {
        /// Pairs to merge into the metadata; `null` removes a key.
        pub metadata: MetadataPatch,
    }
}

impl Order {
    /// Sets the personal data, or removes them with the default.
    pub fn set_personal(&mut self, personal: PersonalData) {
        self.email = personal.email;
        self.shipping_address = personal.shipping_address;
        self.billing_address = personal.billing_address;
    }

    /// The personal data.
    pub fn personal(&self) -> PersonalData {
        PersonalData {
            email: self.email.clone(),
            shipping_address: self.shipping_address.clone(),
            billing_address: self.billing_address.clone(),
        }
    }

    /// The order without personal data: what is stored and published.
    #[must_use]
    pub fn public(&self) -> Self {
        let mut public = self.clone();
        public.set_personal(PersonalData::default());
        public
    }

    /// The order as it was when it was placed, the reply to a repeated checkout. It may have been confirmed at once.
    #[must_use]
    pub fn as_placed(&self, confirmed: bool) -> Self {
        let mut order = self.clone();
        let nothing = Money::zero(order.currency);
        order.fulfilments.clear();
        order.refunds.clear();
        for line in &mut order.lines {
            line.refunded_quantity = 0;
            line.refunded = nothing;
        }
        if let Some(payment) = &mut order.payment {
            // An order that was confirmed at once was placed with its whole amount authorised.
            let authorised = if confirmed { order.total } else { nothing };
            let (captured, refunded, voided) = (nothing, nothing, nothing);
            *payment = OrderPayment { id: payment.id, authorised, captured, refunded, voided, version: 1 };
        }
        order.confirmed_at = confirmed.then_some(order.placed_at);
        order.status = if confirmed { OrderStatus::Confirmed } else { OrderStatus::Placed };
        (order.cancel_reason, order.completed_at, order.canceled_at, order.expired_at) = (None, None, None, None);
        order.metadata = Metadata::default();
        order.version = 1;
        order.updated_at = order.placed_at;
        order.derive(order.placed_at);
        order
    }

    /// A new operation of this order.
    pub fn operation(&self, id: OperationId, kind: OperationKind, actor: &str, now: Timestamp) -> Operation {
        Operation {
            id,
            order_id: self.id,
            payment_id: self.payment.as_ref().map(|payment| payment.id),
            kind,
            status: OperationStatus::Running,
            amount: None,
            target_id: None,
            units: Vec::new(),
            with_fulfilment: false,
            failure: None,
            actor: actor.to_owned(),
            attempts: 0,
            created_at: now,
        }
    }
}
