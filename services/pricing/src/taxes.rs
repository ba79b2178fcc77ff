//! Tax tables in memory: checked by version before each use, so that no process ever calculates with an old one.

use std::collections::BTreeSet;
use std::sync::Arc;

use bloom_fault::Fault;
use bloom_kernel::TenantId;
use moka::future::Cache;
use sqlx::PgConnection;

use crate::domain::place::Country;
use crate::domain::tax::{CountryTaxes, Taxes};
use crate::store::taxes::taxes_of_countries;

/// Rows of all tables together.
const ROWS_MAX: u64 = 500_000;
/// A larger table is read each time.
const TABLE_ROWS_MAX: usize = 5_000;

/// The tax tables that were read, each with the tenant's tax version that was known before it was read.
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
    /// The tables of these countries at this version or a later one: from memory, the missing ones in one statement.
    pub async fn taxes(
        &self,
        conn: &mut PgConnection,
        tenant: TenantId,
        countries: BTreeSet<Country>,
        version: i64,
    ) -> Result<Taxes, Fault> {
        let (mut taxes, missing) = self.remembered(tenant, countries, version).await;
        if missing.is_empty() {
            return Ok(taxes);
        }
        let missing: Vec<Country> = missing.into_iter().collect();
        for (country, table) in taxes_of_countries(conn, &missing).await? {
            let table = Arc::new(table);
            if rows(&table) <= TABLE_ROWS_MAX {
                self.0.insert((tenant, country.clone()), (version, table.clone())).await;
            }
            taxes.insert(country, table);
        }
        Ok(taxes)
    }

    /// What is remembered of these countries at this version, and the countries of which nothing is.
    pub async fn remembered(&self, tenant: TenantId, countries: BTreeSet<Country>, version: i64) -> (Taxes, BTreeSet<Country>) {
        let mut taxes = Taxes::new();
        let mut missing = BTreeSet::new();
        for country in countries {
            match self.0.get(&(tenant, country.clone())).await {
                Some((read_at, table)) if read_at == version => drop(taxes.insert(country, table)),
                Some(_) | None => drop(missing.insert(country)),
            }
        }
        (taxes, missing)
    }
}
