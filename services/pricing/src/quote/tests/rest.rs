//! Quotes through REST.

use bloom_kernel::{ChannelId, TaxClassId, VariantId};
use bloom_testkit::assert_schema_agrees;
use chrono::TimeDelta;
use insta::assert_json_snapshot;
use serde_json::{Value, json};

use crate::quote::create::QuoteCreate;
use crate::tests::{Fixture, fixture, with_stable_ids};

fn lines(lines: &[(VariantId, i64)]) -> Value {
    lines.iter().map(|(variant, quantity)| json!({ "variant_id": variant, "quantity": quantity })).collect()
}

fn in_germany(of: &[(VariantId, i64)]) -> Value {
    json!({ "currency": "EUR", "gross": true, "ship_to": { "country": "DE" }, "lines": lines(of) })
}

/// (price of a unit, reason of each loser) of the first line.
fn first(quote: &Value) -> (i64, Vec<String>) {
    let line = &quote["lines"][0];
    let lost = line["lost"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| format!("{} {}", row["price_list_code"].as_str().unwrap(), row["reason"].as_str().unwrap()));
    (line["amounts"]["unit_price"]["amount"].as_i64().unwrap(), lost.collect())
}

#[tokio::test]
async fn a_quote_explains_itself() {
    let fixture = fixture().await;
    fixture.taxes(&[("DE", 190_000)]).await;
    let variant: VariantId = fixture.id();
    fixture.set_price(None, variant, 1, 1_000).await;
    fixture.set_price(None, variant, 10, 900).await;
    let sale = fixture.price_list("sale", json!({ "priority": 5, "ends_at": "2026-01-06T00:00:00Z" })).await;
    fixture.set_price(Some(&sale), variant, 1, 800).await;
    fixture.set_price(Some(&sale), variant, 100, 700).await;
    let soon = fixture.price_list("soon", json!({ "priority": 9, "starts_at": "2026-01-06T00:00:00Z" })).await;
    fixture.set_price(Some(&soon), variant, 1, 600).await;
    let outlet = fixture.channel("outlet", true, "DE", json!({})).await;
    let elsewhere = fixture.price_list("elsewhere", json!({ "priority": 9, "channel_id": outlet })).await;
    fixture.set_price(Some(&elsewhere), variant, 1, 500).await;

    let quote = fixture.quote(in_germany(&[(variant, 12)])).await;
    let expected = [
        "elsewhere other_channel",
        "soon not_started",
        "sale tier_not_reached",
        "base-eur lower_priority",
        "base-eur lower_priority",
    ];
    assert_eq!(first(&quote), (800, expected.map(str::to_owned).to_vec()));
    let line = &quote["lines"][0];
    assert_eq!((&line["won"]["price_list_code"], &line["won"]["basis"]), (&json!("sale"), &json!("gross")));
    assert_eq!(line["amounts"]["net"]["amount"], 8_067);
    assert_eq!(line["amounts"]["tax"]["amount"], 1_533);
    assert_eq!(line["amounts"]["tax_reason"]["code"], "rates");
    let step = &line["amounts"]["rounding_steps"][0];
    assert_eq!(
        (&step["kind"], &step["amount"], &step["remainder_denominator"]),
        (&json!("net_of_gross"), &json!(8_067), &json!(1_190_000))
    );
    let euro = |amount: i64| json!({ "amount": amount, "currency": "EUR" });
    assert_eq!(quote["taxes"], json!([{ "name": "VAT", "rate_ppm": 190_000, "taxable": euro(8_067), "tax": euro(1_533) }]));
    assert_eq!(
        (&quote["total"]["amount"], &quote["rounding"], &quote["currency_exponent"]),
        (&json!(9_600), &json!("half_up"), &json!(2))
    );

    // A day later the sale is over and another list has begun.
    fixture.env.clock.advance(TimeDelta::days(1));
    let later = fixture.quote(in_germany(&[(variant, 12)])).await;
    assert_eq!(first(&later).0, 600);
    assert!(first(&later).1.contains(&"sale ended".to_owned()));

    // A storefront's key gets the price and none of the reasons.
    let shop = fixture.client.post("/v1/pricing/quotes").publishable(&["pricing:quote"]).json(&in_germany(&[(variant, 12)]));
    let shop = shop.send().await.expect(200).json;
    assert_eq!(first(&shop), (600, Vec::new()));
    let denied = fixture.client.post("/v1/pricing/quotes").publishable(&["catalog:read"]).json(&in_germany(&[(variant, 1)]));
    let _ = denied.send().await.expect(403);
}

