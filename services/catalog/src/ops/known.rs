//! References to what other services own: locations and tax classes. The catalogue knows them by their events, which may be
//! a moment behind whoever has just created one.

use std::time::Duration;

use bloom_fault::Fault;
use bloom_kernel::{LocationId, TaxClassId, TenantId};
use bloom_runtime::Db;
use uuid::Uuid;

use crate::error::unknown;
use crate::store::heard::{location_known, tax_class_known};

/// How often, and how long apart, a reference is looked up before it counts as unknown: one second in all.
const LOOKS: u32 = 20;
const PAUSE: Duration = Duration::from_millis(50);

/// Refuses a location that the tenant does not have.
pub async fn locations(db: &Db, tenant: TenantId, ids: &[LocationId]) -> Result<(), Fault> {
    let wanted: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    for look in 0..LOOKS {
        if wanted.is_empty() {
            return Ok(());
        }
        let mut conn = db.read(tenant).await?;
        let known = location_known(&mut conn, &wanted).await?;
        drop(conn);
        match ids.iter().position(|id| !known.contains(id)) {
            None => return Ok(()),
            Some(index) if look + 1 == LOOKS => return Err(unknown("location", &format!("/location_ids/{index}"))),
            Some(_) => tokio::time::sleep(PAUSE).await,
        }
    }
    Ok(())
}

/// Refuses a tax class that the tenant does not have; each comes with its place in the request.
pub async fn tax_classes(db: &Db, tenant: TenantId, named: &[(String, TaxClassId)]) -> Result<(), Fault> {
    let wanted: Vec<Uuid> = named.iter().map(|(_, id)| id.uuid()).collect();
    for look in 0..LOOKS {
        if wanted.is_empty() {
            return Ok(());
        }
        let mut conn = db.read(tenant).await?;
        let known = tax_class_known(&mut conn, &wanted).await?;
        drop(conn);
        match named.iter().find(|(_, id)| !known.contains(&id.uuid())) {
            None => return Ok(()),
            Some((pointer, _)) if look + 1 == LOOKS => return Err(unknown("tax class", pointer)),
            Some(_) => tokio::time::sleep(PAUSE).await,
        }
    }
    Ok(())
}
