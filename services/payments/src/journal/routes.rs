//! `/v1/payments/journals` and `/v1/payments/{payment_id}/journal`

use axum::extract::State;
use bloom_fault::Fault;
use bloom_kernel::PaymentId;
use bloom_web::{Caller, List, NoFilter, Page, Path, Reply, Routes};

use super::model::Journal;
use super::store::{journal_list, journal_list_by_payment};
use crate::access::require_secret_key;
use crate::payment::payment_get;
use crate::{Payments, PaymentsRead};

pub(crate) fn routes() -> Routes<Payments> {
    Routes::new("/v1/payments")
        .at("/journals")
        .get("payment_journal_list", "List the journals of the ledger, newest first", list)
        .at("/{payment_id}/journal")
        .get("payment_journals_of_payment", "List the journals of a payment", list_by_payment)
}

async fn list(
    State(app): State<Payments>,
    caller: Caller<PaymentsRead>,
    List(page): List<NoFilter>,
) -> Result<Reply<Page<Journal>>, Fault> {
    require_secret_key(&caller)?;
    let before = page.after()?;
    let mut conn = app.db.read(caller.tenant).await?;
    Ok(page.finish(journal_list(&mut conn, before, page.rows()).await?, |journal| journal.id))
}

async fn list_by_payment(
    State(app): State<Payments>,
    caller: Caller<PaymentsRead>,
    Path(id): Path<PaymentId>,
    List(page): List<NoFilter>,
) -> Result<Reply<Page<Journal>>, Fault> {
    require_secret_key(&caller)?;
    let after = page.after()?;
    let mut conn = app.db.read(caller.tenant).await?;
    payment_get(&mut conn, id).await?.ok_or_else(|| Fault::not_found("payment"))?;
    Ok(page.finish(journal_list_by_payment(&mut conn, id, after, page.rows()).await?, |journal| journal.id))
}
