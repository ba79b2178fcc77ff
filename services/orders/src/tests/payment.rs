//! Purchases whose payment takes its time, or takes odd ways.

use bloom_testkit::Answer;
use serde_json::{Value, json};

use super::stage::{Guest, Stage};
use crate::saga::fault::{FaultPoint, Mishap, Moment};
use crate::saga::{STEPS, Step};

impl Stage {
    pub(super) async fn standing(&self, guest: &Guest, id: &str) -> Value {
        Self::shop(self.orders.get(&format!("/v1/checkouts/{id}")), guest).send().await.expect(200).json
    }

    /// Buys with a payment that has to be waited for; passes seconds until the checkout has ended.
    async fn waited_for(&self, token: &str) -> (Guest, Value) {
        let guest = self.cart(1).await;
        let answer = self.checkout(&guest, &guest.cart, token).send().await;
        assert!(matches!(answer.status, 201 | 202), "{token}: {answer:?}");
        let standing = self.ended(&guest, &answer.id()).await;
        (guest, standing)
    }

    pub(super) async fn ended(&self, guest: &Guest, id: &str) -> Value {
        for _ in 0..120 {
            let standing = self.standing(guest, id).await;
            if standing["status"] == "completed" || standing["status"] == "failed" {
                return standing;
            }
            self.pass(1).await;
        }
        panic!("it does not end: {}", self.standing(guest, id).await);
    }

    pub(super) async fn nothing_is_left(&self, guest: &Guest) {
        let given_up = |payment: &Value| payment["status"] == "voided" || payment["status"] == "failed";
        // A provider whose answer was lost is asked again after 5 s and 30 s more.
        for _ in 0..6 {
            self.rest().await;
            if self.all_payments().await.iter().all(given_up) {
                break;
            }
        }
        assert_eq!(self.read_cart(guest).await["status"], "open");
        let (_, allocated, held) = self.levels(&self.shirt).await;
        assert_eq!((allocated, held), (0, 0));
        for payment in self.all_payments().await {
            assert!(given_up(&payment), "{payment}");
        }
        assert_eq!(self.all_orders().await, Vec::<Value>::new());
        assert_eq!(self.breaches().await, Vec::<String>::new());
    }
}

