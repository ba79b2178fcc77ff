//! Providers' notices: forged, repeated, out of order.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use super::signature::{SignatureError, SignatureHeaders, verify};
use crate::tests::{Fixture, eventually};

const SECRET: &str = "a-secret-of-the-test-provider";

/// Sends notices that are signed with this secret.
struct NoticeSender<'s> {
    fixture: &'s Fixture,
    secret: &'s [u8],
    id: &'s str,
    skew_s: i64,
}

impl NoticeSender<'_> {
    async fn send(&self, connection: &str, body: &Value) -> (u16, Value) {
        let timestamp = self.fixture.env.clock.time().timestamp() + self.skew_s;
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret).unwrap();
        mac.update(format!("{}.{timestamp}.{body}", self.id).as_bytes());
        let signature = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        let answer = self
            .fixture
            .client
            .post(&format!("/v1/payments/webhooks/{connection}"))
            .anonymous()
            .header("webhook-id", self.id)
            .header("webhook-timestamp", &timestamp.to_string())
            .header("webhook-signature", &signature)
            .raw("application/json", body.to_string())
            .send()
            .await;
        (answer.status, answer.json)
    }
}

impl Fixture {
    /// The provider sends all its notices once more.
    pub(crate) async fn resend_notices(&self) {
        let notices: Vec<(String, String)> =
            sqlx::query_as("select 'evt_' || replace(id::text, '-', ''), body from notice order by id")
                .fetch_all(&mut self.sandbox.superuser().await)
                .await
                .unwrap();
        let secret: Vec<u8> = sqlx::query_scalar("select secret from endpoint limit 1")
            .fetch_one(&mut self.sandbox.superuser().await)
            .await
            .unwrap();
        for (id, body) in &notices {
            let body: Value = serde_json::from_str(body).unwrap();
            let sender = NoticeSender { fixture: self, secret: &secret, id, skew_s: 0 };
            assert_eq!(sender.send(&self.connection, &body).await.0, 200);
        }
    }
}

fn about(id: &str, operation: impl std::fmt::Display, status: &str, sequence: i64) -> Value {
    let operation = operation.to_string();
    json!({
        "id": id, "type": format!("authorisation.{status}"),
        "data": { "id": "auth_1", "idempotency_key": operation, "amount": 1000, "status": status, "sequence": sequence },
    })
}

