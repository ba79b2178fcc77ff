//! Concurrent changes while a checkout is being driven.

use bloom_testkit::{Answer, queue};
use chrono::TimeDelta;
use futures::future::join;
use serde_json::json;
use sqlx::PgConnection;

use crate::tests::{Fixture, Guest, lock_rows};

/// Another driver decides that the checkout fails.
const REFUSED: &str = "update checkout set status = 'compensating',
     failure = jsonb_build_object('status', 409, 'code', 'first', 'detail', 'First.', 'errors', '[]'::jsonb)";

impl Fixture {
    /// Buys, and does something while the saga waits for a row that the holder has locked.
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

    /// Buys, and does something right before the order is placed, as its number is being taken.
    async fn while_it_places(&self, guest: &Guest, what: impl Future<Output = ()>) -> Answer {
        let lock = format!("insert into order_number values ('{}', 1)", self.env.tenant.uuid());
        self.while_it_waits((guest, "tok_success"), lock_rows(&self.env, &lock).await, what).await
    }

    async fn execute(&self, statement: &'static str) {
        sqlx::query(statement).execute(&mut self.env.superuser().await).await.unwrap();
    }
}

/// Otherwise a buyer who was told that nothing was charged could still get the order.
#[tokio::test(flavor = "multi_thread")]
async fn no_order_is_placed_after_its_deadline() {
    let fixture = Fixture::open().await;
    let guest = fixture.cart(1).await;
    let answer = fixture.while_it_places(&guest, async {
        // Its timer is late as well.
        fixture.execute("delete from timer").await;
        fixture.env.clock.advance(TimeDelta::seconds(20));
    });
    let answer = answer.await;
    assert_eq!((answer.status, answer.code()), (409, "checkout_expired"), "{answer:?}");
    fixture.assert_nothing_left(&guest).await;
}

/// Otherwise two events of the checkout would have the same version.
#[tokio::test(flavor = "multi_thread")]
async fn placing_reloads_a_changed_checkout() {
    let fixture = Fixture::open().await;
    let guest = fixture.cart(1).await;
    let changed = fixture.execute("update checkout set status = 'payment_pending', version = version + 1");
    let bought = fixture.while_it_places(&guest, changed).await.expect(201);
    assert_eq!(bought.json["version"], 2);
    let read = Fixture::shop(fixture.orders.get(&format!("/v1/checkouts/{}", bought.id())), &guest).send().await.expect(200);
    assert_eq!(read.json, bought.json);
    fixture.drain().await;
    assert_eq!(fixture.breaches().await, Vec::<String>::new());
}

/// The first decision is the one that the buyer sees and that is undone, whatever the saga does meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_checkout_failed_by_another_driver_stays_failed() {
    let fixture = Fixture::open().await;
    for token in ["tok_success", "tok_3ds", "tok_decline"] {
        let guest = fixture.cart(1).await;
        let holder = lock_rows(fixture.service("inventory"), "select from stock_item for update").await;
        let answer = fixture.while_it_waits((&guest, token), holder, fixture.execute(REFUSED)).await;
        assert_eq!((answer.status, answer.code()), (409, "first"), "{token}: {answer:?}");
        // A payer may act before their payment can be voided.
        fixture.env.clock.advance(TimeDelta::minutes(16));
        fixture.assert_nothing_left(&guest).await;
        fixture.execute("delete from checkout").await;
    }
}

/// The last guard against two orders of one cart, should the cart service lose the completion.
#[tokio::test(flavor = "multi_thread")]
async fn a_cart_becomes_at_most_one_order() {
    let fixture = Fixture::open().await;
    let guest = fixture.cart(1).await;
    fixture.checkout(&guest, "k1", "tok_success").send().await.expect(201);
    fixture.drain().await;
    let forgets = "update cart set status = 'open', checkout_id = null, document = jsonb_set(document, '{status}', '\"open\"')";
    sqlx::query(forgets).execute(&mut fixture.service("cart").superuser().await).await.unwrap();
    let again = fixture.checkout(&guest, "k2", "tok_success").send().await;
    assert_eq!((again.status, again.code()), (409, "cart_completed"), "{again:?}");
    fixture.run_timers().await;
    assert_eq!(fixture.levels(&fixture.shirt).await, (1_000, 1, 0));
    let payments = fixture.all_payments().await;
    let mut statuses: Vec<_> = payments.iter().filter_map(|payment| payment["status"].as_str()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, ["authorised", "voided"]);
    assert_eq!(fixture.all_orders().await.len(), 1);
    assert_eq!(fixture.breaches().await, Vec::<String>::new());
}

/// Otherwise a running saga would store an erased person's address again.
#[tokio::test(flavor = "multi_thread")]
async fn an_erased_buyer_gets_no_order_and_pays_nothing() {
    let fixture = Fixture::open().await;
    let guest = fixture.cart(1).await;
    let subject = "select subject_id from cart";
    let subject: uuid::Uuid =
        sqlx::query_scalar(subject).fetch_one(&mut fixture.service("cart").superuser().await).await.unwrap();
    let mut tx = fixture.env.db.write(&fixture.env.call()).await.unwrap();
    assert!(bloom_db::seal::erase(&mut tx, subject.into()).await.unwrap());
    tx.commit().await.unwrap();
    let refused = fixture.checkout(&guest, "k1", "tok_success").send().await;
    assert_eq!((refused.status, refused.code()), (410, "subject_erased"), "{refused:?}");
    fixture.assert_nothing_left(&guest).await;
}

/// Otherwise every successful checkout would fire a timer for nothing.
#[tokio::test(flavor = "multi_thread")]
async fn settled_work_has_no_timer() {
    let fixture = Fixture::open().await;
    let order = fixture.order(1).await;
    let captures = format!("/v1/orders/{}/captures", order["id"].as_str().unwrap());
    fixture.orders.post(&captures).key("c").json(&json!({})).send().await.expect(201);
    let timers: Vec<String> =
        sqlx::query_scalar("select kind || ' ' || key from timer where kind in ('checkout', 'order_operation')")
            .fetch_all(&mut fixture.env.superuser().await)
            .await
            .unwrap();
    assert_eq!(timers, Vec::<String>::new());
}
