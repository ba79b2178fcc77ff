//! The catalogue's present state, for consumers that begin anew.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Arc;

use bloom_db::SystemTx;
use bloom_events::{After, Export, StateRecord};
use bloom_fault::Fault;
use bloom_kernel::{CategoryId, ChannelId, CollectionId, ProductId, ProductTypeId, TenantId, VariantId};
use futures::future::BoxFuture;
use serde::Serialize;
use uuid::Uuid;

use crate::store;
use crate::store::category::category_list;
use crate::store::channel::channel_list;
use crate::store::collection::collection_list;
use crate::store::heard::heard_list;
use crate::store::product::{product_ids, product_load};
use crate::store::product_type::product_type_list;

type Page<'a> = BoxFuture<'a, Result<Vec<StateRecord>, Fault>>;

/// Every kind of aggregate of this service, and what it was told of variants.
pub fn all() -> Vec<Arc<dyn Export>> {
    vec![
        Arc::new(Channels),
        Arc::new(ProductTypes),
        Arc::new(Categories),
        Arc::new(Collections),
        Arc::new(Products),
        Arc::new(VariantsHeard),
    ]
}

struct Channels;
struct ProductTypes;
struct Categories;
struct Collections;
struct Products;
struct VariantsHeard;

/// Where a page begins. An aggregate is named by the text of its id, which sorts as the id does.
fn start<T: FromStr + Into<Uuid>>(after: Option<After>) -> store::After {
    match after {
        Some(after) => store::After { tenant: after.tenant, id: after.aggregate.parse::<T>().map_or(Uuid::nil(), Into::into) },
        None => store::After { tenant: TenantId::from_uuid(Uuid::nil()), id: Uuid::nil() },
    }
}

fn records<T: Serialize>(
    kind: &'static str,
    rows: Vec<(TenantId, T)>,
    name: impl Fn(&T) -> (String, i64),
) -> Result<Vec<StateRecord>, Fault> {
    let record = |(tenant, row): (TenantId, T)| {
        let (aggregate, version) = name(&row);
        StateRecord::new(tenant, kind, aggregate, version, &row)
    };
    rows.into_iter().map(record).collect()
}

impl Export for Channels {
    fn kind(&self) -> &'static str {
        "channel.updated"
    }

    fn page<'a>(&'a self, tx: &'a mut SystemTx, after: Option<After>, limit: i64) -> Page<'a> {
        Box::pin(async move {
            let after = start::<ChannelId>(after);
            records(self.kind(), channel_list(tx, after, limit).await?, |row| (row.id.to_string(), row.version))
        })
    }
}

impl Export for ProductTypes {
    fn kind(&self) -> &'static str {
        "product_type.updated"
    }

    fn page<'a>(&'a self, tx: &'a mut SystemTx, after: Option<After>, limit: i64) -> Page<'a> {
        Box::pin(async move {
            let after = start::<ProductTypeId>(after);
            records(self.kind(), product_type_list(tx, after, limit).await?, |row| (row.id.to_string(), row.version))
        })
    }
}

impl Export for Categories {
    fn kind(&self) -> &'static str {
        "category.updated"
    }

    fn page<'a>(&'a self, tx: &'a mut SystemTx, after: Option<After>, limit: i64) -> Page<'a> {
        Box::pin(async move {
            let after = start::<CategoryId>(after);
            records(self.kind(), category_list(tx, None, after, limit).await?, |row| (row.id.to_string(), row.version))
        })
    }
}

impl Export for Collections {
    fn kind(&self) -> &'static str {
        "collection.updated"
    }

    fn page<'a>(&'a self, tx: &'a mut SystemTx, after: Option<After>, limit: i64) -> Page<'a> {
        Box::pin(async move {
            let after = start::<CollectionId>(after);
            records(self.kind(), collection_list(tx, after, limit).await?, |row| (row.id.to_string(), row.version))
        })
    }
}

impl Export for Products {
    fn kind(&self) -> &'static str {
        "product.updated"
    }

    fn page<'a>(&'a self, tx: &'a mut SystemTx, after: Option<After>, limit: i64) -> Page<'a> {
        Box::pin(async move {
            let keys = product_ids(tx, start::<ProductId>(after), limit).await?;
            let ids: Vec<ProductId> = keys.iter().map(|(_, id)| *id).collect();
            let mut products: HashMap<_, _> =
                product_load(tx, &ids).await?.into_iter().map(|product| (product.id, product)).collect();
            let rows = keys.into_iter().filter_map(|(tenant, id)| Some((tenant, products.remove(&id)?))).collect();
            records(self.kind(), rows, |row| (row.id.to_string(), row.version))
        })
    }
}

/// No aggregate of this service: what it knows of others' prices and stock, so that `bloom check` can compare.
impl Export for VariantsHeard {
    fn kind(&self) -> &'static str {
        "variant_heard.updated"
    }

    fn page<'a>(&'a self, tx: &'a mut SystemTx, after: Option<After>, limit: i64) -> Page<'a> {
        Box::pin(async move {
            let rows = heard_list(tx, start::<VariantId>(after), limit).await?;
            records(self.kind(), rows, |row| (row.variant_id.to_string(), row.price_version.max(row.stock_version)))
        })
    }
}
