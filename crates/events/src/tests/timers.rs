//! Timers fire when due, again after a fault, and twice when the process that fired them is cut off.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bloom_db::TenantTx;
use bloom_fault::{Code, Fault};
use bloom_kernel::Timestamp;
use bloom_runtime::RequestContext;
use bloom_testkit::TestEnv;
use chrono::TimeDelta;
use futures::future::BoxFuture;
use serde_json::json;
use serde_json::value::RawValue;
use tokio::task::JoinSet;

use crate::Publish as _;
use crate::store::timer::{timer_claim, timer_done};
use crate::tests::fixture::{eventually, pair};
use crate::timer::Timers;
use crate::{Bus, TimerHandler};

const KIND: &str = "thing.expire";

#[derive(Default)]
struct Bell {
    fired: Mutex<Vec<(String, String)>>,
    faults: Mutex<u32>,
}

impl TimerHandler for Bell {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn fire<'a>(&'a self, _: &'a RequestContext, key: &'a str, payload: &'a RawValue) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            self.fired.lock().unwrap().push((key.to_owned(), payload.get().to_owned()));
            let mut faults = self.faults.lock().unwrap();
            if *faults == 0 {
                return Ok(());
            }
            *faults -= 1;
            Err(Fault::new(Code::Unavailable, "not_now", "asked to fail"))
        })
    }
}

async fn set(bench: &TestEnv, key: &str, run_at: Timestamp) {
    let mut tx: TenantTx = bench.db.write(&bench.call()).await.unwrap();
    tx.schedule(KIND, key, run_at, &json!({"key": key}));
    tx.commit().await.unwrap();
}

async fn left(bench: &TestEnv) -> i64 {
    let count: (i64,) = sqlx::query_as("select count(*) from timer").fetch_one(&mut bench.superuser().await).await.unwrap();
    count.0
}

fn start(bench: &TestEnv, bell: &Arc<Bell>) -> JoinSet<()> {
    let timers = Timers::new("alpha", bench.host.clone(), bench.db.clone(), vec![bell.clone()]);
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { timers.run().await.unwrap() });
    tasks
}

#[tokio::test]
async fn a_timer_fires_when_due_and_never_when_cancelled() {
    let pair = pair(Bus::in_process()).await;
    let (bench, bell) = (&pair.alpha, Arc::new(Bell::default()));
    let now = bench.clock.time();
    set(bench, "soon", now + TimeDelta::minutes(1)).await;
    set(bench, "moved", now).await;
    set(bench, "moved", now + TimeDelta::hours(2)).await;
    set(bench, "cancelled", now).await;
    let mut tx = bench.db.write(&bench.call()).await.unwrap();
    tx.unschedule(KIND, "cancelled");
    tx.commit().await.unwrap();
    let mut tasks = start(bench, &bell);
    // Real time: there is no signal for a timer that does not fire.
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(bell.fired.lock().unwrap().is_empty());
    bench.clock.advance(TimeDelta::minutes(2));
    eventually("it fires and is gone", async || left(bench).await == 1).await;
    assert_eq!(*bell.fired.lock().unwrap(), [("soon".to_owned(), r#"{"key":"soon"}"#.to_owned())]);
    bench.host.shutdown.cancel();
    tasks.join_next().await.unwrap().unwrap();
}

#[tokio::test]
async fn a_failed_timer_is_retried() {
    let pair = pair(Bus::in_process()).await;
    let (bench, bell) = (&pair.alpha, Arc::new(Bell::default()));
    *bell.faults.lock().unwrap() = 1;
    let mut tasks = start(bench, &bell);
    set(bench, "stubborn", bench.clock.time()).await;
    eventually("the first try fails", async || bell.fired.lock().unwrap().len() == 1).await;
    assert_eq!(left(bench).await, 1);
    eventually("the second succeeds", async || left(bench).await == 0).await;
    assert_eq!(bell.fired.lock().unwrap().len(), 2);
    bench.host.shutdown.cancel();
    tasks.join_next().await.unwrap().unwrap();
}

#[tokio::test]
async fn an_expired_claim_is_taken_over_and_deletes_nothing() {
    let pair = pair(Bus::in_process()).await;
    let bench = &pair.alpha;
    let now = bench.clock.time();
    set(bench, "thing", now).await;
    let (first, second) = (uuid::Uuid::from_u128(1), uuid::Uuid::from_u128(2));
    let kinds = [KIND.to_owned()];
    let mut tx = bench.db.system().await.unwrap();
    let claimed = timer_claim(&mut tx, &kinds, now, first, 0.0, 10).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = bench.db.system().await.unwrap();
    let taken = timer_claim(&mut tx, &kinds, now, second, 60.0, 10).await.unwrap();
    assert_eq!((claimed.len(), taken.len(), taken[0].attempts), (1, 1, 2));
    assert!(timer_claim(&mut tx, &kinds, now, first, 60.0, 10).await.unwrap().is_empty());
    timer_done(&mut tx, &claimed[0], first).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(left(bench).await, 1, "the former owner of the claim deletes nothing");
    // Scheduled again while it fires: the new row must remain.
    set(bench, "thing", now + TimeDelta::hours(1)).await;
    let mut tx = bench.db.system().await.unwrap();
    timer_done(&mut tx, &taken[0], second).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(left(bench).await, 1);
}
