//! The cart: lines, choices, totals, and the three states it can be in.

use bloom_fault::{Code, Fault};
use bloom_kernel::{
    CartId, CartLineId, ChannelId, CheckoutId, Currency, DeliveryOptionId, Metadata, Money, OrderId, ProductId, SubjectId,
    Timestamp, VariantId,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::address::{Address, Personal};
use super::delivery::Parcel;
use super::problem::Problem;

/// Most lines of a cart.
pub const LINES_MAX: usize = 200;
/// Most units of a line.
pub const QUANTITY_MAX: i64 = 1_000_000;

/// Where a cart stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Its buyer may change it.
    Open,
    /// A checkout holds it.
    Frozen,
    /// It became an order.
    Completed,
}

impl Status {
    /// The machine word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Frozen => "frozen",
            Self::Completed => "completed",
        }
    }
}

/// Whether prices include tax.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PriceBasis {
    /// They do.
    Gross,
    /// Tax comes on top.
    Net,
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

/// So many units of one variant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Line {
    /// Its id.
    pub id: CartLineId,
    /// What is bought; a cart has one line per variant.
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
    #[schemars(range(min = 1, max = 1_000_000))]
    pub quantity: i64,
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
    /// False for what needs no delivery.
    pub requires_shipping: bool,
    /// Weight of a unit.
    pub weight_grams: i64,
}

/// The chosen way to deliver, and what it costs this cart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Delivery {
    /// The option.
    pub option_id: DeliveryOptionId,
    /// What buyers read.
    pub name: String,
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
pub struct Cart {
    /// Its id.
    pub id: CartId,
    /// Secret of a guest's cart for the header `Bloom-Cart-Token`; told once, when the cart is created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Where it stands.
    pub status: Status,
    /// Where it buys.
    pub channel_id: ChannelId,
    /// Currency of every amount.
    pub currency: Currency,
    /// Whether prices include tax.
    pub price_basis: PriceBasis,
    /// The person behind it, for erasure.
    pub subject_id: SubjectId,
    /// Where the confirmation goes.
    pub email: Option<String>,
    /// Where the goods go.
    pub shipping_address: Option<Address>,
    /// Where the bill goes; `null`: as the goods.
    pub billing_address: Option<Address>,
    /// What is bought.
    pub lines: Vec<Line>,
    /// The chosen way to deliver.
    pub delivery_option_id: Option<DeliveryOptionId>,
    /// What it costs; `null` while it is not chosen or does not serve the cart.
    pub delivery: Option<Delivery>,
    /// Sum of the lines' subtotals.
    pub subtotal: Money,
    /// Charge for delivery, in the cart's price basis.
    pub delivery_total: Money,
    /// All tax.
    pub tax_total: Money,
    /// What is to be paid.
    pub total: Money,
    /// The tax by rate.
    pub taxes: Vec<TaxLine>,
    /// What keeps it from being bought; absent in events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problems: Option<Vec<Problem>>,
    /// The checkout that holds or took it.
    pub checkout_id: Option<CheckoutId>,
    /// The order that it became.
    pub order_id: Option<OrderId>,
    /// The merchant's own notes.
    pub metadata: Metadata,
    /// Rises with every change; the `ETag`.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// What a buyer puts into a cart.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LineInput {
    /// What.
    pub variant_id: VariantId,
    /// How many; a second mention of a variant adds to the first.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub quantity: i64,
}

impl Cart {
    /// The personal part.
    pub fn personal(&self) -> Personal {
        Personal {
            email: self.email.clone(),
            shipping_address: self.shipping_address.clone(),
            billing_address: self.billing_address.clone(),
        }
    }

    /// Puts the personal part in, or takes it out with the default.
    pub fn set_personal(&mut self, personal: Personal) {
        self.email = personal.email;
        self.shipping_address = personal.shipping_address;
        self.billing_address = personal.billing_address;
    }

    /// What is stored and published: nothing personal, nothing that other services own, no secret.
    #[must_use]
    pub fn public(&self) -> Self {
        let mut public = Self { token: None, problems: None, ..self.clone() };
        public.set_personal(Personal::default());
        public
    }