#[tokio::test]
async fn tiers_follow_the_final_quantity() {
    let fixture = fixture().await;
    let variant: VariantId = fixture.id();
    for (from, amount) in [(1, 100), (5, 90), (10, 80)] {
        fixture.set_price(None, variant, from, amount).await;
    }
    for (quantity, unit) in [(1, 100), (4, 100), (5, 90), (9, 90), (10, 80), (1_000_000, 80)] {
        let quote = fixture.quote(in_germany(&[(variant, quantity)])).await;
        assert_eq!(first(&quote).0, unit, "{quantity}");
        assert_eq!(quote["total"]["amount"], unit * quantity);
    }
    // Counted per line, not over lines.
    let split = fixture.quote(in_germany(&[(variant, 4), (variant, 1)])).await;
    assert_eq!(split["total"]["amount"], 500);
    assert_eq!((&split["lines"][0]["id"], &split["lines"][1]["id"]), (&json!("1"), &json!("2")));
}

async fn channel_fixture() -> (Fixture, ChannelId, VariantId) {
    let fixture = fixture().await;
    fixture.taxes(&[("DE", 190_000), ("CH", 0)]).await;
    let channel = fixture.channel("shop", true, "DE", json!({ "is_default": true })).await;
    let variant: VariantId = fixture.id();
    fixture.set_price(None, variant, 1, 11_900).await;
    (fixture, channel, variant)
}

#[tokio::test]
async fn the_channel_supplies_missing_context() {
    let (fixture, channel, variant) = channel_fixture().await;
    let plain = fixture.quote(json!({ "lines": lines(&[(variant, 1)]) })).await;
    assert_eq!(
        (&plain["channel_id"], &plain["ship_to"]["country"], &plain["gross"]),
        (&json!(channel), &json!("DE"), &json!(true))
    );
    assert_eq!(plain["tax_total"]["amount"], 1_900);
    let net = fixture.quote(json!({ "gross": false, "lines": lines(&[(variant, 2)]) })).await;
    assert_eq!((&net["subtotal"]["amount"], &net["total"]["amount"]), (&json!(20_000), &json!(23_800)));
    let dollars = fixture.quote(json!({ "currency": "USD", "lines": lines(&[(variant, 1)]) })).await;
    assert_eq!(dollars["lines"][0]["amounts"], Value::Null);
    assert_eq!(dollars["lines"][0]["lost"][0]["reason"], "other_currency");
    assert_eq!((&plain["lines"][0]["unpriced"], &dollars["lines"][0]["unpriced"]), (&Value::Null, &json!("none_fits")));
    let other: ChannelId = fixture.id();
    let unknown = json!({ "channel_id": other, "lines": lines(&[(variant, 1)]) });
    let unknown = fixture.client.post("/v1/pricing/quotes").json(&unknown).send().await.expect(404);
    assert_eq!(unknown.json["errors"][0]["pointer"], "/channel_id");
    let none = fixture
        .client
        .post("/v1/pricing/quotes")
        .tenant(fixture.env.other_tenant)
        .json(&json!({ "lines": lines(&[(variant, 1)]) }));
    assert_eq!(none.send().await.expect(400).json["errors"][0]["pointer"], "/currency");
}

