//! A transaction of one statement: what it changes, its events and its timers stand or fall together, in one round trip where
//! a [`TenantTx`] takes four. The same statement can be one of a transaction, or its last.

use bloom_fault::Fault;
use bloom_kernel::TenantId;

use super::outgoing::{Outgoing, OutgoingAlarm, OutgoingEvent, Tell};
use super::pool::{Busy, is_broken};
use super::{Db, TenantTx};
use crate::call::Call;

/// A change that is yet to be made, and what is told with it; [`write_once!`](crate::write_once) makes it.
pub struct WriteOnce<'t> {
    way: Way<'t>,
    tenant: TenantId,
    outgoing: Outgoing,
}

enum Way<'t> {
    /// The statement is all there is.
    Alone(Db),
    /// It is one of this transaction.
    Within(&'t mut TenantTx),
    /// It is the last one of this transaction.
    EndOf(Box<TenantTx>),
}

impl Db {
    /// A transaction of one statement for the call's tenant. It takes its connection when the statement is ready.
    pub fn write_once(&self, call: &Call) -> WriteOnce<'static> {
        WriteOnce { way: Way::Alone(self.clone()), tenant: call.tenant, outgoing: Outgoing::default() }
    }
}

impl TenantTx {
    /// The next statement; what is told with it is written by it, after what was told before.
    pub fn step(&mut self) -> WriteOnce<'_> {
        WriteOnce { tenant: self.tenant, way: Way::Within(self), outgoing: Outgoing::default() }
    }

    /// Ends with one more statement. Should that have nothing to change, then nothing stands of what was done before.
    pub fn last(mut self) -> WriteOnce<'static> {
        let (tenant, outgoing) = (self.tenant, std::mem::take(&mut self.outgoing));
        WriteOnce { way: Way::EndOf(Box::new(self)), tenant, outgoing }
    }
}

impl Tell for WriteOnce<'_> {
    fn tenant(&self) -> TenantId {
        self.tenant
    }

    fn outgoing(&mut self) -> &mut Outgoing {
        &mut self.outgoing
    }

    /// One statement tells of one change, never of much.
    async fn unload(&mut self) -> Result<(), Fault> {
        Ok(())
    }
}

/// A [`WriteOnce`] on its connection, for [`write_once!`](crate::write_once) alone.
#[doc(hidden)]
pub struct Open<'t> {
    /// The statement's first three parameters.
    pub tenant: uuid::Uuid,
    pub events: Vec<OutgoingEvent>,
    pub alarms: Vec<OutgoingAlarm>,
    way: OpenWay<'t>,
    outgoing: Outgoing,
}

#[expect(clippy::large_enum_variant, reason = "it lives on the stack for one statement")]
enum OpenWay<'t> {
    Alone(Db, Busy),
    Within(&'t mut TenantTx),
    EndOf(Box<TenantTx>),
}

#[doc(hidden)]
impl<'t> WriteOnce<'t> {
    pub async fn open(mut self) -> Result<Open<'t>, sqlx::Error> {
        let (events, alarms) = self.outgoing.take();
        let way = match self.way {
            Way::Alone(db) => {
                let busy = Busy::new(db.service.line().await?);
                OpenWay::Alone(db, busy)
            }
            Way::Within(tx) => {
                tx.write_outgoing().await?;
                OpenWay::Within(tx)
            }
            Way::EndOf(tx) => OpenWay::EndOf(tx),
        };
        Ok(Open { tenant: self.tenant.uuid(), events, alarms, way, outgoing: self.outgoing })
    }
}

#[doc(hidden)]
impl Open<'_> {
    pub fn line(&mut self) -> &mut sqlx::PgConnection {
        match &mut self.way {
            OpenWay::Alone(_, busy) => busy.line(),
            OpenWay::Within(tx) => tx,
            OpenWay::EndOf(tx) => tx,
        }
    }

    pub async fn close(self, written: Result<Option<i64>, sqlx::Error>) -> Result<Option<i64>, sqlx::Error> {
        match (self.way, written) {
            (OpenWay::Alone(db, busy), Ok(answer)) => {
                busy.done();
                if answer.is_some() {
                    self.outgoing.ring(&db.wake, &db.host);
                }
                Ok(answer)
            }
            (OpenWay::Alone(db, busy), Err(error)) => {
                if is_broken(&error) {
                    drop(busy);
                    db.service.doubt();
                } else {
                    busy.done();
                }
                Err(error)
            }
            (OpenWay::Within(tx), written) => {
                tx.outgoing.joined(&self.outgoing);
                written
            }
            (OpenWay::EndOf(tx), Ok(Some(answer))) => {
                let TenantTx { tx, host, wake, .. } = *tx;
                tx.commit().await?;
                self.outgoing.ring(&wake, &host);
                Ok(Some(answer))
            }
            // What was done before is not to stand without its end.
            (OpenWay::EndOf(tx), Ok(None)) => tx.tx.rollback().await.map(|()| None),
            (OpenWay::EndOf(_), Err(error)) => Err(error),
        }
    }
}

/// Makes the change of a [`WriteOnce`] with one statement and commits it. The answer is a
/// `Result<Option<i64>, sqlx::Error>`, nothing when there was nothing to change: then nothing is told, and a transaction that
/// was to end with it is rolled back.
///
/// `$change` is SQL of the form `changed as (… returning version as answer)`, with other common table expressions before that
/// if need be: one row with a whole number, or none. It names its tenant as `$1` wherever it reads and writes; its own
/// parameters begin at `$4`.
///
/// Timers are removed and added, where a transaction updates those that exist: two writers of one timer wait for each other at
/// the row that they change, so neither finds a timer that the other adds meanwhile.
///
/// The statement sets its tenant itself, before anything of it runs: all of that is asked for by a lateral join that cannot
/// begin before `tenant` has answered. Were it otherwise, row-level security would refuse it (ADR 2).
#[macro_export]
macro_rules! write_once {
    ($write:expr, $change:tt $(, $argument:expr)* $(,)?) => {
        match $write.open().await {
            Err(error) => Err(error),
            Ok(mut open) => {
                let events = std::mem::take(&mut open.events);
                let alarms = std::mem::take(&mut open.alarms);
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
                    alarms as _
                    $(, $argument)*
                )
                .fetch_one(open.line())
                .await;
                open.close(written).await
            }
        }
    };
}
