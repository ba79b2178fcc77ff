//! Test fixture with two services: `alpha` publishes changes of its `source` rows, `beta` keeps a `projection` of them.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bloom_db::{SystemTx, TenantTx};
use bloom_fault::{Code, Fault};
use bloom_kernel::TenantId;
use bloom_runtime::{RequestContext, ServiceContext};
use bloom_testkit::TestEnv;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use sqlx::Row as _;
use sqlx::migrate::Migrator;
use tokio::task::JoinSet;

use crate::apply::Applier;
use crate::consume::{Consumer, Sources};
use crate::envelope::Envelope;
use crate::export::{After, Export, StateRecord};
use crate::relay::Relay;
use crate::store::inbox::ConsumerGeneration;
use crate::{Bus, Draft, Events, Handler, publish};

static MIGRATIONS: Migrator = sqlx::migrate!("src/tests/migrations");

#[derive(Serialize, Deserialize)]
struct Document {
    id: String,
    value: String,
}

/// Which aggregates the handler refuses, and how.
#[derive(Default)]
pub(super) struct Refusals {
    /// Aggregates that cannot be applied.
    pub(super) poison: Mutex<HashSet<String>>,
    /// Aggregates on which the handler panics.
    pub(super) panics: Mutex<HashSet<String>>,
}

pub(super) struct Projection {
    pub(super) refusals: Arc<Refusals>,
    consumer: &'static str,
    topics: &'static [&'static str],
}

impl Handler for Projection {
    fn consumer(&self) -> &'static str {
        self.consumer
    }

    fn topics(&self) -> &'static [&'static str] {
        self.topics
    }

    fn wants(&self, kind: &str) -> bool {
        !kind.ends_with(".noise.made")
    }

    fn apply<'a>(&'a self, tx: &'a mut TenantTx, batch: &'a [Envelope]) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            for event in batch {
                assert!(!self.refusals.panics.lock().unwrap().contains(&event.aggregate), "asked to panic");
                if self.refusals.poison.lock().unwrap().contains(&event.aggregate) {
                    return Err(Fault::new(Code::Unprocessable, "poison", "asked to refuse"));
                }
                let document: Document = event.data()?;
                let tenant = tx.tenant().uuid();
                sqlx::query(
                    "insert into projection (tenant_id, id, version, value) values ($1, $2, $3, $4)
                     on conflict (tenant_id, id) do update set version = excluded.version, value = excluded.value
                     where projection.version <= excluded.version",
                )
                .bind(tenant)
                .bind(&document.id)
                .bind(event.version)
                .bind(&document.value)
                .execute(&mut **tx)
                .await?;
                sqlx::query("insert into applied (tenant_id, id, version) values ($1, $2, $3)")
                    .bind(tenant)
                    .bind(&document.id)
                    .bind(event.version)
                    .execute(&mut **tx)
                    .await?;
            }
            Ok(())
        })
    }
}

pub(super) struct SourceExport;

impl Export for SourceExport {
    fn kind(&self) -> &'static str {
        "thing.changed"
    }

    fn page<'a>(
        &'a self,
        tx: &'a mut SystemTx,
        after: Option<After>,
        limit: i64,
    ) -> BoxFuture<'a, Result<Vec<StateRecord>, Fault>> {
        Box::pin(async move {
            let (tenant, id) = after.map(|after| (after.tenant.uuid(), after.aggregate)).unwrap_or_default();
            let rows = sqlx::query(
                "select tenant_id, id, version, value from source where (tenant_id, id) > ($1, $2) order by 1, 2 limit $3",
            )
            .bind(tenant)
            .bind(id)
            .bind(limit)
            .fetch_all(&mut **tx)
            .await?;
            rows.into_iter()
                .map(|row| {
                    let id: String = row.get("id");
                    let document = Document { id: id.clone(), value: row.get("value") };
                    StateRecord::new(TenantId::from_uuid(row.get("tenant_id")), self.kind(), id, row.get("version"), &document)
                })
                .collect()
        })
    }
}

/// Both services on one bus, with no background task running yet.
pub(super) struct Pair {
    /// Name of the publishing service.
    pub(super) source: &'static str,
    pub(super) alpha: TestEnv,
    pub(super) beta: TestEnv,
    pub(super) bus: Bus,
    pub(super) handler: Arc<Projection>,
    pub(super) events: Events,
    pub(super) sources: Sources,
}

pub(super) async fn pair(bus: Bus) -> Pair {
    named(bus, "alpha", "beta.projection").await
}

/// A pair with its own service names, for a bus that outlives the test.
pub(super) async fn named(bus: Bus, source: &'static str, consumer: &'static str) -> Pair {
    let alpha = bloom_testkit::test_env("alpha", &MIGRATIONS).await;
    let mut beta = bloom_testkit::test_env("beta", &MIGRATIONS).await;
    beta.host.peers = alpha.host.peers.clone();
    let handler = Arc::new(Projection { refusals: Arc::default(), consumer, topics: Vec::leak(vec![source]) });
    let events = Events::new("beta", beta.host.clone(), beta.db.clone(), bus.clone()).handlers([handler.clone() as _]);
    let sources = events.consumers[0].1.clone();
    Pair { source, alpha, beta, bus, handler, events, sources }
}

impl Pair {
    pub(super) fn relay(&self) -> Relay {
        Relay::new(self.source, self.alpha.host.clone(), self.alpha.db.clone(), self.bus.clone())
    }

