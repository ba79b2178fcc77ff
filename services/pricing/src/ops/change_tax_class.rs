//! Making and changing tax classes. They are never deleted: products refer to them.

use bloom_db::{Begin, TenantTx};
use bloom_fault::Fault;
use bloom_kernel::TaxClassId;
use bloom_runtime::RequestContext;
use bloom_web::IfMatch;
use bloom_web::Reply;

use super::taxes_change;
use crate::Pricing;
use crate::domain::tax_setup::{TaxClass, TaxClassCreate, TaxClassUpdate};
use crate::error;
use crate::events::tell;
use crate::store::tax_class::{tax_class_get, tax_class_insert, tax_class_undefault, tax_class_update};

/// Makes a class.
pub async fn tax_class_create(
    app: &Pricing,
    call: &RequestContext,
    input: TaxClassCreate,
) -> Result<Reply<TaxClass, 201>, Fault> {
    let mut tx = match app.db.begin(call, "tax_class_create", &input).await? {
        Begin::Replay(reply) => return Ok(reply),
        Begin::Run(tx) => tx,
    };
    taxes_change(app, &mut tx).await?;
    if input.is_default {
        take_default(app, &mut tx, call).await?;
    }
    let now = app.host.now(call.tenant);
    let class = TaxClass {
        id: app.host.id(call.tenant),
        code: input.code,
        name: input.name,
        is_default: input.is_default,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    tax_class_insert(&mut tx, &class).await.map_err(error::of)?;
    tell(app, &mut tx, call, "tax_class.created", (class.id, class.version), &class).await?;
    tx.finish(Reply::created(class).etag(1)).await
}

/// Changes a class.
pub async fn tax_class_change(
    app: &Pricing,
    call: &RequestContext,
    id: TaxClassId,
    expected: i64,
    input: TaxClassUpdate,
) -> Result<Reply<TaxClass>, Fault> {
    let mut tx = match app.db.begin(call, "tax_class_update", &(id, &input)).await? {
        Begin::Replay(reply) => return Ok(reply),
        Begin::Run(tx) => tx,
    };
    taxes_change(app, &mut tx).await?;
    let class = tax_class_get(&mut tx, id).await?.ok_or_else(|| Fault::not_found("tax class"))?;
    if class.version != expected {
        return Err(IfMatch::stale());
    }
    if input.is_default == Some(true) && !class.is_default {
        take_default(app, &mut tx, call).await?;
    }
    let class = TaxClass {
        code: input.code.unwrap_or(class.code),
        name: input.name.unwrap_or(class.name),
        is_default: input.is_default.unwrap_or(class.is_default),
        version: class.version + 1,
        updated_at: app.host.now(call.tenant),
        ..class
    };
    tax_class_update(&mut tx, &class).await.map_err(error::of)?;
    tell(app, &mut tx, call, "tax_class.updated", (id, class.version), &class).await?;
    let version = class.version;
    tx.finish(Reply::ok(class).etag(version)).await
}

/// The present default class makes room.
async fn take_default(app: &Pricing, tx: &mut TenantTx, call: &RequestContext) -> Result<(), Fault> {
    let now = app.host.now(tx.tenant());
    match tax_class_undefault(tx, now).await? {
        Some(class) => tell(app, tx, call, "tax_class.updated", (class.id, class.version), &class).await,
        None => Ok(()),
    }
}
