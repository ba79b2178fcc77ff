//! Holding units for a buyer: all lines or none, decided under the lock of their items.

use bloom_db::TenantTx;
use bloom_fault::Fault;
use bloom_kernel::{HoldId, LocationId, MovementId, Timestamp, VariantId};
use bloom_runtime::RequestContext;
use chrono::TimeDelta;
use serde::Serialize;

use crate::domain::allocate::{Demand, Share, Shortage, allocate};
use crate::domain::hold::{Hold, HoldLine, HoldStatus};
use crate::error::Refusal;
use crate::store::hold::{hold_get, hold_insert, hold_shelves};
use crate::store::movement::{PastLine, Stamp, movement_expire};
use crate::{Inventory, events};

/// What a buyer asks for.
#[derive(Debug, Clone, Serialize)]
pub struct HoldWanted {
    /// The hold's id, chosen by the caller.
    pub id: HoldId,
    /// Locations in the order in which they are asked; every active one by priority when empty.
    pub locations: Vec<LocationId>,
    /// The lines.
    pub lines: Vec<LineWanted>,
    /// Seconds from now until the hold ends by itself.
    pub ttl_seconds: i64,
}

/// One line of [`HoldWanted`].
#[derive(Debug, Clone, Serialize)]
pub struct LineWanted {
    /// The caller's name of the line.
    pub line_id: String,
    /// The variant.
    pub variant_id: VariantId,
    /// Units.
    pub quantity: i64,
}

/// What became of a hold inside its transaction.
#[derive(Debug)]
pub enum Placed {
    /// It is there once the transaction commits.
    New(Hold),
    /// There is a hold of this id.
    Taken,
    /// There is less than asked for.
    Short(Vec<Shortage>),
}

/// Holds units once per id: a repeat gets the hold that the first request made.
pub async fn hold_stock(app: &Inventory, call: &RequestContext, wanted: &HoldWanted) -> Result<Hold, Fault> {
    let turns = app.turns.take(wanted.lines.iter().map(|line| line.variant_id), call.deadline).await?;
    let mut tx = app.db.write(call).await?;
    let placed = place_hold(app, &mut tx, call, wanted).await?;
    match placed {
        Placed::New(hold) => {
            tx.commit().await?;
            drop(turns);
            app.marks.left(call.tenant);
            Ok(hold)
        }
        Placed::Taken => {
            drop(tx);
            repeated(app, call, wanted).await?.ok_or_else(|| Fault::not_found("hold"))
        }
        // The first request may have taken the very units that this repeat of it lacks.
        Placed::Short(shortages) => {
            drop(tx);
            repeated(app, call, wanted).await?.ok_or_else(|| Refusal::InsufficientStock(shortages).into())
        }
    }
}

/// Decides and writes a hold; the caller commits.
pub async fn place_hold(app: &Inventory, tx: &mut TenantTx, call: &RequestContext, wanted: &HoldWanted) -> Result<Placed, Fault> {
    let now = app.host.now(call.tenant);
    let variants: Vec<_> = wanted.lines.iter().map(|line| line.variant_id.uuid()).collect();
    let locations: Vec<_> = wanted.locations.iter().map(|location| location.uuid()).collect();
    let shelves = hold_shelves(tx, &variants, &locations, now).await?;
    let demands: Vec<Demand> =
        wanted.lines.iter().map(|line| Demand { variant_id: line.variant_id, quantity: line.quantity }).collect();
    let shares = match allocate(&demands, &shelves.levels) {
        Ok(shares) => shares,
        Err(shortages) => return Ok(Placed::Short(shortages)),
    };
    let stamp = Stamp { tenant: call.tenant, actor: &call.actor, now };
    if !shelves.past.is_empty() {
        let past: Vec<(MovementId, PastLine)> = shelves.past.into_iter().map(|line| (app.host.id(call.tenant), line)).collect();
        movement_expire(tx, stamp, &past).await?;
    }
    let hold = new_hold(wanted, &shares, now);
    let movements: Vec<MovementId> = hold.lines.iter().map(|_| app.host.id(call.tenant)).collect();
    let fingerprint = bloom_runtime::request_context::fingerprint("hold", wanted);
    let mut write = tx.step();
    events::hold_changed(app, &mut write, call, &hold).await?;
    bloom_events::schedule(&mut write, events::HOLD_EXPIRY, &hold.id.to_string(), hold.expires_at, &()).await?;
    let made = hold_insert(write, stamp, &hold, &fingerprint, &movements).await?;
    Ok(if made { Placed::New(hold) } else { Placed::Taken })
}

fn new_hold(wanted: &HoldWanted, shares: &[Share], now: Timestamp) -> Hold {
    let lines = shares
        .iter()
        .map(|share| HoldLine {
            line_id: wanted.lines[share.line].line_id.clone(),
            variant_id: share.variant_id,
            location_id: share.location_id,
            quantity: share.quantity,
            backordered: share.backordered,
        })
        .collect();
    Hold {
        id: wanted.id,
        status: HoldStatus::Active,
        expires_at: now + TimeDelta::seconds(wanted.ttl_seconds),
        lines,
        order_id: None,
        version: 1,
        created_at: now,
        updated_at: now,
    }
}

/// The hold of this id, if there is one: it must be of the same request and not have ended without effect.
async fn repeated(app: &Inventory, call: &RequestContext, wanted: &HoldWanted) -> Result<Option<Hold>, Fault> {
    let Some(stored) = hold_get(&mut *app.db.read(call.tenant).await?, wanted.id).await? else { return Ok(None) };
    match stored.fingerprint {
        None => return Err(Refusal::HoldEnded.into()),
        Some(digest) if digest != bloom_runtime::request_context::fingerprint("hold", wanted) => {
            return Err(Refusal::IdReused.into());
        }
        Some(_) => {}
    }
    let hold = stored.hold.at(app.host.now(call.tenant));
    match hold.status {
        HoldStatus::Active | HoldStatus::Committed => Ok(Some(hold)),
        HoldStatus::Released | HoldStatus::Expired => Err(Refusal::HoldEnded.into()),
    }
}
