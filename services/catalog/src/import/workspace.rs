//! The products of a chunk, in memory while its lines are applied one after the other.

use std::collections::{BTreeMap, HashMap};

use bloom_db::TenantTx;
use bloom_fault::{Fault, Violation};
use bloom_kernel::{ProductTypeId, VariantId, ViolationCode};

use super::line::{ImportLine, Resolved};
use super::model::violations;
use super::references::Names;
use crate::product::Product;
use crate::validator::Validator;
use crate::values::{ExternalId, ObjectCode, Sku};

/// See the module.
pub(super) struct Workspace {
    names: Names,
    products: Vec<Product>,
    /// Changed products, and whether they are new.
    changed: BTreeMap<usize, bool>,
    by_external: HashMap<ExternalId, usize>,
    by_sku: HashMap<Sku, usize>,
    by_variant_external: HashMap<ExternalId, usize>,
}

impl Workspace {
    pub(super) fn new(names: Names, products: Vec<Product>) -> Self {
        let mut workspace = Self {
            names,
            products: Vec::new(),
            changed: BTreeMap::new(),
            by_external: HashMap::new(),
            by_sku: HashMap::new(),
            by_variant_external: HashMap::new(),
        };
        for product in products {
            workspace.products.push(product);
            workspace.index(workspace.products.len() - 1);
        }
        workspace
    }

    /// Applies one line, or returns its violations and changes nothing.
    pub(super) fn apply(&mut self, line: &ImportLine, tx: &TenantTx) -> Result<(), Vec<Violation>> {
        let mut validator = Validator::default();
        line.check(&mut validator);
        let names = self.resolve(line, &mut validator);
        let target = self.target(line, &mut validator);
        finish(validator)?;
        let mut product = self.result(line, target, names, tx).map_err(|fault| violations(&fault))?;
        product.normalise();
        let mut validator = Validator::default();
        let product_type = self.names.types.iter().find(|known| Some(known.id) == product.product_type_id);
        product.check(product_type, &mut validator);
        finish(validator)?;
        self.keep(target, product, tx);
        Ok(())
    }

    /// The product with the line applied.
    fn result(&self, line: &ImportLine, target: Option<usize>, names: Resolved, tx: &TenantTx) -> Result<Product, Fault> {
        let (now, variant_id) = (tx.now(), || tx.new_id());
        let Some(index) = target else {
            return line.create(tx.new_id(), now, names, self.names.default_channels.clone(), variant_id);
        };
        let mut product = self.products[index].clone();
        line.merge(&mut product, now, names, variant_id)?;
        Ok(product)
    }

    /// Stores a checked product. Several lines of one product make one change of it.
    fn keep(&mut self, target: Option<usize>, mut product: Product, tx: &TenantTx) {
        let index = target.unwrap_or(self.products.len());
        if target.is_none() {
            self.products.push(product);
        } else {
            if !self.changed.contains_key(&index) {
                product.bump_version(tx.now());
            }
            self.unindex(index);
            self.products[index] = product;
        }
        self.changed.entry(index).or_insert(target.is_none());
        self.index(index);
    }

    /// The active variant with a SKU of an applied line.
    pub(super) fn variant(&self, sku: &Sku) -> Option<VariantId> {
        let product = &self.products[*self.by_sku.get(sku)?];
        product.variants.iter().find(|variant| variant.is_active() && variant.sku == *sku).map(|variant| variant.id)
    }

    /// The products that changed, and how many of them are new.
    pub(super) fn changed(&self) -> (Vec<&Product>, i64) {
        let created = self.changed.values().filter(|created| **created).count();
        (self.changed.keys().map(|index| &self.products[*index]).collect(), i64::try_from(created).unwrap_or_default())
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

    /// The product that a line identifies; none for a new one.
    fn target(&self, line: &ImportLine, validator: &mut Validator) -> Option<usize> {
        let mut target = line.external_id.as_ref().and_then(|id| self.by_external.get(id)).copied();
        for (index, variant) in line.variants.iter().enumerate() {
            let Some(owner) = self.by_sku.get(&variant.sku).copied() else { continue };
            match target {
                Some(target) if target != owner => {
                    validator.fail(format!("/variants/{index}/sku"), ViolationCode::Taken, "Another product has this SKU.");
                }
                Some(_) => {}
                None if self.other_external(owner, line) => {
                    validator.fail(
                        format!("/variants/{index}/sku"),
                        ViolationCode::Taken,
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
                validator.fail(at, ViolationCode::Taken, "A variant of another product has this external id.");
            }
        }
        target
    }

    fn other_external(&self, owner: usize, line: &ImportLine) -> bool {
        let product = &self.products[owner];
        line.external_id.is_some() && product.external_id.is_some() && product.external_id != line.external_id
    }

    fn resolve(&self, line: &ImportLine, validator: &mut Validator) -> Resolved {
        let product_type_id = line.product_type.as_ref().and_then(|code| self.product_type(code, validator));
        let category_ids = line.categories.as_ref().map(|paths| {
            // Well-formed paths were created before the lines are applied.
            paths.iter().filter_map(|path| self.names.categories.get(path).copied()).collect()
        });
        let channel_ids = line.channels.as_ref().map(|codes| {
            let named = codes.iter().enumerate().filter_map(|(index, code)| {
                let found = self.names.channels.get(code).copied();
                if found.is_none() {
                    validator.fail(
                        format!("/channels/{index}"),
                        ViolationCode::Unknown,
                        format!("There is no channel `{code}`."),
                    );
                }
                found
            });
            named.collect()
        });
        for (index, variant) in line.variants.iter().enumerate() {
            if variant.tax_class_id.is_some_and(|id| !self.names.foreign.tax_classes.contains(&id)) {
                validator.fail(format!("/variants/{index}/tax_class_id"), ViolationCode::Unknown, "There is no such tax class.");
            }
            for (nr, stock) in
                variant.stock.iter().enumerate().filter(|(_, stock)| !self.names.foreign.locations.contains(&stock.location))
            {
                let at = format!("/variants/{index}/stock/{nr}/location");
                validator.fail(at, ViolationCode::Unknown, format!("There is no location `{}`.", stock.location));
            }
        }
        Resolved { product_type_id, category_ids, channel_ids }
    }

    fn product_type(&self, code: &ObjectCode, validator: &mut Validator) -> Option<ProductTypeId> {
        let found = self.names.types.iter().find(|known| known.code == *code).map(|known| known.id);
        if found.is_none() {
            validator.fail("/product_type", ViolationCode::Unknown, format!("There is no product type `{code}`."));
        }
        found
    }
}

fn finish(validator: Validator) -> Result<(), Vec<Violation>> {
    let errors = validator.into_violations();
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}
