//! How payments end with a provider that behaves well and badly.

use std::time::Duration;

use bloom_contract_payments::PaymentReply;
use chrono::TimeDelta;

use super::{Ids, Stage, eventually};

fn amounts(payment: &PaymentReply) -> (i64, i64, i64, i64) {
    (payment.authorised_amount, payment.captured_amount, payment.voided_amount, payment.refunded_amount)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_from_authorisation_to_refund() {
    let stage = Stage::open().await;
    let ids = stage.ids();
    let reply = stage.authorise(ids, 5000, "tok_success").await.unwrap();
    assert_eq!((reply.status.as_str(), reply.operation_status.as_str()), ("authorised", "success"));
    let reply = stage.capture(stage.operation(), ids.payment, 2000).await.unwrap();
    assert_eq!(reply.status, "partially_captured");
    let reply = stage.void(stage.operation(), ids.payment).await.unwrap();
    assert_eq!((reply.status.as_str(), reply.voided_amount), ("captured", 3000));
    let reply = stage.refund(stage.operation(), ids.payment, 500).await.unwrap();
    assert_eq!(reply.status, "partially_refunded");
    let reply = stage.refund(stage.operation(), ids.payment, 1500).await.unwrap();
    assert_eq!((reply.status.as_str(), amounts(&reply)), ("refunded", (5000, 2000, 3000, 2000)));
    let journal = stage.journal(ids.payment).await;
    let mut kinds: Vec<_> = journal.iter().map(|journal| journal["kind"].as_str().unwrap()).collect();
    // Time stands still, so the order of their ids is chance.
    kinds.sort_unstable();
    assert_eq!(kinds, ["authorise", "capture", "refund", "refund", "void"]);
    assert_eq!(stage.breaches().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declined_payment_books_nothing() {
    let stage = Stage::open().await;
    let ids = stage.ids();
    let reply = stage.authorise(ids, 5000, "tok_decline").await.unwrap();
    assert_eq!((reply.status.as_str(), reply.operation_status.as_str()), ("failed", "failed"));
    assert_eq!(reply.failure.unwrap().code, "card_declined");
    assert!(stage.journal(ids.payment).await.is_empty());
    let unknown_token = stage.authorise(stage.ids(), 5000, "tok_nonsense").await.unwrap();
    let failure = unknown_token.failure.unwrap();
    assert_eq!(failure.code, "provider_error");
    assert!(failure.message.starts_with("The provider does not know this token"), "{}", failure.message);
    assert!(!failure.message.contains("nonsense"), "a token is repeated nowhere: {}", failure.message);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_out_after_success_ends_authorised_and_captured_exactly_once() {
    let stage = Stage::with_timeout(Duration::from_millis(400)).await;
    let ids = stage.ids();
    let reply = stage.authorise(ids, 5000, "tok_timeout_after_success").await.unwrap();
    assert_eq!((reply.status.as_str(), reply.operation_status.as_str()), ("unknown", "unknown"));
    let again = stage.authorise(ids, 5000, "tok_timeout_after_success").await.unwrap();
    assert_eq!(again.status, "unknown", "a repeat asks nobody");
    stage.bench.clock.advance(TimeDelta::seconds(5));
    stage.until(ids.payment, "authorised").await;

    let capture = stage.operation();
    let reply = stage.capture(capture, ids.payment, 3000).await.unwrap();
    assert_eq!((reply.operation_status.as_str(), reply.captured_amount), ("unknown", 0));
    let over = stage.capture(stage.operation(), ids.payment, 2001).await.unwrap_err();
    assert!(over.message().contains("2000"), "the promise counts: {over:?}");
    stage.bench.clock.advance(TimeDelta::seconds(5));
    stage.until(ids.payment, "partially_captured").await;
    let reply = stage.capture(capture, ids.payment, 3000).await.unwrap();
    assert_eq!((reply.operation_status.as_str(), amounts(&reply)), ("success", (5000, 3000, 0, 0)));
    assert_eq!(stage.provider_sum("select sum(amount)::int8 from movement").await, 3000);
    assert_eq!(stage.provider_sum("select count(*) from movement").await, 1);
    assert_eq!(stage.breaches().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_capture_that_never_arrived_is_sent_again_under_the_same_id() {
    let stage = Stage::open().await;
    let payment = stage.authorised(5000, "tok_success").await;
    let capture = stage.operation();
    // As a process leaves it that dies between recording and sending.
    stage.capture(capture, payment, 1000).await.unwrap();
    sqlx::raw_sql(
        "delete from entry where journal_id in (select id from journal where kind = 'capture'); delete from journal where kind = 'capture';
         update operation set status = 'init', provider_sequence = 0, provider_reference = null where kind = 'capture';
         update payment set captured_amount = 0, capture_pending_amount = 1000, status = 'authorised'",
    )
    .execute(&mut stage.bench.superuser().await)
    .await
    .unwrap();
    sqlx::raw_sql("delete from movement; update authorisation set captured_amount = 0")
        .execute(&mut stage.sandbox.superuser().await)
        .await
        .unwrap();
    stage.ask_in_five_seconds(capture).await;
    stage.bench.clock.advance(TimeDelta::seconds(6));
    let reply = stage.until(payment, "partially_captured").await;
    assert_eq!(amounts(&reply), (5000, 1000, 0, 0));
    assert_eq!(stage.provider_sum("select count(*) from movement").await, 1);
    assert_eq!(stage.breaches().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pending_authorisation_succeeds_later() {
    let stage = Stage::open().await;
    let ids = stage.ids();
    let reply = stage.authorise(ids, 5000, "tok_delay").await.unwrap();
    assert_eq!((reply.status.as_str(), reply.operation_status.as_str()), ("pending", "pending"));
    stage.bench.clock.advance(TimeDelta::seconds(3));
    stage.until(ids.payment, "authorised").await;
    let reply = stage.capture(stage.operation(), ids.payment, 5000).await.unwrap();
    assert_eq!(reply.operation_status, "pending");
    stage.bench.clock.advance(TimeDelta::seconds(3));
    stage.until(ids.payment, "captured").await;
    assert_eq!(stage.breaches().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_payer_passes_the_issuers_check_and_comes_back() {
    let stage = Stage::open().await;
    for (outcome, status) in [("approve", "authorised"), ("decline", "failed")] {
        let ids = stage.ids();
        let reply = stage.authorise(ids, 123_456, "tok_3ds").await.unwrap();
        assert_eq!(reply.status, "action_required");
        let url = reply.action.unwrap().url;
        let browser = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let page = browser.get(&url).send().await.unwrap().text().await.unwrap();
        assert!(page.contains("1234.56 INR"), "{page}");
        let answered = browser.post(format!("{url}&outcome={outcome}")).send().await.unwrap();
        let back = answered.headers()["location"].to_str().unwrap().to_owned();
        assert!(back.starts_with(&format!("{}/v1/payments/return/{}", stage.public_url, ids.payment)), "{back}");
        let home = browser.get(&back).send().await.unwrap();
        let expected = format!(
            "https://shop.example/thanks?step=2&checkout_id={}&payment_id={}&payment_status={status}",
            ids.checkout, ids.payment
        );
        assert_eq!(home.headers()["location"].to_str().unwrap(), expected);
        let reply = stage.payment(ids.payment).await;
        assert_eq!((reply.status.as_str(), reply.action), (status, None));
        // Coming back twice, or with a stranger's connection, changes nothing.
        assert_eq!(browser.get(&back).send().await.unwrap().status(), 303);
        let forged = back.replace(&stage.connection, "conn_01jd6zv4x8e5yag7k3m2n9p0qr");
        assert_eq!(browser.get(&forged).send().await.unwrap().status(), 404);
    }
    assert_eq!(stage.breaches().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payer_goes_back_to_an_address_of_the_web_and_to_none_else() {
    let stage = Stage::open().await;
    let back = async |url: &str| {
        let ids = stage.ids();
        stage.authorise_back(ids, 1000, ("tok_success", ""), url).await.map(|_| ids)
    };
    for (url, code) in [
        ("javascript:alert(1)", "scheme"),
        ("ftp://shop.example/", "scheme"),
        ("//shop.example/", "scheme"),
        ("thanks", "scheme"),
        ("https://shop.example:port/", "url"),
        ("https://sh op.example/", "url"),
        ("https:shop.example", "scheme"),
        ("https://", "host"),
        ("https:///thanks", "host"),
        ("https://\\thanks", "host"),
        ("https://shop.example@evil.example/", "user_info"),
        ("https://asha:secret@shop.example/", "user_info"),
        ("https://shop.example/\r\nset-cookie: a=b", "character"),
        ("https://shop.example/\u{7f}", "character"),
        ("https://shöp.example/", "character"),
        (&format!("https://shop.example/{}", "x".repeat(2_048)), "length"),
    ] {
        let fault = bloom_fault::Fault::from(back(url).await.unwrap_err());
        let error = &fault.errors[0];
        assert_eq!((error.pointer.as_str(), error.code.as_ref()), ("/return_url", code), "{url}");
    }
    let browser = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    for (url, before, after) in [
        ("https://shop.example/thanks", "https://shop.example/thanks?", ""),
        ("HTTPS://shop.example/thanks?step=a%20b#top", "https://shop.example/thanks?step=a%20b&", "#top"),
        ("https://shop.example#/thanks?a=b", "https://shop.example/?", "#/thanks?a=b"),
        ("http://localhost:3000/", "http://localhost:3000/?", ""),
    ] {
        let Ids { payment, checkout, .. } = back(url).await.unwrap();
        let path = format!("{}/v1/payments/return/{payment}?connection={}", stage.public_url, stage.connection);
        let home = browser.get(path).send().await.unwrap();
        let expected = format!("{before}checkout_id={checkout}&payment_id={payment}&payment_status=authorised{after}");
        assert_eq!(home.headers()["location"].to_str().unwrap(), expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payer_who_does_not_come_is_not_waited_for() {
    let stage = Stage::open().await;
    let ids = stage.ids();
    stage.authorise(ids, 5000, "tok_3ds").await.unwrap();
    stage.bench.clock.advance(TimeDelta::minutes(16));
    let reply = stage.until(ids.payment, "failed").await;
    assert_eq!(reply.failure.unwrap().code, "expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_away_fails_payments_and_keeps_captures_open() {
    let stage = Stage::open().await;
    let payment = stage.authorised(5000, "tok_success").await;
    stage.sandbox.host.shutdown.cancel();
    eventually("the provider is away", async || {
        !stage.authorise(stage.ids(), 100, "tok_success").await.is_ok_and(|reply| reply.status == "authorised")
    })
    .await;
    let reply = stage.authorise(stage.ids(), 5000, "tok_success").await.unwrap();
    assert_eq!((reply.status.as_str(), reply.failure.unwrap().code.as_str()), ("failed", "provider_error"));
    let capture = stage.operation();
    let reply = stage.capture(capture, payment, 5000).await.unwrap();
    assert_eq!((reply.operation_status.as_str(), reply.captured_amount), ("unknown", 0));
    let mut refused = None;
    for _ in 0..6 {
        refused = stage.authorise(stage.ids(), 5000, "tok_success").await.err();
    }
    assert_eq!(refused.expect("the breaker is open").code(), tonic::Code::Unavailable);
    // A repeat is answered all the same.
    let reply = stage.capture(capture, payment, 5000).await.unwrap();
    assert_eq!(reply.operation_status, "unknown");
    assert_eq!(stage.breaches().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authorisation_that_got_lost_fails_after_half_a_minute() {
    let stage = Stage::open().await;
    let payment = stage.authorised(5000, "tok_success").await;
    // As if the request had never reached the provider.
    sqlx::raw_sql("delete from authorisation").execute(&mut stage.sandbox.superuser().await).await.unwrap();
    sqlx::raw_sql(
        "delete from entry; delete from journal; update payment set status = 'unknown', authorised_amount = 0;
         update operation set status = 'unknown', provider_sequence = 0",
    )
    .execute(&mut stage.bench.superuser().await)
    .await
    .unwrap();
    stage.ask_in_five_seconds(stage.operations(payment).await[0]["id"].as_str().unwrap().parse().unwrap()).await;
    stage.quiet(payment).await;
    let reply = stage.until(payment, "failed").await;
    assert_eq!(reply.failure.unwrap().code, "provider_error");
}
