//! What happens to an order after it was placed.

use serde_json::{Value, json};

use super::stage::Stage;

fn path(order: &Value, tail: &str) -> String {
    format!("/v1/orders/{}{tail}", order["id"].as_str().expect("an id"))
}

fn line(order: &Value) -> Value {
    order["lines"][0]["id"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_shipped_in_parts_and_paid_when_it_is_shipped() {
    let stage = Stage::open().await;
    let settings = stage.orders.get("/v1/orders/settings").send().await.expect(200);
    let patch = json!({ "capture": "on_fulfilment" });
    stage.orders.patch("/v1/orders/settings").json(&patch).send().await.expect(428);
    stage.orders.patch("/v1/orders/settings").if_match(settings.version()).json(&patch).send().await.expect(200);
    stage.orders.patch("/v1/orders/settings").if_match(settings.version()).json(&patch).send().await.expect(412);

    let order = stage.order(3).await;
    let tracking = json!({ "carrier": "India Post", "number": "EX123", "url": "https://track.example/EX123" });
    let parcel = json!({ "lines": [{ "line_id": line(&order), "quantity": 1 }], "tracking": tracking });
    let first = stage.orders.post(&path(&order, "/fulfilments")).key("f1").json(&parcel).send().await.expect(201);
    assert_eq!((&first.json["status"], &first.json["tracking"]["number"]), (&json!("shipped"), &json!("EX123")));
    let again = stage.orders.post(&path(&order, "/fulfilments")).key("f1").json(&parcel).send().await.expect(201);
    assert_eq!(again.json, first.json);
    let now = stage.read_order(&order["id"]).await;
    assert_eq!((&now["fulfilment_status"], &now["payment_status"]), (&json!("partial"), &json!("partially_paid")));
    // One of three shirts and the delivery: 1000 + 100
    assert_eq!(now["payment"]["captured"]["amount"], 1_100);
    assert_eq!(stage.levels(&stage.shirt).await, (999, 2, 0));

    let too_many = json!({ "lines": [{ "line_id": line(&order), "quantity": 3 }] });
    let refused = stage.orders.post(&path(&order, "/fulfilments")).json(&too_many).send().await.expect(422);
    assert_eq!((refused.code(), &refused.json["errors"][0]["pointer"]), ("quantity_exceeds_left", &json!("/lines/0/quantity")));
    let packed = stage.orders.post(&path(&order, "/fulfilments")).json(&json!({})).send().await.expect(201);
    assert_eq!(packed.json["status"], "open");
    assert_eq!(packed.json["lines"][0]["quantity"], 2, "everything that is left");
    let parcel = |verb: &str| path(&order, &format!("/fulfilments/{}/{verb}", packed.id()));
    stage.orders.post(&parcel("deliver")).send().await.expect(409);
    stage.orders.post(&parcel("ship")).json(&json!({})).send().await.expect(200);
    stage.orders.post(&parcel("cancel")).send().await.expect(409);
    let now = stage.read_order(&order["id"]).await;
    assert_eq!(
        (&now["status"], &now["payment_status"], &now["fulfilment_status"]),
        (&json!("completed"), &json!("paid"), &json!("fulfilled"))
    );
    stage.orders.post(&parcel("deliver")).send().await.expect(200);
    stage.orders.post(&path(&order, &format!("/fulfilments/{}/deliver", first.id()))).send().await.expect(200);
    assert_eq!(stage.read_order(&order["id"]).await["fulfilment_status"], "delivered");
    assert_eq!(stage.levels(&stage.shirt).await, (997, 0, 0));
    stage.orders.post(&path(&order, "/cancel")).key("x").json(&json!({})).send().await.expect(409);

    let timeline = stage.orders.get(&path(&order, "/timeline?limit=100")).send().await.expect(200);
    let kinds: Vec<_> = timeline.json["data"].as_array().unwrap().iter().map(|entry| entry["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["placed", "shipped", "captured", "packed", "shipped", "captured", "delivered", "delivered"]);
    assert_eq!(timeline.json["data"][2]["data"]["amount"], json!({ "amount": 1_100, "currency": "INR" }));
    stage.drained().await;
    assert_eq!(stage.breaches().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parcel_that_is_given_up_frees_its_units() {
    let stage = Stage::open().await;
    let order = stage.order(2).await;
    let packed = stage.orders.post(&path(&order, "/fulfilments")).json(&json!({})).send().await.expect(201);
    let none = stage.orders.post(&path(&order, "/fulfilments")).json(&json!({})).send().await.expect(409);
    assert_eq!(none.code(), "order_not_fulfillable");
    stage.orders.post(&path(&order, &format!("/fulfilments/{}/cancel", packed.id()))).send().await.expect(200);
    stage.orders.post(&path(&order, "/fulfilments")).json(&json!({ "shipped": true })).send().await.expect(201);
    let unknown = format!("/fulfilments/{}/ship", "ful_01jd6zv4x8e5yag7k3m2n9p0qr");
    stage.orders.post(&path(&order, &unknown)).json(&json!({})).send().await.expect(404);
    let foreign = stage.orders.post(&path(&order, "/fulfilments")).tenant(stage.bench.other_tenant);
    foreign.json(&json!({})).send().await.expect(404);
    assert_eq!(stage.levels(&stage.shirt).await, (998, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn units_of_a_line_may_come_from_two_locations() {
    let stage = Stage::open().await;
    let split = stage.product("SPLIT", 300, 2).await;
    stage.stock(&split, "BLR-2", 3).await;
    let guest = stage.cart_of(&split, 4).await;
    let order = stage.checkout(&guest, "k", "tok_success").send().await.expect(201).json["order"].clone();
    let parts = order["lines"][0]["allocations"].as_array().unwrap().clone();
    assert_eq!((parts.len(), &parts[0]["quantity"], &parts[1]["quantity"]), (2, &json!(2), &json!(2)));
    let near = json!({ "location_id": parts[1]["location_id"], "shipped": true });
    let near = stage.orders.post(&path(&order, "/fulfilments")).json(&near).send().await.expect(201);
    assert_eq!(near.json["lines"], json!([{ "line_id": line(&order), "location_id": parts[1]["location_id"], "quantity": 2 }]));
    assert_eq!(stage.levels(&split).await, (3, 2, 0));
    let rest = stage.orders.post(&path(&order, "/fulfilments")).json(&json!({ "shipped": true })).send().await.expect(201);
    assert_eq!(rest.json["lines"][0]["location_id"], parts[0]["location_id"]);
    assert_eq!(stage.levels(&split).await, (1, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn money_is_drawn_up_to_what_is_promised() {
    let stage = Stage::open().await;
    let order = stage.order(1).await;
    let captures = path(&order, "/captures");
    let ask = |key: &str, amount: i64| {
        let body = json!({ "amount": { "amount": amount, "currency": "INR" } });
        stage.orders.post(&captures).key(key).json(&body).send()
    };
    stage.orders.post(&captures).json(&json!({})).send().await.expect(400);
    for (amount, status) in [(0, 400), (-1, 400), (1_101, 422), (i64::MAX, 422)] {
        ask(&format!("bad {amount}"), amount).await.expect(status);
    }
    let foreign = json!({ "amount": { "amount": 1, "currency": "USD" } });
    let foreign = stage.orders.post(&captures).key("foreign").json(&foreign).send().await.expect(400);
    assert_eq!(foreign.json["errors"][0]["pointer"], "/amount/currency");
    let first = ask("c1", 400).await.expect(201);
    assert_eq!(first.json["status"], "succeeded");
    assert_eq!(ask("c1", 400).await.expect(201).json, first.json);
    assert_eq!(ask("c1", 401).await.expect(422).code(), "idempotency_key_reused");
    assert_eq!(stage.read_order(&order["id"]).await["payment_status"], "partially_paid");
    let rest = stage.orders.post(&captures).key("c2").json(&json!({})).send().await.expect(201);
    assert_eq!(rest.json["amount"]["amount"], 700);
    assert_eq!(ask("c3", 1).await.expect(409).code(), "nothing_to_capture");
    let now = stage.read_order(&order["id"]).await;
    assert_eq!((&now["payment_status"], &now["status"]), (&json!("paid"), &json!("confirmed")));
    stage.drained().await;
    assert_eq!(stage.read_order(&order["id"]).await, now, "the payment's own news change nothing more");
    assert_eq!(stage.breaches().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn refunds_of_a_line_add_up_to_what_was_paid() {
    let stage = Stage::open().await;
    let odd = stage.product("ODD", 333, 10).await;
    let guest = stage.cart_of(&odd, 3).await;
    let order = stage.checkout(&guest, "k", "tok_success").send().await.expect(201).json["order"].clone();
    let refunds = path(&order, "/refunds");
    let one = json!({ "lines": [{ "line_id": line(&order), "quantity": 1 }] });
    let early = stage.orders.post(&refunds).key("r0").json(&one).send().await.expect(422);
    assert_eq!(early.code(), "refund_exceeds_paid", "nothing was drawn yet");
    stage.orders.post(&path(&order, "/captures")).key("c").json(&json!({})).send().await.expect(201);
    stage.orders.post(&refunds).json(&one).send().await.expect(400);
    let mut given_back = 0;
    for key in ["r1", "r2", "r3"] {
        let refund = stage.orders.post(&refunds).key(key).json(&one).send().await.expect(201);
        assert_eq!(refund.json["status"], "succeeded");
        let again = stage.orders.post(&refunds).key(key).json(&one).send().await.expect(201);
        assert_eq!(again.json, refund.json);
        given_back += refund.json["amount"]["amount"].as_i64().unwrap();
    }
    assert_eq!(given_back, 999);
    let more = stage.orders.post(&refunds).key("r4").json(&one).send().await.expect(422);
    assert_eq!(more.code(), "quantity_exceeds_left");
    let amount = |amount: i64| json!({ "amount": { "amount": amount, "currency": "INR" }, "reason": "late" });
    let more = stage.orders.post(&refunds).key("r5").json(&amount(101)).send().await.expect(422);
    assert_eq!((more.code(), &more.json["errors"][0]["pointer"]), ("refund_exceeds_paid", &json!("/amount/amount")));
    assert_eq!(stage.read_order(&order["id"]).await["payment_status"], "partially_refunded");
    stage.orders.post(&refunds).key("r6").json(&amount(100)).send().await.expect(201);
    let now = stage.read_order(&order["id"]).await;
    assert_eq!(
        (&now["payment_status"], &now["lines"][0]["refunded"]["amount"], &now["total"]),
        (&json!("refunded"), &json!(999), &order["total"])
    );
    for bad in [
        json!({}),
        json!({ "amount": { "amount": 1, "currency": "INR" }, "lines": [{ "line_id": line(&order), "quantity": 1 }] }),
    ] {
        stage.orders.post(&refunds).key("bad").json(&bad).send().await.expect(400);
    }
    let foreign = json!({ "lines": [{ "line_id": "oli_01jd6zv4x8e5yag7k3m2n9p0qr", "quantity": 1 }] });
    stage.orders.post(&refunds).key("foreign").json(&foreign).send().await.expect(404);
    stage.drained().await;
    assert_eq!(stage.breaches().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_payments_refuse_is_not_told_in_the_providers_name() {
    let stage = Stage::open().await;
    let order = stage.order(1).await;
    stage.orders.post(&path(&order, "/captures")).key("c").json(&json!({})).send().await.expect(201);
    stage.drained().await;
    // As if payments had not told yet that less is left.
    let mut connection = stage.bench.superuser().await;
    let unheard = "update orders set document = jsonb_set(document, '{payment,captured,amount}', '2000')";
    sqlx::query(unheard).execute(&mut connection).await.unwrap();
    let body = json!({ "amount": { "amount": 1_500, "currency": "INR" } });
    for _ in 0..2 {
        let refused = stage.orders.post(&path(&order, "/refunds")).key("r").json(&body).send().await.expect(422);
        assert_eq!(refused.code(), "refund_exceeds_captured", "{refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_is_left_to_draw_it_is_told_so() {
    let stage = Stage::open().await;
    let drawn = stage.order(1).await;
    stage.orders.post(&path(&drawn, "/captures")).key("c1").json(&json!({})).send().await.expect(201);
    let voided = stage.order(1).await;
    let void = format!("/v1/payments/{}/voids", voided["payment"]["id"].as_str().unwrap());
    stage.payments.post(&void).key("v").json(&json!({})).send().await.expect(201);
    stage.drained().await;
    for (key, order) in [("c2", drawn), ("c3", voided)] {
        let refused = stage.orders.post(&path(&order, "/captures")).key(key).json(&json!({})).send().await.expect(409);
        assert_eq!(refused.code(), "nothing_to_capture");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parallel_refunds_and_captures_never_exceed_what_is_there() {
    let stage = Stage::open().await;
    let order = stage.order(1).await;
    let amount = |amount: i64| json!({ "amount": { "amount": amount, "currency": "INR" } });
    let draw = path(&order, "/captures");
    let captured = futures::future::join_all(
        (0..8).map(|number| stage.orders.post(&draw).key(&format!("c{number}")).json(&amount(300)).send()),
    );
    let captured = captured.await.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(captured, 3, "3 × 300 of 1100");
    let give_back = path(&order, "/refunds");
    let refunded = futures::future::join_all(
        (0..8).map(|number| stage.orders.post(&give_back).key(&format!("r{number}")).json(&amount(400)).send()),
    );
    let refunded = refunded.await.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(refunded, 2, "2 × 400 of 900");
    stage.drained().await;
    let payment = stage.all_payments().await[0].clone();
    assert_eq!((&payment["captured"]["amount"], &payment["refunded"]["amount"]), (&json!(900), &json!(800)));
    assert_eq!(stage.breaches().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canceled_order_gives_everything_back() {
    let stage = Stage::open().await;
    for drawn in [0, 600, 1_100] {
        let order = stage.order(1).await;
        if 0 < drawn {
            let body = json!({ "amount": { "amount": drawn, "currency": "INR" } });
            stage.orders.post(&path(&order, "/captures")).key(&format!("c{drawn}")).json(&body).send().await.expect(201);
        }
        let cancel = || stage.orders.post(&path(&order, "/cancel")).key(&format!("x{drawn}"));
        stage.orders.post(&path(&order, "/cancel")).json(&json!({})).send().await.expect(400);
        let canceled = cancel().json(&json!({ "reason": "changed my mind" })).send().await.expect(200);
        let wanted = if drawn == 0 { "voided" } else { "refunded" };
        assert_eq!((&canceled.json["status"], &canceled.json["payment_status"]), (&json!("canceled"), &json!(wanted)));
        assert_eq!(
            (&canceled.json["fulfilment_status"], &canceled.json["cancel_reason"]),
            (&json!("canceled"), &json!("changed my mind"))
        );
        cancel().json(&json!({ "reason": "changed my mind" })).send().await.expect(200);
        stage.orders.post(&path(&order, "/cancel")).key("other").json(&json!({})).send().await.expect(409);
        stage.orders.post(&path(&order, "/captures")).key("late").json(&json!({})).send().await.expect(409);
    }
    stage.drained().await;
    assert_eq!(stage.levels(&stage.shirt).await, (1_000, 0, 0));
    for payment in stage.all_payments().await {
        let amount = |field: &str| payment[field]["amount"].as_i64().unwrap();
        assert_eq!((amount("captured"), amount("authorised")), (amount("refunded"), amount("voided") + amount("captured")));
    }
    let mut connection = stage.bench.superuser().await;
    let told: i64 =
        sqlx::query_scalar("select count(*) from outbox where kind = 'order.canceled'").fetch_one(&mut connection).await.unwrap();
    assert_eq!(told, 3);
    assert_eq!(stage.breaches().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn card_numbers_are_refused_wherever_a_merchant_writes() {
    let stage = Stage::open().await;
    let order = stage.order(1).await;
    let card = "4242 4242 4242 4242";
    let refunds = path(&order, "/refunds");
    let refund = json!({ "amount": { "amount": 1, "currency": "INR" }, "reason": card });
    let whole = path(&order, "");
    for (ask, pointer) in [
        (stage.orders.post(&path(&order, "/cancel")).key("c").json(&json!({ "reason": card })), "/reason"),
        (stage.orders.post(&refunds).key("r").json(&refund), "/reason"),
        (stage.orders.patch(&whole).if_match(1).json(&json!({ "metadata": { "a/b": card } })), "/metadata/a~1b"),
        (stage.orders.patch(&whole).if_match(1).json(&json!({ "metadata": { card: "x" } })), "/metadata"),
    ] {
        let refused = ask.send().await.expect(422);
        assert_eq!((refused.code(), &refused.json["errors"][0]["pointer"]), ("card_number_refused", &json!(pointer)));
        assert!(!refused.text.contains("4242"), "{}", refused.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn operations_that_nobody_finished_are_finished_by_their_timers() {
    let stage = Stage::open().await;
    let order = stage.order(1).await;
    stage.orders.post(&path(&order, "/captures")).key("c").json(&json!({})).send().await.expect(201);
    // The provider is away: the refund is recorded and stays open.
    stage.neighbour("sandbox-provider").host.shutdown.cancel();
    // Real time: its connections end when they have noticed.
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let body = json!({ "amount": { "amount": 500, "currency": "INR" } });
    let refund = stage.orders.post(&path(&order, "/refunds")).key("r").json(&body).send().await.expect(201);
    assert_eq!(refund.json["status"], "pending");
    let again = stage.orders.post(&path(&order, "/refunds")).key("r").json(&body).send().await.expect(201);
    assert_eq!(again.id(), refund.id());
    let more = json!({ "amount": { "amount": 601, "currency": "INR" } });
    stage.orders.post(&path(&order, "/refunds")).key("r2").json(&more).send().await.expect(422);
}

#[tokio::test(flavor = "multi_thread")]
async fn corrupted_rows_are_found_by_name() {
    let stage = Stage::open().await;
    let order = stage.order(1).await;
    stage.orders.post(&path(&order, "/fulfilments")).json(&json!({ "shipped": true })).send().await.expect(201);
    stage.drained().await;
    assert_eq!(stage.breaches().await, Vec::<String>::new());
    let mut connection = stage.bench.superuser().await;
    for (breaks, mends, name) in [
        (
            "update orders set document = jsonb_set(document, '{total,amount}', '1')",
            "update orders set document = jsonb_set(document, '{total,amount}', '1100')",
            "order_totals_are_sums",
        ),
        (
            "update checkout set status = 'failed', buying = null",
            "update checkout set status = 'completed', buying = cart_id",
            "one_order_per_checkout",
        ),
        ("update checkout set settled = false", "update checkout set settled = true", "no_checkout_stuck"),
        (
            "insert into operation (tenant_id, id, order_id, kind, status, allocations, actor, attempts, created_at, updated_at)
             select tenant_id, id, id, 'release', 'failed', '[]', 'x', 0, placed_at, placed_at from orders",
            "delete from operation where kind = 'release'",
            "order_operations_settled",
        ),
        (
            "update operation set status = 'failed' where kind = 'ship'",
            "update operation set status = 'succeeded' where kind = 'ship'",
            "refused_parcels_stay",
        ),
        (
            "update orders set status = 'canceled',
                document = jsonb_set(jsonb_set(document, '{status}', '\"canceled\"'), '{payment,captured,amount}', '7')",
            "update orders set status = 'completed',
                document = jsonb_set(jsonb_set(document, '{status}', '\"completed\"'), '{payment,captured,amount}', '0')",
            "ended_orders_hold_nothing",
        ),
    ] {
        sqlx::query(breaks).execute(&mut connection).await.unwrap();
        stage.bench.clock.advance(chrono::TimeDelta::minutes(2));
        let breaches = stage.breaches().await;
        assert!(breaches.len() == 1 && breaches[0].starts_with(name), "{name}: {breaches:?}");
        sqlx::query(mends).execute(&mut connection).await.unwrap();
    }
    assert_eq!(stage.breaches().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_says_that_it_is_one() {
    let stage = Stage::open().await;
    for token in ["tok_success", "tok_3ds"] {
        let guest = stage.cart(1).await;
        for said in ["", "true"] {
            let bought = stage.checkout(&guest, token, token).send().await;
            assert_eq!((bought.status / 100, bought.header("idempotent-replayed")), (2, said), "{bought:?}");
        }
    }
    let order = stage.order(3).await;
    let parcel = json!({ "lines": [{ "line_id": line(&order), "quantity": 1 }] });
    let open = async || {
        path(
            &order,
            &format!(
                "/fulfilments/{}",
                stage.orders.post(&path(&order, "/fulfilments")).json(&parcel).send().await.expect(201).id()
            ),
        )
    };
    let (first, second) = (open().await, open().await);
    let amount = json!({ "amount": { "amount": 100, "currency": "INR" } });
    for (address, body) in [
        (path(&order, "/captures"), &amount),
        (path(&order, "/refunds"), &amount),
        (path(&order, "/fulfilments"), &parcel),
        (format!("{first}/ship"), &json!({})),
        (format!("{first}/deliver"), &json!({})),
        (format!("{second}/cancel"), &json!({})),
    ] {
        for said in ["", "true"] {
            let answer = stage.orders.post(&address).key("k").json(body).send().await;
            assert_eq!((answer.status / 100, answer.header("idempotent-replayed")), (2, said), "{address}: {answer:?}");
        }
    }
    let other = stage.order(1).await;
    for said in ["", "true"] {
        let canceled = stage.orders.post(&path(&other, "/cancel")).key("k").json(&json!({})).send().await.expect(200);
        assert_eq!(canceled.header("idempotent-replayed"), said);
    }
    let version = stage.read_order(&other["id"]).await["version"].as_i64().expect("a number");
    for said in ["", "true"] {
        let patch = json!({ "metadata": { "a": "b" } });
        let noted = stage.orders.patch(&path(&other, "")).key("k").if_match(version).json(&patch).send().await.expect(200);
        assert_eq!(noted.header("idempotent-replayed"), said);
    }
}
