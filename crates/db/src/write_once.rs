//! A single-statement transaction: its change, events and timers commit together, in one round trip where a
//! [`TenantTx`] takes four. The same statement can also be part of a transaction, or its last. For the measured hot
//! paths only (ADR 14); a tidy test lists the callers.

use bloom_fault::Fault;
use bloom_runtime::RequestContext;

use crate::pending::{Cause, OutboxRow, Pending, TimerChange, Writer};
use crate::pool::{CheckedOut, is_broken};
use crate::{Db, TenantTx};

/// A change to be made, and what is published with it; [`write_once!`](macro@crate::write_once) executes it.
pub struct WriteOnce<'t> {
    mode: Mode<'t>,
    cause: Cause,
    pending: Pending,
}

#[expect(clippy::large_enum_variant, reason = "it lives on the stack for one statement")]
enum Mode<'t> {
    /// The statement is the whole transaction.
    Alone(Db),
    /// It is one statement of this transaction.
    Within(&'t mut TenantTx),
    /// It is the last statement of this transaction.
    EndOf(Box<TenantTx>),
}

impl Db {
    /// A single-statement transaction for the request's tenant. It takes its connection when the statement is ready.
    pub fn write_once(&self, request: &RequestContext) -> WriteOnce<'static> {
        WriteOnce { mode: Mode::Alone(self.clone()), cause: Cause::of(&self.context, request), pending: Pending::default() }
    }
}

impl TenantTx {
    /// The next statement of this transaction. Its events follow those that the transaction has published before.
    pub fn step(&mut self) -> WriteOnce<'_> {
        WriteOnce { cause: self.cause.clone(), mode: Mode::Within(self), pending: Pending::default() }
    }

    /// Ends the transaction with one more statement. If that changes nothing, the whole transaction is rolled back.
    pub fn last(mut self) -> WriteOnce<'static> {
        let (cause, pending) = (self.cause.clone(), std::mem::take(&mut self.pending));
        WriteOnce { mode: Mode::EndOf(Box::new(self)), cause, pending }
    }
}

impl Writer for WriteOnce<'_> {
    fn cause(&self) -> &Cause {
        &self.cause
    }

    fn pending(&mut self) -> &mut Pending {
        &mut self.pending
    }
}

/// A [`WriteOnce`] with its connection, for [`write_once!`](macro@crate::write_once) only.
#[doc(hidden)]
pub struct Open<'t> {
    /// The statement's first three parameters.
    pub tenant: uuid::Uuid,
    pub events: Vec<OutboxRow>,
    pub timers: Vec<TimerChange>,
    mode: OpenMode<'t>,
    pending: Pending,
}

#[expect(clippy::large_enum_variant, reason = "it lives on the stack for one statement")]
enum OpenMode<'t> {
    Alone(Db, CheckedOut),
    Within(&'t mut TenantTx),
    EndOf(Box<TenantTx>),
}

#[doc(hidden)]
impl<'t> WriteOnce<'t> {
    pub async fn open(mut self) -> Result<Open<'t>, sqlx::Error> {
        let (events, timers) = self.pending.take().map_err(refused)?;
        let mode = match self.mode {
            Mode::Alone(db) => {
                let checked_out = CheckedOut::new(db.service.get().await?);
                OpenMode::Alone(db, checked_out)
            }
            Mode::Within(tx) => {
                tx.write_pending().await.map_err(refused)?;
                OpenMode::Within(tx)
            }
            Mode::EndOf(tx) => OpenMode::EndOf(tx),
        };
        Ok(Open { tenant: self.cause.tenant.uuid(), events, timers, mode, pending: self.pending })
    }
}

/// A document that could not be serialised, as the error that the macro returns.
fn refused(fault: Fault) -> sqlx::Error {
    sqlx::Error::Encode(Box::new(fault))
}

