//! The books, to be read.

use bloom_fault::Fault;
use bloom_kernel::{Currency, JournalId, OperationId, PaymentId, Timestamp};
use sqlx::PgConnection;

use crate::domain::{Account, OperationKind};

/// A journal with its entries in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalRow {
    /// Its id.
    pub id: JournalId,
    /// The operation that it books.
    pub operation_id: OperationId,
    /// The payment.
    pub payment_id: PaymentId,
    /// The movement.
    pub kind: OperationKind,
    /// The journal that it takes back.
    pub reverses: Option<JournalId>,
    /// Currency of all entries.
    pub currency: Currency,
    /// Accounts of the entries.
    pub accounts: Vec<Account>,
    /// Amounts of the entries: debits positive, credits negative.
    pub amounts: Vec<i64>,
    /// Who caused it.
    pub actor: String,
    /// When it was booked.
    pub posted_at: Timestamp,
}

/// Selects journals with their entries; the tail is the rest of the statement.
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

/// The journals of one payment, in the order they were booked.
pub async fn journal_list_of_payment(
    conn: &mut PgConnection,
    payment: PaymentId,
    after: Option<JournalId>,
    limit: i64,
) -> Result<Vec<JournalRow>, Fault> {
    let after = after.map_or(uuid::Uuid::nil(), JournalId::uuid);
    Ok(select_journal!("where j.payment_id = $1 and j.id > $2 order by j.id limit $3", payment.uuid(), after, limit)
        .fetch_all(conn)
        .await?)
}

/// All journals, youngest first.
pub async fn journal_list(conn: &mut PgConnection, before: Option<JournalId>, limit: i64) -> Result<Vec<JournalRow>, Fault> {
    let before = before.map_or(uuid::Uuid::max(), JournalId::uuid);
    Ok(select_journal!("where j.id < $1 order by j.id desc limit $2", before, limit).fetch_all(conn).await?)
}