    pub(super) fn consumer(&self) -> Consumer {
        Consumer {
            service: "beta",
            host: self.beta.host.clone(),
            db: self.beta.db.clone(),
            bus: self.bus.clone(),
            handler: self.handler.clone(),
            sources: self.sources.clone(),
            replay: self.events.consumers[0].2.clone(),
        }
    }

    /// An applier as a running generation has it, for tests that apply batches themselves.
    pub(super) fn applier(&self) -> Applier {
        Applier {
            service: "beta",
            host: self.beta.host.clone(),
            db: self.beta.db.clone(),
            handler: self.handler.clone(),
            reader: ConsumerGeneration { consumer: self.handler.consumer, generation: 1 },
        }
    }

    /// The events of the publishing service.
    pub(super) fn publisher(&self) -> Events {
        Events::new(self.source, self.alpha.host.clone(), self.alpha.db.clone(), self.bus.clone())
            .exports([Arc::new(SourceExport) as _])
    }

    /// Changes one source row and publishes it in one transaction; returns the new version.
    pub(super) async fn change(&self, id: &str) -> i64 {
        change(&self.alpha.db, &self.alpha.host, &self.alpha.call(), id, true).await
    }

    /// Starts the background tasks of both services; returns when the consumer follows.
    pub(super) async fn start(&self, tasks: &mut JoinSet<()>) {
        for task in self.publisher().tasks().into_iter().chain(self.events.tasks()) {
            tasks.spawn(async move { task.run.await.expect("a loop ends well") });
        }
        eventually("the consumer begins", async || self.begun().await).await;
    }

    /// Stops the tasks and waits until they have ended.
    pub(super) async fn stop(&self, mut tasks: JoinSet<()>) {
        self.alpha.host.shutdown.cancel();
        self.beta.host.shutdown.cancel();
        while let Some(ended) = tasks.join_next().await {
            ended.expect("no loop panics");
        }
    }

    /// Waits until every published event is applied.
    pub(super) async fn drained(&self) {
        let alpha = self.publisher().server();
        let beta = self.events.server();
        eventually("everything is drained", async || {
            let (source, target) = (alpha.standing().await.unwrap(), beta.standing().await.unwrap());
            source.outbox == 0 && target.lag == 0
        })
        .await;
    }

    /// Whether the consumer has loaded its source's state.
    pub(super) async fn begun(&self) -> bool {
        let loaded = sqlx::query("select from consumer where loaded_at is not null");
        loaded.fetch_optional(&mut self.beta.superuser().await).await.unwrap().is_some()
    }

    /// Rows of a table: id → (version, value).
    pub(super) async fn rows(&self, bench: &TestEnv, table: &str) -> BTreeMap<String, (i64, String)> {
        let sql = format!("select id, version, value from {table}");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(&mut bench.superuser().await).await.unwrap();
        rows.into_iter().map(|row| (row.get("id"), (row.get("version"), row.get("value")))).collect()
    }

    /// Versions in the order in which they were applied.
    pub(super) async fn applied(&self) -> BTreeMap<String, Vec<i64>> {
        let rows = sqlx::query("select id, version from applied order by seq")
            .fetch_all(&mut self.beta.superuser().await)
            .await
            .unwrap();
        let mut applied = BTreeMap::<String, Vec<i64>>::new();
        for row in rows {
            applied.entry(row.get("id")).or_default().push(row.get("version"));
        }
        applied
    }

    /// Asserts that every version was applied once and in order, and that the projection equals the source.
    pub(super) async fn assert_exact(&self) {
        let source = self.rows(&self.alpha, "source").await;
        assert_eq!(source, self.rows(&self.beta, "projection").await);
        let expected: BTreeMap<String, Vec<i64>> =
            source.iter().map(|(id, (version, _))| (id.clone(), (1..=*version).collect())).collect();
        assert_eq!(expected, self.applied().await);
    }
}

pub(super) async fn change(db: &bloom_db::Db, host: &ServiceContext, call: &RequestContext, id: &str, keep: bool) -> i64 {
    let mut tx = db.write(call).await.unwrap();
    let row = sqlx::query(
        "insert into source (tenant_id, id, version, value) values ($1, $2, 1, 'v1')
         on conflict (tenant_id, id) do update set version = source.version + 1, value = 'v' || (source.version + 1)
         returning version, value",
    )
    .bind(call.tenant.uuid())
    .bind(id)
    .fetch_one(&mut *tx)
    .await
    .unwrap();
    let version: i64 = row.get("version");
    // Hold the row lock for a while: writers of this aggregate wait, others continue.
    // Real time: transactions of several writers overlap.
    tokio::time::sleep(Duration::from_millis(u64::from(random(host) % 4))).await;
    let document = Document { id: id.to_owned(), value: row.get("value") };
    let draft = Draft { kind: "thing.changed", aggregate: id.to_owned(), version, data: &document, causation: None };
    publish(&mut tx, host, call, draft).await.unwrap();
    if keep {
        tx.commit().await.unwrap();
    }
    version
}

pub(super) fn random(host: &ServiceContext) -> u8 {
    let mut byte = [0];
    host.entropy.fill(&mut byte);
    byte[0]
}

/// Waits for a condition, at most 30 s.
pub(super) async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let until = tokio::time::Instant::now() + Duration::from_secs(30);
    while !holds().await {
        assert!(tokio::time::Instant::now() < until, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