#[doc(hidden)]
impl Open<'_> {
    pub fn conn(&mut self) -> &mut sqlx::PgConnection {
        match &mut self.mode {
            OpenMode::Alone(_, checked_out) => checked_out.conn(),
            OpenMode::Within(tx) => tx,
            OpenMode::EndOf(tx) => tx,
        }
    }

    pub async fn close(self, written: Result<Option<i64>, sqlx::Error>) -> Result<Option<i64>, sqlx::Error> {
        match (self.mode, written) {
            (OpenMode::Alone(db, checked_out), Ok(answer)) => {
                checked_out.done();
                if answer.is_some() {
                    self.pending.committed(&db.wake, &db.context);
                }
                Ok(answer)
            }
            (OpenMode::Alone(db, checked_out), Err(error)) => {
                if is_broken(&error) {
                    drop(checked_out);
                    db.service.discard_idle();
                } else {
                    checked_out.done();
                }
                Err(error)
            }
            (OpenMode::Within(tx), written) => {
                tx.pending.absorb(self.pending);
                written
            }
            (OpenMode::EndOf(tx), Ok(Some(answer))) => {
                let TenantTx { tx, cause, wake, .. } = *tx;
                tx.commit().await?;
                self.pending.committed(&wake, &cause.context);
                Ok(Some(answer))
            }
            // Without its last statement, the earlier ones must not commit.
            (OpenMode::EndOf(tx), Ok(None)) => tx.tx.rollback().await.map(|()| None),
            (OpenMode::EndOf(_), Err(error)) => Err(error),
        }
    }
}

/// Executes the change of a [`WriteOnce`] with one statement and commits it. The result is a
/// `Result<Option<i64>, sqlx::Error>`. `None` means that nothing was changed: then nothing is published, and a
/// transaction that was to end with it is rolled back.
///
/// `$change` is SQL of the form `changed as (… returning version as answer)`, preceded by other common table expressions
/// if needed: one row with a whole number, or none. It filters by the tenant, `$1`, wherever it reads and writes; its own
/// parameters start at `$4`.
///
/// Timers are deleted and inserted, where a transaction updates existing ones: two writers of one timer wait for each
/// other at the changed row, so neither misses a timer that the other inserts meanwhile.
///
/// The statement sets its tenant before any other part of it runs: a lateral join requests everything else, and cannot
/// begin before `tenant` has returned. Otherwise row-level security would refuse it (ADR 2).
#[macro_export]
macro_rules! write_once {
    ($write:expr, $change:tt $(, $argument:expr)* $(,)?) => {
        match $write.open().await {
            Err(error) => Err(error),
            Ok(mut open) => {
                let events = std::mem::take(&mut open.events);
                let timers = std::mem::take(&mut open.timers);
                let written = sqlx::query_scalar!(
                    "with tenant as materialized (select set_config('bloom.tenant', $1::uuid::text, true) as told), "
                        + $change
                        + ", unset as (
                            delete from timer using unnest($3::outgoing_alarm[]) alarm
                            where exists (select from changed)
                                and timer.tenant_id = $1 and timer.kind = alarm.kind and timer.key = alarm.key
                            returning 1
                        ), set as (
                            insert into timer (tenant_id, kind, key, run_at, payload, attempts, locked_until)
                            select $1, kind, key, run_at, payload, 0, '-infinity' from unnest($3::outgoing_alarm[])
                            where run_at is not null and exists (select from changed) and 0 <= (select count(*) from unset)
                        ), told as (
                            insert into outbox (tenant_id, id, shard, kind, aggregate, version, schema_version, actor,
                                                occurred_at, trace, causation, data)
                            select $1, event.* from unnest($2::outgoing_event[]) event where exists (select from changed)
                        )
                        select answer.value
                        from tenant cross join lateral (
                            select (select changed.answer from changed) as value where tenant.told is not null offset 0
                        ) answer",
                    open.tenant,
                    events as _,
                    timers as _
                    $(, $argument)*
                )
                .fetch_one(open.conn())
                .await;
                open.close(written).await
            }
        }
    };
}
