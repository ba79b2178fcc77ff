//! The provider through its HTTP API.

use bloom_events::Bus;
use bloom_testkit::{Answer, TestClient, TestEnv, TestRequest, test_env};
use futures::future::join_all;
use serde_json::{Value, json};

use crate::Config;
use crate::object::{MovementKind, ObjectId, ObjectKind, Status};
use crate::scenario::{Plan, Token};

const KEY: &str = "sbx_0123456789abcdefghij";

struct Fixture {
    env: TestEnv,
    client: TestClient,
}

impl Fixture {
    async fn new() -> Self {
        let env = test_env(crate::NAME, &crate::MIGRATIONS).await;
        let config = Config { public_url: Some("http://provider.test/sandbox".to_owned()), stall_ms: 50 };
        let client = env.open(|host, db| crate::service(&config, host, db, Bus::in_process())).await;
        Self { env, client }
    }

    fn request(&self, method: &str, path: &str) -> TestRequest<'_> {
        self.client.ask(method, path).anonymous().header("authorization", &format!("Bearer {KEY}"))
    }

    async fn authorise(&self, key: &str, amount: i64, token: &str) -> Answer {
        let body = json!({ "amount": amount, "currency": "INR", "token": token, "return_url": "https://shop.example/back" });
        self.request("POST", "/v1/authorisations").key(key).json(&body).send().await
    }

    async fn move_money(&self, what: &str, key: &str, authorisation: &str, amount: i64) -> Answer {
        let body = json!({ "authorisation": authorisation, "amount": amount });
        self.request("POST", &format!("/v1/{what}")).key(key).json(&body).send().await
    }

    async fn fetch(&self, path: &str) -> Value {
        self.request("GET", path).send().await.expect(200).json
    }

    async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&mut self.env.superuser().await).await.unwrap()
    }
}

#[tokio::test]
async fn an_idempotency_key_creates_one_object() {
    let fixture = Fixture::new().await;
    let answers = join_all((0..10).map(|_| fixture.authorise("k1", 500, "tok_success"))).await;
    for answer in &answers {
        assert_eq!((answer.status, &answer.json), (201, &answers[0].json));
    }
    assert_eq!(fixture.count("select count(*) from authorisation").await, 1);
    assert_eq!(fixture.authorise("k1", 501, "tok_success").await.expect(422).code(), "idempotency_key_reused");
    let id = answers[0].id();
    let drawn = join_all((0..10).map(|_| fixture.move_money("captures", "k2", &id, 100))).await;
    assert!(drawn.iter().all(|answer| answer.status == 201 && answer.json == drawn[0].json), "{drawn:?}");
    assert_eq!(fixture.move_money("captures", "k2", &id, 101).await.expect(422).code(), "idempotency_key_reused");
    assert_eq!(fixture.fetch(&format!("/v1/authorisations/{id}")).await["captured_amount"], 100);
    let unkeyed = json!({ "authorisation": id, "amount": 1 });
    let refused = fixture.request("POST", "/v1/captures").json(&unkeyed).send().await.expect(400);
    assert_eq!(refused.code(), "idempotency_key_required");
}

#[tokio::test]
async fn amounts_are_guarded_and_objects_are_found_by_key() {
    let fixture = Fixture::new().await;
    let id = fixture.authorise("k1", 500, "tok_success").await.expect(201).id();
    assert_eq!(fixture.move_money("captures", "c1", &id, 501).await.expect(422).code(), "amount_too_large");
    assert_eq!(fixture.move_money("captures", "c1", &id, 300).await.expect(201).json["status"], "succeeded");
    assert_eq!(fixture.move_money("voids", "v1", &id, 201).await.expect(422).code(), "amount_too_large");
    assert_eq!(fixture.move_money("voids", "v1", &id, 200).await.expect(201).json["object"], "void");
    assert_eq!(fixture.move_money("refunds", "r1", &id, 301).await.expect(422).code(), "amount_too_large");
    let refund = fixture.move_money("refunds", "r1", &id, 300).await.expect(201);
    assert_eq!(fixture.move_money("captures", "c2", &id, 0).await.expect(400).code(), "invalid_request");
    let declined = fixture.authorise("k2", 500, "tok_decline").await.expect(201);
    assert_eq!(
        (declined.json["status"].as_str(), declined.json["failure_code"].as_str()),
        (Some("failed"), Some("card_declined"))
    );
    assert_eq!(fixture.move_money("captures", "c3", &declined.id(), 1).await.expect(422).code(), "not_authorised");

    assert_eq!(fixture.fetch("/v1/refunds?idempotency_key=r1").await["data"][0], refund.json);
    assert_eq!(fixture.fetch(&format!("/v1/refunds/{}", refund.id())).await, refund.json);
    assert_eq!(fixture.fetch("/v1/captures?idempotency_key=r1").await["data"], json!([]));
    assert_eq!(fixture.fetch("/v1/authorisations?idempotency_key=never").await["data"], json!([]));
    let _ = fixture.request("GET", &format!("/v1/captures/{}", refund.id())).send().await.expect(404);
    let _ = fixture.request("GET", "/v1/gifts/x").send().await.expect(404);
}

