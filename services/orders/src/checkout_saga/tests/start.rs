//! Buying a cart: the reply of one call, and what is left when it fails.

use serde_json::{Value, json};

use crate::tests::{Fixture, Guest};

#[tokio::test(flavor = "multi_thread")]
async fn one_call_buys_a_cart() {
    let fixture = Fixture::open().await;
    let guest = fixture.cart(2).await;
    let bought = fixture.checkout(&guest, "k1", "tok_success").send().await.expect(201);
    let order = &bought.json["order"];
    assert_eq!(bought.json["status"], "completed");
    assert_eq!(
        (&order["status"], &order["payment_status"], &order["fulfilment_status"]),
        (&json!("confirmed"), &json!("authorised"), &json!("unfulfilled"))
    );
    assert_eq!((&order["total"]["amount"], &order["lines"][0]["total"]["amount"]), (&json!(2_100), &json!(2_000)));
    assert_eq!((&order["number"], &order["email"]), (&json!("1001"), &json!("Asha@Example.com")));
    assert_eq!(order["lines"][0]["allocations"][0]["quantity"], 2);
    assert_eq!(fixture.levels(&fixture.shirt).await, (1_000, 2, 0));
    assert_eq!(fixture.read_cart(&guest).await["status"], "completed");
    let payments = fixture.all_payments().await;
    assert_eq!(
        (payments.len(), &payments[0]["status"], &payments[0]["authorised"]["amount"]),
        (1, &json!("authorised"), &json!(2_100))
    );

    let read = fixture.read_order(&order["id"]).await;
    assert_eq!(read["shipping_address"]["city"], "Bengaluru");
    let path = format!("/v1/checkouts/{}", bought.id());
    let checkout = Fixture::shop(fixture.orders.get(&path), &guest).send().await.expect(200);
    assert_eq!(checkout.json, bought.json);
    fixture.orders.get(&path).publishable(&["checkouts:write"]).send().await.expect(401);
    let other = fixture.cart(1).await;
    Fixture::shop(fixture.orders.get(&path), &other).send().await.expect(404);
    fixture.orders.get(&path).tenant(fixture.env.other_tenant).send().await.expect(404);
    fixture.drain().await;
    assert_eq!(fixture.breaches().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn order_amounts_equal_cart_amounts() {
    let fixture = Fixture::open().await;
    let trade = json!({ "code": "trade", "name": "Trade", "currency": "INR", "price_basis": "net", "country": "IN" });
    let trade = json!(fixture.catalog.post("/v1/catalog/channels").json(&trade).send().await.expect(201).id());
    let channels = fixture.catalog.get("/v1/catalog/channels").send().await.expect(200).json;
    let channels: Vec<&Value> = channels["data"].as_array().unwrap().iter().map(|channel| &channel["id"]).collect();
    let product = json!({ "title": "Odd", "status": "active", "channel_ids": channels, "variants": [{ "sku": "ODD" }] });
    let product = fixture.catalog.post("/v1/catalog/products").json(&product).send().await.expect(201).json;
    let variant = product["variants"][0]["id"].as_str().unwrap();
    fixture.price(variant, 999).await;
    fixture.stock(variant, "BLR-1", 100).await;
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
            "delivery_option_id": fixture.delivery,
        });
        let cart = fixture.carts.post("/v1/carts").channel(within).json(&cart).send().await.expect(201).json;
        let buy = json!({ "cart_id": cart["id"], "payment": { "token": "tok_success" } });
        let buy = fixture.orders.post("/v1/checkouts").channel(within).key(channel.as_str().unwrap()).json(&buy);
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
    assert_eq!(fixture.breaches().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_buys_once_and_replays_the_same_reply() {
    let fixture = Fixture::open().await;
    let guest = fixture.cart(1).await;
    let without =
        Fixture::shop(fixture.orders.post("/v1/checkouts"), &guest).json(&json!({ "cart_id": guest.cart })).send().await;
    assert_eq!(without.expect(400).code(), "idempotency_key_required");
    let attempts = (0..20).map(|_| fixture.checkout(&guest, "k1", "tok_success").send());
    let answers = futures::future::join_all(attempts).await;
    let placed: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert!(!placed.is_empty());
    for answer in &answers {
        assert!(answer.status == 201 || answer.code() == "idempotency_in_progress", "{answer:?}");
    }
    let order = placed[0].json["order"]["id"].clone();
    let path = format!("/v1/orders/{}/captures", order.as_str().unwrap());
    fixture.orders.post(&path).key("c1").json(&json!({})).send().await.expect(201);
    let again = fixture.checkout(&guest, "k1", "tok_success").send().await.expect(201);
    assert_eq!(again.json, placed[0].json, "the order as it was placed");
    let misuse = fixture.checkout(&guest, "k1", "tok_decline").send().await.expect(422);
    assert_eq!(misuse.code(), "idempotency_key_reused");
    let second = fixture.checkout(&guest, "k2", "tok_success").send().await.expect(409);
    assert_eq!(second.code(), "cart_completed");
    assert_eq!((fixture.all_orders().await.len(), fixture.all_payments().await.len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_buyers_of_one_unit_one_gets_it() {
    let fixture = Fixture::open().await;
    let last = fixture.product("LAST", 500, 1).await;
    let mut guests = Vec::new();
    for _ in 0..50 {
        guests.push(fixture.cart_of(&last, 1).await);
    }
    let purchases = guests.iter().map(|guest| fixture.checkout(guest, &guest.cart, "tok_success").send());
    let answers = futures::future::join_all(purchases).await;
    let placed = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(placed, 1);
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        assert_eq!((answer.status, answer.code()), (409, "insufficient_stock"), "{answer:?}");
        assert_eq!(answer.json["errors"][0]["pointer"], "/lines/0");
    }
    fixture.run_timers().await;
    assert_eq!(fixture.levels(&last).await, (1, 1, 0));
    assert_eq!((fixture.all_orders().await.len(), fixture.all_payments().await.len()), (1, 1), "one payment");
    for guest in &guests {
        let status = fixture.read_cart(guest).await["status"].clone();
        assert!(status == "open" || status == "completed", "{status}");
    }
    assert_eq!(fixture.breaches().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declined_payment_leaves_the_cart_open() {
    let fixture = Fixture::open().await;
    let guest = fixture.cart(1).await;
    let declined = fixture.checkout(&guest, "k1", "tok_decline").send().await.expect(422);
    assert_eq!(declined.code(), "payment_declined");
    assert_eq!(declined.json["errors"][0]["pointer"], "/payment/token");
    assert_eq!(fixture.read_cart(&guest).await["status"], "open");
    assert_eq!(fixture.levels(&fixture.shirt).await, (1_000, 0, 0));
    let again = fixture.checkout(&guest, "k1", "tok_decline").send().await.expect(422);
    assert_eq!(again.code(), "payment_declined", "the provider is not called twice");
    assert_eq!(fixture.all_payments().await.len(), 1);
    fixture.checkout(&guest, "k2", "tok_success").send().await.expect(201);
    fixture.run_timers().await;
    assert_eq!(fixture.breaches().await, Vec::<String>::new());

    let mut connection = fixture.env.superuser().await;
    let mut checkouts = async || -> Vec<String> {
        let statuses = sqlx::query_scalar("select status from checkout order by status");
        statuses.fetch_all(&mut connection).await.unwrap()
    };
    fixture.env.clock.advance(chrono::TimeDelta::days(89));
    fixture.drain().await;
    assert_eq!(checkouts().await, ["completed", "failed"]);
    fixture.env.clock.advance(chrono::TimeDelta::days(2));
    fixture.drain().await;
    assert_eq!(checkouts().await, ["completed"], "a failed one is purged after 90 days");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_by_the_cart_leaves_no_checkout() {
    let fixture = Fixture::open().await;
    let guest = fixture.cart(1).await;
    fixture.price(&fixture.shirt, 1_100).await;
    let changed = fixture.checkout(&guest, "k1", "tok_success").send().await.expect(409);
    assert_eq!(changed.code(), "price_changed");
    let path = format!("/v1/carts/{}", guest.cart);
    Fixture::shop(fixture.carts.patch(&path), &guest).if_match(1).json(&json!({})).send().await.expect(200);
    let body = json!({ "cart_id": guest.cart, "payment": { "token": "tok_success" }, "expected_version": 1 });
    let seen = Fixture::shop(fixture.orders.post("/v1/checkouts"), &guest).key("k2").json(&body).send().await.expect(412);
    assert_eq!(seen.code(), "stale_version");
    let mut thief = fixture.cart(1).await;
    thief.cart.clone_from(&guest.cart);
    fixture.checkout(&thief, "k3", "tok_success").send().await.expect(404);
    thief.token.clear();
    fixture.checkout(&thief, "k3", "tok_success").send().await.expect(404);
    let unknown = json!({ "cart_id": "cart_01jd6zv4x8e5yag7k3m2n9p0qr" });
    fixture.orders.post("/v1/checkouts").key("k4").json(&unknown).send().await.expect(404);
    let other_buyer = fixture.orders.post("/v1/checkouts").tenant(fixture.env.other_tenant).key("k5");
    other_buyer.json(&json!({ "cart_id": guest.cart })).send().await.expect(404);

    let mut connection = fixture.env.superuser().await;
    let count: i64 = sqlx::query_scalar("select (select count(*) from checkout) + (select count(*) from timer)")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(count, 0, "refused before it had any effect, nothing is kept");
    fixture.checkout(&guest, "k1", "tok_success").send().await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_refused_by_field() {
    let fixture = Fixture::open().await;
    let guest = fixture.cart(1).await;
    let ask = |body: Value| Fixture::shop(fixture.orders.post("/v1/checkouts"), &guest).key("k").json(&body).send();
    let long = "x".repeat(256);
    for (body, pointer) in [
        (json!({ "cart_id": "cart_1" }), "/cart_id"),
        (json!({ "cart_id": guest.cart, "payment": { "token": long } }), "/payment/token"),
        (json!({ "cart_id": guest.cart, "expected_version": 0 }), "/expected_version"),
        (json!({ "cart_id": guest.cart, "payment": { "token": "t", "provider": "unknown" } }), "/payment/provider"),
        (json!({ "cart_id": guest.cart }), "/payment/token"),
        (json!({ "cart_id": guest.cart, "payment": { "token": "" } }), "/payment/token"),
        (json!({ "cart_id": guest.cart, "payment": { "token": " ", "provider": "sandbox" } }), "/payment/token"),
    ] {
        let refused = ask(body).await.expect(400);
        assert_eq!((refused.code(), &refused.json["errors"][0]["pointer"]), ("invalid_request", &json!(pointer)));
    }
    for (field, text) in [("token", "a\0b"), ("provider", "a\0b"), ("return_url", "https://shop.example/\0")] {
        let refused = ask(json!({ "cart_id": guest.cart, "payment": { field: text } })).await.expect(400);
        let error = &refused.json["errors"][0];
        assert_eq!(
            (&error["pointer"], &error["code"]),
            (&json!(format!("/payment/{field}")), &json!("pattern")),
            "{}",
            refused.text
        );
    }
    let split = json!({ "token": "t", "return_url": "https://shop.example/\r\nset-cookie: a=b" });
    let split = ask(json!({ "cart_id": guest.cart, "payment": split })).await.expect(400);
    assert_eq!(split.json["errors"][0]["code"], "pattern", "{}", split.text);
    let card = ask(json!({ "cart_id": guest.cart, "payment": { "token": "4242 4242 4242 4242" } })).await.expect(422);
    assert_eq!((card.code(), &card.json["errors"][0]["pointer"]), ("card_number_refused", &json!("/payment/token")));
    assert!(!card.text.contains("4242"));
    ask(json!({ "cart_id": guest.cart, "surprise": 1 })).await.expect(400);
    fixture
        .orders
        .post("/v1/checkouts")
        .publishable(&["checkouts:write"])
        .key("k")
        .json(&json!({ "cart_id": guest.cart }))
        .send()
        .await
        .expect(401);
    assert_eq!(fixture.read_cart(&guest).await["status"], "open");
    assert_eq!(fixture.levels(&fixture.shirt).await, (1_000, 0, 0));
    fixture.run_timers().await;
    assert_eq!(fixture.breaches().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cart_id_without_its_token_reveals_nothing() {
    let fixture = Fixture::open().await;
    let guest = fixture.cart(1).await;
    let other_buyer = Guest { cart: guest.cart.clone(), token: "0".repeat(guest.token.len()) };
    let unknown =
        Guest { cart: bloom_kernel::CartId::from_uuid(uuid::Uuid::max()).to_string(), token: other_buyer.token.clone() };
    let unknown = fixture.checkout(&unknown, "u", "tok_success").send().await.expect(404);
    let asks = |at: &str| {
        let keys: Vec<String> = (0..20).map(|ask| format!("{at} {ask}")).collect();
        let (fixture, other_buyer) = (&fixture, &other_buyer);
        async move { futures::future::join_all(keys.iter().map(|key| fixture.checkout(other_buyer, key, "tok_success").send())).await }
    };
    let mut answers = asks("before").await;
    let (bought, during) = futures::join!(fixture.checkout(&guest, "k1", "tok_success").send(), asks("during"));
    bought.expect(201);
    answers.extend(during);
    answers.extend(asks("after").await);
    for answer in &answers {
        assert_eq!((answer.status, answer.code()), (404, unknown.code()), "{answer:?}");
        assert_eq!(answer.json["detail"], unknown.json["detail"]);
    }
    fixture.run_timers().await;
    assert_eq!((fixture.all_orders().await.len(), fixture.all_payments().await.len()), (1, 1));
    assert_eq!(fixture.breaches().await, Vec::<String>::new());
}

#[test]
fn the_input_agrees_with_its_schema() {
    let payment = json!({ "provider": "sandbox", "token": "tok_success", "return_url": "https://shop.example/thanks" });
    let input = json!({ "cart_id": "cart_01jd6zv4x8e5yag7k3m2n9p0qr", "payment": payment, "expected_version": 3 });
    bloom_testkit::assert_schema_agrees::<crate::checkout_saga::start::CheckoutCreate>([input]);
}
