//! Quotes through REST.

use bloom_kernel::{ChannelId, TaxClassId, VariantId};
use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{Stage, stage};

fn lines(lines: &[(VariantId, i64)]) -> Value {
    lines.iter().map(|(variant, quantity)| json!({ "variant_id": variant, "quantity": quantity })).collect()
}

fn in_germany(wanted: &[(VariantId, i64)]) -> Value {
    json!({ "currency": "EUR", "gross": true, "ship_to": { "country": "DE" }, "lines": lines(wanted) })
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
    let stage = stage().await;
    stage.taxes(&[("DE", 190_000)]).await;
    let variant: VariantId = stage.id();
    stage.price(None, variant, 1, 1_000).await;
    stage.price(None, variant, 10, 900).await;
    let sale = stage.list("sale", json!({ "priority": 5, "ends_at": "2026-01-06T00:00:00Z" })).await;
    stage.price(Some(&sale), variant, 1, 800).await;
    stage.price(Some(&sale), variant, 100, 700).await;
    let soon = stage.list("soon", json!({ "priority": 9, "starts_at": "2026-01-06T00:00:00Z" })).await;
    stage.price(Some(&soon), variant, 1, 600).await;
    let outlet = stage.channel("outlet", true, "DE", json!({})).await;
    let elsewhere = stage.list("elsewhere", json!({ "priority": 9, "channel_id": outlet })).await;
    stage.price(Some(&elsewhere), variant, 1, 500).await;

    let quote = stage.quote(in_germany(&[(variant, 12)])).await;
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
    stage.bench.clock.advance(TimeDelta::days(1));
    let later = stage.quote(in_germany(&[(variant, 12)])).await;
    assert_eq!(first(&later).0, 600);
    assert!(first(&later).1.contains(&"sale ended".to_owned()));

    // A storefront's key gets the price and none of the reasons.
    let shop = stage.door.post("/v1/pricing/quotes").publishable(&["pricing:quote"]).json(&in_germany(&[(variant, 12)]));
    let shop = shop.send().await.expect(200).json;
    assert_eq!(first(&shop), (600, Vec::new()));
    let denied = stage.door.post("/v1/pricing/quotes").publishable(&["catalog:read"]).json(&in_germany(&[(variant, 1)]));
    let _ = denied.send().await.expect(403);
}

#[tokio::test]
async fn tiers_follow_the_final_quantity() {
    let stage = stage().await;
    let variant: VariantId = stage.id();
    for (from, amount) in [(1, 100), (5, 90), (10, 80)] {
        stage.price(None, variant, from, amount).await;
    }
    for (quantity, unit) in [(1, 100), (4, 100), (5, 90), (9, 90), (10, 80), (1_000_000, 80)] {
        let quote = stage.quote(in_germany(&[(variant, quantity)])).await;
        assert_eq!(first(&quote).0, unit, "{quantity}");
        assert_eq!(quote["total"]["amount"], unit * quantity);
    }
    // Counted per line, not over lines.
    let split = stage.quote(in_germany(&[(variant, 4), (variant, 1)])).await;
    assert_eq!(split["total"]["amount"], 500);
    assert_eq!((&split["lines"][0]["id"], &split["lines"][1]["id"]), (&json!("1"), &json!("2")));
}

async fn channel_stage() -> (Stage, ChannelId, VariantId) {
    let stage = stage().await;
    stage.taxes(&[("DE", 190_000), ("CH", 0)]).await;
    let channel = stage.channel("shop", true, "DE", json!({ "is_default": true })).await;
    let variant: VariantId = stage.id();
    stage.price(None, variant, 1, 11_900).await;
    (stage, channel, variant)
}

#[tokio::test]
async fn the_channel_fills_what_the_context_leaves_out() {
    let (stage, channel, variant) = channel_stage().await;
    let plain = stage.quote(json!({ "lines": lines(&[(variant, 1)]) })).await;
    assert_eq!(
        (&plain["channel_id"], &plain["ship_to"]["country"], &plain["gross"]),
        (&json!(channel), &json!("DE"), &json!(true))
    );
    assert_eq!(plain["tax_total"]["amount"], 1_900);
    let net = stage.quote(json!({ "gross": false, "lines": lines(&[(variant, 2)]) })).await;
    assert_eq!((&net["subtotal"]["amount"], &net["total"]["amount"]), (&json!(20_000), &json!(23_800)));
    let dollars = stage.quote(json!({ "currency": "USD", "lines": lines(&[(variant, 1)]) })).await;
    assert_eq!(dollars["lines"][0]["amounts"], Value::Null);
    assert_eq!(dollars["lines"][0]["lost"][0]["reason"], "other_currency");
    assert_eq!((&plain["lines"][0]["unpriced"], &dollars["lines"][0]["unpriced"]), (&Value::Null, &json!("none_fits")));
    let other: ChannelId = stage.id();
    let unknown = json!({ "channel_id": other, "lines": lines(&[(variant, 1)]) });
    let unknown = stage.door.post("/v1/pricing/quotes").json(&unknown).send().await.expect(404);
    assert_eq!(unknown.json["errors"][0]["pointer"], "/channel_id");
    let none =
        stage.door.post("/v1/pricing/quotes").tenant(stage.bench.other_tenant).json(&json!({ "lines": lines(&[(variant, 1)]) }));
    assert_eq!(none.send().await.expect(400).json["errors"][0]["pointer"], "/currency");
}

