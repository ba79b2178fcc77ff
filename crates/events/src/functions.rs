//! Consumers, timers, exports and checks as plain functions. The traits of this module only name the shape of such a function,
//! because `AsyncFn` cannot state that its future is `Send`.

use std::str::FromStr;

use bloom_db::{SystemTx, TenantTx};
use bloom_fault::{Fault, Source};
use bloom_kernel::{Aggregate, TenantId, Timestamp};
use bloom_runtime::{RequestContext, ServiceContext};
use futures::future::BoxFuture;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use sqlx::PgConnection;

use crate::check::{Breach, Check};
use crate::envelope::Envelope;
use crate::export::{After, Export, StateRecord};
use crate::handler::Handler;
use crate::timer::TimerHandler;

/// `async fn(app, tx, events) -> Result<(), Fault>`: applies events of one tenant, in order, in the transaction that holds their
/// inbox rows.
///
/// It ignores a version lower than the one it has seen and applies an equal one again (a replay repairs by that). It changes
/// nothing outside of the transaction; caches are invalidated in `tx.after_commit`. A fault that a retry may cure is retried; any
/// other parks the aggregate.
pub trait ConsumerFn<'a, A>: Send + Sync {
    /// The future it returns.
    type Run: Future<Output = Result<(), Fault>> + Send + 'a;
    /// Calls the function.
    fn call(&self, app: &'a A, tx: &'a mut TenantTx, events: &'a [Envelope]) -> Self::Run;
}

impl<'a, A: 'a, F, Run> ConsumerFn<'a, A> for F
where
    F: Fn(&'a A, &'a mut TenantTx, &'a [Envelope]) -> Run + Send + Sync,
    Run: Future<Output = Result<(), Fault>> + Send + 'a,
{
    type Run = Run;

    fn call(&self, app: &'a A, tx: &'a mut TenantTx, events: &'a [Envelope]) -> Run {
        self(app, tx, events)
    }
}

/// `async fn(app, context, key, payload) -> Result<(), Fault>`: handles a due timer, at least once.
pub trait TimerFn<'a, A, K, P>: Send + Sync {
    /// The future it returns.
    type Run: Future<Output = Result<(), Fault>> + Send + 'a;
    /// Calls the function.
    fn call(&self, app: &'a A, context: &'a RequestContext, key: K, payload: P) -> Self::Run;
}

impl<'a, A: 'a, K, P, F, Run> TimerFn<'a, A, K, P> for F
where
    F: Fn(&'a A, &'a RequestContext, K, P) -> Run + Send + Sync,
    Run: Future<Output = Result<(), Fault>> + Send + 'a,
{
    type Run = Run;

    fn call(&self, app: &'a A, context: &'a RequestContext, key: K, payload: P) -> Run {
        self(app, context, key, payload)
    }
}

/// A page request of an export: rows of all tenants, ordered by tenant and id.
#[derive(Debug, Clone, Copy)]
pub struct ExportPage<I> {
    /// Tenant and id of the last row of the previous page.
    pub after: Option<(TenantId, I)>,
    /// Maximum number of rows; fewer means the last page.
    pub limit: i64,
    /// The platform's time.
    pub now: Timestamp,
}

impl<I: Into<uuid::Uuid>> ExportPage<I> {
    /// The last row of the previous page as two columns; zeros before the first page.
    pub fn position(self) -> (uuid::Uuid, uuid::Uuid) {
        self.after.map_or((uuid::Uuid::nil(), uuid::Uuid::nil()), |(tenant, id)| (tenant.uuid(), id.into()))
    }
}

/// `async fn(conn, page) -> sqlx::Result<Vec<(TenantId, T)>>`: reads the current state of one kind of aggregate.
pub trait ExportFn<'a, T: Aggregate>: Send + Sync {
    /// The future it returns.
    type Run: Future<Output = sqlx::Result<Vec<(TenantId, T)>>> + Send + 'a;
    /// Calls the function.
    fn call(&self, conn: &'a mut PgConnection, page: ExportPage<T::Id>) -> Self::Run;
}

impl<'a, T: Aggregate, F, Run> ExportFn<'a, T> for F
where
    F: Fn(&'a mut PgConnection, ExportPage<T::Id>) -> Run + Send + Sync,
    Run: Future<Output = sqlx::Result<Vec<(TenantId, T)>>> + Send + 'a,
{
    type Run = Run;

    fn call(&self, conn: &'a mut PgConnection, page: ExportPage<T::Id>) -> Run {
        self(conn, page)
    }
}

/// `async fn(conn) -> sqlx::Result<Vec<String>>`: finds at most a hundred violations of an invariant, each with its
/// ids.
pub trait CheckFn<'a>: Send + Sync {
    /// The future it returns.
    type Run: Future<Output = sqlx::Result<Vec<String>>> + Send + 'a;
    /// Calls the function.
    fn call(&self, conn: &'a mut PgConnection) -> Self::Run;
}

impl<'a, F, Run> CheckFn<'a> for F
where
    F: Fn(&'a mut PgConnection) -> Run + Send + Sync,
    Run: Future<Output = sqlx::Result<Vec<String>>> + Send + 'a,
{
    type Run = Run;

    fn call(&self, conn: &'a mut PgConnection) -> Run {
        self(conn)
    }
}

/// `async fn(app, conn) -> Result<Vec<String>, Fault>`: like [`CheckFn`], for an invariant that a query alone cannot
/// check.
pub trait AppCheckFn<'a, A>: Send + Sync {
    /// The future it returns.
    type Run: Future<Output = Result<Vec<String>, Fault>> + Send + 'a;
    /// Calls the function.
    fn call(&self, app: &'a A, conn: &'a mut PgConnection) -> Self::Run;
}

impl<'a, A: 'a, F, Run> AppCheckFn<'a, A> for F
where
    F: Fn(&'a A, &'a mut PgConnection) -> Run + Send + Sync,
    Run: Future<Output = Result<Vec<String>, Fault>> + Send + 'a,
{
    type Run = Run;

    fn call(&self, app: &'a A, conn: &'a mut PgConnection) -> Run {
        self(app, conn)
    }
}

pub(crate) struct ConsumerFunction<A, F> {
    pub(crate) app: A,
    pub(crate) consumer: &'static str,
    pub(crate) kinds: &'static [&'static str],
    pub(crate) topics: Vec<&'static str>,
    pub(crate) apply: F,
}

