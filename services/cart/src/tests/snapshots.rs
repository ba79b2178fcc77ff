//! Snapshots of whole bodies, events and problems of every resource. Ids are numbered in the order of their appearance; the tokens
//! of carts and the ids of requests are left out.

use bloom_testkit::Stable;
use chrono::TimeDelta;
use insta::assert_json_snapshot;
use serde_json::{Value, json};
use sqlx::Row as _;

use super::{Fixture, storefront};
use crate::{Carts, Config, cart};

#[tokio::test]
async fn bodies_of_every_resource() {
    let fixture = Fixture::new().await;
    let (guest, created) = fixture.guest().await;
    let path = format!("/v1/carts/{}", guest.id);
    let more = json!({ "lines": [{ "variant_id": fixture.lamp, "quantity": 9 }] });
    let more = storefront(fixture.client.post(&format!("{path}/lines")), &guest.token).if_match(1).json(&more);
    let short = more.send().await.expect(200).json;
    let choices = fixture.client.get(&format!("{path}/delivery-options")).send().await.expect(200).json;
    let empty = fixture.client.post("/v1/carts").json(&json!({})).send().await.expect(201).json;
    let options = fixture.client.get("/v1/delivery-options").send().await.expect(200).json;
    let bodies = json!({
        "cart_created": created.json, "cart_with_problems": short, "empty_cart": empty, "delivery_options_of_the_cart": choices,
        "delivery_option_list": options,
    });
    assert_json_snapshot!(Stable::hiding(&["token"]).value(bodies));
}

#[tokio::test]
async fn events_of_every_kind() {
    let fixture = Fixture::new().await;
    let (guest, _) = fixture.guest().await;
    let path = format!("/v1/delivery-options/{}", fixture.delivery);
    let _ = fixture.client.patch(&path).if_match(1).json(&json!({ "name": "Express" })).send().await.expect(200);
    let cart = format!("/v1/carts/{}", guest.id);
    let change = json!({ "metadata": { "campaign": "diwali" } });
    let _ = storefront(fixture.client.patch(&cart), &guest.token).if_match(1).json(&change).send().await.expect(200);
    let (checkout, other) = (fixture.checkout(), fixture.checkout());
    fixture.freeze(&guest, checkout).await.unwrap();
    fixture.unfreeze(&guest, checkout).await.unwrap();
    fixture.freeze(&guest, other).await.unwrap();
    fixture.complete(&guest, other, fixture.env.host.id(fixture.env.tenant)).await.unwrap();
    fixture.env.clock.advance(TimeDelta::days(31));
    let app = Carts::new(Config::default(), fixture.env.host.clone(), fixture.env.db.clone());
    cart::expire(&app, &fixture.env.call(), guest.id.parse().unwrap(), ()).await.unwrap();
    let mut conn = fixture.env.superuser().await;
    let rows = sqlx::query("select kind, aggregate, version, actor, data::text from outbox order by aggregate, version");
    let rows = rows.fetch_all(&mut conn).await.unwrap();
    let event = |row: &sqlx::postgres::PgRow| {
        let data: Value = serde_json::from_str(&row.get::<String, _>(4)).unwrap();
        json!({ "kind": row.get::<String, _>(0), "aggregate": row.get::<String, _>(1), "version": row.get::<i64, _>(2),
            "actor": row.get::<String, _>(3), "data": data })
    };
    let events: Value = rows.iter().map(event).collect();
    assert_json_snapshot!(Stable::hiding(&["token"]).value(events));
}

#[tokio::test]
async fn problems_of_every_kind() {
    let fixture = Fixture::new().await;
    let (guest, _) = fixture.guest().await;
    let post = async |path: &str, body: Value| fixture.client.post(path).json(&body).send().await;
    let unknown = "var_01jd6zv4x8e5yag7k3m2n9p0qr";
    let lines = format!("/v1/carts/{}/lines", guest.id);
    let more = json!({ "lines": [{ "variant_id": fixture.lamp, "quantity": 1 }] });
    let option = json!({ "code": "courier", "name": "C", "currency": "INR", "charge": { "type": "flat", "amount": 1 } });
    let steps = json!([{ "up_to_grams": 5, "amount": 1 }, { "up_to_grams": 5, "amount": 1 }]);
    let unordered = json!({ "code": "x", "name": "X", "currency": "INR", "charge": { "type": "weight", "steps": steps } });
    let stale = fixture.client.post(&lines).if_match(7).json(&more).send().await.expect(412).json;
    let problems = json!({
        "invalid": post("/v1/carts", json!({ "lines": [{ "quantity": 0 }], "email": "x", "surprise": 1 })).await.expect(400).json,
        "unknown_variant": post("/v1/carts", json!({ "lines": [{ "variant_id": unknown, "quantity": 1 }] })).await.json,
        "card_number": post("/v1/carts", json!({ "metadata": { "note": "4242 4242 4242 4242" } })).await.expect(422).json,
        "token_missing": fixture.client.get(&lines.replace("/lines", "")).publishable(&["carts:write"]).send().await.json,
        "stale_version": stale,
        "code_taken": post("/v1/delivery-options", option).await.expect(409).json,
        "unordered_steps": post("/v1/delivery-options", unordered).await.expect(400).json,
    });
    assert_json_snapshot!(Stable::hiding(&["token"]).value(problems));
    fixture.freeze(&guest, fixture.checkout()).await.unwrap();
    let refused = fixture.client.post(&lines).if_match(2).json(&more).send().await.expect(409).json;
    assert_json_snapshot!("problem_of_a_frozen_cart", Stable::hiding(&["token"]).value(refused));
}
