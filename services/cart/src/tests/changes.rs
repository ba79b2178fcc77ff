//! Carts through the public door: who may, what changes, what is refused.

use bloom_testkit::Answer;
use serde_json::{Value, json};

use super::{Stage, address, problems};

#[tokio::test]
async fn one_call_makes_a_cart_that_can_be_bought() {
    let stage = Stage::open().await;
    let (guest, cart) = stage.guest().await;
    assert_eq!(problems(&cart), Vec::<&str>::new());
    assert_eq!(cart.json["status"], "open");
    assert_eq!(cart.json["lines"][0]["unit_price"], json!({ "amount": 1_000, "currency": "INR" }));
    assert_eq!(cart.json["lines"][0]["title"], "Shirt");
    assert_eq!(cart.json["delivery"]["price"]["amount"], 100);
    assert_eq!(cart.json["total"]["amount"], 1_100);
    // 1000 ÷ 1.18 = 847.46 → 847, tax 153; 100 ÷ 1.18 = 84.75 → 85, tax 15
    assert_eq!(cart.json["tax_total"]["amount"], 168);
    assert_eq!(cart.json["taxes"][0]["rate_ppm"], 180_000);

    let read = stage.read(&guest).await.expect(200);
    assert_eq!(read.json["email"], "asha@example.com");
    assert_eq!(read.json["token"], Value::Null, "the token is told once");
    assert_eq!(read.version(), guest.version);
    assert_eq!(stage.breaches().await, Vec::<String>::new());
}

#[tokio::test]
async fn an_empty_cart_lists_what_it_lacks() {
    let stage = Stage::open().await;
    let cart = stage.door.post("/v1/carts").json(&json!({})).send().await.expect(201);
    assert_eq!(problems(&cart), ["cart_empty", "email_missing"]);
    let body = json!({ "lines": [{ "variant_id": stage.lamp, "quantity": 6 }] });
    let cart = stage.door.post("/v1/carts").json(&body).send().await.expect(201);
    assert_eq!(problems(&cart), ["address_missing", "email_missing", "delivery_option_missing", "insufficient_stock"]);
    let shortage = &cart.json["problems"][3];
    assert_eq!((&shortage["pointer"], &shortage["available"]), (&json!("/lines/0"), &json!(5)));
}

#[tokio::test]
async fn a_cart_is_nobody_elses() {
    let stage = Stage::open().await;
    let (guest, _) = stage.guest().await;
    let path = format!("/v1/carts/{}", guest.id);
    let without = stage.door.get(&path).publishable(&["carts:write"]).send().await.expect(401);
    assert_eq!(without.code(), "cart_token_invalid");
    let (other, _) = stage.guest().await;
    let wrong = Stage::shop(stage.door.get(&path), &other.token).send().await.expect(404);
    let unknown = path.replace(&guest.id, "cart_01jd6zv4x8e5yag7k3m2n9p0qr");
    let unknown = Stage::shop(stage.door.get(&unknown), &other.token).send().await.expect(404);
    assert_eq!((wrong.code(), &wrong.json["detail"]), (unknown.code(), &unknown.json["detail"]));
    stage.door.get(&path).send().await.expect(200);
    stage.door.get(&path).tenant(stage.bench.other_tenant).send().await.expect(404);
    let change = stage.door.post(&format!("{path}/lines")).publishable(&["carts:write"]).if_match(1);
    let change = change.header("bloom-cart-token", &other.token);
    change.json(&json!({ "lines": [{ "variant_id": stage.lamp, "quantity": 1 }] })).send().await.expect(404);
    stage.door.get(&path).scopes(&["catalog:read"]).send().await.expect(403);
}

