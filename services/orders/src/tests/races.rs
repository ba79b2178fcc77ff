//! What happens elsewhere while a purchase is under way, and what a cart or its buyer should not bring with them.

use bloom_testkit::{Answer, TestEnv, queue};
use chrono::TimeDelta;
use futures::future::{join, join3};
use serde_json::json;
use sqlx::{AssertSqlSafe, PgConnection};

use super::stage::{Guest, Stage};

/// Another driver has decided that the purchase fails.
const REFUSED: &str = "update checkout set status = 'compensating',
     failure = jsonb_build_object('status', 409, 'code', 'first', 'detail', 'First.', 'errors', '[]'::jsonb)";

pub(super) async fn locked(bench: &TestEnv, lock: &str) -> PgConnection {
    let mut holder = bench.superuser().await;
    sqlx::raw_sql(AssertSqlSafe(format!("begin; {lock}"))).execute(&mut holder).await.unwrap();
    holder
}

impl Stage {
    /// Buys, and does something while the purchase waits for a row that the holder has locked.
    async fn while_it_waits(
        &self,
        (guest, token): (&Guest, &str),
        mut holder: PgConnection,
        what: impl Future<Output = ()>,
    ) -> Answer {
        let meanwhile = async {
            queue(&mut holder, 1).await;
            what.await;
            sqlx::query("rollback").execute(&mut holder).await.unwrap();
        };
        Box::pin(join(self.checkout(guest, &guest.cart, token).send(), meanwhile)).await.0
    }

    /// Asks both at once: both have come to the row before either may have it. Answers the statuses.
    async fn both(&self, row: &str, one: impl Future<Output = Answer>, other: impl Future<Output = Answer>) -> [u16; 2] {
        let mut holder = locked(&self.bench, &format!("select from {row} for update")).await;
        let let_go = async {
            queue(&mut holder, 2).await;
            sqlx::query("rollback").execute(&mut holder).await.unwrap();
        };
        let (one, other, ()) = join3(one, other, let_go).await;
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        statuses
    }

    /// Buys, and does something right before the order is placed, as its number is being taken.
    async fn while_it_places(&self, guest: &Guest, what: impl Future<Output = ()>) -> Answer {
        let lock = format!("insert into order_number values ('{}', 1)", self.bench.tenant.uuid());
        self.while_it_waits((guest, "tok_success"), locked(&self.bench, &lock).await, what).await
    }

    async fn behind_the_scenes(&self, statement: &'static str) {
        sqlx::query(statement).execute(&mut self.bench.superuser().await).await.unwrap();
    }
}

/// Lost would be the deadline: a buyer who was told that nothing was charged would get the order after all.
#[tokio::test(flavor = "multi_thread")]
async fn no_order_is_placed_after_its_deadline() {
    let stage = Stage::open().await;
    let guest = stage.cart(1).await;
    let answer = stage.while_it_places(&guest, async {
        // Its timer is late as well.
        stage.behind_the_scenes("delete from timer").await;
        stage.bench.clock.advance(TimeDelta::seconds(20));
    });
    let answer = answer.await;
    assert_eq!((answer.status, answer.code()), (409, "checkout_expired"), "{answer:?}");
    stage.nothing_is_left(&guest).await;
}

/// Lost would be what another driver of the same checkout has told meanwhile: two events would have one version.
#[tokio::test(flavor = "multi_thread")]
async fn an_order_follows_what_its_checkout_has_become() {
    let stage = Stage::open().await;
    let guest = stage.cart(1).await;
    let told = stage.behind_the_scenes("update checkout set status = 'payment_pending', version = version + 1");
    let bought = stage.while_it_places(&guest, told).await.expect(201);
    assert_eq!(bought.json["version"], 2);
    let read = Stage::shop(stage.orders.get(&format!("/v1/checkouts/{}", bought.id())), &guest).send().await.expect(200);
    assert_eq!(read.json, bought.json);
    stage.drained().await;
    assert_eq!(stage.breaches().await, Vec::<String>::new());
}

/// Lost would be a refusal: whatever the purchase comes to meanwhile, what was decided first is what its buyer is told, and it is
/// undone.
#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_that_failed_meanwhile_stays_failed() {
    let stage = Stage::open().await;
    for token in ["tok_success", "tok_3ds", "tok_decline"] {
        let guest = stage.cart(1).await;
        let holder = locked(stage.neighbour("inventory"), "select from stock_item for update").await;
        let answer = stage.while_it_waits((&guest, token), holder, stage.behind_the_scenes(REFUSED)).await;
        assert_eq!((answer.status, answer.code()), (409, "first"), "{token}: {answer:?}");
        // A payer may take a while before it is known that their payment can be given up.
        stage.bench.clock.advance(TimeDelta::minutes(16));
        stage.nothing_is_left(&guest).await;
        stage.behind_the_scenes("delete from checkout").await;
    }
}

