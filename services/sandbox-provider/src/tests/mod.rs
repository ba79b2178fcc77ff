//! The provider by itself, through its own door.

use bloom_events::Bus;
use bloom_testkit::{Answer, TestClient, TestEnv, TestRequest, test_env};
use futures::future::join_all;
use serde_json::{Value, json};

use crate::Config;
use crate::domain::{Kind, MovementKind, Plan, Status, Token};

const KEY: &str = "sbx_0123456789abcdefghij";

struct Stage {
    bench: TestEnv,
    door: TestClient,
}

impl Stage {
    async fn open() -> Self {
        let bench = test_env(crate::NAME, &crate::MIGRATIONS).await;
        let config = Config { public_url: Some("http://provider.test/sandbox".to_owned()), stall_ms: 50 };
        let door = bench.open(|host, db| crate::service(&config, host, db, Bus::in_process())).await;
        Self { bench, door }
    }

    fn ask(&self, method: &str, path: &str) -> TestRequest<'_> {
        self.door.ask(method, path).anonymous().header("authorization", &format!("Bearer {KEY}"))
    }

    async fn authorise(&self, key: &str, amount: i64, token: &str) -> Answer {
        let body = json!({ "amount": amount, "currency": "INR", "token": token, "return_url": "https://shop.example/back" });
        self.ask("POST", "/v1/authorisations").key(key).json(&body).send().await
    }

    async fn draw(&self, what: &str, key: &str, authorisation: &str, amount: i64) -> Answer {
        let body = json!({ "authorisation": authorisation, "amount": amount });
        self.ask("POST", &format!("/v1/{what}")).key(key).json(&body).send().await
    }

    async fn fetch(&self, path: &str) -> Value {
        self.ask("GET", path).send().await.expect(200).json
    }

    async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&mut self.bench.superuser().await).await.unwrap()
    }
}

#[tokio::test]
async fn a_key_makes_one_object_however_often_it_is_sent() {
    let stage = Stage::open().await;
    let answers = join_all((0..10).map(|_| stage.authorise("k1", 500, "tok_success"))).await;
    for answer in &answers {
        assert_eq!((answer.status, &answer.json), (201, &answers[0].json));
    }
    assert_eq!(stage.count("select count(*) from authorisation").await, 1);
    assert_eq!(stage.authorise("k1", 501, "tok_success").await.expect(422).code(), "idempotency_key_reused");
    let id = answers[0].id();
    let drawn = join_all((0..10).map(|_| stage.draw("captures", "k2", &id, 100))).await;
    assert!(drawn.iter().all(|answer| answer.status == 201 && answer.json == drawn[0].json), "{drawn:?}");
    assert_eq!(stage.draw("captures", "k2", &id, 101).await.expect(422).code(), "idempotency_key_reused");
    assert_eq!(stage.fetch(&format!("/v1/authorisations/{id}")).await["captured_amount"], 100);
    let unkeyed = json!({ "authorisation": id, "amount": 1 });
    let refused = stage.ask("POST", "/v1/captures").json(&unkeyed).send().await.expect(400);
    assert_eq!(refused.code(), "idempotency_key_required");
}

#[tokio::test]
async fn amounts_are_guarded_and_asking_finds_what_was_made() {
    let stage = Stage::open().await;
    let id = stage.authorise("k1", 500, "tok_success").await.expect(201).id();
    assert_eq!(stage.draw("captures", "c1", &id, 501).await.expect(422).code(), "amount_too_large");
    assert_eq!(stage.draw("captures", "c1", &id, 300).await.expect(201).json["status"], "succeeded");
    assert_eq!(stage.draw("voids", "v1", &id, 201).await.expect(422).code(), "amount_too_large");
    assert_eq!(stage.draw("voids", "v1", &id, 200).await.expect(201).json["object"], "void");
    assert_eq!(stage.draw("refunds", "r1", &id, 301).await.expect(422).code(), "amount_too_large");
    let refund = stage.draw("refunds", "r1", &id, 300).await.expect(201);
    assert_eq!(stage.draw("captures", "c2", &id, 0).await.expect(400).code(), "invalid_request");
    let declined = stage.authorise("k2", 500, "tok_decline").await.expect(201);
    assert_eq!(
        (declined.json["status"].as_str(), declined.json["failure_code"].as_str()),
        (Some("failed"), Some("card_declined"))
    );
    assert_eq!(stage.draw("captures", "c3", &declined.id(), 1).await.expect(422).code(), "not_authorised");

    assert_eq!(stage.fetch("/v1/refunds?idempotency_key=r1").await["data"][0], refund.json);
    assert_eq!(stage.fetch(&format!("/v1/refunds/{}", refund.id())).await, refund.json);
    assert_eq!(stage.fetch("/v1/captures?idempotency_key=r1").await["data"], json!([]));
    assert_eq!(stage.fetch("/v1/authorisations?idempotency_key=never").await["data"], json!([]));
    let _ = stage.ask("GET", &format!("/v1/captures/{}", refund.id())).send().await.expect(404);
    let _ = stage.ask("GET", "/v1/gifts/x").send().await.expect(404);
}