#[tokio::test]
async fn lines_are_added_changed_and_removed_under_the_carts_version() {
    let stage = Stage::open().await;
    let (guest, cart) = stage.guest().await;
    let path = format!("/v1/carts/{}", guest.id);
    let lines = format!("{path}/lines");
    let more = json!({ "lines": [{ "variant_id": stage.shirt, "quantity": 2 }, { "variant_id": stage.lamp, "quantity": 1 }] });
    Stage::shop(stage.door.post(&lines), &guest.token).json(&more).send().await.expect(428);
    Stage::shop(stage.door.post(&lines), &guest.token).if_match(7).json(&more).send().await.expect(412);
    let added = Stage::shop(stage.door.post(&lines), &guest.token).if_match(1).json(&more).send().await.expect(200);
    assert_eq!(added.version(), 2);
    assert_eq!(added.json["lines"][0]["quantity"], 3, "the same variant is one line");
    // 3 × 300 g + 6000 g: the second step
    assert_eq!(added.json["delivery"]["price"]["amount"], 500);
    assert_eq!(added.json["total"]["amount"], 3 * 1_000 + 2_500 + 500);

    let shirt = cart.json["lines"][0]["id"].as_str().unwrap().to_owned();
    let line = format!("{lines}/{shirt}");
    let to =
        |quantity: i64| Stage::shop(stage.door.patch(&line), &guest.token).if_match(2).json(&json!({ "quantity": quantity }));
    for bad in [0, -1, 1_000_001, i64::MAX] {
        let refused = to(bad).send().await.expect(400);
        assert_eq!(refused.json["errors"][0]["pointer"], "/quantity");
    }
    to(1_000_000).send().await.expect(200);
    let removed = Stage::shop(stage.door.delete(&line), &guest.token).if_match(3).send().await.expect(200);
    assert_eq!(removed.json["lines"].as_array().unwrap().len(), 1);
    Stage::shop(stage.door.delete(&line), &guest.token).if_match(4).send().await.expect(404);
    let overflow = json!({ "lines": [{ "variant_id": stage.lamp, "quantity": 1_000_000 }] });
    let overflow = Stage::shop(stage.door.post(&lines), &guest.token).if_match(4).json(&overflow).send().await.expect(400);
    assert_eq!(overflow.json["errors"][0]["code"], "quantity_out_of_range");
    let read = stage.read(&guest).await.expect(200);
    assert_eq!(read.version(), 4, "what was refused has changed nothing");
}

#[tokio::test]
async fn unknown_variants_and_options_answer_as_unknown_ids() {
    let stage = Stage::open().await;
    let unknown = "var_01jd6zv4x8e5yag7k3m2n9p0qr";
    let body = json!({ "lines": [{ "variant_id": unknown, "quantity": 1 }] });
    let refused = stage.door.post("/v1/carts").json(&body).send().await.expect(404);
    assert_eq!(refused.json["errors"][0]["pointer"], "/lines/0/variant_id");
    let body = json!({ "delivery_option_id": "dopt_01jd6zv4x8e5yag7k3m2n9p0qr" });
    stage.door.post("/v1/carts").json(&body).send().await.expect(404);
    let (guest, _) = stage.guest().await;
    let patch = stage.door.patch(&format!("/v1/carts/{}", guest.id)).if_match(1).json(&body);
    patch.send().await.expect(404);
    let many: Vec<Value> = (0..201).map(|_| json!({ "variant_id": stage.shirt, "quantity": 1 })).collect();
    let many = stage.door.post("/v1/carts").json(&json!({ "lines": many })).send().await.expect(422);
    assert_eq!(many.code(), "too_many_lines");
}

