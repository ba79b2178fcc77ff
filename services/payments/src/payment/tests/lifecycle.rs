//! Payments from authorisation to refund, with a provider that behaves well and badly.

use std::time::Duration;

use bloom_contract_payments::{Authorise, Payment};
use chrono::TimeDelta;

use crate::tests::{Fixture, Ids, authorise_request, eventually};

fn amounts(payment: &Payment) -> (i64, i64, i64, i64) {
    (payment.authorised.amount(), payment.captured.amount(), payment.voided.amount(), payment.refunded.amount())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_from_authorisation_to_refund() {
    let fixture = Fixture::new().await;
    let ids = fixture.ids();
    let reply = fixture.authorise(ids, 5000, "tok_success").await.unwrap();
    assert_eq!((reply.status.as_str(), reply.operation.unwrap().as_str()), ("authorised", "succeeded"));
    let reply = fixture.capture(fixture.operation(), ids.payment, 2000).await.unwrap();
    assert_eq!(reply.status.as_str(), "partially_captured");
    let reply = fixture.void(fixture.operation(), ids.payment).await.unwrap();
    assert_eq!((reply.status.as_str(), reply.voided.amount()), ("captured", 3000));
    let reply = fixture.refund(fixture.operation(), ids.payment, 500).await.unwrap();
    assert_eq!(reply.status.as_str(), "partially_refunded");
    let reply = fixture.refund(fixture.operation(), ids.payment, 1500).await.unwrap();
    assert_eq!((reply.status.as_str(), amounts(&reply)), ("refunded", (5000, 2000, 3000, 2000)));
    let journal = fixture.journal(ids.payment).await;
    let mut kinds: Vec<_> = journal.iter().map(|journal| journal["kind"].as_str().unwrap()).collect();
    // The clock does not move, so their ids are in no order.
    kinds.sort_unstable();
    assert_eq!(kinds, ["authorise", "capture", "refund", "refund", "void"]);
    assert_eq!(fixture.breaches().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declined_payment_books_nothing() {
    let fixture = Fixture::new().await;
    let ids = fixture.ids();
    let reply = fixture.authorise(ids, 5000, "tok_decline").await.unwrap();
    assert_eq!((reply.status.as_str(), reply.operation.unwrap().as_str()), ("failed", "failed"));
    assert_eq!(reply.failure.unwrap().code.as_str(), "card_declined");
    assert!(fixture.journal(ids.payment).await.is_empty());
    let unknown_token = fixture.authorise(fixture.ids(), 5000, "tok_nonsense").await.unwrap();
    let failure = unknown_token.failure.unwrap();
    assert_eq!(failure.code.as_str(), "provider_error");
    assert!(failure.message.starts_with("The provider does not know this token"), "{}", failure.message);
    assert!(!failure.message.contains("nonsense"), "a token is repeated nowhere: {}", failure.message);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_out_after_success_is_resolved_with_one_effect() {
    let fixture = Fixture::with_timeout(Duration::from_millis(400)).await;
    let ids = fixture.ids();
    let reply = fixture.authorise(ids, 5000, "tok_timeout_after_success").await.unwrap();
    assert_eq!((reply.status.as_str(), reply.operation.unwrap().as_str()), ("unknown", "unknown"));
    let again = fixture.authorise(ids, 5000, "tok_timeout_after_success").await.unwrap();
    assert_eq!(again.status.as_str(), "unknown", "a retry does not call the provider");
    fixture.env.clock.advance(TimeDelta::seconds(5));
    fixture.until_status(ids.payment, "authorised").await;

    let capture = fixture.operation();
    let reply = fixture.capture(capture, ids.payment, 3000).await.unwrap();
    assert_eq!((reply.operation.unwrap().as_str(), reply.captured.amount()), ("unknown", 0));
    let over = fixture.capture(fixture.operation(), ids.payment, 2001).await.unwrap_err();
    assert!(over.detail.contains("2000"), "the reservation counts: {over:?}");
    fixture.env.clock.advance(TimeDelta::seconds(5));
    fixture.until_status(ids.payment, "partially_captured").await;
    let reply = fixture.capture(capture, ids.payment, 3000).await.unwrap();
    assert_eq!((reply.operation.unwrap().as_str(), amounts(&reply)), ("succeeded", (5000, 3000, 0, 0)));
    assert_eq!(fixture.provider_sum("select sum(amount)::int8 from movement").await, 3000);
    assert_eq!(fixture.provider_sum("select count(*) from movement").await, 1);
    assert_eq!(fixture.breaches().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_capture_is_sent_again_under_the_same_id() {
    let fixture = Fixture::new().await;
    let payment = fixture.authorised(5000, "tok_success").await;
    let capture = fixture.operation();
    // The state after a crash between recording and sending.
    fixture.capture(capture, payment, 1000).await.unwrap();
    sqlx::raw_sql(
        "delete from entry where journal_id in (select id from journal where kind = 'capture'); delete from journal where kind = 'capture';
         update operation set status = 'init', provider_sequence = 0, provider_reference = null where kind = 'capture';
         update payment set captured_amount = 0, capture_pending_amount = 1000, status = 'authorised'",
    )
    .execute(&mut fixture.env.superuser().await)
    .await
    .unwrap();
    sqlx::raw_sql("delete from movement; update authorisation set captured_amount = 0")
        .execute(&mut fixture.sandbox.superuser().await)
        .await
        .unwrap();
    fixture.schedule_query(capture).await;
    fixture.env.clock.advance(TimeDelta::seconds(6));
    let reply = fixture.until_status(payment, "partially_captured").await;
    assert_eq!(amounts(&reply), (5000, 1000, 0, 0));
    assert_eq!(fixture.provider_sum("select count(*) from movement").await, 1);
    assert_eq!(fixture.breaches().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pending_authorisation_succeeds_later() {
    let fixture = Fixture::new().await;
    let ids = fixture.ids();
    let reply = fixture.authorise(ids, 5000, "tok_delay").await.unwrap();
    assert_eq!((reply.status.as_str(), reply.operation.unwrap().as_str()), ("pending", "pending"));
    fixture.env.clock.advance(TimeDelta::seconds(3));
    fixture.until_status(ids.payment, "authorised").await;
    let reply = fixture.capture(fixture.operation(), ids.payment, 5000).await.unwrap();
    assert_eq!(reply.operation.unwrap().as_str(), "pending");
    fixture.env.clock.advance(TimeDelta::seconds(3));
    fixture.until_status(ids.payment, "captured").await;
    assert_eq!(fixture.breaches().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payer_passes_the_issuers_check_and_returns() {
    let fixture = Fixture::new().await;
    for (outcome, status) in [("approve", "authorised"), ("decline", "failed")] {
        let ids = fixture.ids();
        let reply = fixture.authorise(ids, 123_456, "tok_3ds").await.unwrap();
        assert_eq!(reply.status.as_str(), "action_required");
        let url = reply.action.unwrap().url;
        let browser = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let page = browser.get(&url).send().await.unwrap().text().await.unwrap();
        assert!(page.contains("1234.56 INR"), "{page}");
        let answered = browser.post(format!("{url}&outcome={outcome}")).send().await.unwrap();
        let back = answered.headers()["location"].to_str().unwrap().to_owned();
        assert!(back.starts_with(&format!("{}/v1/payments/return/{}", fixture.public_url, ids.payment)), "{back}");
        let home = browser.get(&back).send().await.unwrap();
        let expected = format!(
            "https://shop.example/thanks?step=2&checkout_id={}&payment_id={}&payment_status={status}",
            ids.checkout, ids.payment
        );
        assert_eq!(home.headers()["location"].to_str().unwrap(), expected);
        let reply = fixture.payment(ids.payment).await;
        assert_eq!((reply.status.as_str(), reply.action), (status, None));
        // A second return, or one with an unknown connection, changes nothing.
        assert_eq!(browser.get(&back).send().await.unwrap().status(), 303);
        let forged = back.replace(&fixture.connection, "conn_01jd6zv4x8e5yag7k3m2n9p0qr");
        assert_eq!(browser.get(&forged).send().await.unwrap().status(), 404);
    }
    assert_eq!(fixture.breaches().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_return_url_is_a_plain_web_address() {
    let fixture = Fixture::new().await;
    let back = async |url: &str| {
        let ids = fixture.ids();
        let request = authorise_request(ids, 1000, "tok_success");
        fixture.send_authorise(Authorise { return_url: Some(url), ..request }).await.map(|_| ids)
    };
    for (url, code, detail) in [
        ("javascript:alert(1)", "format", "begins with https://"),
        ("ftp://shop.example/", "format", "begins with https://"),
        ("//shop.example/", "format", "begins with https://"),
        ("thanks", "format", "begins with https://"),
        ("https://shop.example:port/", "format", "cannot be read"),
        ("https://sh op.example/", "format", "cannot be read"),
        ("https:shop.example", "format", "begins with https://"),
        ("https://", "format", "names no host"),
        ("https:///thanks", "format", "names no host"),
        ("https://\\thanks", "format", "names no host"),
        ("https://shop.example@evil.example/", "format", "a user name or a password"),
        ("https://asha:secret@shop.example/", "format", "a user name or a password"),
        ("https://shop.example/\r\nset-cookie: a=b", "pattern", "ASCII"),
        ("https://shop.example/\u{7f}", "pattern", "ASCII"),
        ("https://shöp.example/", "pattern", "ASCII"),
        (&format!("https://shop.example/{}", "x".repeat(2_048)), "length", "1 to 2048"),
    ] {
        let fault = back(url).await.unwrap_err();
        let error = &fault.errors[0];
        assert_eq!((error.pointer.as_str(), error.code.as_ref()), ("/return_url", code), "{url}");
        assert!(error.message.contains(detail), "{url}: {}", error.message);
    }
    let browser = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    for (url, before, after) in [
        ("https://shop.example/thanks", "https://shop.example/thanks?", ""),
        ("HTTPS://shop.example/thanks?step=a%20b#top", "https://shop.example/thanks?step=a%20b&", "#top"),
        ("https://shop.example#/thanks?a=b", "https://shop.example/?", "#/thanks?a=b"),
        ("http://localhost:3000/", "http://localhost:3000/?", ""),
    ] {
        let Ids { payment, checkout, .. } = back(url).await.unwrap();
        let path = format!("{}/v1/payments/return/{payment}?connection={}", fixture.public_url, fixture.connection);
        let home = browser.get(path).send().await.unwrap();
        let expected = format!("{before}checkout_id={checkout}&payment_id={payment}&payment_status=authorised{after}");
        assert_eq!(home.headers()["location"].to_str().unwrap(), expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authorisation_expires_without_its_payer() {
    let fixture = Fixture::new().await;
    let ids = fixture.ids();
    fixture.authorise(ids, 5000, "tok_3ds").await.unwrap();
    fixture.env.clock.advance(TimeDelta::minutes(16));
    let reply = fixture.until_status(ids.payment, "failed").await;
    assert_eq!(reply.failure.unwrap().code.as_str(), "expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_provider_fails_authorisations_only() {
    let fixture = Fixture::new().await;
    let payment = fixture.authorised(5000, "tok_success").await;
    fixture.sandbox.host.shutdown.cancel();
    eventually("the provider is unreachable", async || {
        !fixture.authorise(fixture.ids(), 100, "tok_success").await.is_ok_and(|reply| reply.status.as_str() == "authorised")
    })
    .await;
    let reply = fixture.authorise(fixture.ids(), 5000, "tok_success").await.unwrap();
    assert_eq!((reply.status.as_str(), reply.failure.unwrap().code.as_str()), ("failed", "provider_error"));
    let capture = fixture.operation();
    let reply = fixture.capture(capture, payment, 5000).await.unwrap();
    assert_eq!((reply.operation.unwrap().as_str(), reply.captured.amount()), ("unknown", 0));
    let mut refused = None;
    for _ in 0..6 {
        refused = fixture.authorise(fixture.ids(), 5000, "tok_success").await.err();
    }
    assert_eq!(refused.expect("the breaker is open").code, bloom_fault::Code::Unavailable);
    // A retry is still answered.
    let reply = fixture.capture(capture, payment, 5000).await.unwrap();
    assert_eq!(reply.operation.unwrap().as_str(), "unknown");
    assert_eq!(fixture.breaches().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_authorisation_fails_after_30_seconds() {
    let fixture = Fixture::new().await;
    let payment = fixture.authorised(5000, "tok_success").await;
    // The state when the request has never reached the provider.
    sqlx::raw_sql("delete from authorisation").execute(&mut fixture.sandbox.superuser().await).await.unwrap();
    sqlx::raw_sql(
        "delete from entry; delete from journal; update payment set status = 'unknown', authorised_amount = 0;
         update operation set status = 'unknown', provider_sequence = 0",
    )
    .execute(&mut fixture.env.superuser().await)
    .await
    .unwrap();
    fixture.schedule_query(fixture.operations(payment).await[0]["id"].as_str().unwrap().parse().unwrap()).await;
    fixture.until_settled(payment).await;
    let reply = fixture.until_status(payment, "failed").await;
    assert_eq!(reply.failure.unwrap().code.as_str(), "provider_error");
}