/// What the payer's browser does on the issuer's page; nothing of it reaches the shop.
pub(super) async fn visit(answer: &Answer, outcome: &str) -> reqwest::Response {
    let url = answer.json["action"]["url"].as_str().expect("there is something to do");
    let browser = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a browser");
    browser.post(format!("{url}&outcome={outcome}")).send().await.expect("the page answers")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payer_passes_the_issuers_check_and_the_order_is_placed() {
    let stage = Stage::open().await;
    let guest = stage.cart(1).await;
    let asked = stage.checkout(&guest, "k1", "tok_3ds").send().await.expect(202);
    assert_eq!((&asked.json["status"], &asked.json["action"]["type"]), (&json!("action_required"), &json!("redirect")));
    assert_eq!(asked.json["order_id"], Value::Null);
    let again = stage.checkout(&guest, "k1", "tok_3ds").send().await.expect(202);
    assert_eq!(again.json, asked.json, "a repeat is told the same");
    let (_, allocated, held) = stage.levels(&stage.shirt).await;
    assert_eq!((allocated, held), (0, 1), "the unit is held meanwhile");
    visit(&asked, "approve").await;
    let done = stage.ended(&guest, &asked.id()).await;
    assert_eq!(
        (&done["status"], &done["order"]["status"], &done["action"]),
        (&json!("completed"), &json!("confirmed"), &Value::Null)
    );
    let repeat = stage.checkout(&guest, "k1", "tok_3ds").send().await.expect(201);
    assert_eq!(repeat.json["order"]["id"], done["order_id"]);
    stage.drained().await;
    assert_eq!(stage.breaches().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_neighbour_may_be_away_while_the_payer_is_with_the_issuer() {
    let stage = Stage::open().await;
    for step in STEPS {
        for moment in [Moment::Before, Moment::After] {
            let guest = stage.cart(1).await;
            let asked = stage.checkout(&guest, &guest.cart, "tok_3ds").send().await.expect(202);
            stage.faults.set([FaultPoint { step, moment, mishap: Mishap::Away }]);
            visit(&asked, "approve").await;
            let done = stage.ended(&guest, &asked.id()).await;
            assert_eq!((&done["status"], stage.faults.left()), (&json!("completed"), 0), "{step:?}, {moment:?}: {done}");
            stage.rest().await;
            assert_eq!(stage.read_cart(&guest).await["status"], "completed", "{step:?}, {moment:?}");
        }
    }
    stage.drained().await;
    assert_eq!(stage.all_orders().await.len(), 12);
    assert_eq!(stage.levels(&stage.shirt).await, (1_000, 12, 0), "each order has its unit, and nothing is held");
    assert_eq!(stage.breaches().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payer_who_fails_the_check_or_stays_away_leaves_nothing() {
    let stage = Stage::open().await;
    let guest = stage.cart(1).await;
    let asked = stage.checkout(&guest, "k1", "tok_3ds").send().await.expect(202);
    visit(&asked, "decline").await;
    let failed = stage.ended(&guest, &asked.id()).await;
    assert_eq!((&failed["status"], &failed["failure"]["code"]), (&json!("failed"), &json!("payment_declined")));
    assert_eq!(failed["failure"]["errors"][0]["code"], "authentication_failed");
    stage.nothing_is_left(&guest).await;

    let asked = stage.checkout(&guest, "k2", "tok_3ds").send().await.expect(202);
    stage.bench.clock.advance(chrono::TimeDelta::minutes(16));
    let failed = stage.ended(&guest, &asked.id()).await;
    assert_eq!(failed["status"], "failed");
    stage.nothing_is_left(&guest).await;
    let late = visit(&asked, "approve").await;
    assert!(late.status().is_redirection());
    stage.nothing_is_left(&guest).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payer_who_comes_back_after_the_hold_ran_out_gets_what_is_left() {
    let stage = Stage::open().await;
    for left in [1, 0] {
        let variant = stage.product(&format!("RARE-{left}"), 700, 1).await;
        let guest = stage.cart_of(&variant, 1).await;
        let asked = stage.checkout(&guest, &guest.cart, "tok_3ds").send().await.expect(202);
        // Somebody ends the hold behind the checkout's back; with none left, another buyer takes the unit.
        release_all(&stage, &variant).await;
        if left == 0 {
            let faster = stage.cart_of(&variant, 1).await;
            stage.checkout(&faster, &faster.cart, "tok_success").send().await.expect(201);
        }
        visit(&asked, "approve").await;
        let ended = stage.ended(&guest, &asked.id()).await;
        if left == 1 {
            assert_eq!(ended["status"], "completed", "{ended}");
        } else {
            assert_eq!((&ended["status"], &ended["failure"]["code"]), (&json!("failed"), &json!("insufficient_stock")));
        }
        stage.rest().await;
        assert_eq!(stage.levels(&variant).await, (1, 1, 0));
    }
    let promised = stage.all_payments().await.iter().filter(|payment| payment["status"] == "authorised").count();
    assert_eq!(promised, 2, "the late payer's money is given up");
    assert_eq!(stage.breaches().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_and_odd_providers_still_make_one_order_each() {
    let stage = Stage::open().await;
    let tokens =
        ["tok_delay", "tok_timeout_after_success", "tok_webhook_first", "tok_duplicate_webhook", "tok_reordered_webhook"];
    for token in tokens {
        let (_, ended) = stage.waited_for(token).await;
        assert_eq!(ended["status"], "completed", "{token}: {ended}");
    }
    stage.rest().await;
    assert_eq!(stage.levels(&stage.shirt).await, (1_000, 5, 0));
    let payments = stage.all_payments().await;
    assert_eq!(payments.len(), tokens.len());
    assert!(payments.iter().all(|payment| payment["status"] == "authorised"), "{payments:?}");
    for order in stage.all_orders().await {
        assert_eq!((&order["status"], &order["payment_status"]), (&json!("confirmed"), &json!("authorised")));
    }
    assert_eq!(stage.breaches().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_stays_unknown_is_given_up_and_never_placed() {
    let config = crate::config::Config { payment_timeout_s: 3, processing_timeout_s: 20, ..Default::default() };
    let stage = Stage::with(config).await;
    let guest = stage.cart(1).await;
    let asked = stage.checkout(&guest, "k1", "tok_timeout_after_success").send().await.expect(202);
    assert_eq!(asked.json["status"], "payment_pending");
    stage.bench.clock.advance(chrono::TimeDelta::seconds(4));
    let failed = stage.ended(&guest, &asked.id()).await;
    assert_eq!((&failed["status"], &failed["failure"]["code"]), (&json!("failed"), &json!("checkout_expired")));
    stage.pass(60).await;
    stage.nothing_is_left(&guest).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manual_payment_places_an_unpaid_order() {
    let stage = Stage::open().await;
    let connection = json!({ "provider": "manual", "name": "Bank transfer" });
    stage.payments.post("/v1/payments/connections").json(&connection).send().await.expect(201);
    let mut orders = Vec::new();
    for _ in 0..3 {
        let guest = stage.cart(1).await;
        let body = json!({ "cart_id": guest.cart, "payment": { "provider": "manual" } });
        let placed =
            Stage::shop(stage.orders.post("/v1/checkouts"), &guest).key(&guest.cart).json(&body).send().await.expect(201);
        let order = placed.json["order"].clone();
        assert_eq!((&order["status"], &order["payment_status"]), (&json!("placed"), &json!("none")));
        orders.push((guest, order));
    }
    let fulfil = format!("/v1/orders/{}/fulfilments", orders[0].1["id"].as_str().unwrap());
    let refused = stage.orders.post(&fulfil).json(&json!({})).send().await.expect(409);
    assert_eq!(refused.code(), "order_not_fulfillable");

    let payment = orders[0].1["payment"]["id"].as_str().unwrap().to_owned();
    let confirmation = stage.payments.post(&format!("/v1/payments/{payment}/confirmations")).key("c");
    confirmation.json(&json!({ "outcome": "authorised" })).send().await.expect(200);
    stage.drained().await;
    let paid = stage.read_order(&orders[0].1["id"]).await;
    assert_eq!((&paid["status"], &paid["payment_status"]), (&json!("confirmed"), &json!("authorised")));
    let repeat = json!({ "cart_id": orders[0].0.cart, "payment": { "provider": "manual" } });
    let repeat = Stage::shop(stage.orders.post("/v1/checkouts"), &orders[0].0).key(&orders[0].0.cart).json(&repeat);
    assert_eq!(repeat.send().await.expect(201).json["order"], orders[0].1, "told as it was placed");
    let path = format!("/v1/checkouts/{}", orders[0].1["checkout_id"].as_str().unwrap());
    let checkout = Stage::shop(stage.orders.get(&path), &orders[0].0).send().await.expect(200);
    assert_eq!(checkout.json["order"], orders[0].1, "read as it was placed");

    let cancel = format!("/v1/orders/{}/cancel", orders[1].1["id"].as_str().unwrap());
    let canceled = stage.orders.post(&cancel).key("x").json(&json!({})).send().await.expect(200);
    assert_eq!(canceled.json["status"], "canceled");
    let expiry: i64 = sqlx::query_scalar("select count(*) from timer where kind = 'order_expiry' and key = $1")
        .bind(orders[1].1["id"].as_str())
        .fetch_one(&mut stage.bench.superuser().await)
        .await
        .unwrap();
    assert_eq!(expiry, 0, "what is canceled does not expire");
    stage.bench.clock.advance(chrono::TimeDelta::hours(73));
    stage.rest().await;
    let expired = stage.read_order(&orders[2].1["id"]).await;
    assert_eq!((&expired["status"], &expired["fulfilment_status"]), (&json!("expired"), &json!("canceled")));
    assert_eq!(stage.read_order(&orders[0].1["id"]).await["status"], "confirmed");
    assert_eq!(stage.levels(&stage.shirt).await, (1_000, 1, 0));
    assert_eq!(stage.breaches().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cart_that_costs_nothing_needs_no_payment() {
    let stage = Stage::open().await;
    let gift = stage.product("GIFT", 0, 5).await;
    let free = json!({ "code": "free", "name": "Free", "currency": "INR", "charge": { "type": "flat", "amount": 0 } });
    let free = stage.carts.post("/v1/delivery-options").json(&free).send().await.expect(201).id();
    let guest = stage.cart_of(&gift, 1).await;
    let path = format!("/v1/carts/{}", guest.cart);
    Stage::shop(stage.carts.patch(&path), &guest)
        .if_match(1)
        .json(&json!({ "delivery_option_id": free }))
        .send()
        .await
        .expect(200);
    let body = json!({ "cart_id": guest.cart });
    let placed = Stage::shop(stage.orders.post("/v1/checkouts"), &guest).key("k").json(&body).send().await.expect(201);
    let order = &placed.json["order"];
    assert_eq!(
        (&order["status"], &order["payment_status"], &order["payment"]),
        (&json!("confirmed"), &json!("paid"), &Value::Null)
    );
    let path = format!("/v1/orders/{}", order["id"].as_str().unwrap());
    stage.orders.post(&format!("{path}/fulfilments")).json(&json!({ "shipped": true })).send().await.expect(201);
    assert_eq!(stage.read_order(&order["id"]).await["status"], "completed");
    assert_eq!(stage.all_payments().await.len(), 0);
    stage.drained().await;
    assert_eq!(stage.breaches().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn stock_that_is_lost_between_order_and_allocation_is_found_or_the_order_is_canceled() {
    let stage = Stage::open().await;
    for left in [1, 0] {
        let variant = stage.product(&format!("LOST-{left}"), 900, 1).await;
        let guest = stage.cart_of(&variant, 1).await;
        // The process dies right after the order was placed, and stays away until the hold has run out.
        stage.faults.set([FaultPoint { step: Step::CommitHold, moment: Moment::Before, mishap: Mishap::Crash }]);
        stage.checkout(&guest, &guest.cart, "tok_success").send().await.expect(503);
        let order = stage.all_orders().await[0].clone();
        let cancel = format!("/v1/orders/{}/cancel", order["id"].as_str().unwrap());
        let early = stage.orders.post(&cancel).key(&format!("early {left}")).json(&json!({})).send().await.expect(409);
        assert_eq!(early.code(), "order_not_settled");
        release_all(&stage, &variant).await;
        if left == 0 {
            stage.stock(&variant, "BLR-1", 0).await;
        }
        stage.pass(10).await;
        let order = stage.read_order(&order["id"]).await;
        if left == 1 {
            assert_eq!(order["status"], "confirmed");
            assert_eq!(stage.levels(&variant).await, (1, 1, 0));
        } else {
            assert_eq!((&order["status"], &order["cancel_reason"]), (&json!("canceled"), &json!("stock_shortfall")));
            assert_eq!(order["payment_status"], "voided");
            assert_eq!(stage.levels(&variant).await, (0, 0, 0));
        }
        assert_eq!(stage.read_cart(&guest).await["status"], "completed");
    }
    assert_eq!(stage.breaches().await, Vec::<String>::new());
}

/// Units are found elsewhere, and the process that found them dies before the order is told of it.
#[tokio::test(flavor = "multi_thread")]
async fn an_order_says_where_its_units_lie_whoever_found_them() {
    let stage = Stage::open().await;
    let variant = stage.product("MOVED", 900, 1).await;
    let guest = stage.cart_of(&variant, 1).await;
    stage.faults.set([FaultPoint { step: Step::CommitHold, moment: Moment::Before, mishap: Mishap::Crash }]);
    stage.checkout(&guest, &guest.cart, "tok_success").send().await.expect(503);
    let mut connection = stage.bench.superuser().await;
    sqlx::raw_sql("create table kept as select * from orders").execute(&mut connection).await.unwrap();
    let allocation = async || stage.all_orders().await[0]["lines"][0]["allocations"][0].clone();
    let before = allocation().await;
    release_all(&stage, &variant).await;
    stage.stock(&variant, "BLR-1", 0).await;
    stage.stock(&variant, "BLR-2", 1).await;
    stage.pass(10).await;
    let found = allocation().await;
    assert_ne!(found["location_id"], before["location_id"]);
    let untold = "update orders set document = kept.document, version = kept.version from kept where kept.id = orders.id;
        update checkout set settled = false;
        delete from timeline where version > 1;
        insert into timer (tenant_id, kind, key, run_at, payload, attempts, locked_until)
        select tenant_id, 'checkout', document ->> 'checkout_id', placed_at, 'null', 0, '-infinity' from kept;
        drop table kept";
    sqlx::raw_sql(untold).execute(&mut connection).await.unwrap();
    assert_eq!(allocation().await, before);
    stage.pass(10).await;
    assert_eq!(allocation().await, found);
    let shipped = format!("/v1/orders/{}/fulfilments", stage.all_orders().await[0]["id"].as_str().unwrap());
    stage.orders.post(&shipped).json(&json!({ "shipped": true })).send().await.expect(201);
    assert_eq!(stage.levels(&variant).await, (0, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn news_that_came_before_the_order_stood_are_asked_for_afterwards() {
    let stage = Stage::open().await;
    let order = stage.order(1).await;
    let void = format!("/v1/payments/{}/voids", order["payment"]["id"].as_str().unwrap());
    stage.payments.post(&void).key("v").json(&json!({})).send().await.expect(201);
    stage.drained().await;
    assert_eq!(stage.read_order(&order["id"]).await["payment_status"], "voided");
    let ship = format!("/v1/orders/{}/fulfilments", order["id"].as_str().unwrap());
    let refused = stage.orders.post(&ship).json(&json!({ "shipped": true })).send().await.expect(409);
    assert_eq!(refused.code(), "order_not_fulfillable", "nobody pays for it any more");
    // As if the news had been told while the order was being placed.
    let mut connection = stage.bench.superuser().await;
    let unheard = "update orders set payment_status = 'authorised', document = jsonb_set(jsonb_set(jsonb_set(document,
        '{payment,version}', '2'), '{payment,voided,amount}', '0'), '{payment_status}', '\"authorised\"')";
    sqlx::query(unheard).execute(&mut connection).await.unwrap();
    let app = crate::Orders::new(crate::config::Config::default(), stage.bench.host.clone(), stage.bench.db.clone());
    let checkout = order["checkout_id"].as_str().unwrap().parse().unwrap();
    for _ in 0..2 {
        crate::ops::sync_payment::sync_payment(&app, &stage.bench.call(), checkout).await.unwrap();
    }
    let heard = stage.read_order(&order["id"]).await;
    assert_eq!((&heard["payment_status"], &heard["version"]), (&json!("voided"), &json!(3)));
}

async fn release_all(stage: &Stage, variant: &str) {
    let moved = stage.inventory.get(&format!("/v1/inventory/movements?variant_id={variant}")).send().await.expect(200);
    let moved = moved.json["data"].as_array().expect("a list").clone();
    let hold_id = moved.iter().find_map(|movement| movement["hold_id"].as_str()).expect("a hold").to_owned();
    let request = stage.bench.host.request(&stage.bench.call(), bloom_contract_inventory::HoldRef { hold_id });
    let mut inventory = bloom_contract_inventory::inventory_client::InventoryClient::new(stage.bench.host.peers.get("inventory"));
    inventory.release_hold(request).await.expect("the hold is released");
}
