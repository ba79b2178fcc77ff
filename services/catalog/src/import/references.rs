//! The objects that the lines of a chunk refer to: product types, channels and categories of the catalogue; tax classes of pricing
//! and locations of inventory. The owners are queried about those that the replica lacks.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bloom_db::TenantTx;
use bloom_fault::Fault;
use bloom_kernel::{CategoryId, ChannelId, Code, Metadata, TaxClassId};
use bloom_runtime::RequestContext;
use uuid::Uuid;

use super::line::NumberedLine;
use crate::Catalog;
use crate::category::{Category, CategoryCreate, category_insert, category_paths};
use crate::channel::{CHANNELS_MAX, channel_list};
use crate::clients::find_location_codes;
use crate::keyset::After;
use crate::product::Product;
use crate::product_type::{ProductType, product_type_find};
use crate::replica::{location_codes_find, tax_class_find};
use crate::values::{CategoryName, ObjectCode};

/// References to objects of other services.
#[derive(Clone, Default)]
pub(super) struct Foreign {
    pub(super) tax_classes: BTreeSet<TaxClassId>,
    /// By code.
    pub(super) locations: BTreeSet<Code>,
}

impl Foreign {
    fn named(lines: &[NumberedLine]) -> Self {
        let variants = || lines.iter().flat_map(|line| &line.line.variants);
        let stock = variants().flat_map(|variant| &variant.stock);
        Self {
            tax_classes: variants().filter_map(|variant| variant.tax_class_id).collect(),
            locations: stock.map(|stock| stock.location.clone()).collect(),
        }
    }

    fn without(&self, other: &Self) -> Self {
        Self {
            tax_classes: self.tax_classes.difference(&other.tax_classes).copied().collect(),
            locations: self.locations.difference(&other.locations).cloned().collect(),
        }
    }

    fn extend(&mut self, other: Self) {
        self.tax_classes.extend(other.tax_classes);
        self.locations.extend(other.locations);
    }

    fn is_empty(&self) -> bool {
        self.tax_classes.is_empty() && self.locations.is_empty()
    }
}

/// The references that pricing and inventory were queried about, and those that exist.
#[derive(Default)]
pub(super) struct Answers {
    looked_up: Foreign,
    existing: Foreign,
}

impl Answers {
    /// Queries pricing and inventory. No transaction is open meanwhile.
    pub(super) async fn look_up(&mut self, app: &Catalog, context: &RequestContext, missing: Foreign) -> Result<(), Fault> {
        let classes: Vec<TaxClassId> = missing.tax_classes.iter().copied().collect();
        let (tax_classes, locations) = futures::join!(
            app.pricing.find_tax_classes(context, &classes),
            find_location_codes(app, context, &missing.locations)
        );
        self.existing.tax_classes.extend(tax_classes?);
        self.existing.locations.extend(locations?);
        self.looked_up.extend(missing);
        Ok(())
    }
}

/// The outcome of [`foreign_references`].
pub(super) enum Lookup {
    /// Those of the references that exist.
    Complete(Foreign),
    /// Those that are in neither the replica nor the replies.
    Missing(Foreign),
}

/// Looks up the references of lines to objects of other services.
pub(super) async fn foreign_references(tx: &mut TenantTx, lines: &[NumberedLine], answers: &Answers) -> Result<Lookup, Fault> {
    let named = Foreign::named(lines);
    let mut existing = answers.existing.clone();
    if !named.tax_classes.is_empty() {
        let ids: Vec<Uuid> = named.tax_classes.iter().map(|id| id.uuid()).collect();
        existing.tax_classes.extend(tax_class_find(tx, &ids).await?);
    }
    if !named.locations.is_empty() {
        let codes: Vec<String> = named.locations.iter().map(ToString::to_string).collect();
        existing.locations.extend(location_codes_find(tx, &codes).await?);
    }
    let missing = named.without(&existing).without(&answers.looked_up);
    Ok(if missing.is_empty() { Lookup::Complete(existing) } else { Lookup::Missing(missing) })
}

/// What the names in lines refer to.
#[derive(Default)]
pub(super) struct Names {
    pub(super) types: Vec<ProductType>,
    pub(super) channels: HashMap<ObjectCode, ChannelId>,
    pub(super) default_channels: Vec<ChannelId>,
    pub(super) categories: BTreeMap<String, CategoryId>,
    /// Those of the categories that are new, to be published.
    pub(super) created_categories: Vec<Category>,
    pub(super) foreign: Foreign,
}

/// Reads what the lines and the existing products refer to; creates categories that do not exist.
pub(super) async fn names(
    tx: &mut TenantTx,
    lines: &[NumberedLine],
    products: &[Product],
    foreign: &Foreign,
) -> Result<Names, Fault> {
    let mut names = Names { foreign: foreign.clone(), ..Names::default() };
    let codes: BTreeSet<String> =
        lines.iter().filter_map(|line| line.line.product_type.as_ref()).map(ToString::to_string).collect();
    let ids: BTreeSet<Uuid> = products.iter().filter_map(|product| Some(product.product_type_id?.uuid())).collect();
    if !codes.is_empty() || !ids.is_empty() {
        let (codes, ids): (Vec<_>, Vec<_>) = (codes.into_iter().collect(), ids.into_iter().collect());
        names.types = product_type_find(tx, &codes, &ids).await?;
    }
    let first = After::new(tx.tenant(), None::<ChannelId>);
    for (_, channel) in channel_list(tx, first, CHANNELS_MAX).await? {
        if channel.is_default {
            names.default_channels.push(channel.id);
        }
        names.channels.insert(channel.code, channel.id);
    }
    (names.categories, names.created_categories) = categories(tx, lines).await?;
    Ok(names)
}

/// The categories of all well-formed paths, and those of them that did not exist and were created.
async fn categories(tx: &mut TenantTx, lines: &[NumberedLine]) -> Result<(BTreeMap<String, CategoryId>, Vec<Category>), Fault> {
    let mut paths: BTreeMap<String, CategoryName> = BTreeMap::new();
    for (path, names) in lines.iter().flat_map(|line| line.line.category_paths()) {
        let ends = path.match_indices('/').map(|(end, _)| end).chain([path.len()]);
        paths.extend(ends.zip(names.unwrap_or_default()).map(|(end, name)| (path[..end].to_owned(), name)));
    }
    if paths.is_empty() {
        return Ok((BTreeMap::new(), Vec::new()));
    }
    let wanted: Vec<String> = paths.keys().cloned().collect();
    let mut known: BTreeMap<String, CategoryId> = category_paths(tx, &wanted).await?.into_iter().collect();
    let mut created = Vec::new();
    // A path sorts before those that it begins, so a parent is created before its children.
    for (path, name) in paths {
        if known.contains_key(&path) {
            continue;
        }
        let parent_id = path.rsplit_once('/').and_then(|(parent, _)| known.get(parent)).copied();
        let input = CategoryCreate { parent_id, name, position: 0, metadata: Metadata::default() };
        let category = Category::new(tx.new_id(), tx.now(), input);
        category_insert(tx, &category).await?;
        known.insert(path, category.id);
        created.push(category);
    }
    Ok((known, created))
}
