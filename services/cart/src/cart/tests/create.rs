//! Creating carts.

use serde_json::{Value, json};

use crate::tests::{Fixture, problems, storefront};

#[tokio::test]
async fn one_request_creates_a_cart_that_can_be_bought() {
    let fixture = Fixture::new().await;
    let (guest, cart) = fixture.guest().await;
    assert_eq!(problems(&cart), Vec::<&str>::new());
    assert_eq!(cart.json["status"], "open");
    assert_eq!(cart.json["lines"][0]["unit_price"], json!({ "amount": 1_000, "currency": "INR" }));
    assert_eq!(cart.json["lines"][0]["title"], "Shirt");
    assert_eq!(cart.json["delivery"]["price"]["amount"], 100);
    assert_eq!(cart.json["total"]["amount"], 1_100);
    // 1000 ÷ 1.18 = 847.46 → 847, tax 153; 100 ÷ 1.18 = 84.75 → 85, tax 15
    assert_eq!(cart.json["tax_total"]["amount"], 168);
    assert_eq!(cart.json["taxes"][0]["rate_ppm"], 180_000);

    let read = fixture.read(&guest).await.expect(200);
    assert_eq!(read.json["email"], "asha@example.com");
    assert_eq!(read.json["token"], Value::Null, "the token is shown once");
    assert_eq!(read.version(), guest.version);
    assert_eq!(fixture.breaches().await, Vec::<String>::new());
}

#[tokio::test]
async fn an_empty_cart_lists_its_problems() {
    let fixture = Fixture::new().await;
    let cart = fixture.client.post("/v1/carts").json(&json!({})).send().await.expect(201);
    assert_eq!(problems(&cart), ["cart_empty", "email_missing"]);
    let body = json!({ "lines": [{ "variant_id": fixture.lamp, "quantity": 6 }] });
    let cart = fixture.client.post("/v1/carts").json(&body).send().await.expect(201);
    assert_eq!(problems(&cart), ["address_missing", "email_missing", "delivery_option_missing", "insufficient_stock"]);
    let shortage = &cart.json["problems"][3];
    assert_eq!((&shortage["pointer"], &shortage["available"]), (&json!("/lines/0"), &json!(5)));
}

#[tokio::test]
async fn unknown_variants_and_options_answer_404() {
    let fixture = Fixture::new().await;
    let unknown = "var_01jd6zv4x8e5yag7k3m2n9p0qr";
    let body = json!({ "lines": [{ "variant_id": unknown, "quantity": 1 }] });
    let refused = fixture.client.post("/v1/carts").json(&body).send().await.expect(404);
    assert_eq!(refused.json["errors"][0]["pointer"], "/lines/0/variant_id");
    let body = json!({ "delivery_option_id": "dopt_01jd6zv4x8e5yag7k3m2n9p0qr" });
    fixture.client.post("/v1/carts").json(&body).send().await.expect(404);
    let (guest, _) = fixture.guest().await;
    let patch = fixture.client.patch(&format!("/v1/carts/{}", guest.id)).if_match(1).json(&body);
    patch.send().await.expect(404);
    let many: Vec<Value> = (0..201).map(|_| json!({ "variant_id": fixture.shirt, "quantity": 1 })).collect();
    let many = fixture.client.post("/v1/carts").json(&json!({ "lines": many })).send().await.expect(400);
    let refused = (&many.json["errors"][0]["pointer"], &many.json["errors"][0]["code"]);
    assert_eq!(refused, (&json!("/lines"), &json!("count")));
}

