//! The products that a chunk speaks of, in memory while its lines are applied one after the other.

use std::collections::{BTreeMap, HashMap};

use bloom_fault::{Fault, Violation};
use bloom_kernel::{CategoryId, ChannelId, ProductTypeId, TaxClassId, Timestamp};
use bloom_runtime::{RequestContext, ServiceContext};

use crate::domain::attribute::ProductType;
use crate::domain::check::Checks;
use crate::domain::import_line::{ImportLine, Resolved};
use crate::domain::product::Product;

/// What the names in lines stand for.
#[derive(Default)]
pub(super) struct Names {
    pub(super) types: Vec<ProductType>,
    pub(super) channels: HashMap<String, ChannelId>,
    pub(super) default_channels: Vec<ChannelId>,
    pub(super) categories: BTreeMap<String, CategoryId>,
    pub(super) tax_classes: Vec<TaxClassId>,
}

/// See the module.
pub(super) struct Working<'a> {
    host: &'a ServiceContext,
    call: &'a RequestContext,
    names: Names,
    products: Vec<Product>,
    touched: BTreeMap<usize, bool>,
    by_external: HashMap<String, usize>,
    by_sku: HashMap<String, usize>,
    by_variant_external: HashMap<String, usize>,
}

impl<'a> Working<'a> {
    pub(super) fn new(host: &'a ServiceContext, call: &'a RequestContext, names: Names, products: Vec<Product>) -> Self {
        let mut working = Self {
            host,
            call,
            names,
            products: Vec::new(),
            touched: BTreeMap::new(),
            by_external: HashMap::new(),
            by_sku: HashMap::new(),
            by_variant_external: HashMap::new(),
        };
        for product in products {
            working.products.push(product);
            working.index(working.products.len() - 1);
        }
        working
    }

    /// Applies one line, or says what is wrong with it and leaves everything as it was.
    pub(super) fn apply(&mut self, line: &ImportLine, now: Timestamp) -> Result<(), Vec<Violation>> {
        let mut checks = Checks::default();
        line.check(&mut checks);
        let names = self.resolve(line, &mut checks);
        let target = self.target(line, &mut checks);
        finish(checks)?;
        let mut product = self.result(line, target, names, now).map_err(|fault| violations(&fault))?;
        product.normalise();
        let mut checks = Checks::default();
        let product_type = self.names.types.iter().find(|known| Some(known.id) == product.product_type_id);
        product.check(product_type, &mut checks);
        finish(checks)?;
        self.keep(target, product, now);
        Ok(())
    }

    /// The product as the line wants it.
    fn result(&self, line: &ImportLine, target: Option<usize>, names: Resolved, now: Timestamp) -> Result<Product, Fault> {
        let (host, tenant) = (self.host, self.call.tenant);
        let variant_id = || host.id(tenant);
        let Some(index) = target else {
            return line.create(host.id(tenant), variant_id, names, self.names.default_channels.clone(), now);
        };
        let mut product = self.products[index].clone();
        line.merge(&mut product, variant_id, names, now)?;
        Ok(product)
    }

    /// Takes a checked product in. Several lines of one product make one change of it.
    fn keep(&mut self, target: Option<usize>, mut product: Product, now: Timestamp) {
        let index = target.unwrap_or(self.products.len());
        if target.is_none() {
            self.products.push(product);
        } else {
            if !self.touched.contains_key(&index) {
                product.touch(now);
            }
            self.unindex(index);
            self.products[index] = product;
        }
        self.touched.entry(index).or_insert(target.is_none());
        self.index(index);
    }

    /// The active variant with a SKU, among those of a line just applied.
    pub(super) fn variant(&self, sku: &str) -> Option<bloom_kernel::VariantId> {
        let product = &self.products[*self.by_sku.get(sku)?];
        product.variants.iter().find(|variant| variant.is_active() && variant.sku == sku).map(|variant| variant.id)
    }

    /// The products that changed, and how many of them are new.
    pub(super) fn changed(&self) -> (Vec<&Product>, i64) {
        let created = self.touched.values().filter(|created| **created).count();
        (self.touched.keys().map(|index| &self.products[*index]).collect(), i64::try_from(created).unwrap_or_default())
    }

