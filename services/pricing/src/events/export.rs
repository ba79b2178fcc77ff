//! The present state of every kind of aggregate, tenant by tenant: each tenant's rows are read as that tenant.

use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;

use bloom_db::SystemTx;
use bloom_events::{After, Export, StateRecord};
use bloom_fault::Fault;
use bloom_kernel::TenantId;
use futures::future::BoxFuture;
use serde::Serialize;
use sqlx::PgConnection;

use super::{VARIANT_PRICE, VariantPrice};
use crate::Pricing;
use crate::store::price::prices_after;
use crate::store::price_list::{Filter, price_list_page};
use crate::store::settings::settings_get;
use crate::store::tax_class::tax_class_page;
use crate::store::tax_rate::tax_rate_page;
use crate::store::tax_zone::tax_zone_page;
use crate::store::variant_price::{tenant_after, variant_prices_after};

/// Every kind.
const KINDS: [(&str, Kind); 7] = [
    ("settings.updated", Kind::Settings),
    ("tax_class.updated", Kind::TaxClass),
    ("tax_zone.updated", Kind::TaxZone),
    ("tax_rate.updated", Kind::TaxRate),
    ("price_list.updated", Kind::PriceList),
    ("price.updated", Kind::Price),
    (VARIANT_PRICE, Kind::VariantPrice),
];

/// Every kind of aggregate.
pub fn exports(app: &Pricing) -> Vec<Arc<dyn Export>> {
    let export = |(name, kind)| Arc::new(Rows { app: app.clone(), name, kind }) as Arc<dyn Export>;
    KINDS.into_iter().map(export).collect()
}

#[derive(Clone, Copy)]
enum Kind {
    Settings,
    TaxClass,
    TaxZone,
    TaxRate,
    PriceList,
    Price,
    VariantPrice,
}

struct Rows {
    app: Pricing,
    name: &'static str,
    kind: Kind,
}

impl Export for Rows {
    fn kind(&self) -> &'static str {
        self.name
    }

    fn page<'a>(
        &'a self,
        tx: &'a mut SystemTx,
        after: Option<After>,
        limit: i64,
    ) -> BoxFuture<'a, Result<Vec<StateRecord>, Fault>> {
        Box::pin(self.read(tx, after, limit))
    }
}

impl Rows {
    async fn read(&self, tx: &mut SystemTx, after: Option<After>, limit: i64) -> Result<Vec<StateRecord>, Fault> {
        let mut records = Vec::new();
        let (mut tenant, mut behind) = match after {
            Some(After { tenant, aggregate }) => (Some(tenant), Some(aggregate)),
            None => (tenant_after(tx, None).await?, None),
        };
        while let Some(present) = tenant {
            let left = limit - i64::try_from(records.len()).unwrap_or(limit);
            if left <= 0 {
                break;
            }
            let mut conn = self.app.db.read(present).await?;
            records.extend(self.of_tenant(&mut conn, present, behind.take(), left).await?);
            tenant = tenant_after(tx, Some(present)).await?;
        }
        Ok(records)
    }

    async fn of_tenant(
        &self,
        conn: &mut PgConnection,
        tenant: TenantId,
        behind: Option<String>,
        limit: i64,
    ) -> Result<Vec<StateRecord>, Fault> {
        match self.kind {
            Kind::Settings => {
                let settings = settings_get(conn).await?;
                let wanted = behind.is_none() && 0 < settings.version;
                self.records(tenant, wanted.then_some(settings), |it| ("settings", it.version))
            }
            Kind::TaxClass => {
                let rows = tax_class_page(conn, id(behind)?, limit).await?;
                self.records(tenant, rows, |it| (it.id, it.version))
            }
            Kind::TaxZone => {
                let rows = tax_zone_page(conn, None, id(behind)?, limit).await?;
                self.records(tenant, rows, |it| (it.id, it.version))
            }
            Kind::TaxRate => {
                let rows = tax_rate_page(conn, None, None, id(behind)?, limit).await?;
                self.records(tenant, rows, |it| (it.id, it.version))
            }
            Kind::PriceList => {
                let rows = price_list_page(conn, Filter::default(), id(behind)?, limit).await?;
                self.records(tenant, rows, |it| (it.id, it.version))
            }
            Kind::Price => {
                let rows = prices_after(conn, id(behind)?, limit).await?;
                self.records(tenant, rows, |it| (it.id, it.version))
            }
            Kind::VariantPrice => self.variant_prices(conn, tenant, id(behind)?, limit).await,
        }
    }

    /// Variants that were never published are no state; the page goes on behind them until it is full.
    async fn variant_prices(
        &self,
        conn: &mut PgConnection,
        tenant: TenantId,
        mut behind: Option<bloom_kernel::VariantId>,
        limit: i64,
    ) -> Result<Vec<StateRecord>, Fault> {
        let mut records = Vec::new();
        loop {
            let left = limit - i64::try_from(records.len()).unwrap_or(limit);
            let rows = variant_prices_after(conn, behind, left).await?;
            let Some(last) = rows.last() else { return Ok(records) };
            behind = Some(last.variant_id);
            for row in rows.iter().filter(|row| 0 < row.version) {
                let data = VariantPrice::from(row);
                records.push(StateRecord::new(tenant, self.name, row.variant_id.to_string(), row.version, &data)?);
            }
        }
    }

    fn records<T: Serialize, A: Display>(
        &self,
        tenant: TenantId,
        rows: impl IntoIterator<Item = T>,
        key: impl Fn(&T) -> (A, i64),
    ) -> Result<Vec<StateRecord>, Fault> {
        let record = |row: T| {
            let (aggregate, version) = key(&row);
            StateRecord::new(tenant, self.name, aggregate.to_string(), version, &row)
        };
        rows.into_iter().map(record).collect()
    }
}

/// The id of a cursor's aggregate.
fn id<T: FromStr>(text: Option<String>) -> Result<Option<T>, Fault> {
    text.map(|text| bloom_runtime::grpc::id(&text, "position")).transpose()
}