#[tokio::test]
async fn a_draft_is_put_into_no_cart_and_stays_where_it_is() {
    let stage = Stage::open().await;
    let draft = json!({ "title": "Secret", "status": "draft", "variants": [{ "sku": "SECRET-1" }] });
    let product = stage.catalog.post("/v1/catalog/products").json(&draft).send().await.expect(201);
    let variant = product.json["variants"][0]["id"].as_str().unwrap().to_owned();
    stage.price(&variant, 4_711).await;
    let (guest, _) = stage.guest().await;
    let path = format!("/v1/carts/{}", guest.id);
    let lines = format!("{path}/lines");
    let of = |variant: &str| json!({ "lines": [{ "variant_id": stage.shirt, "quantity": 1 }, { "variant_id": variant, "quantity": 1 }] });
    let unknown = "var_01jd6zv4x8e5yag7k3m2n9p0qr";
    let create = async |variant: &str| {
        stage.door.post("/v1/carts").publishable(&["carts:write"]).json(&of(variant)).send().await.expect(404)
    };
    let add = async |variant: &str, version: i64, status: u16| {
        let ask = Stage::shop(stage.door.post(&lines), &guest.token).if_match(version).json(&of(variant));
        ask.send().await.expect(status)
    };
    let told = |answer: &bloom_testkit::Answer| {
        let told = ["code", "detail", "errors"].map(|field| answer.json[field].clone());
        assert!(told.iter().all(|word| !word.is_null()), "{}", answer.text);
        told
    };
    assert_eq!(told(&create(&variant).await), told(&create(unknown).await));
    assert_eq!(told(&add(&variant, 1, 404).await), told(&add(unknown, 1, 404).await));

    // Once it is on sale it may be added. Taken off sale, it stays in the cart, more of it too, and keeps it from being bought.
    let path = format!("/v1/catalog/products/{}", product.id());
    let active = stage.catalog.patch(&path).if_match(product.version()).json(&json!({ "status": "active" }));
    let active = active.send().await.expect(200);
    add(&variant, 1, 200).await;
    let hidden = stage.catalog.patch(&path).if_match(active.version()).json(&json!({ "status": "draft" }));
    hidden.send().await.expect(200);
    assert!(problems(&stage.read(&guest).await.expect(200)).contains(&"not_published"));
    assert_eq!(add(&variant, 2, 200).await.json["lines"][1]["quantity"], 2);
}

#[tokio::test]
async fn bad_addresses_and_emails_are_refused_by_field() {
    let stage = Stage::open().await;
    for email in ["", "asha", "@example.com", "asha@", "a b@example.com", "a@b@c"] {
        let refused = stage.door.post("/v1/carts").json(&json!({ "email": email })).send().await.expect(400);
        assert_eq!(refused.json["errors"][0]["pointer"], "/email", "{email}");
    }
    let mut bad = address();
    bad["country"] = json!("India");
    bad["name"] = json!("");
    let refused = stage.door.post("/v1/carts").json(&json!({ "shipping_address": bad })).send().await.expect(400);
    let fields: Vec<_> = refused.json["errors"].as_array().unwrap().iter().map(|error| &error["pointer"]).collect();
    assert_eq!(fields, ["/shipping_address/name", "/shipping_address/country"]);
    for country in ["ZZ", "UK", "in"] {
        bad = address();
        bad["country"] = json!(country);
        for field in ["shipping_address", "billing_address"] {
            let refused = stage.door.post("/v1/carts").json(&json!({ field: bad })).send().await.expect(400);
            assert_eq!(refused.json["errors"][0]["pointer"], format!("/{field}/country"), "{country}");
        }
    }
    let refused = stage.door.post("/v1/carts").json(&json!({ "surprise": 1 })).send().await.expect(400);
    assert_eq!(refused.code(), "invalid_request");
}

#[tokio::test]
async fn all_that_is_wrong_with_a_form_is_told_at_once() {
    let stage = Stage::open().await;
    let nowhere = json!({ "name": "", "line1": "1 MG Road", "city": "Bengaluru", "country": "XX" });
    let form = json!({
        "lines": [{ "variant_id": stage.shirt, "quantity": 0 }, { "variant_id": stage.lamp, "quantity": -1 }],
        "email": "nobody", "shipping_address": nowhere, "billing_address": nowhere,
    });
    let pointers = |refused: &Answer| -> Vec<String> {
        let errors = refused.json["errors"].as_array().expect("what is wrong");
        errors.iter().map(|wrong| wrong["pointer"].as_str().unwrap().to_owned()).collect()
    };
    let buyer =
        ["/email", "/shipping_address/name", "/shipping_address/country", "/billing_address/name", "/billing_address/country"];
    let refused = stage.door.post("/v1/carts").json(&form).send().await.expect(400);
    assert_eq!(pointers(&refused), [&buyer[..], &["/lines/0/quantity", "/lines/1/quantity"]].concat());
    let (guest, _) = stage.guest().await;
    let path = format!("/v1/carts/{}", guest.id);
    let change = json!({ "email": "nobody", "shipping_address": nowhere, "billing_address": nowhere });
    let refused = Stage::shop(stage.door.patch(&path), &guest.token).if_match(1).json(&change).send().await.expect(400);
    assert_eq!(pointers(&refused), buyer);
    let more = json!({ "lines": form["lines"] });
    let lines = stage.door.post(&format!("{path}/lines"));
    let refused = Stage::shop(lines, &guest.token).if_match(1).json(&more).send().await.expect(400);
    assert_eq!(pointers(&refused), ["/lines/0/quantity", "/lines/1/quantity"]);
}

