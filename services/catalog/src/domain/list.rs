//! What a list of products can be asked for, and which index answers it.

use bloom_fault::{Code, Fault};
use bloom_kernel::{CategoryId, CollectionId, Limit, ProductId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::check::Checks;
use super::product::{Product, ProductStatus};

/// Rows that filters look at before a page ends early.
pub const SCAN_MAX: i64 = 1_000;
/// Most attributes in a filter.
const ATTRIBUTES_MAX: usize = 5;

/// An item of the product list.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListItem {
    /// The product.
    pub id: ProductId,
    /// What it is called.
    pub title: String,
    /// The lowest price of one unit in the channel now; `null` where it has none.
    pub price: Option<bloom_kernel::Money>,
    /// What the channel can sell.
    pub inventory: ListInventory,
}

/// What a channel can sell of a product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListInventory {
    /// Units over all variants and all locations of the channel.
    pub available: i64,
    /// Code of the channel's first location with stock; `null` where nothing is in stock.
    pub warehouse: Option<String>,
}

#[derive(Serialize)]
struct OwnMembers<'a> {
    id: ProductId,
    title: &'a str,
}

/// The members of a [`ListItem`] that the product itself knows, as JSON text without braces. The projection adds the
/// others.
pub fn list_members(product: &Product) -> String {
    let own = OwnMembers { id: product.id, title: &product.title };
    // Plain fields: this cannot fail.
    let text = serde_json::to_string(&own).unwrap_or_default();
    text.trim_start_matches('{').trim_end_matches('}').to_owned()
}

/// Orders of a product list; `-` turns one around.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Order {
    /// Oldest first.
    #[serde(rename = "created")]
    Created,
    /// Newest first.
    #[serde(rename = "-created")]
    CreatedDown,
    /// By title, without regard to case.
    #[serde(rename = "title")]
    Title,
    /// By title, from the end.
    #[serde(rename = "-title")]
    TitleDown,
    /// Cheapest first, those without a price last.
    #[serde(rename = "price")]
    Price,
    /// Those without a price first, then dearest first.
    #[serde(rename = "-price")]
    PriceDown,
    /// By place in the collection that the list is filtered by.
    #[serde(rename = "position")]
    Position,
    /// By place in the collection, from the end.
    #[serde(rename = "-position")]
    PositionDown,
}

/// The column that a list is ordered by, before the product id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortKey {
    /// The product id itself, which sorts by creation.
    Created,
    /// `title_key`
    Title,
    /// `price_key`
    Price,
    /// `position`
    Position,
}

impl Order {
    /// Every order.
    pub const ALL: [Self; 8] = [
        Self::Created,
        Self::CreatedDown,
        Self::Title,
        Self::TitleDown,
        Self::Price,
        Self::PriceDown,
        Self::Position,
        Self::PositionDown,
    ];

    /// Its column.
    pub fn key(self) -> SortKey {
        match self {
            Self::Created | Self::CreatedDown => SortKey::Created,
            Self::Title | Self::TitleDown => SortKey::Title,
            Self::Price | Self::PriceDown => SortKey::Price,
            Self::Position | Self::PositionDown => SortKey::Position,
        }
    }

    /// Whether the index is read backwards.
    pub fn down(self) -> bool {
        matches!(self, Self::CreatedDown | Self::TitleDown | Self::PriceDown | Self::PositionDown)
    }
}

/// Query parameters of the product list.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    /// Items per page, 1 to 100; 20 when absent.
    #[serde(default)]
    pub limit: Limit,
    /// `next` of the page before.
    #[serde(default)]
    pub cursor: Option<String>,
    /// Order; newest first when absent, by `position` in a collection.
    #[serde(default)]
    pub sort: Option<Order>,
    /// `active` when absent. Other statuses need a secret key.
    #[serde(default)]
    pub status: Option<ProductStatus>,
    /// Whether active products are published in the channel: true when absent; `false` needs a secret key.
    #[serde(default)]
    pub published: Option<bool>,
    /// Products in this category or below it.
    #[serde(default)]
    pub category: Option<CategoryId>,
    /// Products in this collection.
    #[serde(default)]
    pub collection: Option<CollectionId>,
    /// Attribute values, for example `colour:red` or `colour:red,finish:matte`; a comma in a value is written `\,`.
    #[serde(default)]
    pub attribute: Option<String>,
    /// Lowest price in minor units of the channel's currency.
    #[serde(default)]
    pub price_min: Option<i64>,
    /// Highest price in minor units of the channel's currency.
    #[serde(default)]
    pub price_max: Option<i64>,
    /// Only products that are (or are not) in stock.
    #[serde(default)]
    pub available: Option<bool>,
    /// Only products changed at or after this time (RFC 3339).
    #[serde(default, deserialize_with = "bloom_kernel::moment")]
    pub updated_since: Option<Timestamp>,
}

