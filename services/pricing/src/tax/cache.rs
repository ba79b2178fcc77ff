//! The cache of tax tables. Each use checks the version of the table, so that no process calculates with an old one.

use std::collections::BTreeSet;
use std::sync::Arc;

use bloom_fault::Fault;
use bloom_kernel::{Country, TenantId};
use moka::future::Cache;
use sqlx::PgConnection;

use super::model::{CountryTaxes, TaxTables};
use super::store::taxes_of_countries;

/// Rows of all cached tables together.
const ROWS_MAX: u64 = 500_000;
/// A larger table is not cached.
const TABLE_ROWS_MAX: usize = 5_000;

/// Tax tables, each with the tenant's tax version that was known before the table was read.
#[derive(Clone)]
pub struct TaxCache(Cache<(TenantId, Country), (i64, Arc<CountryTaxes>)>);

impl Default for TaxCache {
    fn default() -> Self {
        let weigh =
            |_: &(TenantId, Country), (_, taxes): &(i64, Arc<CountryTaxes>)| u32::try_from(rows(taxes)).unwrap_or(u32::MAX);
        Self(Cache::builder().max_capacity(ROWS_MAX).weigher(weigh).build())
    }
}

fn rows(taxes: &CountryTaxes) -> usize {
    1 + taxes.classes.len() + taxes.areas.len() + taxes.rates.len()
}

impl TaxCache {
    /// The tables of these countries at this version or a later one: cached ones, and the missing ones in one statement.
    pub async fn tables(
        &self,
        conn: &mut PgConnection,
        tenant: TenantId,
        countries: BTreeSet<Country>,
        version: i64,
    ) -> Result<TaxTables, Fault> {
        let (mut tables, missing) = self.cached(tenant, countries, version).await;
        if missing.is_empty() {
            return Ok(tables);
        }
        let missing: Vec<Country> = missing.into_iter().collect();
        for (country, table) in taxes_of_countries(conn, &missing).await? {
            let table = Arc::new(table);
            if rows(&table) <= TABLE_ROWS_MAX {
                self.0.insert((tenant, country.clone()), (version, table.clone())).await;
            }
            tables.insert(country, table);
        }
        Ok(tables)
    }

    /// The cached tables of these countries at this version, and the countries that have none.
    pub async fn cached(&self, tenant: TenantId, countries: BTreeSet<Country>, version: i64) -> (TaxTables, BTreeSet<Country>) {
        let mut tables = TaxTables::new();
        let mut missing = BTreeSet::new();
        for country in countries {
            match self.0.get(&(tenant, country.clone())).await {
                Some((read_at, table)) if read_at == version => drop(tables.insert(country, table)),
                Some(_) | None => drop(missing.insert(country)),
            }
        }
        (tables, missing)
    }
}