#[tokio::test]
async fn delivery_is_taxed_and_currencies_are_not_mixed() {
    let (fixture, _, variant) = channel_fixture().await;
    let with = |price: Value| json!({ "lines": lines(&[(variant, 1)]), "delivery": { "price": price } });
    let quote = fixture.quote(with(json!({ "amount": 595, "currency": "EUR" }))).await;
    assert_eq!((&quote["delivery_total"]["amount"], &quote["delivery"]["amounts"]["tax"]["amount"]), (&json!(595), &json!(95)));
    assert_eq!((&quote["total"]["amount"], &quote["tax_total"]["amount"]), (&json!(12_495), &json!(1_995)));
    assert_eq!(quote["taxes"][0]["taxable"]["amount"], 10_500);
    let refused = |body: Value| fixture.client.post("/v1/pricing/quotes").json(&body).send();
    let mixed = refused(with(json!({ "amount": 595, "currency": "USD" }))).await.expect(422);
    assert_eq!((mixed.code(), &mixed.json["errors"][0]["pointer"]), ("currency_mismatch", &json!("/delivery/price/currency")));
    let _ = refused(with(json!({ "amount": -1, "currency": "EUR" }))).await.expect(400);
    let _ = refused(with(json!({ "amount": 1.5, "currency": "EUR" }))).await.expect(400);
    let _ = refused(with(json!({ "amount": 1, "currency": "EUR", "cents": 3 }))).await.expect(400);
}

#[tokio::test]
async fn invalid_lines_are_refused_by_index() {
    let (fixture, _, variant) = channel_fixture().await;
    let line = |quantity: Value| json!({ "lines": [{ "variant_id": variant, "quantity": 1 }, { "variant_id": variant, "quantity": quantity }] });
    for quantity in [json!(0), json!(-1), json!(1_000_001), json!(9_223_372_036_854_775_808_u64), json!("1"), json!(1.5)] {
        let answer = fixture.client.post("/v1/pricing/quotes").json(&line(quantity)).send().await.expect(400);
        assert_eq!(answer.json["errors"][0]["pointer"], "/lines/1/quantity", "{}", answer.text);
    }
    let none: [(VariantId, i64); 0] = [];
    let _ = fixture.client.post("/v1/pricing/quotes").json(&json!({ "lines": lines(&none) })).send().await.expect(400);
    let many = lines(&vec![(variant, 1); 201]);
    let _ = fixture.client.post("/v1/pricing/quotes").json(&json!({ "lines": many })).send().await.expect(400);
    let class: TaxClassId = fixture.id();
    let unknown = json!({ "lines": [{ "variant_id": variant, "quantity": 1, "tax_class_id": class }] });
    let unknown = fixture.client.post("/v1/pricing/quotes").json(&unknown).send().await.expect(404);
    assert_eq!(unknown.json["errors"][0]["pointer"], "/lines/0/tax_class_id");
    // A trillion a piece, a million pieces, ten lines: more than 64 bits hold.
    fixture.set_price(None, variant, 2, 1_000_000_000_000).await;
    let one = fixture.quote(json!({ "lines": lines(&[(variant, 1_000_000)]) })).await;
    assert_eq!(one["total"]["amount"], 1_000_000_000_000_000_000_i64);
    let huge = json!({ "lines": lines(&vec![(variant, 1_000_000); 10]) });
    assert_eq!(fixture.client.post("/v1/pricing/quotes").json(&huge).send().await.expect(422).code(), "amount_out_of_range");
}

