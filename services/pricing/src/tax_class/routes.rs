//! `/v1/pricing/tax-classes`

use axum::extract::State;
use bloom_db::TenantTx;
use bloom_events::Publish as _;
use bloom_fault::Fault;
use bloom_kernel::TaxClassId;
use bloom_web::{Body, Caller, Created, IfMatch, List, NoFilter, Page, Path, Reply, Routes};

use super::model::{TaxClass, TaxClassCreate, TaxClassUpdate};
use super::store::{tax_class_get, tax_class_insert, tax_class_list, tax_class_undefault, tax_class_update};
use crate::settings::tax_change_begin;
use crate::{Pricing, PricingRead, PricingWrite};

pub fn routes() -> Routes<Pricing> {
    Routes::new("/v1/pricing/tax-classes")
        .post("tax_class_create", "Create a tax class", create)
        .get("tax_class_list", "List tax classes, oldest first", list)
        .at("/{tax_class_id}")
        .get("tax_class_get", "Get a tax class", get)
        .patch("tax_class_update", "Update a tax class", update)
}

async fn create(
    State(app): State<Pricing>,
    caller: Caller<PricingWrite>,
    Body(input): Body<TaxClassCreate>,
) -> Result<Created<TaxClass>, Fault> {
    app.db
        .idempotent(caller.operation("tax_class_create", &input), async |tx| {
            tax_change_begin(tx).await?;
            if input.is_default {
                default_clear(tx).await?;
            }
            let class = TaxClass::new(tx.new_id(), tx.now(), input);
            tax_class_insert(tx, &class).await?;
            tx.publish(&class);
            Ok(class)
        })
        .await
}

async fn list(
    State(app): State<Pricing>,
    caller: Caller<PricingRead>,
    List(page): List<NoFilter>,
) -> Result<Reply<Page<TaxClass>>, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    let rows = tax_class_list(&mut conn, page.after()?, page.rows()).await?;
    Ok(page.finish(rows, |class| class.id))
}

async fn get(
    State(app): State<Pricing>,
    caller: Caller<PricingRead>,
    Path(id): Path<TaxClassId>,
) -> Result<Reply<TaxClass>, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    let class = tax_class_get(&mut conn, id).await?.ok_or_else(not_found)?;
    Ok(class.into())
}

async fn update(
    State(app): State<Pricing>,
    caller: Caller<PricingWrite>,
    Path(id): Path<TaxClassId>,
    if_match: IfMatch,
    Body(input): Body<TaxClassUpdate>,
) -> Result<Reply<TaxClass>, Fault> {
    app.db
        .idempotent(caller.operation("tax_class_update", &(id, &input)), async |tx| {
            tax_change_begin(tx).await?;
            let mut class = tax_class_get(tx, id).await?.ok_or_else(not_found)?;
            if_match.check(class.version)?;
            if input.is_default == Some(true) && !class.is_default {
                default_clear(tx).await?;
            }
            class.update(tx.now(), input);
            tax_class_update(tx, &class).await?;
            tx.publish(&class);
            Ok(class)
        })
        .await
}

/// Takes the default from the class that has it, so that another one may have it.
async fn default_clear(tx: &mut TenantTx) -> Result<(), Fault> {
    let now = tx.now();
    if let Some(class) = tax_class_undefault(tx, now).await? {
        tx.publish(&class);
    }
    Ok(())
}

fn not_found() -> Fault {
    Fault::not_found("tax class")
}