#[tokio::test]
async fn a_draft_answers_as_an_unknown_variant() {
    let fixture = Fixture::new().await;
    let draft = json!({ "title": "Secret", "status": "draft", "variants": [{ "sku": "SECRET-1" }] });
    let product = fixture.catalog.post("/v1/catalog/products").json(&draft).send().await.expect(201);
    let variant = product.json["variants"][0]["id"].as_str().unwrap().to_owned();
    fixture.price(&variant, 4_711).await;
    let (guest, _) = fixture.guest().await;
    let path = format!("/v1/carts/{}", guest.id);
    let lines = format!("{path}/lines");
    let of = |variant: &str| json!({ "lines": [{ "variant_id": fixture.shirt, "quantity": 1 }, { "variant_id": variant, "quantity": 1 }] });
    let unknown = "var_01jd6zv4x8e5yag7k3m2n9p0qr";
    let create = async |variant: &str| {
        fixture.client.post("/v1/carts").publishable(&["carts:write"]).json(&of(variant)).send().await.expect(404)
    };
    let add = async |variant: &str, version: i64, status: u16| {
        let request = storefront(fixture.client.post(&lines), &guest.token).if_match(version).json(&of(variant));
        request.send().await.expect(status)
    };
    let answered = |answer: &bloom_testkit::Answer| {
        let answered = ["code", "detail", "errors"].map(|field| answer.json[field].clone());
        assert!(answered.iter().all(|word| !word.is_null()), "{}", answer.text);
        answered
    };
    assert_eq!(answered(&create(&variant).await), answered(&create(unknown).await));
    assert_eq!(answered(&add(&variant, 1, 404).await), answered(&add(unknown, 1, 404).await));

    // Once it is on sale it may be added. Taken off sale, it stays in the cart and its quantity may grow, but the cart cannot be bought.
    let path = format!("/v1/catalog/products/{}", product.id());
    let active = fixture.catalog.patch(&path).if_match(product.version()).json(&json!({ "status": "active" }));
    let active = active.send().await.expect(200);
    add(&variant, 1, 200).await;
    let hidden = fixture.catalog.patch(&path).if_match(active.version()).json(&json!({ "status": "draft" }));
    hidden.send().await.expect(200);
    assert!(problems(&fixture.read(&guest).await.expect(200)).contains(&"not_published"));
    assert_eq!(add(&variant, 2, 200).await.json["lines"][1]["quantity"], 2);
}

#[tokio::test]
async fn a_repeat_gets_the_first_reply_without_the_token() {
    let fixture = Fixture::new().await;
    let body = json!({ "lines": [{ "variant_id": fixture.shirt, "quantity": 1 }] });
    let first = fixture.client.post("/v1/carts").key("k1").json(&body).send().await.expect(201);
    let second = fixture.client.post("/v1/carts").key("k1").json(&body).send().await.expect(201);
    assert_eq!(first.id(), second.id());
    assert!(first.json["token"].is_string() && second.json["token"].is_null());

    let lines = format!("/v1/carts/{}/lines", first.id());
    let add = || fixture.client.post(&lines).key("k2").if_match(1).json(&body).send();
    let (once, again) = (add().await.expect(200), add().await.expect(200));
    assert_eq!(once.json, again.json, "the repeat gets the first reply");
    assert_eq!(again.json["lines"][0]["quantity"], 2);
    let other = fixture.client.post(&lines).key("k3").if_match(1).json(&body).send().await.expect(412);
    assert_eq!(other.code(), "stale_version");
}

#[tokio::test]
async fn a_repeat_gets_its_reply_after_a_variant_is_archived() {
    let fixture = Fixture::new().await;
    let tea = json!({ "title": "Tea", "status": "active", "variants": [{ "sku": "TEA" }] });
    let tea = fixture.catalog.post("/v1/catalog/products").json(&tea).send().await.expect(201);
    let variant = tea.json["variants"][0]["id"].as_str().expect("it has a variant");
    fixture.price(variant, 900).await;
    fixture.stock(variant, 5).await;
    let body = json!({ "lines": [{ "variant_id": variant, "quantity": 1 }] });
    let buy = |key| fixture.client.post("/v1/carts").key(key).json(&body).send();
    let first = buy("k1").await.expect(201);
    let path = format!("/v1/catalog/products/{}", tea.id());
    let archive = fixture.catalog.patch(&path).if_match(tea.version()).json(&json!({ "status": "archived" }));
    archive.send().await.expect(200);
    assert_eq!(buy("k1").await.expect(201).id(), first.id());
    assert_eq!(buy("k2").await.expect(404).json["errors"][0]["pointer"], "/lines/0/variant_id");
    let other = fixture.client.post("/v1/carts").key("k1").json(&json!({ "lines": [{ "variant_id": variant, "quantity": 2 }] }));
    assert_eq!(other.send().await.expect(422).code(), "idempotency_key_reused");
}