#[tokio::test]
async fn delivery_is_taxed_and_currencies_are_not_mixed() {
    let (stage, _, variant) = channel_stage().await;
    let with = |price: Value| json!({ "lines": lines(&[(variant, 1)]), "delivery": { "price": price } });
    let quote = stage.quote(with(json!({ "amount": 595, "currency": "EUR" }))).await;
    assert_eq!((&quote["delivery_total"]["amount"], &quote["delivery"]["amounts"]["tax"]["amount"]), (&json!(595), &json!(95)));
    assert_eq!((&quote["total"]["amount"], &quote["tax_total"]["amount"]), (&json!(12_495), &json!(1_995)));
    assert_eq!(quote["taxes"][0]["taxable"]["amount"], 10_500);
    let refused = |body: Value| stage.door.post("/v1/pricing/quotes").json(&body).send();
    let mixed = refused(with(json!({ "amount": 595, "currency": "USD" }))).await.expect(422);
    assert_eq!((mixed.code(), &mixed.json["errors"][0]["pointer"]), ("currency_mismatch", &json!("/delivery/price/currency")));
    let _ = refused(with(json!({ "amount": -1, "currency": "EUR" }))).await.expect(400);
    let _ = refused(with(json!({ "amount": 1.5, "currency": "EUR" }))).await.expect(400);
    let _ = refused(with(json!({ "amount": 1, "currency": "EUR", "cents": 3 }))).await.expect(400);
}

#[tokio::test]
async fn bad_lines_are_refused_by_place() {
    let (stage, _, variant) = channel_stage().await;
    let line = |quantity: Value| json!({ "lines": [{ "variant_id": variant, "quantity": 1 }, { "variant_id": variant, "quantity": quantity }] });
    for quantity in [json!(0), json!(-1), json!(1_000_001), json!(9_223_372_036_854_775_808_u64), json!("1"), json!(1.5)] {
        let answer = stage.door.post("/v1/pricing/quotes").json(&line(quantity)).send().await.expect(400);
        assert_eq!(answer.json["errors"][0]["pointer"], "/lines/1/quantity", "{}", answer.text);
    }
    let none: [(VariantId, i64); 0] = [];
    let _ = stage.door.post("/v1/pricing/quotes").json(&json!({ "lines": lines(&none) })).send().await.expect(400);
    let many = lines(&vec![(variant, 1); 201]);
    let _ = stage.door.post("/v1/pricing/quotes").json(&json!({ "lines": many })).send().await.expect(400);
    let class: TaxClassId = stage.id();
    let unknown = json!({ "lines": [{ "variant_id": variant, "quantity": 1, "tax_class_id": class }] });
    let unknown = stage.door.post("/v1/pricing/quotes").json(&unknown).send().await.expect(404);
    assert_eq!(unknown.json["errors"][0]["pointer"], "/lines/0/tax_class_id");
    // A trillion a piece, a million pieces, ten lines: more than 64 bits hold.
    stage.price(None, variant, 2, 1_000_000_000_000).await;
    let one = stage.quote(json!({ "lines": lines(&[(variant, 1_000_000)]) })).await;
    assert_eq!(one["total"]["amount"], 1_000_000_000_000_000_000_i64);
    let huge = json!({ "lines": lines(&vec![(variant, 1_000_000); 10]) });
    assert_eq!(stage.door.post("/v1/pricing/quotes").json(&huge).send().await.expect(422).code(), "amount_out_of_range");
}

#[tokio::test]
async fn a_price_that_includes_the_tax_of_home_loses_it_abroad() {
    let stage = stage().await;
    stage.taxes(&[("GB", 200_000), ("JE", 0)]).await;
    let home = stage.list("home", json!({ "currency": "GBP", "tax_country": "GB" })).await;
    let variant: VariantId = stage.id();
    let price = json!({ "price_list_id": home, "variant_id": variant, "price": { "amount": 100, "currency": "GBP" } });
    stage.made("prices", price).await;
    let to = |place: &str| json!({ "currency": "GBP", "gross": true, "ship_to": { "country": place }, "lines": lines(&[(variant, 2)]) });
    let abroad = stage.quote(to("JE")).await;
    assert_eq!(abroad["total"]["amount"], 167);
    assert_eq!(abroad["lines"][0]["amounts"]["tax_reason"]["tax_removed_of"], "GB");
    assert_eq!(abroad["lines"][0]["amounts"]["rounding_steps"][0]["kind"], "net_of_gross");
    assert_eq!(stage.quote(to("GB")).await["total"]["amount"], 200);
    // Nobody taxes there, and the quote says why: no zone.
    assert_eq!(stage.quote(to("US")).await["lines"][0]["amounts"]["tax_reason"]["code"], "no_zone");
}

#[tokio::test]
async fn a_change_of_tax_is_felt_by_the_next_quote() {
    let stage = stage().await;
    stage.taxes(&[("DE", 190_000)]).await;
    let variant: VariantId = stage.id();
    stage.price(None, variant, 1, 1_050).await;
    let ask = || stage.quote(in_germany(&[(variant, 1)]));
    assert_eq!(ask().await["tax_total"]["amount"], 168);
    let rate =
        stage.door.get("/v1/pricing/tax-rates").send().await.expect(200).json["data"][0]["id"].as_str().unwrap().to_owned();
    stage.patched(&format!("tax-rates/{rate}"), json!({ "rate_ppm": 50_000 })).await;
    assert_eq!(ask().await["tax_total"]["amount"], 50);
    let net = stage.list("net", json!({ "gross": false, "priority": 1 })).await;
    stage.price(Some(&net), variant, 1, 1_050).await;
    assert_eq!(ask().await["tax_total"]["amount"], 53, "52.5 half up");
    stage.patched("settings", json!({ "rounding": "half_down" })).await;
    assert_eq!(ask().await["tax_total"]["amount"], 52);
}
