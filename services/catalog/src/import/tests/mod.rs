//! Bulk import.

mod model;

use std::time::Duration;

use bloom_fault::Code;
use bloom_kernel::{ImportId, TaxClassId};
use bloom_testkit::Answer;
use chrono::TimeDelta;
use serde_json::{Value, json};
use sqlx::{PgConnection, Row as _};

use super::apply::apply_next;
use super::model::ImportStatus;
use super::run::run_import;
use crate::tests::fakes::FakeOwners;
use crate::tests::{Fixture, shop, text, with};

/// A shop with the location BLR-1.
async fn fixture() -> (Fixture, FakeOwners) {
    let (fixture, _) = shop().await;
    fixture.location("BLR-1", 1).await;
    let owners = fixture.owners.clone();
    (fixture, owners)
}

fn line(nr: usize) -> Value {
    json!({ "external_id": format!("E{nr}"), "title": format!("Part {nr}"), "categories": [format!("Parts/Group {}", nr % 7)],
        "variants": [{ "sku": format!("SKU-{nr}"), "prices": [{ "amount": nr, "currency": "INR" }],
            "stock": [{ "location": "BLR-1", "on_hand": nr }] }] })
}

fn ndjson(lines: impl IntoIterator<Item = Value>) -> String {
    let lines: Vec<String> = lines.into_iter().map(|line| line.to_string()).collect();
    lines.join("\n")
}

impl Fixture {
    async fn send(&self, body: String) -> Answer {
        self.client.post("/v1/catalog/imports").raw("application/x-ndjson", body).send().await
    }

    async fn job(&self, id: &str) -> Value {
        self.client.get(&format!("/v1/catalog/imports/{id}")).send().await.expect(200).json
    }

