//! The invariants of payments as queries that find violations, over all tenants.

use sqlx::PgConnection;

/// Journals that are incomplete or do not add up.
pub(crate) async fn ledger_unbalanced(conn: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"select format('journal %s of tenant %s: %s of %s entries, sum %s', j.id, j.tenant_id,
                         side.entries, j.entry_count, side.total) as "detail!"
           from journal j
           cross join lateral (
             select count(*) as entries, coalesce(sum(e.amount), 0) as total, count(distinct e.currency) as currencies
             from entry e where e.tenant_id = j.tenant_id and e.journal_id = j.id) side
           where side.entries <> j.entry_count or side.total <> 0 or side.currencies <> 1
           order by j.tenant_id, j.id limit 100"#
    )
    .fetch_all(conn)
    .await
}

/// Payments whose amounts differ from their journals or contradict each other.
pub(crate) async fn payments_differ(conn: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"select format('payment %s of tenant %s: authorised %s captured %s voided %s refunded %s, books say %s %s %s %s',
                         p.id, p.tenant_id, p.authorised_amount, p.captured_amount, p.voided_amount, p.refunded_amount,
                         b.authorised, b.captured, b.voided, b.refunded) as "detail!"
           from payment p
           cross join lateral (
             select
               coalesce(sum(e.amount) filter (where j.kind = 'authorise' and e.account = 'authorised_receivable'), 0) as authorised,
               coalesce(sum(e.amount) filter (where j.kind = 'capture' and e.account = 'provider_clearing'), 0) as captured,
               coalesce(-sum(e.amount) filter (where j.kind = 'void' and e.account = 'authorised_receivable'), 0) as voided,
               coalesce(-sum(e.amount) filter (where j.kind = 'refund' and e.account = 'provider_clearing'), 0) as refunded,
               coalesce(bool_and(e.currency = p.currency), true) as one_currency
             from journal j join entry e on e.tenant_id = j.tenant_id and e.journal_id = j.id
             where j.tenant_id = p.tenant_id and j.payment_id = p.id) b
           where (p.authorised_amount, p.captured_amount, p.voided_amount, p.refunded_amount)
                   is distinct from (b.authorised, b.captured, b.voided, b.refunded)
              or not b.one_currency
              or p.captured_amount + p.voided_amount > p.authorised_amount or p.refunded_amount > p.captured_amount
           order by p.tenant_id, p.id limit 100"#
    )
    .fetch_all(conn)
    .await
}

/// Operations whose journal is missing, not allowed, or of another amount. A reversed operation has failed and keeps its journal;
/// the operation that reverses it has the second journal.
pub(crate) async fn operations_differ(conn: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"select format('operation %s of tenant %s: %s %s of %s has %s journals over %s', o.id, o.tenant_id, o.status,
                         o.kind, o.amount, b.journals, b.moved) as "detail!"
           from operation o
           cross join lateral (
             select count(distinct j.id) as journals, coalesce(sum(abs(e.amount)) filter (where e.line = 1), 0) as moved
             from journal j left join entry e on e.tenant_id = j.tenant_id and e.journal_id = j.id
             where j.tenant_id = o.tenant_id and j.operation_id = o.id) b
           cross join lateral (
             select (o.status = 'succeeded' and o.amount > 0)
                 or exists (select from operation r where r.tenant_id = o.tenant_id and r.reverses = o.id) as booked) w
           where (w.booked and (b.journals <> 1 or b.moved <> o.amount)) or (not w.booked and b.journals <> 0)
           order by o.tenant_id, o.id limit 100"#
    )
    .fetch_all(conn)
    .await
}