async fn connect_with_secret(fixture: &Fixture) -> String {
    let connection = json!({ "provider": "sandbox", "is_default": true, "name": "second", "webhook_secret": SECRET });
    fixture.connect(connection).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_notice_changes_nothing() {
    let fixture = Fixture::new().await;
    let connection = connect_with_secret(&fixture).await;
    let ids = fixture.ids();
    fixture.authorise(ids, 1000, "tok_3ds").await.unwrap();
    let body = about("evt_1", ids.operation, "succeeded", 9);
    let good = NoticeSender { fixture: &fixture, secret: SECRET.as_bytes(), id: "evt_1", skew_s: 0 };

    let (status, problem) = NoticeSender { secret: b"guessed", ..good }.send(&connection, &body).await;
    assert_eq!((status, problem["code"].as_str().unwrap()), (401, "webhook_signature_invalid"));
    for skew_s in [-301, 301] {
        let (status, problem) = NoticeSender { skew_s, ..good }.send(&connection, &body).await;
        assert_eq!((status, problem["code"].as_str().unwrap()), (400, "webhook_timestamp_stale"));
    }
    // Signed for another connection, or for a connection that does not exist.
    assert_eq!(good.send(&fixture.connection, &body).await.0, 401);
    assert_eq!(good.send("conn_01jd6zv4x8e5yag7k3m2n9p0qr", &body).await.0, 404);
    assert_eq!(good.send("nonsense", &body).await.0, 404);
    let unsigned = fixture.client.post(&format!("/v1/payments/webhooks/{connection}")).anonymous().raw("application/json", "{}");
    assert_eq!(unsigned.send().await.expect(401).code(), "webhook_signature_missing");
    // Signed, but about something else, or unreadable.
    assert_eq!(good.send(&connection, &json!({ "id": "evt_1", "data": {} })).await.0, 400);
    assert_eq!(good.send(&connection, &about("evt_2", ids.operation, "succeeded", 9)).await.0, 400);
    assert_eq!(fixture.payment(ids.payment).await.status.as_str(), "action_required");
    assert!(fixture.journal(ids.payment).await.is_empty());

    assert_eq!(good.send(&connection, &body).await.0, 200);
    assert_eq!(fixture.payment(ids.payment).await.status.as_str(), "authorised");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_settles_no_payment_of_another_connection() {
    let fixture = Fixture::new().await;
    let ids = fixture.ids();
    fixture.authorise(ids, 1000, "tok_3ds").await.unwrap();
    let before = fixture.payment(ids.payment).await;
    let other = connect_with_secret(&fixture).await;
    let sender = NoticeSender { fixture: &fixture, secret: SECRET.as_bytes(), id: "evt_1", skew_s: 0 };
    let unknown = NoticeSender { id: "evt_2", ..sender }.send(&other, &about("evt_2", fixture.operation(), "succeeded", 9)).await;
    assert_eq!(sender.send(&other, &about("evt_1", ids.operation, "succeeded", 9)).await, unknown);
    assert_eq!(fixture.payment(ids.payment).await, before);
    assert!(fixture.journal(ids.payment).await.is_empty());
    let refusals: Vec<String> = sqlx::query_scalar("select refusal from notice where refusal is not null")
        .fetch_all(&mut fixture.env.superuser().await)
        .await
        .unwrap();
    assert_eq!((refusals.len(), &refusals[0]), (2, &refusals[1]), "recorded like an unknown operation");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_id_has_1_to_255_printable_characters() {
    let fixture = Fixture::new().await;
    let connection = connect_with_secret(&fixture).await;
    let ids = fixture.ids();
    fixture.authorise(ids, 1000, "tok_3ds").await.unwrap();
    for id in [String::new(), "e".repeat(256), "e".repeat(6_000), "e\tvt".to_owned()] {
        let sender = NoticeSender { fixture: &fixture, secret: SECRET.as_bytes(), id: &id, skew_s: 0 };
        let (status, problem) = sender.send(&connection, &about(&id, ids.operation, "succeeded", 9)).await;
        assert_eq!((status, problem["code"].as_str().unwrap()), (400, "webhook_malformed"), "{}", id.len());
    }
    assert_eq!(fixture.payment(ids.payment).await.status.as_str(), "action_required");
    let id = "e".repeat(255);
    let sender = NoticeSender { fixture: &fixture, secret: SECRET.as_bytes(), id: &id, skew_s: 0 };
    assert_eq!(sender.send(&connection, &about(&id, ids.operation, "succeeded", 9)).await.0, 200);
    assert_eq!(fixture.payment(ids.payment).await.status.as_str(), "authorised");
}

#[tokio::test(flavor = "multi_thread")]
async fn control_characters_in_a_notice_are_removed() {
    let fixture = Fixture::new().await;
    let connection = connect_with_secret(&fixture).await;
    for (index, (sent, kept)) in
        [("no\u{0}thing\r\n left", "nothing left"), ("\u{0}", "The provider gave no reason.")].into_iter().enumerate()
    {
        let ids = fixture.ids();
        fixture.authorise(ids, 1000, "tok_3ds").await.unwrap();
        let id = format!("evt_{index}");
        let mut body = about(&id, ids.operation, "failed", 9);
        body["data"]["failure_code"] = json!("card_declined");
        body["data"]["failure_message"] = json!(sent);
        body["data"]["id"] = json!("auth\u{0}_1");
        let sender = NoticeSender { fixture: &fixture, secret: SECRET.as_bytes(), id: &id, skew_s: 0 };
        assert_eq!(sender.send(&connection, &body).await.0, 200);
        let failed = fixture.payment(ids.payment).await;
        assert_eq!((failed.status.as_str(), failed.failure.unwrap().message.as_str()), ("failed", kept));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn notices_are_harmless_in_any_order_and_number() {
    let fixture = Fixture::new().await;
    let connection = connect_with_secret(&fixture).await;
    let ids = fixture.ids();
    fixture.authorise(ids, 1000, "tok_3ds").await.unwrap();
    let send = async |id: &str, status: &str, sequence: i64| {
        let sender = NoticeSender { fixture: &fixture, secret: SECRET.as_bytes(), id, skew_s: 0 };
        assert_eq!(sender.send(&connection, &about(id, ids.operation, status, sequence)).await.0, 200);
        fixture.payment(ids.payment).await
    };
    assert_eq!(send("e1", "succeeded", 3).await.status.as_str(), "authorised");
    assert_eq!(send("e1", "succeeded", 3).await.status.as_str(), "authorised");
    assert_eq!(send("e2", "pending", 2).await.status.as_str(), "authorised", "an older one");
    assert_eq!(send("e3", "failed", 2).await.status.as_str(), "authorised", "an older one");
    assert_eq!(send("e4", "succeeded", 4).await.authorised.amount(), 1000, "reported again");
    let version = fixture.payment(ids.payment).await.version;
    assert_eq!(send("e4", "failed", 5).await.version, version, "the id of a notice counts once");
    // Journals are listed by id, which follows the clock.
    fixture.env.clock.advance(chrono::TimeDelta::milliseconds(1));
    let reversed = send("e5", "failed", 5).await;
    assert_eq!((reversed.status.as_str(), reversed.authorised.amount()), ("failed", 0));
    let journal = fixture.journal(ids.payment).await;
    assert_eq!(journal.len(), 2);
    assert_eq!(journal[1]["reverses"], journal[0]["id"]);
    assert_eq!(fixture.breaches().await, Vec::<String>::new());
    // Of an unknown operation: accepted, recorded, without effect.
    let sender = NoticeSender { fixture: &fixture, secret: SECRET.as_bytes(), id: "e9", skew_s: 0 };
    assert_eq!(sender.send(&connection, &about("e9", "pop_01jd6zv4x8e5yag7k3m2n9p0qr", "succeeded", 1)).await.0, 200);
    let refusals: i64 = sqlx::query_scalar("select count(*) from notice where refusal is not null")
        .fetch_one(&mut fixture.env.superuser().await)
        .await
        .unwrap();
    assert_eq!(refusals, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn early_doubled_and_reordered_notices_book_once() {
    let fixture = Fixture::new().await;
    for token in ["tok_webhook_first", "tok_duplicate_webhook", "tok_reordered_webhook"] {
        let payment = fixture.authorised(1000, token).await;
        fixture.capture(fixture.operation(), payment, 600).await.unwrap();
        fixture.until_settled(payment).await;
        fixture.refund(fixture.operation(), payment, 100).await.unwrap();
        fixture.until_settled(payment).await;
        fixture.env.clock.advance(chrono::TimeDelta::seconds(2));
        let reply = fixture.until_status(payment, "partially_refunded").await;
        assert_eq!((reply.authorised.amount(), reply.captured.amount(), reply.refunded.amount()), (1000, 600, 100), "{token}");
        assert_eq!(fixture.journal(payment).await.len(), 3, "{token}");
    }
    let taken = "select count(*) from notice where delivered_at is not null";
    let all = "select count(*) from notice";
    eventually("every notice is taken", async || fixture.provider_sum(taken).await == fixture.provider_sum(all).await).await;
    fixture.resend_notices().await;
    assert_eq!(fixture.breaches().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undelivered_notice_is_delivered_again() {
    let fixture = Fixture::new().await;
    let ids = fixture.ids();
    fixture.authorise(ids, 1000, "tok_delay").await.unwrap();
    sqlx::raw_sql("update endpoint set url = 'http://127.0.0.1:9/'")
        .execute(&mut fixture.sandbox.superuser().await)
        .await
        .unwrap();
    fixture.env.clock.advance(chrono::TimeDelta::seconds(3));
    let failed = "select count(*) from notice where attempts = 1 and last_error is not null";
    eventually("the first attempt has failed", async || 0 < fixture.provider_sum(failed).await).await;
    let url = format!("{}/v1/payments/webhooks/{}", fixture.public_url, fixture.connection);
    sqlx::query("update endpoint set url = $1").bind(url).execute(&mut fixture.sandbox.superuser().await).await.unwrap();
    fixture.env.clock.advance(chrono::TimeDelta::seconds(5));
    fixture.until_status(ids.payment, "authorised").await;
}

#[test]
fn signatures_follow_standard_webhooks() {
    // The example of the Standard Webhooks specification.
    let secret = [
        0x32, 0x9b, 0xc0, 0xed, 0x93, 0x50, 0x09, 0xd5, 0x4e, 0x7e, 0x4a, 0x24, 0x53, 0x88, 0x90, 0x76, 0x5b, 0x93, 0x20, 0x8b,
        0x13, 0x4e, 0x8e, 0x02,
    ];
    let sign = |body: &str| {
        let mut mac = Hmac::<Sha256>::new_from_slice(&secret).unwrap();
        mac.update(format!("msg_1.1614265330.{body}").as_bytes());
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    };
    let signatures = format!("v1,AAAA v1a,zzzz {}", sign("{\"test\": 2432232314}"));
    let headers = SignatureHeaders { id: "msg_1", timestamp: 1_614_265_330, signatures: &signatures };
    let body = b"{\"test\": 2432232314}";
    assert_eq!(verify(&secret, headers, body, 1_614_265_330), Ok(()));
    assert_eq!(verify(&secret, headers, body, 1_614_265_330 + 300), Ok(()));
    assert_eq!(verify(&secret, headers, body, 1_614_265_330 + 301), Err(SignatureError::Stale));
    assert_eq!(verify(&secret, headers, body, 1_614_265_330 - 301), Err(SignatureError::Stale));
    assert_eq!(verify(&secret, headers, b"{}", 1_614_265_330), Err(SignatureError::Mismatch));
    assert_eq!(verify(b"another secret", headers, body, 1_614_265_330), Err(SignatureError::Mismatch));
    let other_id = SignatureHeaders { id: "msg_2", ..headers };
    assert_eq!(verify(&secret, other_id, body, 1_614_265_330), Err(SignatureError::Mismatch));
}