    async fn ended(&self, id: &str) -> Value {
        for _ in 0..3_000 {
            let job = self.job(id).await;
            if job["status"] == "completed" || job["status"] == "failed" {
                return job;
            }
            // Real time: the import runs beside the test, which polls until it has ended.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the import does not end: {}", self.job(id).await);
    }

    async fn import(&self, lines: impl IntoIterator<Item = Value>) -> Value {
        let id = self.send(ndjson(lines)).await.expect(202).id();
        self.ended(&id).await
    }

    async fn report(&self, id: &str) -> Vec<(i64, String, String)> {
        let answer = self.client.get(&format!("/v1/catalog/imports/{id}/report")).send().await.expect(200);
        assert_eq!(answer.header("content-type"), "application/x-ndjson");
        let lines = answer.text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.map(|line| (line["line"].as_i64().unwrap(), text(&line["pointer"]), text(&line["code"]))).collect()
    }
}

fn counts(job: &Value) -> [i64; 5] {
    ["lines", "lines_processed", "lines_failed", "products_created", "products_updated"].map(|name| job[name].as_i64().unwrap())
}

#[tokio::test]
async fn an_import_creates_and_updates_products() {
    let (fixture, owners) = fixture().await;
    let job = fixture.import((1..=1_203).map(line)).await;
    assert_eq!((counts(&job), &job["status"]), ([1_203, 1_203, 0, 1_203, 0], &json!("completed")));
    assert_eq!(fixture.titles("limit=100").await.len(), 1_203);
    let categories = fixture.client.get("/v1/catalog/categories?limit=100").send().await.expect(200).json;
    assert_eq!(categories["data"].as_array().unwrap().len(), 8, "created once each");
    {
        let state = owners.state.lock().unwrap();
        assert_eq!((state.prices.len(), state.stock.len(), state.calls), (1_203, 1_203, 6));
    }
    // By external id, by SKU, and a new one between them; absent fields stay.
    let more = [
        json!({ "external_id": "E5", "title": "Part five" }),
        json!({ "title": "Part six", "variants": [{ "sku": "SKU-6", "weight_grams": 60 }] }),
        json!({ "title": "Fresh", "variants": [{ "sku": "FRESH" }] }),
        json!({ "external_id": "E5", "description": "Twice in one file" }),
    ];
    let job = fixture.import(more).await;
    assert_eq!(counts(&job), [4, 4, 0, 1, 2]);
    let titles = fixture.titles("sort=title&limit=100").await;
    assert!(["Fresh", "Part five", "Part six"].iter().all(|title| titles.contains(&(*title).to_owned())));
    assert!(!titles.contains(&"Part 5".to_owned()));
    let mut conn = fixture.env.superuser().await;
    let spooled: i64 = sqlx::query("select count(*) from import_chunk").fetch_one(&mut conn).await.unwrap().get(0);
    assert_eq!(spooled, 0);
    let five = "select version, description from product where external_id = 'E5'";
    let five = sqlx::query(five).fetch_one(&mut conn).await.unwrap();
    assert_eq!((five.get::<i64, _>(0), five.get::<String, _>(1)), (2, "Twice in one file".to_owned()));
    fixture.assert_invariants().await;
}

#[tokio::test]
async fn bad_lines_are_reported_and_all_others_applied() {
    let (fixture, owners) = fixture().await;
    let mut lines: Vec<String> = (1..=40).map(|nr| line(nr).to_string()).collect();
    lines[2] = "{ broken".to_owned();
    lines[4] = with(line(5), json!({ "colour": "red" })).to_string();
    lines[6] = with(line(7), json!({ "title": "" })).to_string();
    lines[8] = with(line(9), json!({ "product_type": "nothing", "channels": ["web", "moon"] })).to_string();
    lines[10] = String::new();
    lines[12] = json!({ "external_id": "E13", "title": "T", "variants": [{ "sku": "SKU-1" }] }).to_string();
    lines[14] = json!({ "external_id": "E15", "title": "No variant" }).to_string();
    lines[16] = with(line(17), json!({ "categories": ["Parts//Discs"] })).to_string();
    lines[18] =
        with(line(19), json!({ "variants": [{ "sku": "A", "stock": [{ "location": "MOON", "on_hand": 1 }] }] })).to_string();
    lines[20] =
        with(line(21), json!({ "variants": [{ "sku": "B", "prices": [{ "amount": 1, "currency": "JPY" }] }] })).to_string();
    lines[22] = "x".repeat(300 * 1024);
    lines[24] =
        with(line(25), json!({ "variants": [{ "sku": "C", "prices": [{ "amount": -1, "currency": "INR" }] }] })).to_string();
    lines[26] = with(line(27), json!({ "title": "a\u{0}b" })).to_string();
    lines[32] = with(
        line(33),
        json!({ "product_type": "a\u{0}b", "variants": [{ "sku": "D", "stock": [
        { "location": "a\u{0}b", "on_hand": 1 }, { "location": "", "on_hand": 1 }] }] }),
    )
    .to_string();
    lines[28] = with(line(29), json!({ "external_id": "E29\u{200b}" })).to_string();
    lines[30] =
        with(line(31), json!({ "variants": [{ "sku": " SKU-1" }, { "sku": "a\u{0}b", "barcode": "e\u{301}" }] })).to_string();
    let id = fixture.send(lines.join("\r\n")).await.expect(202).id();
    let job = fixture.ended(&id).await;
    assert_eq!(job["status"], "completed");
    let expected = [
        (3, "", "json_malformed"),
        (5, "/colour", "unknown_field"),
        (7, "/title", "length"),
        (9, "/product_type", "unknown"),
        (9, "/channels/1", "unknown"),
        (13, "/variants/0/sku", "taken"),
        (15, "/variants", "required"),
        (17, "/categories/0", "pattern"),
        (19, "/variants/0/stock/0/location", "unknown"),
        (21, "/variants/0/prices/0", "no_yen"),
        (23, "", "length"),
        (25, "/variants/0/prices/0/amount", "out_of_range"),
        (27, "/title", "pattern"),
        (29, "/external_id", "format"),
        (31, "/variants/0/sku", "format"),
        (31, "/variants/1/sku", "format"),
        (31, "/variants/1/barcode", "format"),
        (33, "/product_type", "pattern"),
        (33, "/variants/0/stock/0/location", "pattern"),
        (33, "/variants/0/stock/1/location", "length"),
    ];
    let found = fixture.report(&id).await;
    for (line, pointer, code) in expected {
        assert!(found.contains(&(line, pointer.to_owned(), code.to_owned())), "{line} {pointer} {code} is not in {found:#?}");
    }
    // Line 21 is a product all the same: pricing refused its price after it was saved.
    assert_eq!(counts(&job), [40, 40, 15, 25, 0]);
    assert_eq!(fixture.titles("limit=100").await.len(), 25);
    assert_eq!(owners.state.lock().unwrap().prices.len(), 24);
    fixture.assert_invariants().await;
}

#[tokio::test]
async fn a_line_with_an_unknown_location_changes_nothing() {
    let (fixture, owners) = fixture().await;
    let existing = fixture.import([line(1)]).await;
    assert_eq!(counts(&existing), [1, 1, 0, 1, 0]);
    owners.add(fixture.env.tenant, &"NEW-1");
    owners.add(fixture.env.other_tenant, &"OTHER-1");
    // In the replica, but no longer known to inventory: refused after the product was saved.
    fixture.location("OLD-1", 2).await;
    let at = |nr: usize, location: &str| {
        let stock = json!([{ "location": "BLR-1", "on_hand": 7 }, { "location": location, "on_hand": 3 }]);
        let variants = json!([{ "sku": format!("SKU-{nr}"), "prices": [{ "amount": 5, "currency": "INR" }], "stock": stock }]);
        with(line(nr), json!({ "title": "Changed", "categories": ["Parts"], "variants": variants }))
    };
    let id =
        fixture.send(ndjson([at(1, "MOON"), at(2, "OTHER-1"), at(3, "NEW-1"), at(4, "OLD-1"), line(5)])).await.expect(202).id();
    let job = fixture.ended(&id).await;
    assert_eq!(counts(&job), [5, 5, 4, 3, 0]);
    let place = "/variants/0/stock/1/location".to_owned();
    let refused = |line: i64| (line, place.clone(), "unknown".to_owned());
    // The fake counts stock at BLR-1 only, so it refuses NEW-1, too.
    assert_eq!(fixture.report(&id).await, [refused(1), refused(2), refused(3), refused(4)]);
    let messages = fixture.client.get(&format!("/v1/catalog/imports/{id}/report")).send().await.expect(200).text;
    let saved: Vec<bool> = messages.lines().map(|line| line.contains("The product of the line was saved without it.")).collect();
    assert_eq!(saved, [false, false, true, true]);
    let mut titles = fixture.titles("sort=title").await;
    titles.sort_unstable();
    assert_eq!(titles, ["Changed", "Changed", "Part 1", "Part 5"]);
    {
        let mut state = owners.state.lock().unwrap();
        let price = |nr: usize| state.prices.values().filter(|amount| **amount == i64::try_from(nr).unwrap()).count();
        assert_eq!((price(1), price(5), state.stock.len()), (1, 3, 4), "prices and stock of refused lines are not pushed");
        assert!(!std::mem::take(&mut state.asked).contains(&"BLR-1".to_owned()), "the replica knows it");
    }
    fixture.assert_invariants().await;
}

#[tokio::test]
async fn an_import_asks_pricing_about_unknown_tax_classes() {
    let (fixture, owners) = fixture().await;
    let (in_replica, owned, foreign): (TaxClassId, TaxClassId, TaxClassId) = (fixture.id(), fixture.id(), fixture.id());
    fixture.tax_class(in_replica).await;
    owners.add(fixture.env.tenant, &owned);
    owners.add(fixture.env.other_tenant, &foreign);
    let classed = |nr: usize, class: TaxClassId| {
        let variants = json!([{ "sku": format!("SKU-{nr}"), "tax_class_id": class }]);
        with(line(nr), json!({ "variants": variants }))
    };
    let lines = || ndjson([line(1), classed(2, in_replica), classed(3, owned), classed(4, owned), classed(5, foreign)]);
    owners.state.lock().unwrap().failures = usize::MAX;
    let id = fixture.send(lines()).await.expect(202).id();
    let import: ImportId = id.parse().unwrap();
    // While pricing is down nothing of the chunk is applied: which of its lines are valid is not known.
    assert_eq!(apply_next(&fixture.app, &fixture.call(), import).await.unwrap_err().code, Code::Unavailable);
    assert_eq!(fixture.job(&id).await["lines_processed"], 0);
    owners.state.lock().unwrap().failures = 0;
    run_import(&fixture.app, &fixture.call(), id.parse().unwrap(), ()).await.unwrap();
    let job = fixture.ended(&id).await;
    assert_eq!(counts(&job), [5, 5, 1, 4, 0]);
    let unknown = (5, "/variants/0/tax_class_id".to_owned(), "unknown".to_owned());
    assert_eq!(fixture.report(&id).await, [unknown]);
    assert!(!owners.state.lock().unwrap().asked.contains(&in_replica.to_string()), "what was in_replica of is not asked for");
    fixture.assert_invariants().await;
}

#[tokio::test]
async fn a_killed_import_resumes_at_its_last_commit() {
    let (fixture, owners) = fixture().await;
    // The job as it is when the process dies right after the upload was acknowledged.
    owners.state.lock().unwrap().failures = usize::MAX;
    let id = fixture.send(ndjson((1..=1_600).map(line))).await.expect(202).id();
    let import: ImportId = id.parse().unwrap();
    // Its worker applies chunks but cannot push prices: it fails there each time.
    while apply_next(&fixture.app, &fixture.call(), import).await.unwrap_or(true) {}
    let job = fixture.job(&id).await;
    assert_eq!((&job["status"], &job["products_created"]), (&json!("running"), &json!(1_600)));
    owners.state.lock().unwrap().failures = 3;
    // The next worker pushes what is left, and applies no line twice.
    for _ in 0..200 {
        fixture.env.clock.advance(TimeDelta::seconds(20));
        // Real time: the worker runs beside the test, which polls until it has ended.
        tokio::time::sleep(Duration::from_millis(50)).await;
        if fixture.job(&id).await["status"] == "completed" {
            break;
        }
    }
    let job = fixture.ended(&id).await;
    assert_eq!(counts(&job), [1_600, 1_600, 0, 1_600, 0]);
    {
        let state = owners.state.lock().unwrap();
        assert_eq!((state.prices.len(), state.stock.len()), (1_600, 1_600));
        assert_eq!(state.counts.len(), 4, "a chunk's stock has one operation id, however often it is pushed");
    }
    let mut conn = fixture.env.superuser().await;
    let versions: i64 = sqlx::query("select max(version) from product").fetch_one(&mut conn).await.unwrap().get(0);
    assert_eq!(versions, 1);
    fixture.assert_invariants().await;
}

#[tokio::test]
async fn two_workers_apply_no_chunk_twice() {
    let (fixture, _) = fixture().await;
    let id = fixture.send(ndjson((1..=1_100).map(line))).await.expect(202).id();
    let (import, call): (ImportId, _) = (id.parse().unwrap(), fixture.call());
    let work = || async { while apply_next(&fixture.app, &call, import).await.unwrap() {} };
    futures::join!(work(), work());
    let job = fixture.ended(&id).await;
    assert_eq!(counts(&job), [1_100, 1_100, 0, 1_100, 0]);
    fixture.assert_invariants().await;
}

/// Counts the statements that write products, those that are rolled back included.
async fn count_writes(conn: &mut PgConnection) {
    let counter = "create sequence writes;
        create function count_write() returns trigger language plpgsql security definer set search_path from current
            as $$ begin perform nextval('writes'); return null; end $$;
        create trigger count_write before insert on product for each statement execute function count_write()";
    sqlx::raw_sql(counter).execute(conn).await.unwrap();
}

async fn writes(conn: &mut PgConnection) -> i64 {
    sqlx::query("select nextval('writes')").fetch_one(conn).await.unwrap().get::<i64, _>(0) - 1
}

#[tokio::test]
async fn concurrent_imports_of_the_same_products_all_succeed() {
    let (fixture, owners) = fixture().await;
    let file = || ndjson((1..=400).map(|nr| with(line(nr), json!({ "categories": null }))));
    let (mut lock_holder, mut conn) = (fixture.env.superuser().await, fixture.env.superuser().await);
    count_writes(&mut conn).await;
    // All three have searched, and found none of the products, before the first may write.
    sqlx::raw_sql("begin; lock table product in share mode").execute(&mut lock_holder).await.unwrap();
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(fixture.send(file()).await.expect(202).id());
    }
    let waiting = "select count(*) from pg_locks where relation = 'product'::regclass and not granted";
    let mut polls = 0..3_000;
    while sqlx::query(waiting).fetch_one(&mut conn).await.unwrap().get::<i64, _>(0) < 3 {
        assert!(polls.next().is_some(), "the imports do not reach the lock");
        // Real time: the imports run beside the test, which polls until each waits for the lock.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    sqlx::raw_sql("commit").execute(&mut lock_holder).await.unwrap();
    let mut made = Vec::new();
    for id in &ids {
        let job = fixture.ended(id).await;
        let [lines, applied, failed, created, updated] = counts(&job);
        assert_eq!((lines, applied, failed, created + updated), (400, 400, 0, 400), "{job}");
        made.push(created);
    }
    made.sort_unstable();
    assert_eq!(made, [0, 0, 400]);
    assert_eq!(writes(&mut conn).await, 5, "the first wrote once, the others again after reading its rows");
    assert_eq!(fixture.titles("limit=100").await.len(), 400);
    assert_eq!(owners.state.lock().unwrap().prices.len(), 400);
    fixture.assert_invariants().await;
}

#[tokio::test]
async fn a_line_refused_by_the_database_is_found_by_bisection() {
    let (fixture, owners) = fixture().await;
    let pair = json!({ "external_id": "P", "title": "Pair", "options": [{ "name": "N", "values": ["1", "2"] }], "variants": [
        { "sku": "A", "external_id": "VA", "options": { "N": "1" } }, { "sku": "B", "external_id": "VB", "options": { "N": "2" } }] });
    assert_eq!(counts(&fixture.import([pair]).await), [1, 1, 0, 1, 0]);
    // Option values are swapped, which a unique index refuses row by row.
    let swapped = json!({ "external_id": "P", "variants": [
        { "sku": "A", "options": { "N": "2" } }, { "sku": "B", "options": { "N": "1" } }] });
    let mut conn = fixture.env.superuser().await;
    count_writes(&mut conn).await;
    // A line that the catalogue itself refuses is reported without bisection.
    let untitled = with(line(99), json!({ "title": "" }));
    let lines = (1..=63).map(line).chain([swapped]).chain((64..=98).map(line)).chain([untitled]);
    let job = fixture.import(lines).await;
    assert_eq!(counts(&job), [100, 100, 2, 98, 0]);
    let mut report = fixture.report(&text(&job["id"])).await;
    report.sort_unstable();
    let report: Vec<_> = report.iter().map(|(line, _, code)| (*line, code.as_str())).collect();
    assert_eq!(report, [(64, "taken"), (100, "length")]);
    let writes = writes(&mut conn).await;
    assert!(writes <= 2 + 2 * 7, "{writes} writes for one bad line among a hundred");
    {
        let state = owners.state.lock().unwrap();
        assert_eq!((state.prices.len(), state.stock.len()), (98, 98), "prices and stock of every applied line");
    }
    // Parts that were rolled back have published nothing.
    let count = "select (select count(*) from outbox where kind = 'category.created') - (select count(*) from category)";
    let unmatched: i64 = sqlx::query_scalar(count).fetch_one(&mut conn).await.unwrap();
    assert_eq!(unmatched, 0, "each category has one event");
    fixture.assert_invariants().await;
}

#[tokio::test]
async fn a_deadlock_is_retried_and_not_reported() {
    let (fixture, owners) = fixture().await;
    // The first two writes fail with a deadlock. A sequence is not rolled back.
    let trigger = "create sequence deadlocks;
        create function raise_deadlock() returns trigger language plpgsql security definer set search_path from current as $$
            begin if nextval('deadlocks') <= 2 then raise deadlock_detected; end if; return null; end $$;
        create trigger raise_deadlock before insert on product for each statement execute function raise_deadlock()";
    sqlx::raw_sql(trigger).execute(&mut fixture.env.superuser().await).await.unwrap();
    let id = fixture.send(line(1).to_string()).await.expect(202).id();
    for _ in 0..200 {
        // Real time: the worker runs beside the test, which polls until it has ended.
        tokio::time::sleep(Duration::from_millis(50)).await;
        if fixture.job(&id).await["status"] != "running" {
            break;
        }
        fixture.env.clock.advance(TimeDelta::seconds(20));
    }
    let job = fixture.ended(&id).await;
    assert_eq!(counts(&job), [1, 1, 0, 1, 0], "{:?}", fixture.report(&id).await);
    assert_eq!(owners.state.lock().unwrap().prices.len(), 1);
    fixture.assert_invariants().await;
}

#[tokio::test]
async fn an_upload_is_accepted_once_and_only_whole() {
    let (fixture, _) = fixture().await;
    let post = |body: String| fixture.client.post("/v1/catalog/imports").key("k").raw("application/x-ndjson", body).send();
    let first = post(ndjson([line(1)])).await.expect(202);
    assert_eq!(first.header("idempotent-replayed"), "");
    let (first, again) = (first.id(), post(ndjson([line(1)])).await.expect(202));
    assert_eq!((again.id(), again.header("idempotent-replayed")), (first.clone(), "true"));
    let wrong = fixture.client.post("/v1/catalog/imports").json(&json!({})).send().await.expect(415);
    assert_eq!(wrong.code(), "content_type_unsupported");
    fixture.ended(&first).await;

    // After an interrupted upload no line is applied, and the key can be used again.
    let mut conn = fixture.env.superuser().await;
    sqlx::query("update import_job set status = 'receiving', finished_at = null").execute(&mut conn).await.unwrap();
    assert_eq!(post(String::new()).await.expect(409).code(), "idempotency_in_progress");
    fixture.env.clock.advance(TimeDelta::minutes(10));
    run_import(&fixture.app, &fixture.call(), first.parse().unwrap(), ()).await.unwrap();
    let job = fixture.job(&first).await;
    assert_eq!((&job["status"], &job["failure"]), (&json!("failed"), &json!("upload_interrupted")));
    let second = post(ndjson([line(2)])).await.expect(202).id();
    assert_ne!(second, first);
    assert_eq!(counts(&fixture.ended(&second).await), [1, 1, 0, 1, 0]);
    let list = fixture.client.get("/v1/catalog/imports?limit=1").send().await.expect(200).json;
    assert_eq!((&list["data"][0]["id"], list["page"]["next"].is_string()), (&json!(second), true));
    assert_eq!(counts(&fixture.import([]).await), [0; 5]);

    // It is deleted after thirty days.
    fixture.env.clock.advance(TimeDelta::days(31));
    fixture.wait_for_timers().await;
    let _ = fixture.client.get(&format!("/v1/catalog/imports/{first}")).send().await.expect(404);
    assert_eq!(ImportStatus::of("running"), ImportStatus::Running);
}

#[tokio::test]
async fn a_used_idempotency_key_refuses_another_body() {
    let (fixture, _) = fixture().await;
    let post = |body: String| fixture.client.post("/v1/catalog/imports").key("k").raw("application/x-ndjson", body).send();
    let (body, longer) = (ndjson([line(1)]), ndjson([line(1), line(2)]));
    let same_length = ndjson([line(2)]);
    assert_eq!(body.len(), same_length.len());
    let first = post(body.clone()).await.expect(202).id();
    for ended in [false, true] {
        for other in [&longer, &same_length, &String::new()] {
            assert_eq!(post(other.clone()).await.expect(422).code(), "idempotency_key_reused", "{ended}");
        }
        assert_eq!(post(body.clone()).await.expect(202).id(), first);
        assert_eq!(counts(&fixture.ended(&first).await), [1, 1, 0, 1, 0]);
    }
    assert_eq!(fixture.client.get("/v1/catalog/imports").send().await.expect(200).json["data"].as_array().unwrap().len(), 1);
    // Without a digest the length is compared.
    let mut conn = fixture.env.superuser().await;
    sqlx::query("update import_job set digest = null").execute(&mut conn).await.unwrap();
    let _ = post(longer).await.expect(422);
    assert_eq!(post(same_length).await.expect(202).id(), first);
}

#[tokio::test]
async fn a_publishable_key_imports_nothing() {
    let (fixture, _) = fixture().await;
    let body = ndjson([line(1)]);
    let request = fixture.client.post("/v1/catalog/imports").publishable(&["catalog:read"]).raw("application/x-ndjson", body);
    let _ = request.send().await.expect(403);
    let _ = fixture.client.get("/v1/catalog/imports").publishable(&["catalog:read"]).send().await.expect(403);
}
