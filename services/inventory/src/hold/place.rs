//! Places a hold: all lines or none, decided while their items are locked. `POST /v1/inventory/holds`, and gRPC `Hold`.

use axum::extract::State;
use bloom_db::TenantTx;
use bloom_events::Publish as _;
use bloom_fault::Fault;
use bloom_kernel::{MovementId, Timestamp};
use bloom_runtime::RequestContext;
use bloom_runtime::request_context::fingerprint;
use bloom_web::{Body, Caller, Created};
use chrono::TimeDelta;

use super::allocate::{Demand, Share, allocate};
use super::model::{HOLD_EXPIRE, Hold, HoldCreate, HoldLine, HoldRequest, HoldStatus};
use super::store::{hold_get, hold_insert, stock_lock};
use crate::error::{Shortage, hold_expired, id_reused, insufficient_stock};
use crate::movement::{PastLine, movement_expire};
use crate::{Inventory, InventoryWrite};

/// The outcome of placing a hold inside its transaction.
#[derive(Debug)]
enum Placed {
    /// Written; it exists once the transaction commits.
    New(Hold),
    /// The id has been used before.
    Taken,
    /// Fewer units are available than requested.
    Short(Vec<Shortage>),
}

pub(super) async fn create(
    State(app): State<Inventory>,
    caller: Caller<InventoryWrite>,
    Body(input): Body<HoldCreate>,
) -> Result<Created<Hold>, Fault> {
    let operation = caller.operation("hold_create", &input);
    let request = HoldRequest {
        id: app.context.id(caller.tenant),
        locations: input.location_ids.into_vec(),
        lines: input.lines.into_vec(),
        ttl_seconds: input.ttl_seconds,
    };
    request.check()?;
    let _locks = app.variant_locks.lock(request.lines.iter().map(|line| line.variant_id), caller.deadline).await?;
    app.db
        .idempotent(operation, async |tx| match place(tx, &request).await? {
            Placed::New(hold) => {
                app.stock_changed(tx);
                Ok(hold)
            }
            Placed::Taken => Err(id_reused()),
            Placed::Short(shortages) => Err(insufficient_stock(&shortages)),
        })
        .await
}

/// Places a hold once per id: a repeat gets the hold of the first request.
pub(crate) async fn hold(app: &Inventory, context: &RequestContext, request: &HoldRequest) -> Result<Hold, Fault> {
    request.check()?;
    let locks = app.variant_locks.lock(request.lines.iter().map(|line| line.variant_id), context.deadline).await?;
    let mut tx = app.db.write(context).await?;
    match place(&mut tx, request).await? {
        Placed::New(hold) => {
            app.stock_changed(&mut tx);
            tx.commit().await?;
            drop(locks);
            Ok(hold)
        }
        Placed::Taken => {
            drop(tx);
            repeated(app, context, request).await?.ok_or_else(|| Fault::not_found("hold"))
        }
        // This may be a repeat, and its first request may hold the very units that are missing now.
        Placed::Short(shortages) => {
            drop(tx);
            repeated(app, context, request).await?.ok_or_else(|| insufficient_stock(&shortages))
        }
    }
}

/// Decides about a hold and writes it; the caller commits.
async fn place(tx: &mut TenantTx, request: &HoldRequest) -> Result<Placed, Fault> {
    let now = tx.now();
    let variants: Vec<_> = request.lines.iter().map(|line| line.variant_id.uuid()).collect();
    let locations: Vec<_> = request.locations.iter().map(|location| location.uuid()).collect();
    let stock = stock_lock(tx, &variants, &locations, now).await?;
    let demand = request.lines.iter().map(|line| Demand { variant_id: line.variant_id, quantity: line.quantity.get() });
    let shares = match allocate(&demand.collect::<Vec<_>>(), &stock.levels) {
        Ok(shares) => shares,
        Err(shortages) => return Ok(Placed::Short(shortages)),
    };
    if !stock.past.is_empty() {
        let past: Vec<(MovementId, PastLine)> = stock.past.into_iter().map(|line| (tx.new_id(), line)).collect();
        movement_expire(tx, &past).await?;
    }
    let hold = new_hold(request, &shares, now);
    let movements: Vec<MovementId> = hold.lines.iter().map(|_| tx.new_id()).collect();
    let mut write = tx.step();
    write.publish(&hold);
    write.schedule(HOLD_EXPIRE, &hold.id.to_string(), hold.expires_at, &());
    let is_new = hold_insert(write, &hold, &fingerprint("hold", request), &movements).await?;
    Ok(if is_new { Placed::New(hold) } else { Placed::Taken })
}

fn new_hold(request: &HoldRequest, shares: &[Share], now: Timestamp) -> Hold {
    let line = |share: &Share| HoldLine {
        line_id: request.lines[share.line].line_id.to_string(),
        variant_id: share.variant_id,
        location_id: share.location_id,
        quantity: share.quantity,
        backordered: share.backordered,
    };
    Hold {
        id: request.id,
        status: HoldStatus::Active,
        expires_at: now + TimeDelta::seconds(request.ttl_seconds.get()),
        lines: shares.iter().map(line).collect(),
        order_id: None,
        version: 1,
        created_at: now,
        updated_at: now,
    }
}

/// The existing hold of this id, if any. It must come from the same request and must not have ended without effect.
async fn repeated(app: &Inventory, context: &RequestContext, request: &HoldRequest) -> Result<Option<Hold>, Fault> {
    let stored = hold_get(&mut *app.db.read(context.tenant).await?, request.id).await?;
    let Some(stored) = stored else { return Ok(None) };
    match stored.fingerprint {
        None => return Err(hold_expired()),
        Some(digest) if digest != fingerprint("hold", request) => return Err(id_reused()),
        Some(_) => {}
    }
    let hold = stored.hold.at(app.context.now(context.tenant));
    match hold.status {
        HoldStatus::Active | HoldStatus::Committed => Ok(Some(hold)),
        HoldStatus::Released | HoldStatus::Expired => Err(hold_expired()),
    }
}
