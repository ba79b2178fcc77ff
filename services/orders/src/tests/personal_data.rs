//! Personal data and secrets: sealed, erased, refused where they do not belong.

use serde_json::{Value, json};

use super::{Fixture, order_path as path};

#[tokio::test(flavor = "multi_thread")]
async fn card_numbers_are_refused_in_free_text() {
    let fixture = Fixture::open().await;
    let order = fixture.order(1).await;
    let card = "4242 4242 4242 4242";
    let refunds = path(&order, "/refunds");
    let refund = json!({ "amount": { "amount": 1, "currency": "INR" }, "reason": card });
    let whole = path(&order, "");
    for (request, pointer) in [
        (fixture.orders.post(&path(&order, "/cancel")).key("c").json(&json!({ "reason": card })), "/reason"),
        (fixture.orders.post(&refunds).key("r").json(&refund), "/reason"),
        (fixture.orders.patch(&whole).if_match(1).json(&json!({ "metadata": { "a/b": card } })), "/metadata/a~1b"),
        (fixture.orders.patch(&whole).if_match(1).json(&json!({ "metadata": { card: "x" } })), "/metadata"),
    ] {
        let refused = request.send().await.expect(422);
        assert_eq!((refused.code(), &refused.json["errors"][0]["pointer"]), ("card_number_refused", &json!(pointer)));
        assert!(!refused.text.contains("4242"), "{}", refused.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_and_personal_data_are_sealed() {
    let fixture = Fixture::open().await;
    let guest = fixture.cart(1).await;
    fixture.faults.set([crate::checkout_saga::fault_injection::FaultPoint {
        step: crate::checkout_saga::Step::AuthorisePayment,
        moment: crate::checkout_saga::fault_injection::Moment::Before,
        kind: crate::checkout_saga::fault_injection::FaultKind::Crash,
    }]);
    fixture.checkout(&guest, "k1", "tok_success").send().await.expect(503);
    let mut connection = fixture.env.superuser().await;
    let open: String = sqlx::query_scalar("select string_agg(checkout::text || encode(secrets, 'escape'), '') from checkout")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    for secret in ["tok_success", guest.token.as_str()] {
        assert!(!open.contains(secret), "{secret} is stored in the clear");
    }
    let order = fixture.answer_of(&guest, "k1", "tok_success").await.expect(201).json["order"].clone();
    let dump: String = sqlx::query_scalar(
        "select (select string_agg(orders::text, '') from orders) || (select string_agg(data, '') from outbox)
             || (select coalesce(string_agg(timeline::text, ''), '') from timeline) || (select string_agg(checkout::text, '') from checkout)",
    )
    .fetch_one(&mut connection)
    .await
    .unwrap();
    for word in ["Asha", "asha", "MG Road", "tok_success", guest.token.as_str()] {
        assert!(!dump.contains(word), "{word} is stored in the clear");
    }
    let secrets: i64 =
        sqlx::query_scalar("select count(*) from checkout where secrets is not null").fetch_one(&mut connection).await.unwrap();
    assert_eq!(secrets, 0, "a checkout that has ended has no secrets");

    let found = fixture.orders.get("/v1/orders?email=asha%40example.com").send().await.expect(200);
    assert_eq!(found.json["data"][0]["id"], order["id"]);
    let subject = order["subject_id"].as_str().unwrap().parse().unwrap();
    let mut tx = fixture.env.db.write(&fixture.env.call()).await.unwrap();
    assert!(bloom_db::seal::erase(&mut tx, subject).await.unwrap());
    tx.commit().await.unwrap();
    let read = fixture.read_order(&order["id"]).await;
    assert_eq!((&read["email"], &read["shipping_address"], &read["total"]), (&Value::Null, &Value::Null, &order["total"]));
    let found = fixture.orders.get("/v1/orders?email=asha%40example.com").send().await.expect(200);
    assert_eq!(found.json["data"], json!([]));
    fixture.drain().await;
    assert_eq!(fixture.breaches().await, Vec::<String>::new());
}
