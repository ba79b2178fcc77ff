//! Lists, search, updates, and the plans behind them.

use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use crate::tests::Fixture;

fn ids(page: &Value) -> Vec<String> {
    page["data"].as_array().expect("a list").iter().map(|order| order["id"].as_str().expect("an id").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_newest_first_and_filtered() {
    let fixture = Fixture::open().await;
    let mut placed = Vec::new();
    for _ in 0..5 {
        placed.push(fixture.order(1).await);
        fixture.env.clock.advance(chrono::TimeDelta::minutes(1));
    }
    let all: Vec<String> = placed.iter().rev().map(|order| order["id"].as_str().unwrap().to_owned()).collect();
    let mut walked = Vec::new();
    let mut next = String::from("/v1/orders?limit=2");
    loop {
        let page = fixture.orders.get(&next).send().await.expect(200);
        walked.extend(ids(&page.json));
        match page.json["page"]["next"].as_str() {
            Some(cursor) => next = format!("/v1/orders?limit=2&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(walked, all);

    let cancel = format!("/v1/orders/{}/cancel", all[0]);
    fixture.orders.post(&cancel).key("x").json(&json!({})).send().await.expect(200);
    let at = placed[2]["placed_at"].as_str().unwrap();
    for (query, expected) in [
        (format!("number={}", placed[1]["number"].as_str().unwrap()), vec![all[3].clone()]),
        ("number=none".to_owned(), vec![]),
        ("status=canceled".to_owned(), vec![all[0].clone()]),
        ("status=confirmed".to_owned(), all[1..].to_vec()),
        ("payment_status=voided".to_owned(), vec![all[0].clone()]),
        ("fulfilment_status=canceled&status=confirmed".to_owned(), vec![]),
        (format!("placed_from={at}"), all[..3].to_vec()),
        (format!("placed_to={at}"), all[3..].to_vec()),
        ("email=ASHA%40example.com%20".to_owned(), all.clone()),
        ("email=unknown%40example.com".to_owned(), vec![]),
    ] {
        let page = fixture.orders.get(&format!("/v1/orders?{query}")).send().await.expect(200);
        assert_eq!(ids(&page.json), expected, "{query}");
    }
    let search = json!({ "email": "asha@example.com", "limit": 2, "status": "confirmed" });
    let found = fixture.orders.post("/v1/orders/search").json(&search).send().await.expect(200);
    assert_eq!(ids(&found.json), all[1..3].to_vec());
    let cursor = found.json["page"]["next"].as_str().unwrap();
    let tampered = fixture.orders.get(&format!("/v1/orders?cursor={cursor}")).send().await.expect(400);
    assert_eq!(tampered.code(), "cursor_invalid", "the filter belongs to the cursor");
    fixture.orders.get("/v1/orders?limit=0").send().await.expect(400);
    fixture.orders.get("/v1/orders?status=lost").send().await.expect(400);
    let other_buyer = fixture.orders.get("/v1/orders").tenant(fixture.env.other_tenant).send().await.expect(200);
    assert_eq!(ids(&other_buyer.json), Vec::<String>::new());
    fixture.orders.get("/v1/orders").publishable(&["checkouts:write"]).send().await.expect(403);
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_is_updated_under_if_match() {
    let fixture = Fixture::open().await;
    let order = fixture.order(1).await;
    let path = format!("/v1/orders/{}", order["id"].as_str().unwrap());
    let notes = json!({ "metadata": { "erp": "4711", "gone": null } });
    fixture.orders.patch(&path).json(&notes).send().await.expect(428);
    let version = fixture.orders.get(&path).send().await.expect(200).version();
    fixture.env.clock.advance(chrono::TimeDelta::minutes(1));
    fixture.orders.patch(&path).if_match(version + 1).json(&notes).send().await.expect(412);
    let changed = fixture.orders.patch(&path).if_match(version).json(&notes).send().await.expect(200);
    assert_eq!((&changed.json["metadata"], changed.version()), (&json!({ "erp": "4711" }), version + 1));
    let timeline = fixture.orders.get(&format!("{path}/timeline")).send().await.expect(200).json;
    assert_eq!((&timeline["data"][0]["at"], &timeline["data"][1]["at"]), (&order["placed_at"], &changed.json["updated_at"]));
    assert_ne!(order["placed_at"], changed.json["updated_at"]);
    fixture.orders.patch(&path).if_match(version + 1).json(&json!({ "status": "completed" })).send().await.expect(400);
    fixture.orders.patch(&path).tenant(fixture.env.other_tenant).if_match(version).json(&notes).send().await.expect(404);
    fixture.orders.get(&format!("{path}/timeline")).tenant(fixture.env.other_tenant).send().await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_list_filter_uses_its_index() {
    let fixture = Fixture::open().await;
    let order = fixture.order(1).await;
    let mut connection = fixture.env.superuser().await;
    // Enough orders of two tenants that a plan has something to choose between.
    sqlx::query(
        "insert into checkout (tenant_id, id, cart_id, bought_cart_id, status, fingerprint, actor, order_id, hold_id, payment_id, authorise_id,
                               void_id, refund_id, deadline, settled, attempts, version, created_at, updated_at)
         select tenant, gen_random_uuid(), cart, cart, 'completed', '', '', gen_random_uuid(), gen_random_uuid(),
                gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), now(), true, 0, 1, now(), now()
         from (select tenant, md5(tenant::text || n)::uuid as cart
               from (select tenant_id as tenant from orders union all select $1) tenants, generate_series(1, 3000) n) carts",
    )
    .bind(fixture.env.other_tenant.uuid())
    .execute(&mut connection)
    .await
    .unwrap();
    sqlx::query(
        "insert into orders (tenant_id, id, number, status, payment_status, fulfilment_status, checkout_id, subject_id, email_index,
                             document, version, placed_at, updated_at)
         select checkout.tenant_id, checkout.order_id, 10000 + row_number() over (), 'confirmed', 'authorised', 'unfulfilled',
                checkout.id, gen_random_uuid(), decode(md5(checkout.id::text), 'hex'),
                first.document || '{\"status\": \"confirmed\", \"payment_status\": \"authorised\", \"fulfilment_status\": \"unfulfilled\"}',
                first.version, first.placed_at - make_interval(secs => row_number() over ()), first.updated_at
         from checkout, (select * from orders) first where not exists (select from orders where orders.checkout_id = checkout.id)",
    )
    .execute(&mut connection)
    .await
    .unwrap();
    sqlx::query("analyze orders").execute(&mut connection).await.unwrap();
    let tenant = fixture.env.tenant.uuid();
    let role = format!("set role bloom_orders; select set_config('bloom.tenant', '{tenant}', false)");
    sqlx::raw_sql(AssertSqlSafe(role)).execute(&mut connection).await.unwrap();
    let place = "(placed_at, id) < ('2030-01-01', 'ffffffff-ffff-ffff-ffff-ffffffffffff')";
    for (filter, index) in [
        (String::new(), "orders_placed"),
        (format!("and {place}"), "orders_placed"),
        ("and status = 'canceled'".to_owned(), "orders_status"),
        ("and payment_status = 'voided'".to_owned(), "orders_payment_status"),
        ("and fulfilment_status = 'partial'".to_owned(), "orders_fulfilment_status"),
        ("and email_index = '\\x00'".to_owned(), "orders_email"),
        (format!("and number = {}", order["number"].as_str().unwrap()), "orders_number_key"),
    ] {
        let explain =
            format!("explain select document from orders where true {filter} order by placed_at desc, id desc limit 21");
        let plan: Vec<String> = sqlx::query_scalar(AssertSqlSafe(explain)).fetch_all(&mut connection).await.unwrap();
        let plan = plan.join("\n");
        assert!(plan.contains(&format!("using {index} ")), "{filter}\n{plan}");
        assert!(plan.contains("tenant_id ="), "the tenant leads the index: {plan}");
    }
}
