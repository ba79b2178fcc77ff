//! A cart: its lines, choices and totals, its status, and the changes of its lines.

use bloom_contract_cart::CartRefusal;
use bloom_fault::{Code, Fault};
use bloom_kernel::{
    Address, CartId, CartLineId, ChannelId, CheckoutId, Currency, DeliveryOptionId, Email, Metadata, Money, Name, OrderId,
    PersonalData, PriceBasis, ProductId, Quantity, SubjectId, TaxLine, Timestamp, VariantId, ViolationCode,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::problem::CartProblem;
use crate::delivery_option::Parcel;

/// The most lines of a cart.
pub(super) const LINES_MAX: usize = 200;

/// The status of a cart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CartStatus {
    /// Its buyer may change it.
    Open,
    /// A checkout holds it.
    Frozen,
    /// It became an order.
    Completed,
}

impl CartStatus {
    /// The value in the database and on the wire.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Frozen => "frozen",
            Self::Completed => "completed",
        }
    }
}

/// A number of units of one variant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct CartLine {
    /// Its id.
    pub id: CartLineId,
    /// The variant; a cart has one line per variant.
    pub variant_id: VariantId,
    /// The variant's product.
    pub product_id: ProductId,
    /// Stock keeping unit.
    pub sku: String,
    /// Title of the product.
    pub title: String,
    /// Option values, for example "Red / L".
    pub variant_title: String,
    /// Units.
    pub quantity: Quantity,
    /// Price of a unit in the cart's price basis; `null` when there is none.
    pub unit_price: Option<Money>,
    /// Unit price × quantity, in the cart's price basis.
    pub subtotal: Money,
    /// Without tax.
    pub net: Money,
    /// The tax.
    pub tax: Money,
    /// With tax.
    pub total: Money,
    /// The tax by rate.
    pub taxes: Vec<TaxLine>,
    /// Whether it needs a delivery.
    pub requires_shipping: bool,
    /// Weight of a unit.
    pub weight_grams: i64,
}

/// The chosen delivery option, and its charge for this cart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct CartDelivery {
    /// The option.
    pub option_id: DeliveryOptionId,
    /// Name for buyers.
    pub name: Name,
    /// The charge in the cart's price basis.
    pub price: Money,
    /// Without tax.
    pub net: Money,
    /// The tax.
    pub tax: Money,
    /// With tax.
    pub total: Money,
}

/// A cart. Events carry the same document without e-mail, addresses and problems.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Cart {
    /// Its id.
    pub id: CartId,
    /// Secret of a guest's cart for the header `Bloom-Cart-Token`; shown once, when the cart is created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Its status.
    pub status: CartStatus,
    /// The channel that it buys in.
    pub channel_id: ChannelId,
    /// Currency of every amount.
    pub currency: Currency,
    /// Whether prices include tax.
    pub price_basis: PriceBasis,
    /// The data subject, for erasure.
    pub subject_id: SubjectId,
    /// E-mail address for the confirmation.
    pub email: Option<Email>,
    /// Address of the recipient.
    pub shipping_address: Option<Address>,
    /// Address for the invoice; `null`: the shipping address.
    pub billing_address: Option<Address>,
    /// Its lines.
    pub lines: Vec<CartLine>,
    /// The chosen delivery option.
    pub delivery_option_id: Option<DeliveryOptionId>,
    /// The charge for delivery; `null` while no option is chosen or the chosen one does not serve the cart.
    pub delivery: Option<CartDelivery>,
    /// Sum of the lines' subtotals.
    pub subtotal: Money,
    /// Charge for delivery, in the cart's price basis.
    pub delivery_total: Money,
    /// All tax.
    pub tax_total: Money,
    /// The amount to pay.
    pub total: Money,
    /// The tax by rate.
    pub taxes: Vec<TaxLine>,
    /// What prevents its purchase; absent in events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problems: Option<Vec<CartProblem>>,
    /// The checkout that has frozen or completed it.
    pub checkout_id: Option<CheckoutId>,
    /// The order that it became.
    pub order_id: Option<OrderId>,
    /// Key-value pairs of the merchant.
    pub metadata: Metadata,
    /// Rises with every change; the `ETag`.
    pub version: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A new line.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CartLineCreate {
    /// The variant.
    pub variant_id: VariantId,
    /// Units; a variant that is given twice gets the sum of both.
    pub quantity: Quantity,
}

impl Cart {
    /// The personal data.
    pub(super) fn personal(&self) -> PersonalData {
        PersonalData {
            email: self.email.clone(),
            shipping_address: self.shipping_address.clone(),
            billing_address: self.billing_address.clone(),
        }
    }

    /// Replaces the personal data; the default removes them.
    pub(super) fn set_personal(&mut self, personal: PersonalData) {
        self.email = personal.email;
        self.shipping_address = personal.shipping_address;
        self.billing_address = personal.billing_address;
    }

