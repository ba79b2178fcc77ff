//! Checkouts that their buyers cancel while they wait for the payment.

use bloom_testkit::{Answer, queue};
use serde_json::{Value, json};

use crate::checkout_saga::fault_injection::{FaultKind, FaultPoint, Moment};
use crate::checkout_saga::{STEPS, Step};
use crate::tests::{Fixture, Guest, lock_rows, visit};

impl Fixture {
    async fn cancel(&self, guest: &Guest, checkout: &str) -> Answer {
        Self::shop(self.orders.post(&format!("/v1/checkouts/{checkout}/cancel")), guest).send().await
    }

    async fn cancel_with_key(&self, guest: &Guest, checkout: &str, key: &str) -> Answer {
        Self::shop(self.orders.post(&format!("/v1/checkouts/{checkout}/cancel")), guest).key(key).send().await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canceled_checkout_leaves_the_cart_open() {
    let fixture = Fixture::open().await;
    let guest = fixture.cart(1).await;
    let started = fixture.checkout(&guest, "k1", "tok_3ds").send().await.expect(202);
    let canceled = fixture.cancel_with_key(&guest, &started.id(), "first").await.expect(202).json;
    assert_eq!(canceled["version"], json!(started.json["version"].as_i64().unwrap() + 1), "a change raises the version");
    assert_eq!((&canceled["status"], &canceled["action"]), (&json!("compensating"), &Value::Null));
    assert_eq!(canceled["failure"]["code"], "checkout_canceled");
    // No time passes: the timer is due at once.
    fixture.drain().await;
    let failed = fixture.checkout_status(&guest, &started.id()).await;
    assert_eq!((&failed["status"], &failed["failure"]), (&json!("failed"), &canceled["failure"]));
    assert_eq!(failed["payment_id"], started.json["payment_id"], "the requested payment is still named");
    assert_eq!(fixture.read_cart(&guest).await["status"], "open");
    assert_eq!(fixture.levels(&fixture.shirt).await, (1_000, 0, 0));
    for key in ["again", "again", "first"] {
        let again = fixture.cancel_with_key(&guest, &started.id(), key).await.expect(202);
        assert_eq!(again.json, failed, "a repeat gets the current state");
        assert_eq!(again.header("idempotent-replayed") == "true", key == "first");
    }
    let repeat = fixture.checkout(&guest, "k1", "tok_3ds").send().await.expect(409);
    assert_eq!(repeat.code(), "checkout_canceled");
    assert!(visit(&started, "approve").await.status().is_redirection(), "the payer comes too late");
    fixture.assert_nothing_left(&guest).await;

    let bought = fixture.checkout(&guest, "k2", "tok_success").send().await.expect(201);
    let late = fixture.cancel(&guest, &bought.id()).await.expect(409);
    assert_eq!(late.code(), "checkout_completed");
    assert_eq!(fixture.read_order(&bought.json["order"]["id"]).await["status"], "confirmed");
}

#[tokio::test(flavor = "multi_thread")]
async fn canceling_needs_the_cart_token() {
    let fixture = Fixture::open().await;
    let guest = fixture.cart(1).await;
    let started = fixture.checkout(&guest, "k1", "tok_3ds").send().await.expect(202);
    let other_buyer = Guest { cart: guest.cart.clone(), token: fixture.cart(1).await.token };
    assert_eq!(fixture.cancel(&other_buyer, &started.id()).await.expect(404).code(), "not_found");
    assert_eq!(fixture.checkout_status(&guest, &started.id()).await["status"], "action_required");
    fixture.cancel_with_key(&guest, &started.id(), "mine").await.expect(202);
    assert_eq!(
        fixture.cancel_with_key(&other_buyer, &started.id(), "mine").await.expect(404).code(),
        "not_found",
        "nor a repeat"
    );
    assert_eq!(fixture.cancel(&guest, "chk_00000000000000000000000000").await.expect(404).code(), "not_found");
    let bare = fixture.orders.post(&format!("/v1/checkouts/{}/cancel", started.id())).publishable(&["checkouts:write"]);
    assert_eq!(bare.send().await.expect(401).code(), "cart_token_invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn canceling_survives_unreachable_services() {
    let fixture = Fixture::open().await;
    for step in STEPS.into_iter().filter(|step| !step.is_past_placing() && *step != Step::PlaceOrder) {
        for (moment, kind) in [
            (Moment::BeforeUndo, FaultKind::Unreachable),
            (Moment::AfterUndo, FaultKind::Unreachable),
            (Moment::AfterUndo, FaultKind::Repeat),
        ] {
            let guest = fixture.cart(1).await;
            let started = fixture.checkout(&guest, &guest.cart, "tok_3ds").send().await.expect(202);
            fixture.faults.set([FaultPoint { step, moment, kind }]);
            fixture.cancel(&guest, &started.id()).await.expect(202);
            let ended = fixture.ended(&guest, &started.id()).await;
            assert_eq!((&ended["status"], fixture.faults.left()), (&json!("failed"), 0), "{step:?}, {moment:?}: {ended}");
            // The payer is too late: a new authorisation is voided.
            visit(&started, "approve").await;
            fixture.assert_nothing_left(&guest).await;
        }
    }
}

/// Otherwise the order could be placed after its buyer was told that it failed.
#[tokio::test(flavor = "multi_thread")]
async fn canceling_wins_over_placing_the_order() {
    let fixture = Fixture::open().await;
    let guest = fixture.cart(1).await;
    let started = fixture.checkout(&guest, "k1", "tok_3ds").send().await.expect(202);
    // Placing an order waits for its number.
    let number = format!("insert into order_number values ('{}', 1)", fixture.env.tenant.uuid());
    let mut holder = lock_rows(&fixture.env, &number).await;
    visit(&started, "approve").await;
    queue(&mut holder, 1).await;
    fixture.cancel(&guest, &started.id()).await.expect(202);
    sqlx::query("rollback").execute(&mut holder).await.unwrap();
    let ended = fixture.ended(&guest, &started.id()).await;
    assert_eq!((&ended["status"], &ended["failure"]["code"]), (&json!("failed"), &json!("checkout_canceled")));
    fixture.assert_nothing_left(&guest).await;
}

/// Otherwise the second request would be answered as if there were an order.
#[tokio::test(flavor = "multi_thread")]
async fn parallel_cancels_get_the_same_reply() {
    let fixture = Fixture::open().await;
    let guest = fixture.cart(1).await;
    // This checkout waits for the provider, not for the payer.
    let started = fixture.checkout(&guest, "k1", "tok_delay").send().await.expect(202);
    assert_eq!(started.json["status"], "payment_pending");
    let mut holder = lock_rows(&fixture.env, "select from checkout for update").await;
    let id = started.id();
    let all = futures::future::join_all((0..3).map(|_| fixture.cancel(&guest, &id)));
    let unlock = async {
        queue(&mut holder, 3).await;
        sqlx::query("rollback").execute(&mut holder).await.unwrap();
    };
    for answer in futures::future::join(all, unlock).await.0 {
        assert_eq!(answer.expect(202).json["failure"]["code"], "checkout_canceled");
    }
    assert_eq!(fixture.ended(&guest, &id).await["status"], "failed");
}