    fn index(&mut self, index: usize) {
        let product = &self.products[index];
        if let Some(id) = &product.external_id {
            self.by_external.insert(id.clone(), index);
        }
        for variant in product.variants.iter().filter(|variant| variant.is_active()) {
            self.by_sku.insert(variant.sku.clone(), index);
            if let Some(id) = &variant.external_id {
                self.by_variant_external.insert(id.clone(), index);
            }
        }
    }

    fn unindex(&mut self, index: usize) {
        self.by_external.retain(|_, found| *found != index);
        self.by_sku.retain(|_, found| *found != index);
        self.by_variant_external.retain(|_, found| *found != index);
    }

    /// The product that a line speaks of; none when it is a new one.
    fn target(&self, line: &ImportLine, checks: &mut Checks) -> Option<usize> {
        let mut target = line.external_id.as_ref().and_then(|id| self.by_external.get(id)).copied();
        for (index, variant) in line.variants.iter().enumerate() {
            let Some(owner) = self.by_sku.get(&variant.sku).copied() else { continue };
            match target {
                Some(target) if target != owner => {
                    checks.fail(format!("/variants/{index}/sku"), "sku_taken", "Another product has this SKU.");
                }
                Some(_) => {}
                None if self.other_external(owner, line) => {
                    checks.fail(
                        format!("/variants/{index}/sku"),
                        "sku_taken",
                        "A product with another external id has this SKU.",
                    );
                }
                None => target = Some(owner),
            }
        }
        for (index, variant) in line.variants.iter().enumerate() {
            let owner = variant.external_id.as_ref().and_then(|id| self.by_variant_external.get(id));
            if owner.is_some_and(|owner| Some(*owner) != target) {
                let at = format!("/variants/{index}/external_id");
                checks.fail(at, "external_id_taken", "A variant of another product has this external id.");
            }
        }
        target
    }

    fn other_external(&self, owner: usize, line: &ImportLine) -> bool {
        let product = &self.products[owner];
        line.external_id.is_some() && product.external_id.is_some() && product.external_id != line.external_id
    }

    fn resolve(&self, line: &ImportLine, checks: &mut Checks) -> Resolved {
        let product_type_id = line.product_type.as_ref().and_then(|code| self.type_named(code, checks));
        let category_ids = line.categories.as_ref().map(|paths| {
            // Paths that are well-formed were created before the lines are applied.
            paths.iter().filter_map(|path| self.names.categories.get(path).copied()).collect()
        });
        let channel_ids = line.channels.as_ref().map(|codes| {
            let named = codes.iter().enumerate().filter_map(|(index, code)| {
                let found = self.names.channels.get(code).copied();
                if found.is_none() {
                    checks.fail(format!("/channels/{index}"), "unknown_channel", format!("There is no channel `{code}`."));
                }
                found
            });
            named.collect()
        });
        for (index, variant) in line.variants.iter().enumerate() {
            if variant.tax_class_id.is_some_and(|id| !self.names.tax_classes.contains(&id)) {
                checks.fail(format!("/variants/{index}/tax_class_id"), "unknown_tax_class", "There is no such tax class.");
            }
        }
        Resolved { product_type_id, category_ids, channel_ids }
    }

    fn type_named(&self, code: &str, checks: &mut Checks) -> Option<ProductTypeId> {
        let found = self.names.types.iter().find(|known| known.code == code).map(|known| known.id);
        if found.is_none() {
            checks.fail("/product_type", "unknown_product_type", format!("There is no product type `{code}`."));
        }
        found
    }
}

fn finish(checks: Checks) -> Result<(), Vec<Violation>> {
    let errors = checks.into_violations();
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

/// A refusal as violations of the line.
pub(super) fn violations(fault: &Fault) -> Vec<Violation> {
    if fault.errors.is_empty() {
        let (code, message) = (fault.reason.to_string(), fault.public_detail().to_owned());
        return vec![Violation { pointer: String::new(), code, message }];
    }
    fault.errors.clone()
}