#[tokio::test]
async fn card_numbers_are_refused_wherever_a_buyer_writes() {
    let stage = Stage::open().await;
    let card = "4242 4242 4242 4242";
    let (guest, _) = stage.guest().await;
    let path = format!("/v1/carts/{}", guest.id);
    let refused = async |body: Value, pointer: &str| {
        let create = stage.door.post("/v1/carts").json(&body).send().await.expect(422);
        let change = stage.door.patch(&path).if_match(1).json(&body).send().await.expect(422);
        for answer in [create, change] {
            assert_eq!((answer.code(), &answer.json["errors"][0]["pointer"]), ("card_number_refused", &json!(pointer)));
            assert!(!answer.text.contains("4242"), "{}", answer.text);
        }
    };
    for field in ["name", "company", "line1", "line2", "city", "region", "phone"] {
        for of in ["shipping_address", "billing_address"] {
            let mut address = address();
            address[field] = json!(card);
            refused(json!({ of: address }), &format!("/{of}/{field}")).await;
        }
    }
    refused(json!({ "email": "4242424242424242@example.com" }), "/email").await;
    refused(json!({ "metadata": { "a/b~c": format!("paid with {card}") } }), "/metadata/a~1b~0c").await;
    refused(json!({ "metadata": { "4242-4242-4242-4242": "x" } }), "/metadata").await;
    let option = |metadata: Value, name: &str| {
        let charge = json!({ "type": "flat", "amount": 100 });
        let body = json!({ "code": "c", "name": name, "currency": "INR", "charge": charge, "metadata": metadata });
        stage.door.post("/v1/delivery-options").json(&body).send()
    };
    assert_eq!(option(json!({}), card).await.expect(422).json["errors"][0]["pointer"], "/name");
    assert_eq!(option(json!({ "note": card }), "C").await.expect(422).json["errors"][0]["pointer"], "/metadata/note");

    // What only resembles one: telephone numbers that have the check digit too, and numbers that have not.
    for (phone, code) in [("+4915123456787", 200), ("004915123456787", 200), ("+4242424242424242", 422), ("4915123456787", 422)] {
        assert!(bloom_kernel::looks_like_card_number(phone), "{phone}");
        let mut address = address();
        address["phone"] = json!(phone);
        let version = stage.read(&guest).await.version();
        let change = stage.door.patch(&path).if_match(version).json(&json!({ "shipping_address": address }));
        let _ = change.send().await.expect(code);
    }
    let notes = json!({ "metadata": { "erp": "4242424242424241" } });
    let _ = stage.door.post("/v1/carts").json(&notes).send().await.expect(201);
}

