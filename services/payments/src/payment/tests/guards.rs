//! Guards: retries, concurrent requests, amounts, states, voids that wait.

use bloom_contract_payments::Authorise;
use bloom_fault::Fault;
use bloom_kernel::{OrderId, PaymentId};
use futures::future::join_all;
use serde_json::{Value, json};

use crate::tests::{Fixture, Ids, MAX_WAIT, authorise_request};

fn reason(fault: &Fault) -> String {
    fault.reason.to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn parallel_refunds_never_exceed_what_was_captured() {
    let fixture = Fixture::with_timeout(MAX_WAIT).await;
    let payment = fixture.authorised(1000, "tok_success").await;
    fixture.capture(fixture.operation(), payment, 1000).await.unwrap();
    let refunds = (0..50).map(|_| fixture.refund(fixture.operation(), payment, 90));
    let outcomes = join_all(refunds).await;
    let (done, refused): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    assert_eq!((done.len(), refused.len()), (11, 39), "11 × 90 = 990");
    for refusal in refused {
        assert_eq!(reason(&refusal.unwrap_err()), "refund_exceeds_captured");
    }
    fixture.until_settled(payment).await;
    assert_eq!(fixture.payment(payment).await.refunded.amount(), 990);
    assert_eq!(fixture.provider_sum("select sum(refunded_amount)::int8 from authorisation").await, 990);
    assert_eq!(fixture.breaches().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_retries_of_an_operation_have_one_effect() {
    let fixture = Fixture::with_timeout(MAX_WAIT).await;
    let ids = fixture.ids();
    let authorised = join_all((0..20).map(|_| fixture.authorise(ids, 1000, "tok_success"))).await;
    assert!(authorised.iter().all(Result::is_ok), "{authorised:?}");
    fixture.until_status(ids.payment, "authorised").await;
    let capture = fixture.operation();
    let captured = join_all((0..50).map(|_| fixture.capture(capture, ids.payment, 400))).await;
    assert!(captured.iter().all(Result::is_ok), "{captured:?}");
    fixture.until_settled(ids.payment).await;
    assert_eq!(fixture.payment(ids.payment).await.captured.amount(), 400);
    assert_eq!(fixture.provider_sum("select count(*) from movement").await, 1);
    assert_eq!(fixture.provider_sum("select count(*) from authorisation").await, 1);
    assert_eq!(fixture.journal(ids.payment).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_id_is_valid_for_one_request_only() {
    let fixture = Fixture::new().await;
    let ids = fixture.ids();
    fixture.authorise(ids, 1000, "tok_success").await.unwrap();
    assert_eq!(reason(&fixture.authorise(ids, 1001, "tok_success").await.unwrap_err()), "idempotency_key_reused");
    let other = Ids { operation: ids.operation, ..fixture.ids() };
    assert_eq!(reason(&fixture.authorise(other, 1000, "tok_success").await.unwrap_err()), "idempotency_key_reused");
    let second_payment = Ids { checkout: ids.checkout, ..fixture.ids() };
    assert_eq!(reason(&fixture.authorise(second_payment, 1000, "tok_success").await.unwrap_err()), "payment_exists");
    let second_try = Ids { operation: fixture.operation(), ..ids };
    assert_eq!(reason(&fixture.authorise(second_try, 1000, "tok_success").await.unwrap_err()), "payment_exists");

    let capture = fixture.operation();
    fixture.capture(capture, ids.payment, 100).await.unwrap();
    assert_eq!(reason(&fixture.capture(capture, ids.payment, 101).await.unwrap_err()), "idempotency_key_reused");
    assert_eq!(reason(&fixture.refund(capture, ids.payment, 100).await.unwrap_err()), "idempotency_key_reused");
    let elsewhere = fixture.authorised(1000, "tok_success").await;
    assert_eq!(reason(&fixture.capture(capture, elsewhere, 100).await.unwrap_err()), "idempotency_key_reused");
    assert_eq!(reason(&fixture.void(capture, elsewhere).await.unwrap_err()), "idempotency_key_reused");
}

#[tokio::test(flavor = "multi_thread")]
async fn money_of_an_order_moves_through_the_order_only() {
    let fixture = Fixture::new().await;
    let ids = fixture.ids();
    let order: OrderId = fixture.env.host.id(fixture.env.tenant);
    let request = Authorise { order: Some(order), ..authorise_request(ids, 1000, "tok_success") };
    fixture.send_authorise(request).await.unwrap();
    let path = format!("/v1/payments/{}", ids.payment);
    let before = fixture.client.get(&path).send().await.expect(200);
    assert_eq!(before.json["order_id"], order.to_string());
    let money = json!({ "amount": { "amount": 100, "currency": "INR" } });
    for (verb, body) in
        [("captures", &money), ("captures", &json!({})), ("refunds", &money), ("refunds", &json!({})), ("voids", &json!({}))]
    {
        let refused = fixture.client.post(&format!("{path}/{verb}")).key(verb).json(body).send().await.expect(409);
        assert_eq!(refused.code(), "payment_belongs_to_order", "{verb}");
        assert!(refused.json["detail"].as_str().unwrap().contains(&format!("/v1/orders/{order}")), "{verb}");
    }
    assert_eq!(fixture.client.get(&path).send().await.expect(200).text, before.text);

    fixture.capture(fixture.operation(), ids.payment, 600).await.unwrap();
    fixture.refund(fixture.operation(), ids.payment, 200).await.unwrap();
    let reply = fixture.void(fixture.operation(), ids.payment).await.unwrap();
    assert_eq!((reply.captured.amount(), reply.refunded.amount(), reply.voided.amount()), (600, 200, 400));
    // A retry under another order id is another request.
    let other = Authorise { order: None, ..authorise_request(ids, 1000, "tok_success") };
    assert_eq!(reason(&fixture.send_authorise(other).await.unwrap_err()), "idempotency_key_reused");
}

#[tokio::test(flavor = "multi_thread")]
async fn amounts_and_states_are_guarded() {
    let fixture = Fixture::new().await;
    assert_eq!(reason(&fixture.authorise(fixture.ids(), 0, "tok_success").await.unwrap_err()), "invalid_request");
    assert_eq!(reason(&fixture.authorise(fixture.ids(), -5, "tok_success").await.unwrap_err()), "invalid_request");
    let unknown: PaymentId = fixture.ids().payment;
    assert_eq!(reason(&fixture.capture(fixture.operation(), unknown, 1).await.unwrap_err()), "not_found");

    let ids = fixture.ids();
    fixture.authorise(ids, 1000, "tok_decline").await.unwrap();
    assert_eq!(reason(&fixture.capture(fixture.operation(), ids.payment, 1).await.unwrap_err()), "payment_not_authorised");

    let payment = fixture.authorised(1000, "tok_success").await;
    for (amount, word) in [
        (0, "invalid_request"),
        (-1, "invalid_request"),
        (1001, "capture_exceeds_authorised"),
        (i64::MAX, "capture_exceeds_authorised"),
    ] {
        assert_eq!(reason(&fixture.capture(fixture.operation(), payment, amount).await.unwrap_err()), word, "{amount}");
    }
    assert_eq!(reason(&fixture.refund(fixture.operation(), payment, 1).await.unwrap_err()), "refund_exceeds_captured");
    fixture.void(fixture.operation(), payment).await.unwrap();
    assert_eq!(reason(&fixture.capture(fixture.operation(), payment, 1).await.unwrap_err()), "capture_exceeds_authorised");
}

#[tokio::test(flavor = "multi_thread")]
async fn card_numbers_are_refused_and_stored_nowhere() {
    let fixture = Fixture::new().await;
    for token in ["4242424242424242", "4242 4242 4242 4242", "tok 4242-4242-4242-4242"] {
        let refused = fixture.authorise(fixture.ids(), 1000, token).await.unwrap_err();
        assert!(!format!("{refused:?}").contains("4242"), "the refusal does not repeat it");
        assert_eq!(reason(&refused), "card_number_refused");
    }
    let connection = json!({ "provider": "manual", "name": "pay to 4242424242424242" });
    let answer = fixture.client.post("/v1/payments/connections").json(&connection).send().await.expect(422);
    assert_eq!(answer.code(), "card_number_refused");
    assert!(!answer.text.contains("4242"));
    let count: i64 =
        sqlx::query_scalar("select count(*) from payment").fetch_one(&mut fixture.env.superuser().await).await.unwrap();
    assert_eq!(count, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_void_waits_for_open_outcomes() {
    let fixture = Fixture::with_timeout(std::time::Duration::from_millis(400)).await;
    // Unknown, then authorised: voided as soon as the authorisation is known.
    let ids = fixture.ids();
    fixture.authorise(ids, 1000, "tok_timeout_after_success").await.unwrap();
    let void = fixture.operation();
    let reply = fixture.void(void, ids.payment).await.unwrap();
    assert_eq!((reply.status.as_str(), reply.operation.unwrap().as_str()), ("unknown", "pending"));
    assert_eq!(reason(&fixture.void(fixture.operation(), ids.payment).await.unwrap_err()), "void_in_progress");
    fixture.until_settled(ids.payment).await;
    let reply = fixture.void(void, ids.payment).await.unwrap();
    assert_eq!((reply.status.as_str(), reply.operation.unwrap().as_str(), reply.voided.amount()), ("voided", "succeeded", 1000));

    // Pending, then failed: there was nothing to void.
    let ids = fixture.ids();
    let url = fixture.authorise(ids, 1000, "tok_3ds").await.unwrap().action.unwrap().url;
    fixture.void(fixture.operation(), ids.payment).await.unwrap();
    reqwest::Client::builder().build().unwrap().post(format!("{url}&outcome=decline")).send().await.ok();
    fixture.until_settled(ids.payment).await;
    let reply = fixture.payment(ids.payment).await;
    assert_eq!((reply.status.as_str(), reply.voided.amount()), ("failed", 0));
    let voided_nothing = |operation: &Value| {
        operation["kind"] == "void" && operation["status"] == "failed" && operation["failure"]["code"] == "nothing_to_void"
    };
    assert_eq!(fixture.operations(ids.payment).await.iter().filter(|void| voided_nothing(void)).count(), 1);
    // A service that compensates gets a success when there is nothing to void, and so does its retry.
    let void = fixture.operation();
    for _ in 0..2 {
        assert_eq!(fixture.void(void, ids.payment).await.unwrap().status.as_str(), "failed");
    }
    assert_eq!(fixture.operations(ids.payment).await.iter().filter(|void| voided_nothing(void)).count(), 2);

    // A capture is open, so the void releases only the rest.
    let payment = fixture.authorised(1000, "tok_delay").await;
    fixture.capture(fixture.operation(), payment, 300).await.unwrap();
    fixture.void(fixture.operation(), payment).await.unwrap();
    assert_eq!(reason(&fixture.capture(fixture.operation(), payment, 1).await.unwrap_err()), "void_in_progress");
    fixture.until_settled(payment).await;
    let reply = fixture.payment(payment).await;
    assert_eq!((reply.status.as_str(), reply.captured.amount(), reply.voided.amount()), ("captured", 300, 700));
    assert_eq!(fixture.breaches().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_void_that_overtakes_its_payment_blocks_it() {
    let fixture = Fixture::new().await;
    let ids = fixture.ids();
    let void = fixture.operation();
    for _ in 0..2 {
        assert_eq!(reason(&fixture.void(void, ids.payment).await.unwrap_err()), "not_found");
    }
    assert_eq!(reason(&fixture.authorise(ids, 1000, "tok_success").await.unwrap_err()), "payment_voided");
    assert_eq!(fixture.provider_sum("select count(*) from authorisation").await, 0);
    // Concurrently: in either order, nothing stays authorised.
    for _ in 0..10 {
        let (ids, void) = (fixture.ids(), fixture.operation());
        let (authorised, voided) = tokio::join!(fixture.authorise(ids, 1000, "tok_success"), fixture.void(void, ids.payment));
        match voided {
            Err(refused) => {
                assert_eq!(reason(&refused), "not_found");
                assert_eq!(reason(&authorised.unwrap_err()), "payment_voided");
            }
            Ok(_) => {
                fixture.until_status(ids.payment, "voided").await;
            }
        }
    }
    assert_eq!(fixture.breaches().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authorisation_that_succeeds_after_failure_is_voided() {
    let fixture = Fixture::new().await;
    let payment = fixture.authorised(1000, "tok_delay").await;
    // The state when it was reported failed before.
    sqlx::raw_sql(
        "delete from entry; delete from journal; update payment set status = 'failed', authorised_amount = 0, provider_reference = null;
         update operation set status = 'failed', provider_sequence = 1; delete from notice",
    )
    .execute(&mut fixture.env.superuser().await)
    .await
    .unwrap();
    // The provider repeats its notice.
    fixture.resend_notices().await;
    fixture.until_settled(payment).await;
    let reply = fixture.payment(payment).await;
    assert_eq!((reply.status.as_str(), reply.authorised.amount(), reply.voided.amount()), ("voided", 1000, 1000));
    assert_eq!(fixture.breaches().await, Vec::<String>::new());
}