#[tokio::test]
async fn an_account_is_identified_by_its_key() {
    let fixture = Fixture::new().await;
    let id = fixture.authorise("k1", 500, "tok_success").await.expect(201).id();
    let path = format!("/v1/authorisations/{id}");
    let _ = fixture.client.get(&path).anonymous().send().await.expect(401);
    let _ = fixture.client.get(&path).anonymous().header("authorization", "Bearer short").send().await.expect(401);
    let other = fixture.client.get(&path).anonymous().header("authorization", "Bearer sbx_anotherkeyaltogether");
    let _ = other.send().await.expect(404);
    for (body, status) in [
        (json!({ "amount": 5, "currency": "INR", "token": "4242424242424242" }), 400),
        (json!({ "amount": 5, "currency": "XXX", "token": "tok_success" }), 400),
        (json!({ "amount": 0, "currency": "INR", "token": "tok_success" }), 400),
        (json!({ "amount": 5, "currency": "INR", "token": "tok_success", "colour": "red" }), 400),
    ] {
        let _ = fixture.request("POST", "/v1/authorisations").key("k9").json(&body).send().await.expect(status);
    }
}

#[tokio::test]
async fn the_issuers_page_accepts_one_answer() {
    let fixture = Fixture::new().await;
    let made = fixture.authorise("k1", 123_456, "tok_3ds").await.expect(201);
    let url = made.json["action_url"].as_str().unwrap().to_owned();
    let path = url.strip_prefix("http://provider.test").unwrap();
    let page = fixture.client.get(path).anonymous().send().await.expect(200);
    assert!(page.text.contains("1234.56 INR"), "{}", page.text);
    let approved = fixture.client.post(&format!("{path}&outcome=approve")).anonymous().send().await.expect(303);
    assert_eq!(approved.header("location"), "https://shop.example/back");
    // The payer's first answer counts.
    let _ = fixture.client.post(&format!("{path}&outcome=decline")).anonymous().send().await.expect(303);
    let known = fixture.fetch(&format!("/v1/authorisations/{}", made.id())).await;
    assert_eq!(
        (known["status"].as_str(), known["sequence"].as_i64(), &known["action_url"]),
        (Some("succeeded"), Some(2), &Value::Null)
    );
    let _ = fixture.client.post(&format!("{path}&outcome=perhaps")).anonymous().send().await.expect(400);
    let elsewhere = format!("/sandbox/3ds/{}?account={}", made.id(), fixture.env.other_tenant);
    let _ = fixture.client.get(&elsewhere).anonymous().send().await.expect(404);
}

#[tokio::test]
async fn a_late_reply_has_the_same_body() {
    let fixture = Fixture::new().await;
    let start = tokio::time::Instant::now();
    let made = fixture.authorise("k1", 500, "tok_timeout_after_success").await.expect(201);
    assert!(std::time::Duration::from_millis(50) <= start.elapsed());
    assert_eq!(made.json["status"], "succeeded");
    let again = tokio::time::Instant::now();
    let _ = fixture.authorise("k1", 500, "tok_timeout_after_success").await.expect(201);
    assert!(again.elapsed() < start.elapsed(), "only the first reply is late");
}

#[test]
fn every_token_reaches_a_final_status() {
    for token in Token::ALL {
        assert_eq!(Token::parse(token.as_str()), Some(token));
        for kind in [ObjectKind::Authorisation, ObjectKind::Movement(MovementKind::Capture)] {
            let plan = Plan::new(token, kind);
            let open = matches!(plan.stored.0, Status::Pending | Status::RequiresAction);
            assert_eq!(open, plan.settles_after.is_some() || plan.expires_after.is_some(), "{token:?} {kind:?}");
            // No reply or notice reports a later state than the stored one.
            for (_, sequence) in
                [plan.replied].into_iter().chain(plan.notices.iter().map(|planned| (planned.status, planned.sequence)))
            {
                assert!(sequence <= plan.stored.1);
            }
        }
    }
}

#[test]
fn ids_carry_their_kind() {
    let id = uuid::Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001);
    for kind in [ObjectKind::Authorisation, ObjectKind::Movement(MovementKind::Void), ObjectKind::Movement(MovementKind::Refund)]
    {
        let object = ObjectId { kind, id };
        assert_eq!(object.to_string().parse(), Ok(object));
    }
    for text in ["", "auth_", "auth_zz", "card_0190", "cap-01900000000070008000000000000001"] {
        assert!(text.parse::<ObjectId>().is_err(), "{text}");
    }
}
