//! Buying a cart: what one call answers, and what it leaves when it fails.

use serde_json::{Value, json};

use super::stage::{Guest, Stage};

#[tokio::test(flavor = "multi_thread")]
async fn one_call_buys_a_cart() {
    let stage = Stage::open().await;
    let guest = stage.cart(2).await;
    let bought = stage.checkout(&guest, "k1", "tok_success").send().await.expect(201);
    let order = &bought.json["order"];
    assert_eq!(bought.json["status"], "completed");
    assert_eq!(
        (&order["status"], &order["payment_status"], &order["fulfilment_status"]),
        (&json!("confirmed"), &json!("authorised"), &json!("unfulfilled"))
    );
    assert_eq!((&order["total"]["amount"], &order["lines"][0]["total"]["amount"]), (&json!(2_100), &json!(2_000)));
    assert_eq!((&order["number"], &order["email"]), (&json!("1001"), &json!("Asha@Example.com")));
    assert_eq!(order["lines"][0]["allocations"][0]["quantity"], 2);
    assert_eq!(stage.levels(&stage.shirt).await, (1_000, 2, 0));
    assert_eq!(stage.read_cart(&guest).await["status"], "completed");
    let payments = stage.all_payments().await;
    assert_eq!(
        (payments.len(), &payments[0]["status"], &payments[0]["authorised"]["amount"]),
        (1, &json!("authorised"), &json!(2_100))
    );

    let read = stage.read_order(&order["id"]).await;
    assert_eq!(read["shipping_address"]["city"], "Bengaluru");
    let path = format!("/v1/checkouts/{}", bought.id());
    let checkout = Stage::shop(stage.orders.get(&path), &guest).send().await.expect(200);
    assert_eq!(checkout.json, bought.json);
    stage.orders.get(&path).publishable(&["checkouts:write"]).send().await.expect(401);
    let other = stage.cart(1).await;
    Stage::shop(stage.orders.get(&path), &other).send().await.expect(404);
    stage.orders.get(&path).tenant(stage.bench.other_tenant).send().await.expect(404);
    stage.drained().await;
    assert_eq!(stage.breaches().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_costs_to_the_unit_what_its_cart_did() {
    let stage = Stage::open().await;
    let trade = json!({ "code": "trade", "name": "Trade", "currency": "INR", "price_basis": "net", "country": "IN" });
    let trade = json!(stage.catalog.post("/v1/catalog/channels").json(&trade).send().await.expect(201).id());
    let channels = stage.catalog.get("/v1/catalog/channels").send().await.expect(200).json;
    let channels: Vec<&Value> = channels["data"].as_array().unwrap().iter().map(|channel| &channel["id"]).collect();
    let product = json!({ "title": "Odd", "status": "active", "channel_ids": channels, "variants": [{ "sku": "ODD" }] });
    let product = stage.catalog.post("/v1/catalog/products").json(&product).send().await.expect(201).json;
    let variant = product["variants"][0]["id"].as_str().unwrap();
    stage.price(variant, 999).await;
    stage.stock(variant, "BLR-1", 100).await;
    let sums = ["channel_id", "currency", "price_basis", "subtotal", "delivery_total", "tax_total", "total", "taxes"];
    let line = ["product_id", "sku", "title", "quantity", "unit_price", "subtotal", "net", "tax", "total", "taxes"];
    let delivery = ["option_id", "name", "price", "net", "tax", "total"];
    assert_eq!(channels.len(), 2);
    for channel in channels {
        let within = channel.as_str().unwrap().parse().unwrap();
        let cart = json!({
            "lines": [{ "variant_id": variant, "quantity": 3 }],
            "email": "asha@example.com",
            "shipping_address": { "name": "Asha Rao", "line1": "1 MG Road", "city": "Bengaluru", "country": "IN" },
            "delivery_option_id": stage.delivery,
        });
        let cart = stage.carts.post("/v1/carts").channel(within).json(&cart).send().await.expect(201).json;
        let buy = json!({ "cart_id": cart["id"], "payment": { "token": "tok_success" } });
        let buy = stage.orders.post("/v1/checkouts").channel(within).key(channel.as_str().unwrap()).json(&buy);
        let order = buy.send().await.expect(201).json["order"].clone();
        // 3 × 9.99 of a list with tax; 1.00 for delivery, to which a net channel adds its 18 %.
        let (shown, total) = if *channel == trade { (2_540, 2_997 + 118) } else { (2_997, 2_997 + 100) };
        assert_eq!((&order["subtotal"]["amount"], &order["total"]["amount"]), (&json!(shown), &json!(total)));
        for (cart, order, names) in [
            (&cart, &order, sums.as_slice()),
            (&cart["lines"][0], &order["lines"][0], &line),
            (&cart["delivery"], &order["delivery"], &delivery),
        ] {
            for name in names {
                assert!(!order[*name].is_null(), "{name}");
                assert_eq!((name, &order[*name]), (name, &cart[*name]));
            }
        }
    }
    assert_eq!(stage.breaches().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_buys_once_and_every_repeat_gets_the_same_reply() {
    let stage = Stage::open().await;
    let guest = stage.cart(1).await;
    let without = Stage::shop(stage.orders.post("/v1/checkouts"), &guest).json(&json!({ "cart_id": guest.cart })).send().await;
    assert_eq!(without.expect(400).code(), "idempotency_key_required");
    let attempts = (0..20).map(|_| stage.checkout(&guest, "k1", "tok_success").send());
    let answers = futures::future::join_all(attempts).await;
    let placed: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert!(!placed.is_empty());
    for answer in &answers {
        assert!(answer.status == 201 || answer.code() == "idempotency_in_progress", "{answer:?}");
    }
    let order = placed[0].json["order"]["id"].clone();
    let path = format!("/v1/orders/{}/captures", order.as_str().unwrap());
    stage.orders.post(&path).key("c1").json(&json!({})).send().await.expect(201);
    let again = stage.checkout(&guest, "k1", "tok_success").send().await.expect(201);
    assert_eq!(again.json, placed[0].json, "the order is told as it was placed");
    let misuse = stage.checkout(&guest, "k1", "tok_decline").send().await.expect(422);
    assert_eq!(misuse.code(), "idempotency_key_reused");
    let second = stage.checkout(&guest, "k2", "tok_success").send().await.expect(409);
    assert_eq!(second.code(), "cart_completed");
    assert_eq!((stage.all_orders().await.len(), stage.all_payments().await.len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_buyers_of_one_unit_one_gets_it() {
    let stage = Stage::open().await;
    let last = stage.product("LAST", 500, 1).await;
    let mut guests = Vec::new();
    for _ in 0..50 {
        guests.push(stage.cart_of(&last, 1).await);
    }
    let purchases = guests.iter().map(|guest| stage.checkout(guest, &guest.cart, "tok_success").send());
    let answers = futures::future::join_all(purchases).await;
    let placed = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(placed, 1);
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        assert_eq!((answer.status, answer.code()), (409, "insufficient_stock"), "{answer:?}");
        assert_eq!(answer.json["errors"][0]["pointer"], "/lines/0");
    }
    stage.rest().await;
    assert_eq!(stage.levels(&last).await, (1, 1, 0));
    assert_eq!((stage.all_orders().await.len(), stage.all_payments().await.len()), (1, 1), "no stray charge");
    for guest in &guests {
        let status = stage.read_cart(guest).await["status"].clone();
        assert!(status == "open" || status == "completed", "{status}");
    }
    assert_eq!(stage.breaches().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declined_payment_leaves_nothing_and_the_cart_can_be_bought_again() {
    let stage = Stage::open().await;
    let guest = stage.cart(1).await;
    let declined = stage.checkout(&guest, "k1", "tok_decline").send().await.expect(422);
    assert_eq!(declined.code(), "payment_declined");
    assert_eq!(declined.json["errors"][0]["pointer"], "/payment/token");
    assert_eq!(stage.read_cart(&guest).await["status"], "open");
    assert_eq!(stage.levels(&stage.shirt).await, (1_000, 0, 0));
    let again = stage.checkout(&guest, "k1", "tok_decline").send().await.expect(422);
    assert_eq!(again.code(), "payment_declined", "the provider is not asked twice");
    assert_eq!(stage.all_payments().await.len(), 1);
    stage.checkout(&guest, "k2", "tok_success").send().await.expect(201);
    stage.rest().await;
    assert_eq!(stage.breaches().await, Vec::<String>::new());

    let mut connection = stage.bench.superuser().await;
    let mut checkouts = async || -> Vec<String> {
        let statuses = sqlx::query_scalar("select status from checkout order by status");
        statuses.fetch_all(&mut connection).await.unwrap()
    };
    stage.bench.clock.advance(chrono::TimeDelta::days(89));
    stage.drained().await;
    assert_eq!(checkouts().await, ["completed", "failed"]);
    stage.bench.clock.advance(chrono::TimeDelta::days(2));
    stage.drained().await;
    assert_eq!(checkouts().await, ["completed"], "a failed one is forgotten after 90 days");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_cart_refuses_leaves_no_checkout() {
    let stage = Stage::open().await;
    let guest = stage.cart(1).await;
    stage.price(&stage.shirt, 1_100).await;
    let changed = stage.checkout(&guest, "k1", "tok_success").send().await.expect(409);
    assert_eq!(changed.code(), "price_changed");
    let path = format!("/v1/carts/{}", guest.cart);
    Stage::shop(stage.carts.patch(&path), &guest).if_match(1).json(&json!({})).send().await.expect(200);
    let body = json!({ "cart_id": guest.cart, "payment": { "token": "tok_success" }, "expected_version": 1 });
    let seen = Stage::shop(stage.orders.post("/v1/checkouts"), &guest).key("k2").json(&body).send().await.expect(412);
    assert_eq!(seen.code(), "stale_version");
    let mut thief = stage.cart(1).await;
    thief.cart.clone_from(&guest.cart);
    stage.checkout(&thief, "k3", "tok_success").send().await.expect(404);
    thief.token.clear();
    stage.checkout(&thief, "k3", "tok_success").send().await.expect(404);
    let unknown = json!({ "cart_id": "cart_01jd6zv4x8e5yag7k3m2n9p0qr" });
    stage.orders.post("/v1/checkouts").key("k4").json(&unknown).send().await.expect(404);
    let stranger = stage.orders.post("/v1/checkouts").tenant(stage.bench.other_tenant).key("k5");
    stranger.json(&json!({ "cart_id": guest.cart })).send().await.expect(404);

    let mut connection = stage.bench.superuser().await;
    let count: i64 = sqlx::query_scalar("select (select count(*) from checkout) + (select count(*) from timer)")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(count, 0, "refused before it had any effect, nothing is kept");
    stage.checkout(&guest, "k1", "tok_success").send().await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_refused_by_field() {
    let stage = Stage::open().await;
    let guest = stage.cart(1).await;
    let ask = |body: Value| Stage::shop(stage.orders.post("/v1/checkouts"), &guest).key("k").json(&body).send();
    let long = "x".repeat(256);
    for (body, pointer) in [
        (json!({ "cart_id": "cart_1" }), "/cart_id"),
        (json!({ "cart_id": guest.cart, "payment": { "token": long } }), "/payment/token"),
        (json!({ "cart_id": guest.cart, "expected_version": 0 }), "/expected_version"),
        (json!({ "cart_id": guest.cart, "payment": { "token": "t", "provider": "nobody" } }), "/payment/provider"),
        (json!({ "cart_id": guest.cart }), "/payment/token"),
        (json!({ "cart_id": guest.cart, "payment": { "token": "" } }), "/payment/token"),
        (json!({ "cart_id": guest.cart, "payment": { "token": " ", "provider": "sandbox" } }), "/payment/token"),
    ] {
        let refused = ask(body).await.expect(400);
        assert_eq!((refused.code(), &refused.json["errors"][0]["pointer"]), ("invalid_request", &json!(pointer)));
    }
    for field in ["token", "provider", "return_url"] {
        let refused = ask(json!({ "cart_id": guest.cart, "payment": { field: "a\0b" } })).await.expect(400);
        assert!(refused.json["errors"][0]["message"].as_str().unwrap().contains("control character"), "{}", refused.text);
    }
    let split = json!({ "token": "t", "return_url": "https://shop.example/\r\nset-cookie: a=b" });
    let split = ask(json!({ "cart_id": guest.cart, "payment": split })).await.expect(400);
    assert_eq!(split.json["errors"][0]["code"], "character", "{}", split.text);
    let card = ask(json!({ "cart_id": guest.cart, "payment": { "token": "4242 4242 4242 4242" } })).await.expect(422);
    assert_eq!((card.code(), &card.json["errors"][0]["pointer"]), ("card_number_refused", &json!("/payment/token")));
    assert!(!card.text.contains("4242"));
    ask(json!({ "cart_id": guest.cart, "surprise": 1 })).await.expect(400);
    stage
        .orders
        .post("/v1/checkouts")
        .publishable(&["checkouts:write"])
        .key("k")
        .json(&json!({ "cart_id": guest.cart }))
        .send()
        .await
        .expect(401);
    assert_eq!(stage.read_cart(&guest).await["status"], "open");
    assert_eq!(stage.levels(&stage.shirt).await, (1_000, 0, 0));
    stage.rest().await;
    assert_eq!(stage.breaches().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_personal_or_secret_lies_open() {
    let stage = Stage::open().await;
    let guest = stage.cart(1).await;
    stage.faults.set([crate::saga::fault::FaultPoint {
        step: crate::saga::Step::AuthorisePayment,
        moment: crate::saga::fault::Moment::Before,
        mishap: crate::saga::fault::Mishap::Crash,
    }]);
    stage.checkout(&guest, "k1", "tok_success").send().await.expect(503);
    let mut connection = stage.bench.superuser().await;
    let open: String =
        sqlx::query_scalar("select string_agg(checkout::text || encode(instructions, 'escape'), '') from checkout")
            .fetch_one(&mut connection)
            .await
            .unwrap();
    for secret in ["tok_success", guest.token.as_str()] {
        assert!(!open.contains(secret), "{secret} lies open");
    }
    let order = stage.answer_of(&guest, "k1", "tok_success").await.expect(201).json["order"].clone();
    let dump: String = sqlx::query_scalar(
        "select (select string_agg(orders::text, '') from orders) || (select string_agg(data, '') from outbox)
             || (select coalesce(string_agg(timeline::text, ''), '') from timeline) || (select string_agg(checkout::text, '') from checkout)",
    )
    .fetch_one(&mut connection)
    .await
    .unwrap();
    for word in ["Asha", "asha", "MG Road", "tok_success", guest.token.as_str()] {
        assert!(!dump.contains(word), "{word} lies open");
    }
    let instructions: i64 = sqlx::query_scalar("select count(*) from checkout where instructions is not null")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(instructions, 0, "what is over needs no instructions");

    let found = stage.orders.get("/v1/orders?email=asha%40example.com").send().await.expect(200);
    assert_eq!(found.json["data"][0]["id"], order["id"]);
    let subject = order["subject_id"].as_str().unwrap().parse().unwrap();
    let mut tx = stage.bench.db.write(&stage.bench.call()).await.unwrap();
    assert!(bloom_db::seal::erase(&mut tx, subject).await.unwrap());
    tx.commit().await.unwrap();
    let read = stage.read_order(&order["id"]).await;
    assert_eq!((&read["email"], &read["shipping_address"], &read["total"]), (&Value::Null, &Value::Null, &order["total"]));
    let found = stage.orders.get("/v1/orders?email=asha%40example.com").send().await.expect(200);
    assert_eq!(found.json["data"], json!([]));
    stage.drained().await;
    assert_eq!(stage.breaches().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_only_knows_a_carts_id_claims_nothing_and_learns_nothing() {
    let stage = Stage::open().await;
    let guest = stage.cart(1).await;
    let stranger = Guest { cart: guest.cart.clone(), token: "0".repeat(guest.token.len()) };
    let unknown = Guest { cart: bloom_kernel::CartId::from_uuid(uuid::Uuid::max()).to_string(), token: stranger.token.clone() };
    let unknown = stage.checkout(&unknown, "u", "tok_success").send().await.expect(404);
    let asks = |at: &str| {
        let keys: Vec<String> = (0..20).map(|ask| format!("{at} {ask}")).collect();
        let (stage, stranger) = (&stage, &stranger);
        async move { futures::future::join_all(keys.iter().map(|key| stage.checkout(stranger, key, "tok_success").send())).await }
    };
    let mut answers = asks("before").await;
    let (bought, during) = futures::join!(stage.checkout(&guest, "k1", "tok_success").send(), asks("during"));
    bought.expect(201);
    answers.extend(during);
    answers.extend(asks("after").await);
    for answer in &answers {
        assert_eq!((answer.status, answer.code()), (404, unknown.code()), "{answer:?}");
        assert_eq!(answer.json["detail"], unknown.json["detail"]);
    }
    stage.rest().await;
    assert_eq!((stage.all_orders().await.len(), stage.all_payments().await.len()), (1, 1));
    assert_eq!(stage.breaches().await, Vec::<String>::new());
}
