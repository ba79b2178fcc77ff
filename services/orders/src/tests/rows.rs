//! What each statement on a checkout or an operation may find there: of two who decide about it, the second changes nothing.

use bloom_db::TenantTx;
use bloom_fault::{Code, Fault};
use bloom_kernel::{CartId, CheckoutId, FulfilmentId, HoldId, Money, OperationId, OrderId, PaymentId};
use bloom_testkit::{TestEnv, test_env};
use chrono::TimeDelta;
use sqlx::AssertSqlSafe;

use super::stage::Stage;
use crate::domain::checkout::{CheckoutStatus, Failure};
use crate::domain::operation::{Kind, OperationStatus};
use crate::ops::run_operation::operation;
use crate::store::checkout::{
    Stored, checkout_compensate, checkout_delete, checkout_fail, checkout_forget, checkout_get, checkout_insert, checkout_rehold,
    checkout_wait,
};
use crate::store::operation::{
    operation_get, operation_insert, operation_money_under_way, operation_settle, operation_shipping, operation_waited,
    operation_waiting,
};
use crate::store::order::order_get;

const OPEN: [&str; 3] = ["processing", "payment_pending", "action_required"];
const ALL: [&str; 6] = ["processing", "payment_pending", "action_required", "compensating", "completed", "failed"];

fn new(bench: &TestEnv) -> Stored {
    let (host, tenant) = (&bench.host, bench.tenant);
    let now = host.now(tenant);
    Stored {
        tenant,
        id: host.id::<CheckoutId>(tenant),
        cart_id: host.id::<CartId>(tenant),
        status: CheckoutStatus::Processing,
        fingerprint: vec![1],
        actor: "test".to_owned(),
        token_digest: None,
        instructions: Some(vec![2]),
        order_id: host.id::<OrderId>(tenant),
        hold_id: host.id::<HoldId>(tenant),
        payment_id: host.id::<PaymentId>(tenant),
        authorise_id: host.id::<OperationId>(tenant),
        void_id: host.id::<OperationId>(tenant),
        refund_id: host.id::<OperationId>(tenant),
        action: None,
        failure: None,
        deadline: now + TimeDelta::seconds(20),
        settled: false,
        confirmed: false,
        attempts: 0,
        version: 0,
        created_at: now,
        updated_at: now,
    }
}

/// A checkout that has just begun, on a database of its own.
async fn begun() -> (TestEnv, Stored) {
    let bench = test_env(crate::NAME, &crate::MIGRATIONS).await;
    let checkout = new(&bench);
    assert!(checkout_insert(bench.db.write_once(&bench.call()), &checkout, "k1").await.unwrap());
    (bench, checkout)
}

/// The rows, in which somebody else has changed something first, that the statement finds fit.
async fn fit<'s>(
    bench: &TestEnv,
    rows: &[&'s str],
    set: &str,
    act: impl AsyncFn(&mut TenantTx) -> Result<bool, Fault>,
) -> Vec<&'s str> {
    let mut fit = Vec::new();
    for row in rows {
        let mut tx = bench.db.write(&bench.call()).await.unwrap();
        let first = format!("update checkout set {set} = {row}");
        sqlx::query(AssertSqlSafe(first)).execute(&mut *tx).await.unwrap();
        if act(&mut tx).await.unwrap() {
            fit.push(*row);
        }
    }
    fit
}

async fn in_status(bench: &TestEnv, act: impl AsyncFn(&mut TenantTx) -> Result<bool, Fault>) -> Vec<&'static str> {
    let mut fit = Vec::new();
    for status in ALL {
        let quoted = format!("'{status}'");
        if !self::fit(bench, &[&quoted], "status", &act).await.is_empty() {
            fit.push(status);
        }
    }
    fit
}

/// Without it, a driver that is late could take back what another has decided: fail what was placed, or wait for the payment of
/// what has failed.
#[tokio::test]
async fn a_checkout_is_decided_once() {
    let (bench, checkout) = begun().await;
    let now = checkout.created_at;
    let failure = Failure::of(&Fault::new(Code::Conflict, "second", "Second."));
    assert_eq!(in_status(&bench, async |tx| checkout_wait(tx, &checkout).await).await, OPEN);
    let compensates = async |tx: &mut TenantTx| Ok(checkout_compensate(tx, checkout.id, &failure, now).await?.is_some());
    assert_eq!(in_status(&bench, compensates).await, OPEN);
    let fails = async |tx: &mut TenantTx| Ok(checkout_fail(tx, checkout.id, true, now).await?.is_some());
    assert_eq!(in_status(&bench, fails).await, ["compensating"]);
}

/// Without it, an order could lose its checkout, and a buyer the key under which something has happened.
#[tokio::test]
async fn only_what_had_no_effect_or_failed_is_forgotten() {
    let (bench, checkout) = begun().await;
    let is_gone = async |tx: &mut TenantTx| Ok(checkout_get(tx, checkout.id).await?.is_none());
    let deletes = async |tx: &mut TenantTx| {
        checkout_delete(tx, checkout.id).await?;
        is_gone(tx).await
    };
    assert_eq!(in_status(&bench, deletes).await, ["processing"]);
    assert_eq!(fit(&bench, &["0", "1"], "version", deletes).await, ["0"], "what was told of stays");
    let forgets = async |tx: &mut TenantTx| {
        checkout_forget(tx, checkout.id).await?;
        is_gone(tx).await
    };
    assert_eq!(in_status(&bench, forgets).await, ["failed"]);
}