/// Lost would be the last guard against two orders of one cart, should the cart ever forget that it was sold.
#[tokio::test(flavor = "multi_thread")]
async fn a_cart_becomes_one_order_whatever_the_cart_says() {
    let stage = Stage::open().await;
    let guest = stage.cart(1).await;
    stage.checkout(&guest, "k1", "tok_success").send().await.expect(201);
    stage.drained().await;
    let forgets = "update cart set status = 'open', checkout_id = null, document = jsonb_set(document, '{status}', '\"open\"')";
    sqlx::query(forgets).execute(&mut stage.neighbour("cart").superuser().await).await.unwrap();
    let again = stage.checkout(&guest, "k2", "tok_success").send().await;
    assert_eq!((again.status, again.code()), (409, "cart_completed"), "{again:?}");
    stage.rest().await;
    assert_eq!(stage.levels(&stage.shirt).await, (1_000, 1, 0));
    let payments = stage.all_payments().await;
    let mut statuses: Vec<_> = payments.iter().filter_map(|payment| payment["status"].as_str()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, ["authorised", "voided"]);
    assert_eq!(stage.all_orders().await.len(), 1);
    assert_eq!(stage.breaches().await, Vec::<String>::new());
}

/// Lost would be an erasure: a purchase that was under way would store the person's address again.
#[tokio::test(flavor = "multi_thread")]
async fn an_erased_buyer_gets_no_order_and_pays_nothing() {
    let stage = Stage::open().await;
    let guest = stage.cart(1).await;
    let subject = "select subject_id from cart";
    let subject: uuid::Uuid =
        sqlx::query_scalar(subject).fetch_one(&mut stage.neighbour("cart").superuser().await).await.unwrap();
    let mut tx = stage.bench.db.write(&stage.bench.call()).await.unwrap();
    assert!(bloom_db::seal::erase(&mut tx, subject.into()).await.unwrap());
    tx.commit().await.unwrap();
    let refused = stage.checkout(&guest, "k1", "tok_success").send().await;
    assert_eq!((refused.status, refused.code()), (410, "subject_erased"), "{refused:?}");
    stage.nothing_is_left(&guest).await;
}

/// Lost would be a wake-up for nothing after every purchase that went well.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_settled_has_no_timer_left() {
    let stage = Stage::open().await;
    let order = stage.order(1).await;
    let captures = format!("/v1/orders/{}/captures", order["id"].as_str().unwrap());
    stage.orders.post(&captures).key("c").json(&json!({})).send().await.expect(201);
    let timers: Vec<String> =
        sqlx::query_scalar("select kind || ' ' || key from timer where kind in ('checkout', 'order_operation')")
            .fetch_all(&mut stage.bench.superuser().await)
            .await
            .unwrap();
    assert_eq!(timers, Vec::<String>::new());
}

/// Lost would be a change that its writer was told is made: of two who saw the same version, one changes it.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_changes_at_once_one_is_made() {
    let stage = Stage::open().await;
    let settings = "/v1/orders/settings";
    let patch =
        |hours: i64, version: i64| stage.orders.patch(settings).if_match(version).json(&json!({ "unpaid_hours": hours })).send();
    let version = stage.orders.get(settings).send().await.expect(200).version();
    let version = patch(5, version).await.expect(200).version();
    assert_eq!(stage.both("order_setting", patch(6, version), patch(7, version)).await, [200, 412]);

    let order = stage.order(1).await;
    stage.drained().await;
    let notes = format!("/v1/orders/{}", order["id"].as_str().unwrap());
    let note = |word: &str| stage.orders.patch(&notes).if_match(1).json(&json!({ "metadata": { "note": word } })).send();
    assert_eq!(stage.both("orders", note("a"), note("b")).await, [200, 412]);
}

/// Lost would be the buyer's money: it is drawn from the payment while the order, which has not heard of it, is called off.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_drawn_while_an_order_is_called_off_is_given_back() {
    let stage = Stage::open().await;
    for (captured, refunded) in [(1_100, 0), (400, 0), (1_100, 100)] {
        let order = stage.order(1).await;
        stage.drained().await;
        let path = |rest: &str| format!("/v1/payments/{}/{rest}", order["payment"]["id"].as_str().unwrap());
        let money = |amount: i64| json!({ "amount": { "amount": amount, "currency": "INR" } });
        let mut holder = locked(&stage.bench, "select from orders for update").await;
        let first = format!("{} {refunded}", order["id"]);
        let cancel = format!("/v1/orders/{}/cancel", order["id"].as_str().unwrap());
        let cancel = stage.orders.post(&cancel).key(&first).json(&json!({})).send();
        let meanwhile = async {
            queue(&mut holder, 1).await;
            stage.payments.post(&path("captures")).key(&first).json(&money(captured)).send().await.expect(201);
            if 0 < refunded {
                stage.payments.post(&path("refunds")).key(&first).json(&money(refunded)).send().await.expect(201);
            }
            sqlx::query("rollback").execute(&mut holder).await.unwrap();
        };
        Box::pin(join(cancel, meanwhile)).await.0.expect(200);
        stage.rest().await;
        let now = stage.read_order(&order["id"]).await;
        let amount = |word: &str| now["payment"][word]["amount"].as_i64().unwrap();
        assert_eq!(now["status"], "canceled");
        assert_eq!((amount("captured"), amount("refunded"), amount("voided")), (captured, captured, 1_100 - captured), "{now:#}");
        assert_eq!(stage.breaches().await, Vec::<String>::new());
    }
}
