//! Invariants of the catalogue, checked by `bloom check`.

use sqlx::PgConnection;

use crate::keyset::{After, uuids};
use crate::listing::{listing_differences, listing_orphans, product_ids};

/// Products compared at a time.
const BATCH: i64 = 1_000;
/// Most differences that are reported.
const DIFFERENCES_MAX: usize = 100;

/// Every listing equals its sources, and every source has its listing.
pub(crate) async fn listing_differs(conn: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    let mut details = listing_orphans(conn).await?;
    let mut after = After::start();
    while details.len() < DIFFERENCES_MAX {
        let rows = product_ids(conn, after, BATCH).await?;
        let Some((tenant, last)) = rows.last() else { break };
        after = After { tenant: *tenant, id: last.uuid() };
        let ids: Vec<_> = rows.iter().map(|(_, id)| *id).collect();
        details.extend(listing_differences(conn, &uuids(&ids)).await?);
    }
    details.truncate(DIFFERENCES_MAX);
    Ok(details)
}
