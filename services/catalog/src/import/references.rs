//! What the lines of a chunk refer to: product types, channels and categories of the catalogue; tax classes of pricing and
//! locations of inventory, which their owners are asked about where the replica lacks them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bloom_db::TenantTx;
use bloom_fault::Fault;
use bloom_kernel::{CategoryId, ChannelId, Metadata, TaxClassId, Timestamp};
use bloom_runtime::RequestContext;
use uuid::Uuid;

use super::line::{ImportVariant, NumberedLine};
use crate::Catalog;
use crate::category::{Category, CategoryCreate, DEPTH_MAX, category_insert, category_paths, check_name, publish_categories};
use crate::channel::{CHANNELS_MAX, channel_list};
use crate::clients::{find_location_codes, find_tax_classes};
use crate::error::refused;
use crate::keyset::After;
use crate::product::Product;
use crate::product_type::{ProductType, product_type_find};
use crate::replica::{location_codes_find, tax_class_find};
use crate::validator::Validator;

/// References to objects of other services.
#[derive(Clone, Default)]
pub(super) struct Foreign {
    pub(super) tax_classes: BTreeSet<TaxClassId>,
    /// By code.
    pub(super) locations: BTreeSet<String>,
}

impl Foreign {
    /// What the lines name. Texts that no location can have as its code are left out.
    fn named(lines: &[NumberedLine]) -> Self {
        let variants = || lines.iter().flat_map(|line| &line.line.variants);
        let codes = variants().flat_map(|variant| &variant.stock).map(|stock| &stock.location);
        Self {
            tax_classes: variants().filter_map(|variant| variant.tax_class_id).collect(),
            locations: codes.filter(|code| ImportVariant::is_location_code(code)).cloned().collect(),
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

/// What pricing and inventory were asked about, and what exists of it.
#[derive(Default)]
pub(super) struct Answers {
    asked: Foreign,
    existing: Foreign,
}

impl Answers {
    /// Asks pricing and inventory. No transaction is open meanwhile.
    pub(super) async fn ask(&mut self, app: &Catalog, call: &RequestContext, missing: Foreign) -> Result<(), Fault> {
        let (tax_classes, locations) =
            futures::join!(find_tax_classes(app, call, &missing.tax_classes), find_location_codes(app, call, &missing.locations));
        self.existing.tax_classes.extend(tax_classes?);
        self.existing.locations.extend(locations?);
        self.asked.extend(missing);
        Ok(())
    }
}

/// The outcome of [`foreign_references`].
pub(super) enum Lookup {
    /// Those of the references that exist.
    Complete(Foreign),
    /// Those that neither the replica nor the answers know.
    Missing(Foreign),
}

/// Looks up what the lines name of other services.
pub(super) async fn foreign_references(tx: &mut TenantTx, lines: &[NumberedLine], answers: &Answers) -> Result<Lookup, Fault> {
    let named = Foreign::named(lines);
    let mut existing = answers.existing.clone();
    if !named.tax_classes.is_empty() {
        let ids: Vec<Uuid> = named.tax_classes.iter().map(|id| id.uuid()).collect();
        existing.tax_classes.extend(tax_class_find(tx, &ids).await?);
    }
    if !named.locations.is_empty() {
        let codes: Vec<String> = named.locations.iter().cloned().collect();
        existing.locations.extend(location_codes_find(tx, &codes).await?);
    }
    let missing = named.without(&existing).without(&answers.asked);
    Ok(if missing.is_empty() { Lookup::Complete(existing) } else { Lookup::Missing(missing) })
}

/// What the names in lines refer to.
#[derive(Default)]
pub(super) struct Names {
    pub(super) types: Vec<ProductType>,
    pub(super) channels: HashMap<String, ChannelId>,
    pub(super) default_channels: Vec<ChannelId>,
    pub(super) categories: BTreeMap<String, CategoryId>,
    pub(super) foreign: Foreign,
}

/// Reads what the lines and the existing products refer to; creates categories that do not exist.
pub(super) async fn names(
    app: &Catalog,
    call: &RequestContext,
    tx: &mut TenantTx,
    lines: &[NumberedLine],
    products: &[Product],
    foreign: &Foreign,
    now: Timestamp,
) -> Result<Names, Fault> {
    let mut names = Names { foreign: foreign.clone(), ..Names::default() };
    // The database cannot compare with NUL.
    let codes = lines.iter().filter_map(|line| line.line.product_type.as_ref()).filter(|code| !code.contains('\0'));
    let codes: BTreeSet<String> = codes.cloned().collect();
    let ids: BTreeSet<Uuid> = products.iter().filter_map(|product| Some(product.product_type_id?.uuid())).collect();
    if !codes.is_empty() || !ids.is_empty() {
        let (codes, ids): (Vec<_>, Vec<_>) = (codes.into_iter().collect(), ids.into_iter().collect());
        names.types = product_type_find(tx, &codes, &ids).await?;
    }
    for (_, channel) in channel_list(tx, After::new(call.tenant, None::<ChannelId>), CHANNELS_MAX).await? {
        if channel.is_default {
            names.default_channels.push(channel.id);
        }
        names.channels.insert(channel.code, channel.id);
    }
    names.categories = categories(app, call, tx, lines, now).await?;
    Ok(names)
}

/// The categories of all well-formed paths; those that do not exist are created.
async fn categories(
    app: &Catalog,
    call: &RequestContext,
    tx: &mut TenantTx,
    lines: &[NumberedLine],
    now: Timestamp,
) -> Result<BTreeMap<String, CategoryId>, Fault> {
    let mut paths = BTreeSet::new();
    for path in lines.iter().flat_map(|line| line.line.categories.iter().flatten()) {
        if is_path(path) {
            let ends = path.match_indices('/').map(|(end, _)| end).chain([path.len()]);
            paths.extend(ends.map(|end| path[..end].to_owned()));
        }
    }
    if paths.is_empty() {
        return Ok(BTreeMap::new());
    }
    let wanted: Vec<String> = paths.iter().cloned().collect();
    let mut known: BTreeMap<String, CategoryId> = category_paths(tx, &wanted).await?.into_iter().collect();
    let mut created = Vec::new();
    // A path sorts before those that it begins, so a parent is created before its children.
    for path in wanted {
        if known.contains_key(&path) {
            continue;
        }
        let (parent, name) = path.rsplit_once('/').map_or((None, path.as_str()), |(parent, name)| (Some(parent), name));
        let input = CategoryCreate {
            parent_id: parent.and_then(|parent| known.get(parent)).copied(),
            name: name.to_owned(),
            position: 0,
            metadata: Metadata::default(),
        };
        let category = Category::new(app.host.id(call.tenant), now, input)?;
        category_insert(tx, call.tenant, &category).await.map_err(refused)?;
        known.insert(path, category.id);
        created.push(category);
    }
    publish_categories(tx, &app.host, call, &created).await?;
    Ok(known)
}

fn is_path(path: &str) -> bool {
    let mut validator = Validator::default();
    for name in path.split('/') {
        check_name("", name, &mut validator);
    }
    path.split('/').count() <= DEPTH_MAX && validator.into_violations().is_empty()
}
