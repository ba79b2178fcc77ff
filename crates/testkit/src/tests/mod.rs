//! Tests of the runtime from a service's point of view: a counter in its own schema, behind the real layers.

mod agree;
mod context;
mod edge;
mod idempotency;
mod migrate;
mod seal;
mod tenancy;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use axum::extract::State;
use bloom_db::{Begin, Db};
use bloom_fault::{Code, Fault};
use bloom_kernel::SubjectId;
use bloom_runtime::ServiceContext;
use bloom_web::{Caller, IfMatch, Json, Path, Query};
use bloom_web::{Reply, Service, permissions};
use bloom_web::{page::Cursors, page::Page, page::PageQuery};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::migrate::Migrator;

use crate::{TestClient, TestEnv, test_env};

/// Only the platform's tables.
static NOTHING: Migrator = Migrator::DEFAULT;

permissions! { CountRead = "count:read", CountWrite = "count:write" }

#[derive(Clone)]
struct Counter {
    host: ServiceContext,
    db: Db,
    cursors: Arc<Cursors>,
    effects: Arc<AtomicUsize>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Step {
    by: i64,
    items: Vec<Item>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Item {
    quantity: u8,
}

#[derive(Serialize, JsonSchema)]
struct Count {
    count: i64,
    secret: Option<String>,
}

async fn count_step(
    State(app): State<Counter>,
    caller: Caller<CountWrite>,
    Json(step): Json<Step>,
) -> Result<Reply<Count, 201>, Fault> {
    if step.by < 0 {
        return Err(Fault::invalid("/by", "out_of_range", "A step goes forward."));
    }
    let mut tx = match app.db.begin(&caller, "count_step", &step).await? {
        Begin::Run(tx) => tx,
        Begin::Replay(reply) => return Ok(reply),
    };
    // Committed with the reply; the counter in memory also counts attempts that were refused at the end.
    bloom_db::seal::seal(&mut tx, &app.host, app.host.id(caller.tenant), "step", b"x").await?;
    let count = app.effects.fetch_add(1, Ordering::SeqCst) + 1;
    let count = i64::try_from(count).map_err(Fault::internal)?;
    let reply = Reply::created(Count { count, secret: Some("told once".to_owned()) }).etag(count);
    tx.finish(reply.replay_as(&Count { count, secret: None })?).await
}

async fn count_get(_: Caller<CountRead>, if_match: IfMatch, Path(id): Path<SubjectId>) -> Result<Reply<Count>, Fault> {
    if id.uuid().is_nil() {
        return Err(Fault::not_found("resource"));
    }
    if if_match.version().is_some() {
        if_match.check(7)?;
    }
    Ok(Reply::ok(Count { count: 7, secret: None }).etag(7))
}

/// An empty list whose pages have cursors nevertheless.
async fn count_list(
    State(app): State<Counter>,
    caller: Caller<CountRead>,
    Query(query): Query<PageQuery>,
) -> Result<Reply<Page<i64>>, Fault> {
    app.cursors.position::<i64>(caller.tenant, b"counts", query.cursor.as_deref())?;
    Ok(Reply::ok(app.cursors.page(caller.tenant, b"counts", query.limit, Vec::new(), |count| *count)))
}

async fn count_break(_: Caller<CountRead>) -> Result<Reply<Count>, Fault> {
    panic!("the password is hunter2");
}

async fn count_fail(_: Caller<CountRead>) -> Result<Reply<Count>, Fault> {
    Err(Fault::new(Code::Internal, "internal", "the password is hunter2").source("select * from secrets"))
}

fn service(host: ServiceContext, db: Db, effects: Arc<AtomicUsize>) -> Service {
    let cursors = Arc::new(Cursors::new(&host));
    let http = ApiRouter::new()
        .api_route("/v1/count", post_with(count_step, |op| op.id("count_step")))
        .api_route("/v1/count/{id}", get_with(count_get, |op| op.id("count_get")))
        .api_route("/v1/counts", get_with(count_list, |op| op.id("count_list")))
        .api_route("/v1/broken", get_with(count_break, |op| op.id("count_break")))
        .api_route("/v1/failing", get_with(count_fail, |op| op.id("count_fail")))
        .with_state(Counter { host: host.clone(), db: db.clone(), cursors, effects });
    Service::new("counter", host, db, http)
}

/// A test environment, a client of the counter service, and the number of attempts.
async fn counter() -> (TestEnv, TestClient, Arc<AtomicUsize>) {
    let bench = test_env("counter", &NOTHING).await;
    let effects = Arc::new(AtomicUsize::new(0));
    let counted = effects.clone();
    let client = bench.open(|host, db| Ok(service(host, db, counted))).await;
    (bench, client, effects)
}
