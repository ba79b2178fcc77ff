//! Snapshots of whole bodies, events and problems. Ids and addresses are shortened: they follow from the order of the tests.

use serde_json::{Value, json};

use super::Fixture;

#[tokio::test(flavor = "multi_thread")]
async fn bodies() {
    let fixture = Fixture::new().await;
    let payment = fixture.authorised(1000, "tok_success").await;
    fixture.env.clock.advance(chrono::TimeDelta::seconds(1));
    fixture.capture(fixture.operation(), payment, 600).await.unwrap();
    fixture.env.clock.advance(chrono::TimeDelta::seconds(1));
    fixture.refund(fixture.operation(), payment, 200).await.unwrap();
    fixture.env.clock.advance(chrono::TimeDelta::seconds(1));
    fixture.void(fixture.operation(), payment).await.unwrap();
    let declined = fixture.ids();
    fixture.authorise(declined, 500, "tok_decline").await.unwrap();
    let waiting = fixture.ids();
    fixture.authorise(waiting, 500, "tok_3ds").await.unwrap();
    let manual = fixture.connect(json!({ "provider": "manual", "name": "Bank transfer" })).await;
    for (name, path) in [
        ("payment", format!("/v1/payments/{payment}")),
        ("payment_declined", format!("/v1/payments/{}", declined.payment)),
        ("payment_action_required", format!("/v1/payments/{}", waiting.payment)),
        ("operations", format!("/v1/payments/{payment}/operations")),
        ("journals", format!("/v1/payments/{payment}/journal")),
        ("connection", format!("/v1/payments/connections/{}", fixture.connection)),
        ("connection_manual", format!("/v1/payments/connections/{manual}")),
    ] {
        let mut body = fixture.client.get(&path).send().await.expect(200).json;
        // Ids that are derived from a random id have no order.
        if name == "operations" {
            body["data"].as_array_mut().unwrap().sort_by_key(|operation| operation["created_at"].as_str().unwrap().to_owned());
        }
        insta::assert_json_snapshot!(name, stable(&fixture, body));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events() {
    let fixture = Fixture::new().await;
    let payment = fixture.authorised(1000, "tok_success").await;
    fixture.capture(fixture.operation(), payment, 1000).await.unwrap();
    let path = format!("/v1/payments/connections/{}", fixture.connection);
    let _ = fixture.client.patch(&path).if_match(1).json(&json!({ "name": "Cards" })).send().await.expect(200);
    let rows: Vec<(String, i64, String, String)> = sqlx::query_as("select kind, version, actor, data from outbox order by seq")
        .fetch_all(&mut fixture.env.superuser().await)
        .await
        .unwrap();
    let event = |(kind, version, actor, data): (String, i64, String, String)| {
        let data: Value = serde_json::from_str(&data).unwrap();
        json!({ "kind": kind, "version": version, "actor": actor, "data": data })
    };
    insta::assert_json_snapshot!("events", stable(&fixture, rows.into_iter().map(event).collect()));
}

#[tokio::test(flavor = "multi_thread")]
async fn problems() {
    let fixture = Fixture::new().await;
    let payment = fixture.authorised(1000, "tok_success").await;
    let of_order = fixture.ids();
    let order = Some(fixture.env.host.id(fixture.env.tenant));
    let request = super::authorise_request(of_order, 1000, "tok_success");
    fixture.send_authorise(bloom_contract_payments::Authorise { order, ..request }).await.unwrap();
    let money = |amount: i64, currency: &str| json!({ "amount": { "amount": amount, "currency": currency } });
    let mut problems = Vec::new();
    for (path, body) in [
        (format!("/v1/payments/{payment}/captures"), money(1001, "INR")),
        (format!("/v1/payments/{payment}/captures"), money(0, "INR")),
        (format!("/v1/payments/{payment}/captures"), money(1, "EUR")),
        (format!("/v1/payments/{payment}/refunds"), money(1, "INR")),
        (format!("/v1/payments/{payment}/voids"), json!({ "reason": "changed my mind" })),
        (format!("/v1/payments/{payment}/confirmations"), json!({ "outcome": "authorised" })),
        (format!("/v1/payments/{}/captures", of_order.payment), money(1, "INR")),
        (format!("/v1/payments/{}/captures", fixture.ids().payment), money(1, "INR")),
        ("/v1/payments/connections".to_owned(), json!({ "provider": "manual", "credentials": "x".repeat(30) })),
        ("/v1/payments/connections".to_owned(), json!({ "provider": "sandbox", "credentials": "short", "name": "" })),
    ] {
        let key = format!("k{}", problems.len());
        let mut problem = fixture.client.post(&path).key(&key).json(&body).send().await.json;
        problem.as_object_mut().unwrap().remove("request_id");
        problems.push(json!({ "request": path, "body": body, "problem": problem }));
    }
    insta::assert_json_snapshot!("problems", stable(&fixture, Value::Array(problems)));
}

/// The value with shortened ids and without the ports of the test.
fn stable(fixture: &Fixture, value: Value) -> Value {
    match value {
        Value::String(text) => {
            let text =
                text.replace(&fixture.notices_url, "http://payments.test").replace(&fixture.sandbox_url, "http://sandbox.test");
            let pieces = text.split_inclusive(|character: char| !character.is_ascii_alphanumeric() && character != '_');
            Value::String(pieces.map(shortened).collect())
        }
        Value::Array(values) => values.into_iter().map(|value| stable(fixture, value)).collect(),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, stable(fixture, value))).collect(),
        other @ (Value::Null | Value::Bool(_) | Value::Number(_)) => other,
    }
}

/// `pay_…` in place of `pay_01jd6zv4x8e5yag7k3m2n9p0qr`.
fn shortened(piece: &str) -> String {
    let word = piece.trim_end_matches(|character: char| !character.is_ascii_alphanumeric() && character != '_');
    match word.rsplit_once('_') {
        Some((prefix, id)) if [26, 32].contains(&id.len()) => format!("{prefix}_…{}", &piece[word.len()..]),
        _ => piece.to_owned(),
    }
}