    /// Adds units; `new_id` makes the ids of new lines.
    pub(super) fn add(&mut self, items: &[CartLineCreate], mut new_id: impl FnMut() -> CartLineId) -> Result<(), Fault> {
        for (index, item) in items.iter().enumerate() {
            if let Some(line) = self.lines.iter_mut().find(|line| line.variant_id == item.variant_id) {
                // Both are at most a million, so the sum cannot overflow.
                let sum = Quantity::new(line.quantity.get() + item.quantity.get());
                line.quantity = sum.map_err(|error| Fault::invalid_value(format!("/lines/{index}/quantity"), error))?;
            } else if self.lines.len() < LINES_MAX {
                self.lines.push(CartLine::new(new_id(), item.variant_id, item.quantity, self.currency));
            } else {
                return Err(too_many_lines(index));
            }
        }
        Ok(())
    }

    /// Sets the units of a line.
    pub(super) fn set_quantity(&mut self, id: CartLineId, quantity: Quantity) -> Result<(), Fault> {
        let line = self.lines.iter_mut().find(|line| line.id == id).ok_or_else(|| Fault::not_found("cart line"))?;
        line.quantity = quantity;
        Ok(())
    }

    /// Removes a line.
    pub(super) fn remove(&mut self, id: CartLineId) -> Result<(), Fault> {
        let before = self.lines.len();
        self.lines.retain(|line| line.id != id);
        if self.lines.len() == before { Err(Fault::not_found("cart line")) } else { Ok(()) }
    }

    /// Weight of the lines that need a delivery.
    fn shipped_grams(&self) -> i64 {
        let shipped = self.lines.iter().filter(|line| line.requires_shipping);
        shipped.fold(0_i64, |grams, line| grams.saturating_add(line.weight_grams.saturating_mul(line.quantity.get())))
    }

    /// The parcel that a delivery option has to carry.
    pub(super) fn parcel(&self) -> Parcel<'_> {
        Parcel {
            channel: self.channel_id,
            currency: self.currency,
            country: self.shipping_address.as_ref().map(|address| &address.country),
            grams: self.shipped_grams(),
        }
    }

    /// Whether a line needs a delivery.
    pub(super) fn requires_shipping(&self) -> bool {
        self.lines.iter().any(|line| line.requires_shipping)
    }

    /// Freezes the cart for a checkout.
    pub(super) fn freeze(&mut self, checkout: CheckoutId, now: Timestamp) {
        self.status = CartStatus::Frozen;
        self.checkout_id = Some(checkout);
        self.changed(now);
    }

    /// Unfreezes the cart, so that its buyer may change it.
    pub(super) fn unfreeze(&mut self, now: Timestamp) {
        self.status = CartStatus::Open;
        self.checkout_id = None;
        self.changed(now);
    }

    /// Completes the cart, which has become an order.
    pub(super) fn complete(&mut self, order: OrderId, now: Timestamp) {
        self.status = CartStatus::Completed;
        self.order_id = Some(order);
        self.changed(now);
    }

    /// Raises the version.
    pub(super) fn changed(&mut self, now: Timestamp) {
        self.version += 1;
        self.updated_at = now;
    }

    /// Refuses a change of a cart that is frozen or completed.
    pub(super) fn check_open(&self) -> Result<(), Fault> {
        match self.status {
            CartStatus::Open => Ok(()),
            CartStatus::Frozen => Err(frozen(self.checkout_id)),
            CartStatus::Completed => Err(completed()),
        }
    }
}

impl CartLine {
    /// A line without what catalog and pricing know of it.
    pub(super) fn new(id: CartLineId, variant_id: VariantId, quantity: Quantity, currency: Currency) -> Self {
        let zero = Money::zero(currency);
        Self {
            id,
            variant_id,
            product_id: ProductId::from_uuid(Uuid::nil()),
            sku: String::new(),
            title: String::new(),
            variant_title: String::new(),
            quantity,
            unit_price: None,
            subtotal: zero,
            net: zero,
            tax: zero,
            total: zero,
            taxes: Vec::new(),
            requires_shipping: false,
            weight_grams: 0,
        }
    }
}

/// The refusal of a change while a checkout has frozen the cart: for about a second, or until the checkout expires while its
/// payment waits for the payer.
pub(super) fn frozen(by: Option<CheckoutId>) -> Fault {
    let by = by.map_or("/v1/checkouts/{checkout_id}".to_owned(), |id| format!("/v1/checkouts/{id}"));
    let detail = format!(
        "A checkout has frozen this cart: `GET {by}` shows its status and when it expires, and `POST {by}/cancel` cancels it \
         while it waits for its payment. A checkout that fails, expires or is cancelled unfreezes the cart."
    );
    Fault::new(Code::Conflict, CartRefusal::Frozen.as_str(), detail).retry_after(1)
}

/// The refusal of a change after the cart became an order.
pub(super) fn completed() -> Fault {
    Fault::new(Code::Conflict, CartRefusal::Completed.as_str(), "This cart has become an order. Start a new cart.")
}

/// The refusal of more lines than a cart can have.
fn too_many_lines(index: usize) -> Fault {
    let detail = format!("A cart has at most {LINES_MAX} lines.");
    let fault = Fault::new(Code::Unprocessable, "too_many_lines", detail.as_str());
    fault.at(format!("/lines/{index}"), ViolationCode::Count, detail)
}
