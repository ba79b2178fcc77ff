//! What must not happen, however it is asked: twice, at once, too much, too early.

use bloom_fault::Fault;
use bloom_kernel::PaymentId;
use futures::future::join_all;
use serde_json::Value;
use tonic::Status;

use super::Stage;

fn reason(status: Status) -> String {
    Fault::from(status).reason.to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_parallel_refunds_never_exceed_what_was_captured() {
    let stage = Stage::with_timeout(super::PATIENCE).await;
    let payment = stage.authorised(1000, "tok_success").await;
    stage.capture(stage.operation(), payment, 1000).await.unwrap();
    let refunds = (0..50).map(|_| stage.refund(stage.operation(), payment, 90));
    let outcomes = join_all(refunds).await;
    let (done, refused): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    assert_eq!((done.len(), refused.len()), (11, 39), "11 × 90 = 990");
    for refusal in refused {
        assert_eq!(reason(refusal.unwrap_err()), "refund_exceeds_captured");
    }
    stage.quiet(payment).await;
    assert_eq!(stage.payment(payment).await.refunded_amount, 990);
    assert_eq!(stage.provider_sum("select sum(refunded_amount)::int8 from authorisation").await, 990);
    assert_eq!(stage.breaches().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_operation_asked_fifty_times_at_once_happens_once() {
    let stage = Stage::with_timeout(super::PATIENCE).await;
    let ids = stage.ids();
    let authorised = join_all((0..20).map(|_| stage.authorise(ids, 1000, "tok_success"))).await;
    assert!(authorised.iter().all(Result::is_ok), "{authorised:?}");
    stage.until(ids.payment, "authorised").await;
    let capture = stage.operation();
    let captured = join_all((0..50).map(|_| stage.capture(capture, ids.payment, 400))).await;
    assert!(captured.iter().all(Result::is_ok), "{captured:?}");
    stage.quiet(ids.payment).await;
    assert_eq!(stage.payment(ids.payment).await.captured_amount, 400);
    assert_eq!(stage.provider_sum("select count(*) from movement").await, 1);
    assert_eq!(stage.provider_sum("select count(*) from authorisation").await, 1);
    assert_eq!(stage.journal(ids.payment).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_stands_for_one_request_only() {
    let stage = Stage::open().await;
    let ids = stage.ids();
    stage.authorise(ids, 1000, "tok_success").await.unwrap();
    assert_eq!(reason(stage.authorise(ids, 1001, "tok_success").await.unwrap_err()), "idempotency_key_reused");
    let other = super::Ids { operation: ids.operation, ..stage.ids() };
    assert_eq!(reason(stage.authorise(other, 1000, "tok_success").await.unwrap_err()), "idempotency_key_reused");
    let second_payment = super::Ids { checkout: ids.checkout, ..stage.ids() };
    assert_eq!(reason(stage.authorise(second_payment, 1000, "tok_success").await.unwrap_err()), "payment_exists");
    let second_try = super::Ids { operation: stage.operation(), ..ids };
    assert_eq!(reason(stage.authorise(second_try, 1000, "tok_success").await.unwrap_err()), "payment_exists");

    let capture = stage.operation();
    stage.capture(capture, ids.payment, 100).await.unwrap();
    assert_eq!(reason(stage.capture(capture, ids.payment, 101).await.unwrap_err()), "idempotency_key_reused");
    assert_eq!(reason(stage.refund(capture, ids.payment, 100).await.unwrap_err()), "idempotency_key_reused");
    let elsewhere = stage.authorised(1000, "tok_success").await;
    assert_eq!(reason(stage.capture(capture, elsewhere, 100).await.unwrap_err()), "idempotency_key_reused");
    assert_eq!(reason(stage.void(capture, elsewhere).await.unwrap_err()), "idempotency_key_reused");
}

#[tokio::test(flavor = "multi_thread")]
async fn amounts_and_states_are_guarded() {
    let stage = Stage::open().await;
    assert_eq!(reason(stage.authorise(stage.ids(), 0, "tok_success").await.unwrap_err()), "invalid_request");
    assert_eq!(reason(stage.authorise(stage.ids(), -5, "tok_success").await.unwrap_err()), "invalid_request");
    let unknown: PaymentId = stage.ids().payment;
    assert_eq!(reason(stage.capture(stage.operation(), unknown, 1).await.unwrap_err()), "not_found");

    let ids = stage.ids();
    stage.authorise(ids, 1000, "tok_decline").await.unwrap();
    assert_eq!(reason(stage.capture(stage.operation(), ids.payment, 1).await.unwrap_err()), "payment_not_authorised");

    let payment = stage.authorised(1000, "tok_success").await;
    for (amount, word) in [
        (0, "invalid_request"),
        (-1, "invalid_request"),
        (1001, "capture_exceeds_authorised"),
        (i64::MAX, "capture_exceeds_authorised"),
    ] {
        assert_eq!(reason(stage.capture(stage.operation(), payment, amount).await.unwrap_err()), word, "{amount}");
    }
    assert_eq!(reason(stage.refund(stage.operation(), payment, 1).await.unwrap_err()), "refund_exceeds_captured");
    stage.void(stage.operation(), payment).await.unwrap();
    assert_eq!(reason(stage.capture(stage.operation(), payment, 1).await.unwrap_err()), "capture_exceeds_authorised");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_number_is_refused_and_stored_nowhere() {
    let stage = Stage::open().await;
    for token in ["4242424242424242", "4242 4242 4242 4242", "tok 4242-4242-4242-4242"] {
        let refused = stage.authorise(stage.ids(), 1000, token).await.unwrap_err();
        assert!(!format!("{refused:?}").contains("4242"), "the refusal does not repeat it");
        assert_eq!(reason(refused), "card_number_refused");
    }
    let connection = serde_json::json!({ "provider": "manual", "name": "pay to 4242424242424242" });
    let answer = stage.door.post("/v1/payments/connections").json(&connection).send().await.expect(422);
    assert_eq!(answer.code(), "card_number_refused");
    assert!(!answer.text.contains("4242"));
    let count: i64 =
        sqlx::query_scalar("select count(*) from payment").fetch_one(&mut stage.bench.superuser().await).await.unwrap();
    assert_eq!(count, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_void_waits_for_the_outcome_and_is_carried_out_then() {
    let stage = Stage::with_timeout(std::time::Duration::from_millis(400)).await;
    // Unknown, then authorised: given up as soon as that is known.
    let ids = stage.ids();
    stage.authorise(ids, 1000, "tok_timeout_after_success").await.unwrap();
    let void = stage.operation();
    let reply = stage.void(void, ids.payment).await.unwrap();
    assert_eq!((reply.status.as_str(), reply.operation_status.as_str()), ("unknown", "pending"));
    assert_eq!(reason(stage.void(stage.operation(), ids.payment).await.unwrap_err()), "void_in_progress");
    stage.quiet(ids.payment).await;
    let reply = stage.void(void, ids.payment).await.unwrap();
    assert_eq!((reply.status.as_str(), reply.operation_status.as_str(), reply.voided_amount), ("voided", "success", 1000));

    // Pending, then failed: nothing was there to give up.
    let ids = stage.ids();
    let url = stage.authorise(ids, 1000, "tok_3ds").await.unwrap().action.unwrap().url;
    stage.void(stage.operation(), ids.payment).await.unwrap();
    reqwest::Client::builder().build().unwrap().post(format!("{url}&outcome=decline")).send().await.ok();
    stage.quiet(ids.payment).await;
    let reply = stage.payment(ids.payment).await;
    assert_eq!((reply.status.as_str(), reply.voided_amount), ("failed", 0));
    let gave_up_nothing = |operation: &Value| {
        operation["kind"] == "void" && operation["status"] == "failed" && operation["failure"]["code"] == "nothing_to_void"
    };
    assert_eq!(stage.operations(ids.payment).await.iter().filter(|void| gave_up_nothing(void)).count(), 1);
    // Whoever compensates is answered all the same when there is nothing at all; again, too.
    let void = stage.operation();
    for _ in 0..2 {
        assert_eq!(stage.void(void, ids.payment).await.unwrap().status, "failed");
    }
    assert_eq!(stage.operations(ids.payment).await.iter().filter(|void| gave_up_nothing(void)).count(), 2);

    // A capture is under way: the void takes what it leaves.
    let payment = stage.authorised(1000, "tok_delay").await;
    stage.capture(stage.operation(), payment, 300).await.unwrap();
    stage.void(stage.operation(), payment).await.unwrap();
    assert_eq!(reason(stage.capture(stage.operation(), payment, 1).await.unwrap_err()), "void_in_progress");
    stage.quiet(payment).await;
    let reply = stage.payment(payment).await;
    assert_eq!((reply.status.as_str(), reply.captured_amount, reply.voided_amount), ("captured", 300, 700));
    assert_eq!(stage.breaches().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_void_that_overtakes_its_payment_bars_it() {
    let stage = Stage::open().await;
    let ids = stage.ids();
    let void = stage.operation();
    for _ in 0..2 {
        assert_eq!(reason(stage.void(void, ids.payment).await.unwrap_err()), "not_found");
    }
    assert_eq!(reason(stage.authorise(ids, 1000, "tok_success").await.unwrap_err()), "payment_voided");
    assert_eq!(stage.provider_sum("select count(*) from authorisation").await, 0);
    // At once: whichever comes first, nothing stays authorised.
    for _ in 0..10 {
        let (ids, void) = (stage.ids(), stage.operation());
        let (authorised, voided) = tokio::join!(stage.authorise(ids, 1000, "tok_success"), stage.void(void, ids.payment));
        match voided {
            Err(refused) => {
                assert_eq!(reason(refused), "not_found");
                assert_eq!(reason(authorised.unwrap_err()), "payment_voided");
            }
            Ok(_) => {
                stage.until(ids.payment, "voided").await;
            }
        }
    }
    assert_eq!(stage.breaches().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authorisation_that_succeeds_after_it_was_given_up_for_lost_is_voided() {
    let stage = Stage::open().await;
    let payment = stage.authorised(1000, "tok_delay").await;
    // As if it had been reported failed before.
    sqlx::raw_sql(
        "delete from entry; delete from journal; update payment set status = 'failed', authorised_amount = 0, provider_reference = null;
         update operation set status = 'failed', provider_sequence = 1; delete from provider_event",
    )
    .execute(&mut stage.bench.superuser().await)
    .await
    .unwrap();
    // The provider repeats its notice.
    stage.resend_notices().await;
    stage.quiet(payment).await;
    let reply = stage.payment(payment).await;
    assert_eq!((reply.status.as_str(), reply.authorised_amount, reply.voided_amount), ("voided", 1000, 1000));
    assert_eq!(stage.breaches().await, Vec::<String>::new());
}
