//! Purchases that their buyers give up while they wait for the payment.

use bloom_testkit::{Answer, queue};
use serde_json::{Value, json};

use super::payment::visit;
use super::races::locked;
use super::stage::{Guest, Stage};
use crate::saga::fault::{FaultPoint, Mishap, Moment};
use crate::saga::{STEPS, Step};

impl Stage {
    async fn give_up(&self, guest: &Guest, checkout: &str) -> Answer {
        Self::shop(self.orders.post(&format!("/v1/checkouts/{checkout}/cancel")), guest).send().await
    }

    async fn give_up_as(&self, guest: &Guest, checkout: &str, key: &str) -> Answer {
        Self::shop(self.orders.post(&format!("/v1/checkouts/{checkout}/cancel")), guest).key(key).send().await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_given_up_leaves_nothing_and_the_cart_can_be_bought() {
    let stage = Stage::open().await;
    let guest = stage.cart(1).await;
    let asked = stage.checkout(&guest, "k1", "tok_3ds").send().await.expect(202);
    let canceled = stage.give_up_as(&guest, &asked.id(), "first").await.expect(202).json;
    assert_eq!((&canceled["status"], &canceled["action"]), (&json!("compensating"), &Value::Null));
    assert_eq!(canceled["failure"]["code"], "checkout_canceled");
    // No time passes: its timer does not let it wait.
    stage.drained().await;
    let failed = stage.standing(&guest, &asked.id()).await;
    assert_eq!((&failed["status"], &failed["failure"]), (&json!("failed"), &canceled["failure"]));
    assert_eq!(failed["payment_id"], asked.json["payment_id"], "it is still known what was asked for");
    assert_eq!(stage.read_cart(&guest).await["status"], "open");
    assert_eq!(stage.levels(&stage.shirt).await, (1_000, 0, 0));
    for key in ["again", "again", "first"] {
        let again = stage.give_up_as(&guest, &asked.id(), key).await.expect(202);
        assert_eq!(again.json, failed, "a repeat is told how it ended");
        assert_eq!(again.header("idempotent-replayed") == "true", key == "first");
    }
    let repeat = stage.checkout(&guest, "k1", "tok_3ds").send().await.expect(409);
    assert_eq!(repeat.code(), "checkout_canceled");
    assert!(visit(&asked, "approve").await.status().is_redirection(), "the payer comes too late");
    stage.nothing_is_left(&guest).await;

    let bought = stage.checkout(&guest, "k2", "tok_success").send().await.expect(201);
    let late = stage.give_up(&guest, &bought.id()).await.expect(409);
    assert_eq!(late.code(), "checkout_completed");
    assert_eq!(stage.read_order(&bought.json["order"]["id"]).await["status"], "confirmed");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_has_the_carts_token_may_give_up() {
    let stage = Stage::open().await;
    let guest = stage.cart(1).await;
    let asked = stage.checkout(&guest, "k1", "tok_3ds").send().await.expect(202);
    let stranger = Guest { cart: guest.cart.clone(), token: stage.cart(1).await.token };
    assert_eq!(stage.give_up(&stranger, &asked.id()).await.expect(404).code(), "not_found");
    assert_eq!(stage.standing(&guest, &asked.id()).await["status"], "action_required");
    stage.give_up_as(&guest, &asked.id(), "mine").await.expect(202);
    assert_eq!(stage.give_up_as(&stranger, &asked.id(), "mine").await.expect(404).code(), "not_found", "nor a repeat");
    assert_eq!(stage.give_up(&guest, "chk_00000000000000000000000000").await.expect(404).code(), "not_found");
    let bare = stage.orders.post(&format!("/v1/checkouts/{}/cancel", asked.id())).publishable(&["checkouts:write"]);
    assert_eq!(bare.send().await.expect(401).code(), "cart_token_invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_neighbour_may_be_away_while_a_purchase_is_given_up() {
    let stage = Stage::open().await;
    for step in STEPS.into_iter().filter(|step| !step.is_past_placing() && *step != Step::PlaceOrder) {
        for (moment, mishap) in
            [(Moment::BeforeUndo, Mishap::Away), (Moment::AfterUndo, Mishap::Away), (Moment::AfterUndo, Mishap::Repeat)]
        {
            let guest = stage.cart(1).await;
            let asked = stage.checkout(&guest, &guest.cart, "tok_3ds").send().await.expect(202);
            stage.faults.set([FaultPoint { step, moment, mishap }]);
            stage.give_up(&guest, &asked.id()).await.expect(202);
            let ended = stage.ended(&guest, &asked.id()).await;
            assert_eq!((&ended["status"], stage.faults.left()), (&json!("failed"), 0), "{step:?}, {moment:?}: {ended}");
            // The payer comes too late: what the issuer promises now is given up.
            visit(&asked, "approve").await;
            stage.nothing_is_left(&guest).await;
        }
    }
}

/// Lost would be the buyer's word: the order would be placed after they were told that it never will be.
#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_being_placed_is_given_up_all_the_same() {
    let stage = Stage::open().await;
    let guest = stage.cart(1).await;
    let asked = stage.checkout(&guest, "k1", "tok_3ds").send().await.expect(202);
    // Whoever places an order waits for its number.
    let number = format!("insert into order_number values ('{}', 1)", stage.bench.tenant.uuid());
    let mut holder = locked(&stage.bench, &number).await;
    visit(&asked, "approve").await;
    queue(&mut holder, 1).await;
    stage.give_up(&guest, &asked.id()).await.expect(202);
    sqlx::query("rollback").execute(&mut holder).await.unwrap();
    let ended = stage.ended(&guest, &asked.id()).await;
    assert_eq!((&ended["status"], &ended["failure"]["code"]), (&json!("failed"), &json!("checkout_canceled")));
    stage.nothing_is_left(&guest).await;
}

/// Lost would be the truth: whoever comes second would be told that there is an order.
#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_give_up_at_once_none_is_told_of_an_order() {
    let stage = Stage::open().await;
    let guest = stage.cart(1).await;
    // Here it is the provider that is waited for, and not the payer.
    let asked = stage.checkout(&guest, "k1", "tok_delay").send().await.expect(202);
    assert_eq!(asked.json["status"], "payment_pending");
    let mut holder = locked(&stage.bench, "select from checkout for update").await;
    let id = asked.id();
    let all = futures::future::join_all((0..3).map(|_| stage.give_up(&guest, &id)));
    let let_go = async {
        queue(&mut holder, 3).await;
        sqlx::query("rollback").execute(&mut holder).await.unwrap();
    };
    for answer in futures::future::join(all, let_go).await.0 {
        assert_eq!(answer.expect(202).json["failure"]["code"], "checkout_canceled");
    }
    assert_eq!(stage.ended(&guest, &id).await["status"], "failed");
}