    /// Adds units; `new_id` names lines that are new.
    pub fn add(&mut self, items: &[LineInput], mut new_id: impl FnMut() -> CartLineId) -> Result<(), Fault> {
        check_lines(items)?;
        for (index, item) in items.iter().enumerate() {
            if let Some(line) = self.lines.iter_mut().find(|line| line.variant_id == item.variant_id) {
                // Both are at most a million, so the sum cannot overflow.
                let sum = line.quantity + item.quantity;
                check_quantity(sum, || format!("/lines/{index}/quantity"))?;
                line.quantity = sum;
            } else if self.lines.len() < LINES_MAX {
                self.lines.push(Line::new(new_id(), item.variant_id, item.quantity, self.currency));
            } else {
                return Err(too_many_lines(index));
            }
        }
        Ok(())
    }

    /// Sets the units of a line.
    pub fn set_quantity(&mut self, id: CartLineId, quantity: i64) -> Result<(), Fault> {
        check_quantity(quantity, || "/quantity".to_owned())?;
        let line = self.lines.iter_mut().find(|line| line.id == id).ok_or_else(|| Fault::not_found("cart line"))?;
        line.quantity = quantity;
        Ok(())
    }

    /// Takes a line out.
    pub fn remove(&mut self, id: CartLineId) -> Result<(), Fault> {
        let before = self.lines.len();
        self.lines.retain(|line| line.id != id);
        if self.lines.len() == before { Err(Fault::not_found("cart line")) } else { Ok(()) }
    }

    /// Weight of what has to be shipped.
    pub fn shipped_grams(&self) -> i64 {
        let shipped = self.lines.iter().filter(|line| line.requires_shipping);
        shipped.fold(0_i64, |grams, line| grams.saturating_add(line.weight_grams.saturating_mul(line.quantity)))
    }

    /// What a delivery has to do.
    pub fn parcel(&self) -> Parcel<'_> {
        Parcel {
            channel: self.channel_id,
            currency: self.currency,
            country: self.shipping_address.as_ref().map(|address| address.country.as_str()),
            grams: self.shipped_grams(),
        }
    }

    /// True when something has to be shipped.
    pub fn requires_shipping(&self) -> bool {
        self.lines.iter().any(|line| line.requires_shipping)
    }

    /// Refuses a change of a cart that is not its buyer's to change.
    pub fn check_open(&self) -> Result<(), Fault> {
        match self.status {
            Status::Open => Ok(()),
            Status::Frozen => Err(frozen(self.checkout_id)),
            Status::Completed => Err(completed()),
        }
    }
}

impl Line {
    /// A line before the catalogue was asked about its variant.
    pub fn new(id: CartLineId, variant_id: VariantId, quantity: i64, currency: Currency) -> Self {
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

/// The refusal of a change while a checkout holds the cart: a second as a rule, until it expires while the payer is with the
/// issuer.
pub fn frozen(by: Option<CheckoutId>) -> Fault {
    let by = by.map_or("/v1/checkouts/{checkout_id}".to_owned(), |id| format!("/v1/checkouts/{id}"));
    let detail = format!(
        "A checkout holds this cart: `GET {by}` says how it stands and when it expires, and `POST {by}/cancel` gives it up while \
         it waits for its payment. One that fails, expires or is given up gives the cart back."
    );
    Fault::new(Code::Conflict, "cart_frozen", detail).retry_after(1)
}

/// The refusal of a change after the cart became an order.
pub fn completed() -> Fault {
    Fault::new(Code::Conflict, "cart_completed", "This cart has become an order. Start a new cart.")
}

/// Refuses lines that no cart could take, all at once.
pub fn check_lines(lines: &[LineInput]) -> Result<(), Fault> {
    if LINES_MAX < lines.len() {
        return Err(too_many_lines(LINES_MAX));
    }
    let lines = lines.iter().enumerate();
    Fault::of_all(lines.map(|(index, line)| check_quantity(line.quantity, || format!("/lines/{index}/quantity"))))
}

/// The refusal of a line too many.
fn too_many_lines(index: usize) -> Fault {
    let detail = format!("A cart has at most {LINES_MAX} lines.");
    let fault = Fault::new(Code::Unprocessable, "too_many_lines", detail.as_str());
    fault.at(format!("/lines/{index}"), "too_many_lines", detail)
}

fn check_quantity(quantity: i64, pointer: impl FnOnce() -> String) -> Result<(), Fault> {
    if (1..=QUANTITY_MAX).contains(&quantity) {
        return Ok(());
    }
    let message = format!("A line has 1 to {QUANTITY_MAX} units.");
    Err(Fault::invalid(pointer(), "quantity_out_of_range", message))
}
