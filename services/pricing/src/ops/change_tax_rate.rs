//! Making, changing and removing tax rates.

use bloom_db::{Begin, TenantTx};
use bloom_fault::{Code, Fault};
use bloom_kernel::{Rate, TaxRateId};
use bloom_runtime::RequestContext;
use bloom_web::IfMatch;
use bloom_web::{Empty, Reply};

use super::taxes_change;
use crate::Pricing;
use crate::domain::tax_setup::{TaxRate, TaxRateCreate, TaxRateUpdate, check_rates};
use crate::error;
use crate::events::tell;
use crate::store::tax_rate::{tax_rate_delete, tax_rate_get, tax_rate_insert, tax_rate_update, tax_rates_of};
use crate::store::tax_zone::tax_zone_lock;

/// Makes a rate.
pub async fn tax_rate_create(app: &Pricing, call: &RequestContext, input: TaxRateCreate) -> Result<Reply<TaxRate, 201>, Fault> {
    let mut tx = match app.db.begin(call, "tax_rate_create", &input).await? {
        Begin::Replay(reply) => return Ok(reply),
        Begin::Run(tx) => tx,
    };
    taxes_change(app, &mut tx).await?;
    if !tax_zone_lock(&mut tx, input.zone_id).await? {
        return Err(error::not_found("tax zone", "/zone_id"));
    }
    let now = app.host.now(call.tenant);
    let rate = TaxRate {
        id: app.host.id(call.tenant),
        zone_id: input.zone_id,
        class_id: input.class_id,
        name: input.name,
        rate_ppm: input.rate_ppm,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    tax_rate_insert(&mut tx, &rate).await.map_err(error::of)?;
    check_siblings(&mut tx, &rate).await?;
    tell(app, &mut tx, call, "tax_rate.created", (rate.id, rate.version), &rate).await?;
    tx.finish(Reply::created(rate).etag(1)).await
}

/// Changes a rate.
pub async fn tax_rate_change(
    app: &Pricing,
    call: &RequestContext,
    id: TaxRateId,
    expected: i64,
    input: TaxRateUpdate,
) -> Result<Reply<TaxRate>, Fault> {
    let mut tx = match app.db.begin(call, "tax_rate_update", &(id, &input)).await? {
        Begin::Replay(reply) => return Ok(reply),
        Begin::Run(tx) => tx,
    };
    taxes_change(app, &mut tx).await?;
    let rate = tax_rate_get(&mut tx, id).await?.ok_or_else(|| Fault::not_found("tax rate"))?;
    if rate.version != expected {
        return Err(IfMatch::stale());
    }
    let rate = TaxRate {
        name: input.name.unwrap_or(rate.name),
        rate_ppm: input.rate_ppm.unwrap_or(rate.rate_ppm),
        version: rate.version + 1,
        updated_at: app.host.now(call.tenant),
        ..rate
    };
    tax_rate_update(&mut tx, &rate).await.map_err(error::of)?;
    check_siblings(&mut tx, &rate).await?;
    tell(app, &mut tx, call, "tax_rate.updated", (id, rate.version), &rate).await?;
    let version = rate.version;
    tx.finish(Reply::ok(rate).etag(version)).await
}

/// Removes a rate.
pub async fn tax_rate_remove(
    app: &Pricing,
    call: &RequestContext,
    id: TaxRateId,
    expected: i64,
) -> Result<Reply<Empty, 204>, Fault> {
    let mut tx = app.db.write(call).await?;
    taxes_change(app, &mut tx).await?;
    let rate = tax_rate_get(&mut tx, id).await?.ok_or_else(|| Fault::not_found("tax rate"))?;
    if !tax_rate_delete(&mut tx, id, expected).await? {
        return Err(IfMatch::stale());
    }
    tell(app, &mut tx, call, "tax_rate.deleted", (id, rate.version + 1), &rate).await?;
    tx.commit().await?;
    Ok(Reply::no_content())
}

/// Whether the rates of this zone and class, as they are now, may stand beside each other. Changes of one tenant's taxes
/// queue behind each other, so nobody adds one meanwhile.
async fn check_siblings(tx: &mut TenantTx, rate: &TaxRate) -> Result<(), Fault> {
    let siblings: Vec<Rate> = tax_rates_of(tx, rate.zone_id, rate.class_id).await?;
    check_rates(siblings.into_iter()).map_err(|bound| {
        let detail = format!("Refused: {bound}.");
        Fault::new(Code::Unprocessable, "too_many_rates", detail.clone()).at("/rate_ppm", "too_many_rates", detail)
    })
}
