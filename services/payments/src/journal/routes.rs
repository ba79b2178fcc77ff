//! The lists of journals: all of them, and those of one payment.

use aide::axum::ApiRouter;
use aide::axum::routing::get_with;
use axum::extract::State;
use bloom_fault::Fault;
use bloom_kernel::PaymentId;
use bloom_runtime::Reply;
use bloom_runtime::http::page::{Page, PageQuery};
use bloom_runtime::http::{Caller, Path, Query};

use super::model::Journal;
use super::store::{journal_list, journal_list_by_payment};
use crate::Payments;
use crate::access::{PaymentsRead, require_secret_key};
use crate::payment::payment_get;

pub(crate) fn routes() -> ApiRouter<Payments> {
    ApiRouter::new()
        .api_route(
            "/v1/payments/journals",
            get_with(list, |op| {
                op.id("payment_journal_list").tag("payments").summary("List the journals of the ledger, newest first")
            }),
        )
        .api_route(
            "/v1/payments/{payment_id}/journal",
            get_with(list_by_payment, |op| {
                op.id("payment_journals_of_payment").tag("payments").summary("List the journals of a payment")
            }),
        )
}

async fn list(
    State(app): State<Payments>,
    caller: Caller<PaymentsRead>,
    Query(query): Query<PageQuery>,
) -> Result<Reply<Page<Journal>>, Fault> {
    require_secret_key(&caller)?;
    let before = app.cursors.position(caller.tenant, b"journals", query.cursor.as_deref())?;
    let mut conn = app.db.read(caller.tenant).await?;
    let rows = journal_list(&mut conn, before, query.limit.get() + 1).await?;
    Ok(Reply::ok(app.cursors.page(caller.tenant, b"journals", query.limit, rows, |row: &Journal| row.id)))
}

async fn list_by_payment(
    State(app): State<Payments>,
    caller: Caller<PaymentsRead>,
    Path(id): Path<PaymentId>,
    Query(query): Query<PageQuery>,
) -> Result<Reply<Page<Journal>>, Fault> {
    require_secret_key(&caller)?;
    let list = format!("journals of {id}");
    let after = app.cursors.position(caller.tenant, list.as_bytes(), query.cursor.as_deref())?;
    let mut conn = app.db.read(caller.tenant).await?;
    payment_get(&mut conn, id).await?.ok_or_else(|| Fault::not_found("payment"))?;
    let rows = journal_list_by_payment(&mut conn, id, after, query.limit.get() + 1).await?;
    Ok(Reply::ok(app.cursors.page(caller.tenant, list.as_bytes(), query.limit, rows, |row: &Journal| row.id)))
}
