//! What inventory answers about itself: the state of its aggregates, and what must hold of stock.

use std::sync::Arc;
use std::time::Duration;

use bloom_db::SystemTx;
use bloom_events::{After, Breach, Check, Export, StateRecord};
use bloom_fault::Fault;
use bloom_kernel::Timestamp;
use bloom_runtime::ServiceContext;
use futures::future::BoxFuture;
use sqlx::PgConnection;
use tokio::time::Instant;

use crate::store::{check, export};

/// Every kind of aggregate.
pub fn exports(host: &ServiceContext) -> Vec<Arc<dyn Export>> {
    vec![Arc::new(Locations), Arc::new(Stocks(host.clone())), Arc::new(Holds)]
}

struct Locations;

impl Export for Locations {
    fn kind(&self) -> &'static str {
        "location.updated"
    }

    fn page<'a>(
        &'a self,
        tx: &'a mut SystemTx,
        after: Option<After>,
        limit: i64,
    ) -> BoxFuture<'a, Result<Vec<StateRecord>, Fault>> {
        Box::pin(async move {
            let rows = export::location_page(tx, export::behind(after)?, limit).await?;
            let record = |(tenant, row): (_, crate::domain::location::Location)| {
                StateRecord::new(tenant, self.kind(), row.id.to_string(), row.version, &row)
            };
            rows.into_iter().map(record).collect()
        })
    }
}

struct Stocks(ServiceContext);

impl Export for Stocks {
    fn kind(&self) -> &'static str {
        "stock.updated"
    }

    fn page<'a>(
        &'a self,
        tx: &'a mut SystemTx,
        after: Option<After>,
        limit: i64,
    ) -> BoxFuture<'a, Result<Vec<StateRecord>, Fault>> {
        Box::pin(async move {
            let now: Timestamp = self.0.platform_now();
            let rows = export::stock_page(tx, export::behind(after)?, now, limit).await?;
            let record = |row: export::StockRecord| {
                StateRecord::new(row.tenant, self.kind(), row.stock.variant_id.to_string(), row.version, &row.stock)
            };
            rows.into_iter().map(record).collect()
        })
    }
}

struct Holds;

impl Export for Holds {
    /// A hold's events are named by what happened to it; a consumer that loads looks at `status`.
    fn kind(&self) -> &'static str {
        "hold.updated"
    }

    fn page<'a>(
        &'a self,
        tx: &'a mut SystemTx,
        after: Option<After>,
        limit: i64,
    ) -> BoxFuture<'a, Result<Vec<StateRecord>, Fault>> {
        Box::pin(async move {
            let rows = export::hold_page(tx, export::behind(after)?, limit).await?;
            let record = |(tenant, hold): (_, crate::domain::hold::Hold)| {
                StateRecord::new(tenant, self.kind(), hold.id.to_string(), hold.version, &hold)
            };
            rows.into_iter().map(record).collect()
        })
    }
}

/// How long the publisher of stock events may take.
const PATIENCE: Duration = Duration::from_millis(2_500);

type Query = for<'a> fn(&'a mut PgConnection) -> BoxFuture<'a, sqlx::Result<Vec<String>>>;

struct Invariant {
    name: &'static str,
    query: Query,
}

/// Every invariant of stock.
pub fn checks() -> Vec<Arc<dyn Check>> {
    let all: [(&'static str, Query); 6] = [
        ("levels_match_movements", |conn| Box::pin(check::levels_differ(conn))),
        ("promises_within_stock", |conn| Box::pin(check::promises_exceed(conn))),
        ("held_matches_holds", |conn| Box::pin(check::held_differs(conn))),
        ("holds_end_once", |conn| Box::pin(check::ends_differ(conn))),
        ("allocations_not_negative", |conn| Box::pin(check::allocations_negative(conn))),
        ("stock_published", |conn| Box::pin(long_unpublished(conn))),
    ];
    all.into_iter().map(|(name, query)| Arc::new(Invariant { name, query }) as Arc<dyn Check>).collect()
}

/// A change is published within milliseconds; what is still not after a while never will be.
async fn long_unpublished(conn: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    let patience = Instant::now() + PATIENCE;
    loop {
        let found = check::stock_unpublished(conn).await?;
        if found.is_empty() || patience < Instant::now() {
            return Ok(found);
        }
        tokio::time::sleep(PATIENCE / 50).await;
    }
}

impl Check for Invariant {
    fn name(&self) -> &'static str {
        self.name
    }

    fn breaches<'a>(&'a self, tx: &'a mut SystemTx) -> BoxFuture<'a, Result<Vec<Breach>, Fault>> {
        Box::pin(async move {
            let found = (self.query)(tx).await?;
            Ok(found.into_iter().map(|detail| Breach { invariant: self.name, detail }).collect())
        })
    }
}
