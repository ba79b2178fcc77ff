//! The start and the end of a list: timers that publish its prices again when a date is reached.

use bloom_db::TenantTx;
use bloom_events::Publish as _;
use bloom_fault::Fault;
use bloom_kernel::{PriceListId, Timestamp};
use bloom_runtime::RequestContext;
use serde::{Deserialize, Serialize};

use super::model::PriceList;
use super::store::price_list_get;
use crate::Pricing;
use crate::terms::{TermsChange, republish_schedule};

/// The timer of a date.
pub const DATE_REACHED: &str = "price_list.date_reached";

/// A date of a list; the payload of its timer.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct ListDate {
    price_list_id: PriceListId,
    moment: Timestamp,
}

/// Sets the timers of a list's future dates, and removes those of the others.
pub(super) fn dates_schedule(tx: &mut TenantTx, list: &PriceList) {
    let now = tx.now();
    for (edge, moment) in [("start", list.starts_at), ("end", list.ends_at)] {
        let key = format!("{}:{edge}", list.id);
        match moment {
            Some(moment) if now < moment => {
                tx.schedule(DATE_REACHED, &key, moment, &ListDate { price_list_id: list.id, moment });
            }
            Some(_) | None => tx.unschedule(DATE_REACHED, &key),
        }
    }
}

/// A list has started or ended: schedules the pass that publishes its variants again.
pub async fn date_reached(app: &Pricing, context: &RequestContext, _: String, date: ListDate) -> Result<(), Fault> {
    app.db
        .transaction(context, async |tx| {
            if let Some(list) = price_list_get(tx, date.price_list_id).await? {
                let now = tx.now().max(date.moment);
                republish_schedule(tx, TermsChange::PriceList(list.id, list.version), now);
            }
            Ok(())
        })
        .await
}