#[tokio::test]
async fn tax_of_home_is_removed_abroad() {
    let fixture = fixture().await;
    fixture.taxes(&[("GB", 200_000), ("JE", 0)]).await;
    let home = fixture.price_list("home", json!({ "currency": "GBP", "tax_country": "GB" })).await;
    let variant: VariantId = fixture.id();
    let price = json!({ "price_list_id": home, "variant_id": variant, "price": { "amount": 100, "currency": "GBP" } });
    fixture.create("prices", price).await;
    let to = |place: &str| json!({ "currency": "GBP", "gross": true, "ship_to": { "country": place }, "lines": lines(&[(variant, 2)]) });
    let abroad = fixture.quote(to("JE")).await;
    assert_eq!(abroad["total"]["amount"], 167);
    assert_eq!(abroad["lines"][0]["amounts"]["tax_reason"]["tax_removed_of"], "GB");
    assert_eq!(abroad["lines"][0]["amounts"]["rounding_steps"][0]["kind"], "net_of_gross");
    assert_eq!(fixture.quote(to("GB")).await["total"]["amount"], 200);
    // The destination lies in no zone, and the quote shows that reason.
    assert_eq!(fixture.quote(to("US")).await["lines"][0]["amounts"]["tax_reason"]["code"], "no_zone");
}

#[tokio::test]
async fn the_next_quote_uses_changed_taxes() {
    let fixture = fixture().await;
    fixture.taxes(&[("DE", 190_000)]).await;
    let variant: VariantId = fixture.id();
    fixture.set_price(None, variant, 1, 1_050).await;
    let quote_now = || fixture.quote(in_germany(&[(variant, 1)]));
    assert_eq!(quote_now().await["tax_total"]["amount"], 168);
    let rate =
        fixture.client.get("/v1/pricing/tax-rates").send().await.expect(200).json["data"][0]["id"].as_str().unwrap().to_owned();
    fixture.update(&format!("tax-rates/{rate}"), json!({ "rate_ppm": 50_000 })).await;
    assert_eq!(quote_now().await["tax_total"]["amount"], 50);
    let net = fixture.price_list("net", json!({ "gross": false, "priority": 1 })).await;
    fixture.set_price(Some(&net), variant, 1, 1_050).await;
    assert_eq!(quote_now().await["tax_total"]["amount"], 53, "52.5 half up");
    fixture.update("settings", json!({ "rounding": "half_down" })).await;
    assert_eq!(quote_now().await["tax_total"]["amount"], 52);
}

#[tokio::test]
async fn the_whole_body_of_a_quote() {
    let (fixture, _, variant) = channel_fixture().await;
    fixture.set_price(None, variant, 10, 9_900).await;
    let sale = fixture.price_list("sale", json!({ "priority": 5, "tax_country": "DE" })).await;
    fixture.set_price(Some(&sale), variant, 1, 8_925).await;
    let price = json!({ "amount": 595, "currency": "EUR" });
    let input = json!({ "ship_to": { "country": "CH", "region": "zh", "postal_code": "80 01" }, "delivery": { "price": price },
        "lines": [{ "id": "a", "variant_id": variant, "quantity": 12 }, { "variant_id": fixture.id::<VariantId>(), "quantity": 1 }] });
    let storefront = fixture.client.post("/v1/pricing/quotes").publishable(&["pricing:quote"]).json(&input);
    let refused = fixture.client.post("/v1/pricing/quotes").json(&json!({ "currency": "EUR", "lines": [], "discount": 5 }));
    assert_json_snapshot!(with_stable_ids(json!({
        "secret_key": fixture.quote(input.clone()).await, "publishable_key": storefront.send().await.expect(200).json,
        "refused": refused.send().await.expect(400).json,
    })));
}

#[test]
fn inputs_agree_with_their_schemas() {
    let (variant, class) = ("var_01ke6p4ym1e009xjaawpn23581", "tcls_01ke6p4ym1e009xjaawpn23581");
    assert_schema_agrees::<QuoteCreate>([json!({ "channel_id": "chan_01ke6p4ym1e009xjaawpn23581", "currency": "INR",
        "gross": true, "ship_to": { "country": "IN", "region": "MH", "postal_code": "411 001" },
        "lines": [{ "id": "a", "variant_id": variant, "quantity": 2, "tax_class_id": class }],
        "delivery": { "price": { "amount": 4_900, "currency": "INR" }, "tax_class_id": class } })]);
}
