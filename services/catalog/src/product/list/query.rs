//! The query parameters of the product list, and which index answers them.

use bloom_fault::{Code, Fault};
use bloom_kernel::{CategoryId, CollectionId, Moment, ProductId, Timestamp, ViolationCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::product::model::ProductStatus;
use crate::validator::Validator;
use crate::values::FilterAmount;

/// The most rows that filters read; then the page ends early.
pub(crate) const SCAN_MAX: i64 = 1_000;
/// Most attributes in a filter.
const ATTRIBUTES_MAX: usize = 5;

/// Orders of the product list; `-` reverses one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum ProductSort {
    /// Oldest first.
    #[serde(rename = "created")]
    Created,
    /// Newest first.
    #[serde(rename = "-created")]
    CreatedDown,
    /// By title, without regard to case.
    #[serde(rename = "title")]
    Title,
    /// By title, reversed.
    #[serde(rename = "-title")]
    TitleDown,
    /// Cheapest first, those without a price last.
    #[serde(rename = "price")]
    Price,
    /// Those without a price first, then dearest first.
    #[serde(rename = "-price")]
    PriceDown,
    /// By position in the collection of the filter.
    #[serde(rename = "position")]
    Position,
    /// By position in the collection, reversed.
    #[serde(rename = "-position")]
    PositionDown,
}

/// The column that a list is ordered by, before the product id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SortKey {
    /// The product id itself, which sorts by creation.
    Created,
    /// `title_key`
    Title,
    /// `price_key`
    Price,
    /// `position`
    Position,
}

impl ProductSort {
    /// Every order.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 8] = [
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
    pub(crate) fn key(self) -> SortKey {
        match self {
            Self::Created | Self::CreatedDown => SortKey::Created,
            Self::Title | Self::TitleDown => SortKey::Title,
            Self::Price | Self::PriceDown => SortKey::Price,
            Self::Position | Self::PositionDown => SortKey::Position,
        }
    }

    /// Whether the index is read backwards.
    pub(crate) fn down(self) -> bool {
        matches!(self, Self::CreatedDown | Self::TitleDown | Self::PriceDown | Self::PositionDown)
    }
}

/// Filter and order of the product list.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListFilter {
    /// Order; newest first when absent, by `position` in a collection.
    #[serde(default)]
    pub(crate) sort: Option<ProductSort>,
    /// `active` when absent. Other statuses need a secret key.
    #[serde(default)]
    pub(crate) status: Option<ProductStatus>,
    /// Whether active products are published in the channel: true when absent; `false` needs a secret key.
    #[serde(default)]
    pub(crate) published: Option<bool>,
    /// Products in this category or below it.
    #[serde(default)]
    pub(crate) category: Option<CategoryId>,
    /// Products in this collection.
    #[serde(default)]
    pub(crate) collection: Option<CollectionId>,
    /// Attribute values, for example `colour:red` or `colour:red,finish:matte`; a comma in a value is written `\,`.
    #[serde(default)]
    pub(crate) attribute: Option<String>,
    /// Lowest price in minor units of the channel's currency.
    #[serde(default)]
    pub(crate) price_min: Option<FilterAmount>,
    /// Highest price in minor units of the channel's currency.
    #[serde(default)]
    pub(crate) price_max: Option<FilterAmount>,
    /// Only products that are (or are not) in stock.
    #[serde(default)]
    pub(crate) available: Option<bool>,
    /// Only products changed at or after this time (RFC 3339).
    #[serde(default)]
    pub(crate) updated_since: Option<Moment>,
}

/// Which listings of a channel a list shows; stored in `listing.state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ListState {
    /// Active and published in the channel.
    Live = 1,
    /// Active, not published in the channel.
    Unpublished = 2,
    /// In preparation.
    Draft = 3,
    /// No longer for sale.
    Archived = 4,
}

/// Conditions that no index answers: they are tested on a bounded number of rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filters {
    /// A category, when the index is read for a collection.
    pub(crate) category: Option<Uuid>,
    /// Attribute codes and the text of their values.
    pub(crate) attributes: Vec<(String, String)>,
    /// Lowest price.
    pub(crate) price_min: Option<i64>,
    /// Highest price.
    pub(crate) price_max: Option<i64>,
    /// In stock or not.
    pub(crate) available: Option<bool>,
    /// Changed since.
    pub(crate) updated_since: Option<Timestamp>,
}

impl Filters {
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a condition needs the product row.
    pub(crate) fn of_product(&self) -> bool {
        !self.attributes.is_empty() || self.updated_since.is_some()
    }
}

/// The range of an index that a list reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListShape {
    pub(crate) state: ListState,
    /// The whole catalogue (nil), a category or a collection.
    pub(crate) scope: Uuid,
    pub(crate) order: ProductSort,
    /// Further conditions.
    pub(crate) filters: Filters,
}

/// The position after a page: its last row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ListPosition {
    /// Its title key, if the list is ordered by it.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub(crate) text: Option<String>,
    /// Its price or position, if the list is ordered by it.
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    pub(crate) number: Option<i64>,
    #[serde(rename = "o")]
    pub(crate) product: ProductId,
}

impl ListFilter {
    /// The requested list; `merchant` is false for a publishable key.
    pub(crate) fn shape(&self, merchant: bool) -> Result<ListShape, Fault> {
        let mut validator = Validator::default();
        let order = self.sort.unwrap_or(if self.collection.is_some() { ProductSort::Position } else { ProductSort::CreatedDown });
        if order.key() == SortKey::Position && self.collection.is_none() {
            validator.fail("sort", ViolationCode::Mismatch, "Only the products of one collection have positions.");
        }
        let status = self.status.unwrap_or(ProductStatus::Active);
        if self.published.is_some() && status != ProductStatus::Active {
            validator.fail("published", ViolationCode::Excluded, "Only active products are published or not.");
        }
        let attributes = attributes(self.attribute.as_deref(), &mut validator);
        validator.finish()?;
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
            price_min: self.price_min.map(FilterAmount::get),
            price_max: self.price_max.map(FilterAmount::get),
            available: self.available,
            updated_since: self.updated_since.map(Moment::get),
        };
        Ok(ListShape { state, scope, order, filters })
    }
}

/// Splits `code:value,code:value`.
fn attributes(text: Option<&str>, validator: &mut Validator) -> Vec<(String, String)> {
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
    validator.count("attribute", pairs.len(), ATTRIBUTES_MAX);
    let mut found = Vec::new();
    for pair in pairs {
        match pair.split_once(':') {
            Some((code, value)) if !code.is_empty() && !value.contains('\0') => found.push((code.to_owned(), value.to_owned())),
            _ => validator.fail("attribute", ViolationCode::Pattern, "Write code:value, and several with commas between them."),
        }
    }
    found
}
