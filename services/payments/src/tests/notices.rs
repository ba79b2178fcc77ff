//! Providers' notices: forged, repeated, out of order.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use super::{Stage, eventually};

const SECRET: &str = "a-secret-of-the-test-provider";

/// A notice as the provider would send it, if it shared this secret.
struct Forge<'s> {
    stage: &'s Stage,
    secret: &'s [u8],
    id: &'s str,
    skew_s: i64,
}

impl Forge<'_> {
    async fn send(&self, connection: &str, body: &Value) -> (u16, Value) {
        let timestamp = self.stage.bench.clock.time().timestamp() + self.skew_s;
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret).unwrap();
        mac.update(format!("{}.{timestamp}.{body}", self.id).as_bytes());
        let signature = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        let answer = self
            .stage
            .door
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

impl Stage {
    /// The provider sends all its notices once more.
    pub(super) async fn resend_notices(&self) {
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
            let forge = Forge { stage: self, secret: &secret, id, skew_s: 0 };
            assert_eq!(forge.send(&self.connection, &body).await.0, 200);
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

async fn with_secret(stage: &Stage) -> String {
    let connection = json!({ "provider": "sandbox", "is_default": true, "name": "second", "webhook_secret": SECRET });
    stage.connect(connection).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_notice_changes_nothing() {
    let stage = Stage::open().await;
    let connection = with_secret(&stage).await;
    let ids = stage.ids();
    stage.authorise(ids, 1000, "tok_3ds").await.unwrap();
    let body = about("evt_1", ids.operation, "succeeded", 9);
    let good = Forge { stage: &stage, secret: SECRET.as_bytes(), id: "evt_1", skew_s: 0 };

    let (status, problem) = Forge { secret: b"guessed", ..good }.send(&connection, &body).await;
    assert_eq!((status, problem["code"].as_str().unwrap()), (401, "webhook_signature_invalid"));
    for skew_s in [-301, 301] {
        let (status, problem) = Forge { skew_s, ..good }.send(&connection, &body).await;
        assert_eq!((status, problem["code"].as_str().unwrap()), (400, "webhook_timestamp_stale"));
    }
    // Signed for another connection, or for none that there is.
    assert_eq!(good.send(&stage.connection, &body).await.0, 401);
    assert_eq!(good.send("conn_01jd6zv4x8e5yag7k3m2n9p0qr", &body).await.0, 404);
    assert_eq!(good.send("nonsense", &body).await.0, 404);
    let unsigned = stage.door.post(&format!("/v1/payments/webhooks/{connection}")).anonymous().raw("application/json", "{}");
    assert_eq!(unsigned.send().await.expect(401).code(), "webhook_signature_missing");
    // Genuine, but about something else, or not to be read.
    assert_eq!(good.send(&connection, &json!({ "id": "evt_1", "data": {} })).await.0, 400);
    assert_eq!(good.send(&connection, &about("evt_2", ids.operation, "succeeded", 9)).await.0, 400);
    assert_eq!(stage.payment(ids.payment).await.status, "action_required");
    assert!(stage.journal(ids.payment).await.is_empty());

    assert_eq!(good.send(&connection, &body).await.0, 200);
    assert_eq!(stage.payment(ids.payment).await.status, "authorised");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_of_one_connection_settles_no_payment_of_another() {
    let stage = Stage::open().await;
    let ids = stage.ids();
    stage.authorise(ids, 1000, "tok_3ds").await.unwrap();
    let before = stage.payment(ids.payment).await;
    let other = with_secret(&stage).await;
    let forge = Forge { stage: &stage, secret: SECRET.as_bytes(), id: "evt_1", skew_s: 0 };
    let unknown = Forge { id: "evt_2", ..forge }.send(&other, &about("evt_2", stage.operation(), "succeeded", 9)).await;
    assert_eq!(forge.send(&other, &about("evt_1", ids.operation, "succeeded", 9)).await, unknown);
    assert_eq!(stage.payment(ids.payment).await, before);
    assert!(stage.journal(ids.payment).await.is_empty());
    let refusals: Vec<String> = sqlx::query_scalar("select refusal from provider_event where refusal is not null")
        .fetch_all(&mut stage.bench.superuser().await)
        .await
        .unwrap();
    assert_eq!((refusals.len(), &refusals[0]), (2, &refusals[1]), "noted as what nobody knows");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_id_of_a_notice_has_1_to_255_printable_characters() {
    let stage = Stage::open().await;
    let connection = with_secret(&stage).await;
    let ids = stage.ids();
    stage.authorise(ids, 1000, "tok_3ds").await.unwrap();
    for id in [String::new(), "e".repeat(256), "e".repeat(6_000), "e\tvt".to_owned()] {
        let forge = Forge { stage: &stage, secret: SECRET.as_bytes(), id: &id, skew_s: 0 };
        let (status, problem) = forge.send(&connection, &about(&id, ids.operation, "succeeded", 9)).await;
        assert_eq!((status, problem["code"].as_str().unwrap()), (400, "webhook_malformed"), "{}", id.len());
    }
    assert_eq!(stage.payment(ids.payment).await.status, "action_required");
    let id = "e".repeat(255);
    let forge = Forge { stage: &stage, secret: SECRET.as_bytes(), id: &id, skew_s: 0 };
    assert_eq!(forge.send(&connection, &about(&id, ids.operation, "succeeded", 9)).await.0, 200);
    assert_eq!(stage.payment(ids.payment).await.status, "authorised");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outcome_counts_whatever_characters_its_words_have() {
    let stage = Stage::open().await;
    let connection = with_secret(&stage).await;
    for (index, (said, kept)) in
        [("no\u{0}thing\r\n left", "nothing left"), ("\u{0}", "The provider gave no reason.")].into_iter().enumerate()
    {
        let ids = stage.ids();
        stage.authorise(ids, 1000, "tok_3ds").await.unwrap();
        let id = format!("evt_{index}");
        let mut body = about(&id, ids.operation, "failed", 9);
        body["data"]["failure_code"] = json!("card_declined");
        body["data"]["failure_message"] = json!(said);
        body["data"]["id"] = json!("auth\u{0}_1");
        let forge = Forge { stage: &stage, secret: SECRET.as_bytes(), id: &id, skew_s: 0 };
        assert_eq!(forge.send(&connection, &body).await.0, 200);
        let failed = stage.payment(ids.payment).await;
        assert_eq!((failed.status.as_str(), failed.failure.unwrap().message.as_str()), ("failed", kept));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn notices_are_harmless_in_any_order_and_number() {
    let stage = Stage::open().await;
    let connection = with_secret(&stage).await;
    let ids = stage.ids();
    stage.authorise(ids, 1000, "tok_3ds").await.unwrap();
    let send = async |id: &str, status: &str, sequence: i64| {
        let forge = Forge { stage: &stage, secret: SECRET.as_bytes(), id, skew_s: 0 };
        assert_eq!(forge.send(&connection, &about(id, ids.operation, status, sequence)).await.0, 200);
        stage.payment(ids.payment).await
    };
    assert_eq!(send("e1", "succeeded", 3).await.status, "authorised");
    assert_eq!(send("e1", "succeeded", 3).await.status, "authorised");
    assert_eq!(send("e2", "pending", 2).await.status, "authorised", "an older one");
    assert_eq!(send("e3", "failed", 2).await.status, "authorised", "an older one");
    assert_eq!(send("e4", "succeeded", 4).await.authorised_amount, 1000, "said again");
    let version = stage.payment(ids.payment).await.version;
    assert_eq!(send("e4", "failed", 5).await.version, version, "the id of a notice counts once");
    let reversed = send("e5", "failed", 5).await;
    assert_eq!((reversed.status.as_str(), reversed.authorised_amount), ("failed", 0));
    let journal = stage.journal(ids.payment).await;
    assert_eq!(journal.len(), 2);
    assert_eq!(journal[1]["reverses"], journal[0]["id"]);
    assert_eq!(stage.breaches().await, Vec::<String>::new());
    // Of an operation that nobody knows: taken, noted, without effect.
    let forge = Forge { stage: &stage, secret: SECRET.as_bytes(), id: "e9", skew_s: 0 };
    assert_eq!(forge.send(&connection, &about("e9", "pop_01jd6zv4x8e5yag7k3m2n9p0qr", "succeeded", 1)).await.0, 200);
    let refusals: i64 = sqlx::query_scalar("select count(*) from provider_event where refusal is not null")
        .fetch_one(&mut stage.bench.superuser().await)
        .await
        .unwrap();
    assert_eq!(refusals, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_providers_own_tricks_book_once() {
    let stage = Stage::open().await;
    for token in ["tok_webhook_first", "tok_duplicate_webhook", "tok_reordered_webhook"] {
        let payment = stage.authorised(1000, token).await;
        stage.capture(stage.operation(), payment, 600).await.unwrap();
        stage.quiet(payment).await;
        stage.refund(stage.operation(), payment, 100).await.unwrap();
        stage.quiet(payment).await;
        stage.bench.clock.advance(chrono::TimeDelta::seconds(2));
        let reply = stage.until(payment, "partially_refunded").await;
        assert_eq!((reply.authorised_amount, reply.captured_amount, reply.refunded_amount), (1000, 600, 100), "{token}");
        assert_eq!(stage.journal(payment).await.len(), 3, "{token}");
    }
    let taken = "select count(*) from notice where delivered_at is not null";
    let all = "select count(*) from notice";
    eventually("every notice is taken", async || stage.provider_sum(taken).await == stage.provider_sum(all).await).await;
    stage.resend_notices().await;
    assert_eq!(stage.breaches().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_that_is_not_taken_comes_again() {
    let stage = Stage::open().await;
    let ids = stage.ids();
    stage.authorise(ids, 1000, "tok_delay").await.unwrap();
    sqlx::raw_sql("update endpoint set url = 'http://127.0.0.1:9/'").execute(&mut stage.sandbox.superuser().await).await.unwrap();
    stage.bench.clock.advance(chrono::TimeDelta::seconds(3));
    let failed = "select count(*) from notice where attempts = 1 and last_error is not null";
    eventually("the first attempt has failed", async || 0 < stage.provider_sum(failed).await).await;
    let url = format!("{}/v1/payments/webhooks/{}", stage.public_url, stage.connection);
    sqlx::query("update endpoint set url = $1").bind(url).execute(&mut stage.sandbox.superuser().await).await.unwrap();
    stage.bench.clock.advance(chrono::TimeDelta::seconds(5));
    stage.until(ids.payment, "authorised").await;
}