/// The services that publish these kinds: `catalog` for `bloom.catalog.product.updated`.
pub(crate) fn topics_of(kinds: &'static [&'static str]) -> Vec<&'static str> {
    let mut topics: Vec<&str> = kinds.iter().filter_map(|kind| kind.split('.').nth(1)).collect();
    topics.sort_unstable();
    topics.dedup();
    topics
}

impl<A, F> Handler for ConsumerFunction<A, F>
where
    A: Send + Sync,
    F: for<'a> ConsumerFn<'a, A>,
{
    fn consumer(&self) -> &'static str {
        self.consumer
    }

    fn topics(&self) -> &[&'static str] {
        &self.topics
    }

    fn wants(&self, kind: &str) -> bool {
        self.kinds.iter().any(|wanted| match wanted.strip_suffix('*') {
            Some(prefix) => kind.starts_with(prefix),
            None => kind == *wanted,
        })
    }

    fn apply<'a>(&'a self, tx: &'a mut TenantTx, batch: &'a [Envelope]) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(self.apply.call(&self.app, tx, batch))
    }
}

pub(crate) struct TimerFunction<A, K, P, F> {
    pub(crate) app: A,
    pub(crate) kind: &'static str,
    pub(crate) fire: F,
    pub(crate) reads: std::marker::PhantomData<fn() -> (K, P)>,
}

impl<A, K, P, F> TimerHandler for TimerFunction<A, K, P, F>
where
    A: Send + Sync,
    K: FromStr<Err: Into<Source>> + Send + 'static,
    P: DeserializeOwned + Send + 'static,
    F: for<'a> TimerFn<'a, A, K, P>,
{
    fn kind(&self) -> &'static str {
        self.kind
    }

    fn fire<'a>(&'a self, call: &'a RequestContext, key: &'a str, payload: &'a RawValue) -> BoxFuture<'a, Result<(), Fault>> {
        let read = || {
            Ok::<_, Fault>((key.parse().map_err(Fault::internal)?, serde_json::from_str(payload.get()).map_err(Fault::internal)?))
        };
        match read() {
            Ok((key, payload)) => Box::pin(self.fire.call(&self.app, call, key, payload)),
            Err(fault) => Box::pin(std::future::ready(Err(fault))),
        }
    }
}

pub(crate) struct ExportFunction<T, F> {
    pub(crate) context: ServiceContext,
    pub(crate) kind: &'static str,
    pub(crate) page: F,
    pub(crate) reads: std::marker::PhantomData<fn() -> T>,
}

impl<T, F> Export for ExportFunction<T, F>
where
    T: Aggregate + Send + 'static,
    F: for<'a> ExportFn<'a, T>,
{
    fn kind(&self) -> &'static str {
        self.kind
    }

    fn page<'a>(
        &'a self,
        tx: &'a mut SystemTx,
        after: Option<After>,
        limit: i64,
    ) -> BoxFuture<'a, Result<Vec<StateRecord>, Fault>> {
        Box::pin(async move {
            let after = match after {
                Some(After { tenant, aggregate }) => {
                    let bad = |_| Fault::invalid("/after", "cursor", "This is not a cursor of an export.");
                    Some((tenant, aggregate.parse().map_err(bad)?))
                }
                None => None,
            };
            let page = ExportPage { after, limit, now: self.context.platform_now() };
            let rows = self.page.call(tx, page).await?;
            let record =
                |(tenant, row): (TenantId, T)| StateRecord::new(tenant, self.kind, row.id().to_string(), row.version(), &row);
            rows.into_iter().map(record).collect()
        })
    }
}

pub(crate) struct CheckFunction<F> {
    pub(crate) name: &'static str,
    pub(crate) find: F,
}

impl<F: for<'a> CheckFn<'a>> Check for CheckFunction<F> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn breaches<'a>(&'a self, tx: &'a mut SystemTx) -> BoxFuture<'a, Result<Vec<Breach>, Fault>> {
        Box::pin(async move {
            let found = self.find.call(tx).await?;
            Ok(found.into_iter().map(|detail| Breach { invariant: self.name, detail }).collect())
        })
    }
}

pub(crate) struct AppCheckFunction<A, F> {
    pub(crate) app: A,
    pub(crate) name: &'static str,
    pub(crate) find: F,
}

impl<A: Send + Sync, F: for<'a> AppCheckFn<'a, A>> Check for AppCheckFunction<A, F> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn breaches<'a>(&'a self, tx: &'a mut SystemTx) -> BoxFuture<'a, Result<Vec<Breach>, Fault>> {
        Box::pin(async move {
            let found = self.find.call(&self.app, tx).await?;
            Ok(found.into_iter().map(|detail| Breach { invariant: self.name, detail }).collect())
        })
    }
}
