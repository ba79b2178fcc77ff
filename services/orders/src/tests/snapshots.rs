//! Snapshots of whole bodies, events and problems. Ids are numbered in the order of their appearance.

use std::collections::BTreeMap;

use insta::assert_json_snapshot;
use serde_json::{Value, json};
use sqlx::Row as _;

use super::{Fixture, line, order_path as path};

/// Replaces ids by their kind and a number.
#[derive(Default)]
struct Ids(BTreeMap<String, String>);

impl Ids {
    fn number(&mut self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(text.split('/').map(|part| self.id(part)).collect::<Vec<_>>().join("/")),
            Value::Array(items) => items.into_iter().map(|item| self.number(item)).collect(),
            Value::Object(members) => members.into_iter().map(|(name, member)| (name, self.number(member))).collect(),
            other => other,
        }
    }

    fn id(&mut self, text: &str) -> String {
        let Some((kind, random)) = text.rsplit_once('_') else { return text.to_owned() };
        if kind.is_empty() || !(random.len() == 26 || kind == "req") || !random.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return text.to_owned();
        }
        let next = self.0.keys().filter(|id| id.starts_with(&format!("{kind}_"))).count() + 1;
        self.0.entry(text.to_owned()).or_insert_with(|| format!("{kind}_{next}")).clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_and_events_of_a_purchase() {
    let fixture = Fixture::open().await;
    // An event of the payment may come before or after the reply to a capture, which shows in the timeline.
    fixture.stop_events_of_payments().await;
    let mut ids = Ids::default();
    let guest = fixture.cart(2).await;
    let checkout = fixture.checkout(&guest, "k", "tok_success").send().await.expect(201).json;
    assert_json_snapshot!("checkout", ids.number(checkout.clone()));
    let order = &checkout["order"];
    let captured = fixture.orders.post(&path(order, "/captures")).key("c").json(&json!({})).send().await.expect(201).json;
    assert_json_snapshot!("capture", ids.number(captured));
    let tracking = json!({ "carrier": "India Post", "number": "EX123456789IN" });
    let one = json!({ "lines": [{ "line_id": line(order), "quantity": 1 }], "tracking": tracking });
    let shipped = fixture.orders.post(&path(order, "/fulfilments")).key("f").json(&one).send().await.expect(201).json;
    assert_json_snapshot!("fulfilment", ids.number(shipped));
    let refund = json!({ "lines": [{ "line_id": line(order), "quantity": 1 }], "reason": "late" });
    let refunded = fixture.orders.post(&path(order, "/refunds")).key("r").json(&refund).send().await.expect(201).json;
    assert_json_snapshot!("refund", ids.number(refunded));
    fixture.drain().await;
    assert_json_snapshot!("order", ids.number(fixture.read_order(&order["id"]).await));
    let timeline = fixture.orders.get(&path(order, "/timeline")).send().await.expect(200).json;
    assert_json_snapshot!("timeline", ids.number(timeline));
    let settings = fixture.orders.get("/v1/orders/settings").send().await.expect(200).json;
    assert_json_snapshot!("settings", settings);

    let mut conn = fixture.env.superuser().await;
    let rows = sqlx::query("select kind, version, data::text from outbox order by kind, version");
    let rows = rows.fetch_all(&mut conn).await.unwrap();
    let event = |row: &sqlx::postgres::PgRow| {
        let data: Value = serde_json::from_str(&row.get::<String, _>(2)).unwrap();
        json!({ "kind": row.get::<String, _>(0), "version": row.get::<i64, _>(1), "data": data })
    };
    assert_json_snapshot!("events", ids.number(rows.iter().map(event).collect()));
}

#[tokio::test(flavor = "multi_thread")]
async fn problems() {
    let fixture = Fixture::open().await;
    let order = fixture.order(1).await;
    fixture.void_at_payments(&order).await;
    fixture.drain().await;
    let ship = json!({ "shipped": true });
    let too_much = json!({ "amount": { "amount": 1, "currency": "INR" } });
    let both = json!({ "amount": { "amount": 1, "currency": "INR" }, "lines": [{ "line_id": line(&order), "quantity": 1 }] });
    let mut problems = Vec::new();
    for (tail, body) in [
        ("/fulfilments", &ship),
        ("/captures", &json!({})),
        ("/refunds", &too_much),
        ("/refunds", &both),
        ("/refunds", &json!({ "lines": [{ "quantity": 0 }], "surprise": 1 })),
    ] {
        let refused = fixture.orders.post(&path(&order, tail)).key("k").json(body).send().await;
        assert!(400 <= refused.status, "{refused:?}");
        problems.push(refused.json);
    }
    let guest = fixture.cart(1).await;
    problems.push(fixture.checkout(&guest, "d", "tok_decline").send().await.expect(422).json);
    assert_json_snapshot!("problems", Ids::default().number(problems.into()));
}