#[tokio::test]
async fn an_account_is_its_key() {
    let stage = Stage::open().await;
    let id = stage.authorise("k1", 500, "tok_success").await.expect(201).id();
    let path = format!("/v1/authorisations/{id}");
    let _ = stage.door.get(&path).anonymous().send().await.expect(401);
    let _ = stage.door.get(&path).anonymous().header("authorization", "Bearer short").send().await.expect(401);
    let stranger = stage.door.get(&path).anonymous().header("authorization", "Bearer sbx_anotherkeyaltogether");
    let _ = stranger.send().await.expect(404);
    for (body, status) in [
        (json!({ "amount": 5, "currency": "INR", "token": "4242424242424242" }), 400),
        (json!({ "amount": 5, "currency": "XXX", "token": "tok_success" }), 400),
        (json!({ "amount": 0, "currency": "INR", "token": "tok_success" }), 400),
        (json!({ "amount": 5, "currency": "INR", "token": "tok_success", "colour": "red" }), 400),
    ] {
        let _ = stage.ask("POST", "/v1/authorisations").key("k9").json(&body).send().await.expect(status);
    }
}

#[tokio::test]
async fn the_issuers_page_asks_once() {
    let stage = Stage::open().await;
    let made = stage.authorise("k1", 123_456, "tok_3ds").await.expect(201);
    let url = made.json["action_url"].as_str().unwrap().to_owned();
    let path = url.strip_prefix("http://provider.test").unwrap();
    let page = stage.door.get(path).anonymous().send().await.expect(200);
    assert!(page.text.contains("1234.56 INR"), "{}", page.text);
    let approved = stage.door.post(&format!("{path}&outcome=approve")).anonymous().send().await.expect(303);
    assert_eq!(approved.header("location"), "https://shop.example/back");
    // Answered once, it stays so.
    let _ = stage.door.post(&format!("{path}&outcome=decline")).anonymous().send().await.expect(303);
    let known = stage.fetch(&format!("/v1/authorisations/{}", made.id())).await;
    assert_eq!(
        (known["status"].as_str(), known["sequence"].as_i64(), &known["action_url"]),
        (Some("succeeded"), Some(2), &Value::Null)
    );
    let _ = stage.door.post(&format!("{path}&outcome=perhaps")).anonymous().send().await.expect(400);
    let elsewhere = format!("/sandbox/3ds/{}?account={}", made.id(), stage.bench.other_tenant);
    let _ = stage.door.get(&elsewhere).anonymous().send().await.expect(404);
}

#[tokio::test]
async fn a_late_answer_is_true_all_the_same() {
    let stage = Stage::open().await;
    let start = tokio::time::Instant::now();
    let made = stage.authorise("k1", 500, "tok_timeout_after_success").await.expect(201);
    assert!(std::time::Duration::from_millis(50) <= start.elapsed());
    assert_eq!(made.json["status"], "succeeded");
    let again = tokio::time::Instant::now();
    let _ = stage.authorise("k1", 500, "tok_timeout_after_success").await.expect(201);
    assert!(again.elapsed() < start.elapsed(), "only the first one is late");
}

#[test]
fn every_token_ends_somewhere() {
    let tokens = [
        Token::TokSuccess,
        Token::TokDecline,
        Token::Tok3ds,
        Token::TokDelay,
        Token::TokTimeoutAfterSuccess,
        Token::TokWebhookFirst,
        Token::TokDuplicateWebhook,
        Token::TokReorderedWebhook,
    ];
    for token in tokens {
        let word = serde_json::to_value(token).unwrap();
        assert_eq!(word, token.as_str());
        for kind in [Kind::Authorisation, Kind::Movement(MovementKind::Capture)] {
            let plan = Plan::of(token, kind);
            let open = matches!(plan.stored.0, Status::Pending | Status::RequiresAction);
            assert_eq!(open, plan.settles_after.is_some() || plan.expires_after.is_some(), "{token:?} {kind:?}");
            // Whoever sees a reply or a notice that is not the last word learns the last word from a later one.
            for (_, sequence) in
                [plan.replied].into_iter().chain(plan.notices.iter().map(|telling| (telling.status, telling.sequence)))
            {
                assert!(sequence <= plan.stored.1);
            }
        }
    }
}

#[test]
fn ids_tell_their_kind() {
    let id = uuid::Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001);
    for kind in [Kind::Authorisation, Kind::Movement(MovementKind::Void), Kind::Movement(MovementKind::Refund)] {
        assert_eq!(Kind::parse(&kind.id(id)), Some((kind, id)));
    }
    for text in ["", "auth_", "auth_zz", "card_0190", "cap-01900000000070008000000000000001"] {
        assert_eq!(Kind::parse(text), None, "{text}");
    }
}
