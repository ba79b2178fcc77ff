//! Journals in the database.

use bloom_kernel::{Currency, JournalId, Money, OperationId, PaymentId, Timestamp};
use sqlx::PgConnection;

use super::model::{Entry, Journal};
use crate::operation::{Account, OperationKind};

/// A journal with its entries in order; debits are positive, credits negative.
struct JournalRow {
    id: JournalId,
    operation_id: OperationId,
    payment_id: PaymentId,
    kind: OperationKind,
    reverses: Option<JournalId>,
    currency: Currency,
    accounts: Vec<Account>,
    amounts: Vec<i64>,
    actor: String,
    posted_at: Timestamp,
}

impl From<JournalRow> for Journal {
    fn from(row: JournalRow) -> Self {
        let sides = row.accounts.into_iter().zip(row.amounts);
        let entries = sides.map(|(account, amount)| Entry { account, amount: Money::new(amount, row.currency) });
        Self {
            id: row.id,
            operation_id: row.operation_id,
            payment_id: row.payment_id,
            kind: row.kind,
            reverses: row.reverses,
            entries: entries.collect(),
            actor: row.actor,
            posted_at: row.posted_at,
        }
    }
}

/// Selects journals with their entries; `tail` is the rest of the statement.
macro_rules! select_journal {
    ($tail:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            JournalRow,
            r#"select j.id as "id: JournalId", j.operation_id as "operation_id: OperationId",
                      j.payment_id as "payment_id: PaymentId", j.kind as "kind: OperationKind",
                      j.reverses as "reverses: JournalId", side.currency as "currency!: Currency",
                      side.accounts as "accounts!: Vec<Account>", side.amounts as "amounts!", j.actor, j.posted_at
               from journal j
               cross join lateral (
                 select min(e.currency) as currency, array_agg(e.account order by e.line) as accounts,
                        array_agg(e.amount order by e.line) as amounts
                 from entry e where e.tenant_id = j.tenant_id and e.journal_id = j.id) side "# + $tail
            $(, $argument)*
        )
    };
}

/// The journals of one payment, oldest first.
pub(crate) async fn journal_list_by_payment(
    conn: &mut PgConnection,
    payment: PaymentId,
    after: Option<JournalId>,
    limit: i64,
) -> sqlx::Result<Vec<Journal>> {
    let after = after.map_or(uuid::Uuid::nil(), JournalId::uuid);
    let rows = select_journal!("where j.payment_id = $1 and j.id > $2 order by j.id limit $3", payment.uuid(), after, limit)
        .fetch_all(conn)
        .await?;
    Ok(rows.into_iter().map(Journal::from).collect())
}

/// All journals, newest first.
pub(crate) async fn journal_list(conn: &mut PgConnection, before: Option<JournalId>, limit: i64) -> sqlx::Result<Vec<Journal>> {
    let before = before.map_or(uuid::Uuid::max(), JournalId::uuid);
    let rows = select_journal!("where j.id < $1 order by j.id desc limit $2", before, limit).fetch_all(conn).await?;
    Ok(rows.into_iter().map(Journal::from).collect())
}
