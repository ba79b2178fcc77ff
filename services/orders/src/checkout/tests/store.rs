//! Statements on a checkout when two drivers decide about it: the second one changes nothing.

use bloom_db::TenantTx;
use bloom_fault::{Code, Fault};
use bloom_kernel::{CartId, CheckoutId, HoldId, OperationId, OrderId, PaymentId};
use bloom_testkit::TestEnv;
use chrono::TimeDelta;
use sqlx::AssertSqlSafe;

use crate::checkout::model::CheckoutStatus;
use crate::checkout::store::{
    CheckoutRecord, checkout_compensate, checkout_delete, checkout_fail, checkout_get, checkout_insert, checkout_purge,
    checkout_replace_hold, checkout_wait,
};
use crate::failure::Failure;

const OPEN: [&str; 3] = ["processing", "payment_pending", "action_required"];

const ALL: [&str; 6] = ["processing", "payment_pending", "action_required", "compensating", "completed", "failed"];

fn new(env: &TestEnv) -> CheckoutRecord {
    let (host, tenant) = (&env.host, env.tenant);
    let now = host.now(tenant);
    CheckoutRecord {
        tenant,
        id: host.id::<CheckoutId>(tenant),
        cart_id: host.id::<CartId>(tenant),
        status: CheckoutStatus::Processing,
        fingerprint: vec![1],
        actor: "test".to_owned(),
        token_digest: None,
        secrets: Some(vec![2]),
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

/// A new checkout on a database of its own.
async fn begun() -> (TestEnv, CheckoutRecord) {
    let env = TestEnv::of(&crate::SERVICE).await;
    let checkout = new(&env);
    assert!(checkout_insert(env.db.write_once(&env.call()), &checkout, "k1").await.unwrap());
    (env, checkout)
}

/// The values of a column with which the statement changes the row.
async fn fit<'s>(
    env: &TestEnv,
    rows: &[&'s str],
    set: &str,
    act: impl AsyncFn(&mut TenantTx) -> sqlx::Result<bool>,
) -> Vec<&'s str> {
    let mut fit = Vec::new();
    for row in rows {
        let mut tx = env.db.write(&env.call()).await.unwrap();
        let first = format!("update checkout set {set} = {row}");
        sqlx::query(AssertSqlSafe(first)).execute(&mut *tx).await.unwrap();
        if act(&mut tx).await.unwrap() {
            fit.push(*row);
        }
    }
    fit
}

async fn in_status(env: &TestEnv, act: impl AsyncFn(&mut TenantTx) -> sqlx::Result<bool>) -> Vec<&'static str> {
    let mut fit = Vec::new();
    for status in ALL {
        let quoted = format!("'{status}'");
        let set = if status == "completed" { "bought_cart_id = cart_id, status" } else { "status" };
        if !self::fit(env, &[&quoted], set, &act).await.is_empty() {
            fit.push(status);
        }
    }
    fit
}

/// Otherwise a late driver could revert the decision of another: fail a placed order, or wait for the payment of a failed checkout.
#[tokio::test]
async fn a_checkout_is_decided_once() {
    let (env, checkout) = begun().await;
    let now = checkout.created_at;
    let failure = Failure::of(&Fault::new(Code::Conflict, "second", "Second."));
    assert_eq!(in_status(&env, async |tx| checkout_wait(tx, &checkout).await).await, OPEN);
    let compensates = async |tx: &mut TenantTx| Ok(checkout_compensate(tx, checkout.id, &failure, now).await?.is_some());
    assert_eq!(in_status(&env, compensates).await, OPEN);
    let fails = async |tx: &mut TenantTx| Ok(checkout_fail(tx, checkout.id, true, now).await?.is_some());
    assert_eq!(in_status(&env, fails).await, ["compensating"]);
}

/// Otherwise an order could lose its checkout, and a buyer the idempotency key under which something has happened.
#[tokio::test]
async fn only_failed_or_unstarted_checkouts_are_deleted() {
    let (env, checkout) = begun().await;
    let is_gone = async |tx: &mut TenantTx| Ok(checkout_get(tx, checkout.id).await?.is_none());
    let deletes = async |tx: &mut TenantTx| {
        checkout_delete(tx, checkout.id).await?;
        is_gone(tx).await
    };
    assert_eq!(in_status(&env, deletes).await, ["processing"]);
    assert_eq!(fit(&env, &["0", "1"], "version", deletes).await, ["0"], "a published checkout stays");
    let forgets = async |tx: &mut TenantTx| {
        checkout_purge(tx, checkout.id).await?;
        is_gone(tx).await
    };
    assert_eq!(in_status(&env, forgets).await, ["failed"]);
}

/// Otherwise, of two new holds for an expired one, one would never be released, and neither would the new hold of a checkout that has
/// failed meanwhile.
#[tokio::test]
async fn a_hold_is_replaced_once() {
    let (env, checkout) = begun().await;
    let another = env.host.id::<HoldId>(env.tenant);
    let reholds = async |tx: &mut TenantTx| checkout_replace_hold(tx, &checkout, another).await;
    assert_eq!(in_status(&env, reholds).await, OPEN);
    assert_eq!(fit(&env, &["hold_id", "order_id"], "hold_id", reholds).await, ["hold_id"], "another driver's hold stays");
    let placed = CheckoutRecord { status: CheckoutStatus::Completed, ..checkout };
    let reholds = async |tx: &mut TenantTx| checkout_replace_hold(tx, &placed, another).await;
    assert_eq!(in_status(&env, reholds).await, ["completed"]);
}

/// Otherwise the payment token would be stored longer than needed, and a refused checkout could never be repeated under its
/// idempotency key.
#[tokio::test]
async fn a_failed_checkout_keeps_its_key_only() {
    let (env, checkout) = begun().await;
    for (keep_key, key) in [(true, Some("k1")), (false, None)] {
        let mut tx = env.db.write(&env.call()).await.unwrap();
        sqlx::query("update checkout set status = 'compensating'").execute(&mut *tx).await.unwrap();
        let now = checkout.created_at + TimeDelta::seconds(1);
        assert_eq!(checkout_fail(&mut tx, checkout.id, keep_key, now).await.unwrap(), Some(1));
        let failed = checkout_get(&mut tx, checkout.id).await.unwrap().unwrap();
        assert_eq!((failed.status, failed.secrets, failed.settled), (CheckoutStatus::Failed, None, true));
        assert_eq!((failed.version, failed.updated_at), (1, now));
        let kept: Option<String> = sqlx::query_scalar("select idempotency_key from checkout").fetch_one(&mut *tx).await.unwrap();
        assert_eq!(kept.as_deref(), key);
    }
}

/// Otherwise a checkout would fail while its payer acts, or the provider would be queried more and more often.
#[tokio::test]
async fn waiting_for_a_payment_extends_the_deadline() {
    let (env, checkout) = begun().await;
    let waits = CheckoutRecord {
        status: CheckoutStatus::PaymentPending,
        deadline: checkout.deadline + TimeDelta::minutes(15),
        attempts: 3,
        version: 1,
        ..checkout.clone()
    };
    let mut tx = env.db.write(&env.call()).await.unwrap();
    assert!(checkout_wait(&mut tx, &waits).await.unwrap());
    let stored = checkout_get(&mut tx, checkout.id).await.unwrap().unwrap();
    assert_eq!((stored.status, stored.deadline), (waits.status, waits.deadline));
    assert_eq!((stored.attempts, stored.version), (3, 1));
}
