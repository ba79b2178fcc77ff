//! The start and the end of a list: timers that publish its prices again when a date is reached.

use bloom_events::{cancel, schedule};
use bloom_fault::Fault;
use bloom_kernel::{PriceListId, Timestamp};
use bloom_runtime::{Call, TenantTx};
use serde::{Deserialize, Serialize};

use super::model::PriceList;
use super::store::price_list_get;
use crate::Pricing;
use crate::terms::{TermsChange, republish_schedule};

/// The timer of a date.
pub(crate) const DATE_REACHED: &str = "price_list.date_reached";

/// A date of a list; the payload of its timer.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct ListDate {
    price_list_id: PriceListId,
    moment: Timestamp,
}

/// Sets the timers of a list's future dates, and removes those of the others.
pub(super) async fn dates_schedule(tx: &mut TenantTx, now: Timestamp, list: &PriceList) -> Result<(), Fault> {
    for (edge, moment) in [("start", list.starts_at), ("end", list.ends_at)] {
        let key = format!("{}:{edge}", list.id);
        match moment {
            Some(moment) if now < moment => {
                schedule(tx, DATE_REACHED, &key, moment, &ListDate { price_list_id: list.id, moment }).await?;
            }
            Some(_) | None => cancel(tx, DATE_REACHED, &key).await?,
        }
    }
    Ok(())
}

/// A list has started or ended: schedules the pass that publishes its variants again.
pub(crate) async fn date_reached(app: &Pricing, call: &Call, date: ListDate) -> Result<(), Fault> {
    let mut tx = app.db.write(call).await?;
    if let Some(list) = price_list_get(&mut tx, date.price_list_id).await? {
        let now = app.host.now(call.tenant).max(date.moment);
        republish_schedule(&mut tx, now, TermsChange::PriceList(list.id, list.version)).await?;
    }
    tx.commit().await
}