#[tokio::test]
async fn a_key_makes_one_cart_and_a_repeat_gets_its_reply_without_the_token() {
    let stage = Stage::open().await;
    let body = json!({ "lines": [{ "variant_id": stage.shirt, "quantity": 1 }] });
    let first = stage.door.post("/v1/carts").key("k1").json(&body).send().await.expect(201);
    let second = stage.door.post("/v1/carts").key("k1").json(&body).send().await.expect(201);
    assert_eq!(first.id(), second.id());
    assert!(first.json["token"].is_string() && second.json["token"].is_null());

    let lines = format!("/v1/carts/{}/lines", first.id());
    let add = || stage.door.post(&lines).key("k2").if_match(1).json(&body).send();
    let (once, again) = (add().await.expect(200), add().await.expect(200));
    assert_eq!(once.json, again.json, "the repeat finds the cart changed by itself");
    assert_eq!(again.json["lines"][0]["quantity"], 2);
    let other = stage.door.post(&lines).key("k3").if_match(1).json(&body).send().await.expect(412);
    assert_eq!(other.code(), "stale_version");
}

#[tokio::test]
async fn a_repeat_gets_its_reply_when_what_it_names_is_not_sold_any_more() {
    let stage = Stage::open().await;
    let tea = json!({ "title": "Tea", "status": "active", "variants": [{ "sku": "TEA" }] });
    let tea = stage.catalog.post("/v1/catalog/products").json(&tea).send().await.expect(201);
    let variant = tea.json["variants"][0]["id"].as_str().expect("it has a variant");
    stage.price(variant, 900).await;
    stage.stock(variant, 5).await;
    let body = json!({ "lines": [{ "variant_id": variant, "quantity": 1 }] });
    let buy = |key| stage.door.post("/v1/carts").key(key).json(&body).send();
    let first = buy("k1").await.expect(201);
    let path = format!("/v1/catalog/products/{}", tea.id());
    let archive = stage.catalog.patch(&path).if_match(tea.version()).json(&json!({ "status": "archived" }));
    archive.send().await.expect(200);
    assert_eq!(buy("k1").await.expect(201).id(), first.id());
    assert_eq!(buy("k2").await.expect(404).json["errors"][0]["pointer"], "/lines/0/variant_id");
    let other = stage.door.post("/v1/carts").key("k1").json(&json!({ "lines": [{ "variant_id": variant, "quantity": 2 }] }));
    assert_eq!(other.send().await.expect(422).code(), "idempotency_key_reused");
}

#[tokio::test]
async fn a_write_is_answered_whatever_its_sender_has_seen() {
    let stage = Stage::open().await;
    let (guest, _) = stage.guest().await;
    let path = format!("/v1/carts/{}", guest.id);
    let ask = Stage::shop(stage.door.patch(&path), &guest.token).if_match(guest.version);
    let next = format!("\"{}\"", guest.version + 1);
    let changed = ask.header("if-none-match", &next).json(&json!({ "email": "b@example.com" })).send().await.expect(200);
    assert_eq!(changed.json["email"], "b@example.com");
    let read = Stage::shop(stage.door.get(&path), &guest.token).header("if-none-match", &next).send().await;
    assert_eq!(read.status, 304);
}

#[tokio::test]
async fn a_changed_price_is_a_problem_until_the_cart_is_written() {
    let stage = Stage::open().await;
    let (guest, _) = stage.guest().await;
    stage.price(&stage.shirt, 1_200).await;
    let read = stage.read(&guest).await.expect(200);
    assert_eq!(problems(&read), ["price_changed"]);
    assert_eq!(
        (&read.json["problems"][0]["old"]["amount"], &read.json["problems"][0]["new"]["amount"]),
        (&json!(1_000), &json!(1_200))
    );
    assert_eq!(read.json["total"]["amount"], 1_100, "the cart shows what its buyer saw");
    let path = format!("/v1/carts/{}", guest.id);
    let accepted = Stage::shop(stage.door.patch(&path), &guest.token).if_match(1).json(&json!({})).send().await.expect(200);
    assert_eq!((problems(&accepted), &accepted.json["total"]["amount"]), (vec!["price_changed"], &json!(1_300)));
    assert_eq!(problems(&stage.read(&guest).await), Vec::<&str>::new());
}