/// Without it, of two new holds for one that ran out one would never be let go, and neither would one that is taken for a
/// checkout that has failed meanwhile.
#[tokio::test]
async fn another_hold_is_taken_once_and_only_for_what_its_driver_knows() {
    let (bench, checkout) = begun().await;
    let another = bench.host.id::<HoldId>(bench.tenant);
    let reholds = async |tx: &mut TenantTx| checkout_rehold(tx, &checkout, another).await;
    assert_eq!(in_status(&bench, reholds).await, OPEN);
    assert_eq!(fit(&bench, &["hold_id", "order_id"], "hold_id", reholds).await, ["hold_id"], "another driver's hold stays");
    let placed = Stored { status: CheckoutStatus::Completed, ..checkout };
    let reholds = async |tx: &mut TenantTx| checkout_rehold(tx, &placed, another).await;
    assert_eq!(in_status(&bench, reholds).await, ["completed"]);
}

/// Without it, the payer's means of payment would lie in the database longer than the purchase takes, and a refused purchase
/// could never be tried again under its key.
#[tokio::test]
async fn what_has_failed_keeps_its_key_and_nothing_else() {
    let (bench, checkout) = begun().await;
    for (keep_key, key) in [(true, Some("k1")), (false, None)] {
        let mut tx = bench.db.write(&bench.call()).await.unwrap();
        sqlx::query("update checkout set status = 'compensating'").execute(&mut *tx).await.unwrap();
        let now = checkout.created_at + TimeDelta::seconds(1);
        assert_eq!(checkout_fail(&mut tx, checkout.id, keep_key, now).await.unwrap(), Some(1));
        let failed = checkout_get(&mut tx, checkout.id).await.unwrap().unwrap();
        assert_eq!((failed.status, failed.instructions, failed.settled), (CheckoutStatus::Failed, None, true));
        assert_eq!((failed.version, failed.updated_at), (1, now));
        let kept: Option<String> = sqlx::query_scalar("select idempotency_key from checkout").fetch_one(&mut *tx).await.unwrap();
        assert_eq!(kept.as_deref(), key);
    }
}

/// Without it, a payer would be given up in the middle of their action, or a provider asked ever more often instead of less.
#[tokio::test]
async fn what_waits_for_its_payment_has_more_time() {
    let (bench, checkout) = begun().await;
    let waits = Stored {
        status: CheckoutStatus::PaymentPending,
        deadline: checkout.deadline + TimeDelta::minutes(15),
        attempts: 3,
        version: 1,
        ..checkout.clone()
    };
    let mut tx = bench.db.write(&bench.call()).await.unwrap();
    assert!(checkout_wait(&mut tx, &waits).await.unwrap());
    let stored = checkout_get(&mut tx, checkout.id).await.unwrap().unwrap();
    assert_eq!((stored.status, stored.deadline), (waits.status, waits.deadline));
    assert_eq!((stored.attempts, stored.version), (3, 1));
}

/// Without it, money that has been drawn would count as under way for ever, or a payment's news would ask for what is settled.
#[tokio::test(flavor = "multi_thread")]
async fn an_operation_is_under_way_until_it_is_settled_once() {
    let stage = Stage::open().await;
    let id = stage.order(1).await["id"].as_str().unwrap().parse().unwrap();
    let (bench, call) = (&stage.bench, stage.bench.call());
    let app = crate::Orders::new(crate::config::Config::default(), bench.host.clone(), bench.db.clone());
    let mut tx = bench.db.write(&call).await.unwrap();
    let order = order_get(&mut tx, id).await.unwrap().unwrap().order;
    let new = |kind: Kind| operation(&app, &call, &order, kind);
    let money = Money::new(300, order.currency);
    let parcel: FulfilmentId = bench.host.id(bench.tenant);
    let operations = [
        new(Kind::Capture).of_amount(money),
        new(Kind::Refund).of_amount(money),
        new(Kind::Void),
        new(Kind::Ship).on_behalf_of(parcel),
        new(Kind::Release),
    ];
    operation_insert(&mut tx, bench.tenant, &operations).await.unwrap();
    assert_eq!(operation_money_under_way(&mut tx, id).await.unwrap(), (300, true));
    assert_eq!(operation_shipping(&mut tx, id).await.unwrap(), [parcel]);
    assert_eq!(operation_waiting(&mut tx, id).await.unwrap(), [], "somebody is asking for the first time");
    for operation in &operations {
        operation_waited(&mut tx, operation.id, operation.created_at).await.unwrap();
    }
    let waiting = operation_waiting(&mut tx, id).await.unwrap();
    assert!(waiting.len() == 2 && operations[..2].iter().all(|operation| waiting.contains(&operation.id)), "{waiting:?}");

    let refused = Failure::of(&Fault::new(Code::Conflict, "second", "Second."));
    for operation in &operations {
        for (failure, is_first) in [(None, true), (Some(&refused), false)] {
            assert_eq!(operation_settle(&mut tx, operation.id, failure, operation.created_at).await.unwrap(), is_first);
        }
        let settled = operation_get(&mut tx, operation.id).await.unwrap().unwrap();
        assert_eq!((settled.status, settled.failure, settled.attempts), (OperationStatus::Succeeded, None, 1));
    }
    assert_eq!(operation_money_under_way(&mut tx, id).await.unwrap(), (0, false));
    assert_eq!(operation_shipping(&mut tx, id).await.unwrap(), []);
    assert_eq!(operation_waiting(&mut tx, id).await.unwrap(), []);
}
