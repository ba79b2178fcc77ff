//! `/v1/payments/journals` and `/v1/payments/{id}/journal`: the books.

use aide::axum::ApiRouter;
use aide::axum::routing::get_with;
use axum::extract::State;
use bloom_fault::Fault;
use bloom_kernel::PaymentId;
use bloom_web::Reply;
use bloom_web::{Caller, Path, Query};
use bloom_web::{page::Page, page::PageQuery};

use super::{PaymentsRead, secret_only};
use crate::Payments;
use crate::shape::Journal;
use crate::store::journal::{journal_list, journal_list_of_payment};
use crate::store::payment::payment_get;

pub(super) fn routes() -> ApiRouter<Payments> {
    ApiRouter::new()
        .api_route(
            "/v1/payments/journals",
            get_with(list, |op| {
                op.id("payment_journal_list").tag("payments").summary("List the journals of the ledger, newest first")
            }),
        )
        .api_route(
            "/v1/payments/{id}/journal",
            get_with(of_payment, |op| {
                op.id("payment_journals_of_payment").tag("payments").summary("List the journals of a payment")
            }),
        )
}

async fn list(
    State(app): State<Payments>,
    caller: Caller<PaymentsRead>,
    Query(query): Query<PageQuery>,
) -> Result<Reply<Page<Journal>>, Fault> {
    secret_only(&caller)?;
    let before = app.cursors.position(caller.tenant, b"journals", query.cursor.as_deref())?;
    let mut conn = app.db.read(caller.tenant).await?;
    let rows = journal_list(&mut conn, before, query.limit.get() + 1).await?;
    let rows = rows.into_iter().map(Journal::from).collect();
    Ok(Reply::ok(app.cursors.page(caller.tenant, b"journals", query.limit, rows, |row: &Journal| row.id)))
}

async fn of_payment(
    State(app): State<Payments>,
    caller: Caller<PaymentsRead>,
    Path(id): Path<PaymentId>,
    Query(query): Query<PageQuery>,
) -> Result<Reply<Page<Journal>>, Fault> {
    secret_only(&caller)?;
    let list = format!("journal of {id}");
    let after = app.cursors.position(caller.tenant, list.as_bytes(), query.cursor.as_deref())?;
    let mut conn = app.db.read(caller.tenant).await?;
    payment_get(&mut conn, id).await?.ok_or_else(|| Fault::not_found("payment"))?;
    let rows = journal_list_of_payment(&mut conn, id, after, query.limit.get() + 1).await?;
    let rows = rows.into_iter().map(Journal::from).collect();
    Ok(Reply::ok(app.cursors.page(caller.tenant, list.as_bytes(), query.limit, rows, |row: &Journal| row.id)))
}