#[tokio::test]
async fn writers_of_one_version_are_told_apart() {
    let stage = Stage::open().await;
    let (guest, _) = stage.guest().await;
    let path = format!("/v1/carts/{}/lines", guest.id);
    let body = json!({ "lines": [{ "variant_id": stage.lamp, "quantity": 1 }] });
    let writers = (0..8).map(|_| Stage::shop(stage.door.post(&path), &guest.token).if_match(1).json(&body).send());
    let answers = futures::future::join_all(writers).await;
    let won = answers.iter().filter(|answer| answer.status == 200).count();
    let refused = answers.iter().filter(|answer| answer.status == 412).count();
    assert_eq!((won, refused), (1, 7), "{answers:?}");
    assert_eq!(stage.read(&guest).await.json["lines"][1]["quantity"], 1);
}

#[tokio::test]
async fn nothing_personal_is_stored_open_or_published() {
    let stage = Stage::open().await;
    let (guest, _) = stage.guest().await;
    let mut connection = stage.bench.superuser().await;
    let dump = sqlx::query_scalar::<_, String>(
        "select coalesce(string_agg(document::text || encode(personal, 'escape'), ''), '')
                || (select coalesce(string_agg(data, ''), '') from outbox) from cart",
    );
    let dump = dump.fetch_one(&mut connection).await.unwrap();
    for word in ["asha", "Asha", "MG Road", "560001", guest.token.as_str()] {
        assert!(!dump.contains(word), "{word} lies open");
    }
    let subject: uuid::Uuid = sqlx::query_scalar("select subject_id from cart").fetch_one(&mut connection).await.unwrap();
    let mut tx = stage.bench.db.write(&stage.bench.call()).await.unwrap();
    bloom_db::seal::erase(&mut tx, subject.into()).await.unwrap();
    tx.commit().await.unwrap();
    let read = stage.read(&guest).await.expect(200);
    assert_eq!((&read.json["email"], &read.json["shipping_address"]), (&Value::Null, &Value::Null));
    assert_eq!(read.json["total"]["amount"], 1_100, "what it costs stays");
    let again = Stage::shop(stage.door.patch(&format!("/v1/carts/{}", guest.id)), &guest.token).if_match(read.version());
    let again = again.json(&json!({ "email": "somebody@example.com" })).send().await.expect(410);
    assert_eq!(again.code(), "subject_erased", "nothing is stored for them again");
    assert_eq!(stage.read(&guest).await.version(), read.version());
}

#[tokio::test]
async fn a_cart_that_nobody_touches_goes_away() {
    let stage = Stage::open().await;
    let (guest, _) = stage.guest().await;
    stage.bench.clock.advance(chrono::TimeDelta::days(20));
    let path = format!("/v1/carts/{}", guest.id);
    Stage::shop(stage.door.patch(&path), &guest.token).if_match(1).json(&json!({})).send().await.expect(200);
    let app = crate::CartService::new(crate::config::Config::default(), stage.bench.host.clone(), stage.bench.db.clone());
    stage.bench.clock.advance(chrono::TimeDelta::days(15));
    let id = guest.id.parse().unwrap();
    crate::ops::expire_cart::expire_cart(&app, &stage.bench.call(), id).await.unwrap();
    stage.read(&guest).await.expect(200);
    stage.bench.clock.advance(chrono::TimeDelta::days(16));
    for _ in 0..2 {
        crate::ops::expire_cart::expire_cart(&app, &stage.bench.call(), id).await.unwrap();
    }
    stage.read(&guest).await.expect(404);
    let mut connection = stage.bench.superuser().await;
    let told: i64 =
        sqlx::query_scalar("select count(*) from outbox where kind = 'cart.deleted'").fetch_one(&mut connection).await.unwrap();
    assert_eq!(told, 1);
}

#[tokio::test]
async fn a_total_that_is_not_the_sum_is_found() {
    let stage = Stage::open().await;
    stage.guest().await;
    assert_eq!(stage.breaches().await, Vec::<String>::new());
    let mut connection = stage.bench.superuser().await;
    sqlx::query("update cart set document = jsonb_set(document, '{total,amount}', '1')").execute(&mut connection).await.unwrap();
    assert_eq!(stage.breaches().await, ["cart_totals_are_sums"]);
}