/// Which of a channel's listings a list shows; stored in `listing.state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListState {
    /// Active and published in the channel.
    Live = 1,
    /// Active, not published in the channel.
    Unpublished = 2,
    /// In the making.
    Draft = 3,
    /// Out of sale.
    Archived = 4,
}

/// Conditions that no index answers: they look at a bounded number of rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filters {
    /// A category, when the index is read for a collection.
    pub category: Option<Uuid>,
    /// Attribute codes and the text of their values.
    pub attributes: Vec<(String, String)>,
    /// Lowest price.
    pub price_min: Option<i64>,
    /// Highest price.
    pub price_max: Option<i64>,
    /// In stock or not.
    pub available: Option<bool>,
    /// Changed since.
    pub updated_since: Option<Timestamp>,
}

impl Filters {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the product row must be looked at.
    pub fn of_product(&self) -> bool {
        !self.attributes.is_empty() || self.updated_since.is_some()
    }
}

/// A list in terms of its index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListShape {
    /// Which listings.
    pub state: ListState,
    /// The whole catalogue (nil), a category or a collection.
    pub scope: Uuid,
    /// In which order.
    pub order: Order,
    /// What else must hold.
    pub filters: Filters,
}

/// Where a page ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListPosition {
    /// Its title key, when that is the order.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Its price or position, when that is the order.
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    pub number: Option<i64>,
    /// Its product.
    #[serde(rename = "o")]
    pub product: ProductId,
}

impl ListQuery {
    /// The list that is asked for; `merchant` tells a secret key from a publishable one.
    pub fn shape(&self, merchant: bool) -> Result<ListShape, Fault> {
        let mut checks = Checks::default();
        for (name, amount) in [("price_min", self.price_min), ("price_max", self.price_max)] {
            if let Some(amount) = amount {
                checks.range(name, amount, 0, i64::MAX - 1);
            }
        }
        let order = self.sort.unwrap_or(if self.collection.is_some() { Order::Position } else { Order::CreatedDown });
        if order.key() == SortKey::Position && self.collection.is_none() {
            checks.fail("sort", "collection_required", "Only the products of one collection have positions.");
        }
        let status = self.status.unwrap_or(ProductStatus::Active);
        if self.published.is_some() && status != ProductStatus::Active {
            checks.fail("published", "not_allowed", "Only active products are published or not.");
        }
        let attributes = attributes(self.attribute.as_deref(), &mut checks);
        checks.finish()?;
        let state = match (status, self.published.unwrap_or(true)) {
            (ProductStatus::Active, true) => ListState::Live,
            (ProductStatus::Active, false) => ListState::Unpublished,
            (ProductStatus::Draft, _) => ListState::Draft,
            (ProductStatus::Archived, _) => ListState::Archived,
        };
        if state != ListState::Live && !merchant {
            return Err(Fault::new(
                Code::Forbidden,
                "status_not_visible",
                "A publishable key sees active products that are published in its channel, and no others.",
            )
            .policy("audience:secret"));
        }
        let scope = match (self.collection, self.category) {
            (Some(collection), _) => collection.uuid(),
            (None, Some(category)) => category.uuid(),
            (None, None) => Uuid::nil(),
        };
        let filters = Filters {
            category: self.collection.and(self.category).map(CategoryId::uuid),
            attributes,
            price_min: self.price_min,
            price_max: self.price_max,
            available: self.available,
            updated_since: self.updated_since,
        };
        Ok(ListShape { state, scope, order, filters })
    }

    /// What cursors are bound to: everything but the page itself.
    pub fn fingerprint(&self) -> Vec<u8> {
        let bound = Self { limit: Limit::default(), cursor: None, ..self.clone() };
        // A struct of plain fields: its serialisation is canonical and cannot fail.
        serde_json::to_vec(&bound).unwrap_or_default()
    }
}

/// Splits `code:value,code:value`.
fn attributes(text: Option<&str>, checks: &mut Checks) -> Vec<(String, String)> {
    let Some(text) = text else { return Vec::new() };
    let mut pairs = vec![String::new()];
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match (letter, pairs.last_mut()) {
            (',', _) => pairs.push(String::new()),
            ('\\', Some(pair)) => pair.extend(letters.next()),
            (letter, Some(pair)) => pair.push(letter),
            (_, None) => {}
        }
    }
    checks.count("attribute", pairs.len(), ATTRIBUTES_MAX);
    let mut found = Vec::new();
    for pair in pairs {
        match pair.split_once(':') {
            Some((code, value)) if !code.is_empty() && !value.contains('\0') => found.push((code.to_owned(), value.to_owned())),
            _ => checks.fail("attribute", "format", "Write code:value, and several with commas between them."),
        }
    }
    found
}
