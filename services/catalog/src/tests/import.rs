//! Bulk import. Pricing and inventory keep what they are told.

use std::time::Duration;

use bloom_fault::Code;
use bloom_kernel::{ImportId, TaxClassId};
use bloom_testkit::Answer;
use chrono::TimeDelta;
use serde_json::{Value, json};
use sqlx::{PgConnection, Row as _};

use super::owners::Books;
use super::{Stage, shop, text, with};
use crate::domain::import::ImportStatus;
use crate::ops::import::apply::apply_next;
use crate::ops::import::run::run_import;

/// A shop, and what its neighbours were told.
async fn stage() -> (Stage, Books) {
    let (stage, _) = shop().await;
    let books = stage.books.clone();
    (stage, books)
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

impl Stage {
    async fn send(&self, body: String) -> Answer {
        self.door.post("/v1/catalog/imports").raw("application/x-ndjson", body).send().await
    }

    async fn job(&self, id: &str) -> Value {
        self.door.get(&format!("/v1/catalog/imports/{id}")).send().await.expect(200).json
    }

    async fn ended(&self, id: &str) -> Value {
        for _ in 0..3_000 {
            let job = self.job(id).await;
            if job["status"] == "completed" || job["status"] == "failed" {
                return job;
            }
            // Real time: the import runs beside the test; it is asked until it has ended.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the import does not end: {}", self.job(id).await);
    }

    async fn import(&self, lines: impl IntoIterator<Item = Value>) -> Value {
        let id = self.send(ndjson(lines)).await.expect(202).id();
        self.ended(&id).await
    }

    async fn report(&self, id: &str) -> Vec<(i64, String, String)> {
        let answer = self.door.get(&format!("/v1/catalog/imports/{id}/report")).send().await.expect(200);
        assert_eq!(answer.header("content-type"), "application/x-ndjson");
        let lines = answer.text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.map(|line| (line["line"].as_i64().unwrap(), text(&line["pointer"]), text(&line["code"]))).collect()
    }
}

fn figures(job: &Value) -> [i64; 5] {
    ["lines", "lines_processed", "lines_failed", "products_created", "products_updated"].map(|name| job[name].as_i64().unwrap())
}

#[tokio::test]
async fn a_file_becomes_a_catalogue_and_the_same_file_changes_it() {
    let (stage, books) = stage().await;
    let job = stage.import((1..=1_203).map(line)).await;
    assert_eq!((figures(&job), &job["status"]), ([1_203, 1_203, 0, 1_203, 0], &json!("completed")));
    assert_eq!(stage.titles("limit=100").await.len(), 1_203);
    let categories = stage.door.get("/v1/catalog/categories?limit=100").send().await.expect(200).json;
    assert_eq!(categories["data"].as_array().unwrap().len(), 8, "created once each");
    {
        let ledger = books.ledger.lock().unwrap();
        assert_eq!((ledger.prices.len(), ledger.stock.len(), ledger.calls), (1_203, 1_203, 6));
    }
    // By external id, by SKU, and a new one between them; absent fields stay.
    let more = [
        json!({ "external_id": "E5", "title": "Part five" }),
        json!({ "title": "Part six", "variants": [{ "sku": "SKU-6", "weight_grams": 60 }] }),
        json!({ "title": "Fresh", "variants": [{ "sku": "FRESH" }] }),
        json!({ "external_id": "E5", "description": "Twice in one file" }),
    ];
    let job = stage.import(more).await;
    assert_eq!(figures(&job), [4, 4, 0, 1, 2]);
    let titles = stage.titles("sort=title&limit=100").await;
    assert!(["Fresh", "Part five", "Part six"].iter().all(|title| titles.contains(&(*title).to_owned())));
    assert!(!titles.contains(&"Part 5".to_owned()));
    let mut conn = stage.bench.superuser().await;
    let spooled: i64 = sqlx::query("select count(*) from import_chunk").fetch_one(&mut conn).await.unwrap().get(0);
    assert_eq!(spooled, 0);
    let five = "select version, description from product where external_id = 'E5'";
    let five = sqlx::query(five).fetch_one(&mut conn).await.unwrap();
    assert_eq!((five.get::<i64, _>(0), five.get::<String, _>(1)), (2, "Twice in one file".to_owned()));
    stage.sound().await;
}

#[tokio::test]
async fn bad_rows_are_reported_and_all_others_are_in() {
    let (stage, books) = stage().await;
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
    lines[28] = with(line(29), json!({ "external_id": "E29\u{200b}" })).to_string();
    lines[30] =
        with(line(31), json!({ "variants": [{ "sku": " SKU-1" }, { "sku": "a\u{0}b", "barcode": "e\u{301}" }] })).to_string();
    let id = stage.send(lines.join("\r\n")).await.expect(202).id();
    let job = stage.ended(&id).await;
    assert_eq!(job["status"], "completed");
    let expected = [
        (3, "", "json_malformed"),
        (5, "/colour", "invalid"),
        (7, "/title", "required"),
        (9, "/product_type", "unknown_product_type"),
        (9, "/channels/1", "unknown_channel"),
        (13, "/variants/0/sku", "sku_taken"),
        (15, "/variants", "required"),
        (17, "/categories/0", "required"),
        (19, "/variants/0/stock/0/location", "unknown_location"),
        (21, "/variants/0/prices/0", "no_yen"),
        (23, "", "line_too_long"),
        (25, "/variants/0/prices/0/amount", "out_of_range"),
        (27, "/title", "control_character"),
        (29, "/external_id", "invisible_character"),
        (31, "/variants/0/sku", "outer_blank"),
        (31, "/variants/1/sku", "control_character"),
        (31, "/variants/1/barcode", "not_normalised"),
    ];
    let found = stage.report(&id).await;
    for (line, pointer, code) in expected {
        assert!(found.contains(&(line, pointer.to_owned(), code.to_owned())), "{line} {pointer} {code} is not in {found:#?}");
    }
    // Lines 19 and 21 are products all the same: only their stock and price are refused.
    assert_eq!(figures(&job), [40, 40, 14, 27, 0]);
    assert_eq!(stage.titles("limit=100").await.len(), 27);
    assert_eq!(books.ledger.lock().unwrap().prices.len(), 25);
    stage.sound().await;
}

#[tokio::test]
async fn a_tax_class_that_no_event_has_told_of_is_asked_for() {
    let (stage, books) = stage().await;
    let (heard, owned, foreign): (TaxClassId, TaxClassId, TaxClassId) = (stage.id(), stage.id(), stage.id());
    stage.tax_class(heard).await;
    books.own(stage.bench.tenant, &owned);
    books.own(stage.bench.other_tenant, &foreign);
    let classed = |nr: usize, class: TaxClassId| {
        let variants = json!([{ "sku": format!("SKU-{nr}"), "tax_class_id": class }]);
        with(line(nr), json!({ "variants": variants }))
    };
    let lines = || ndjson([line(1), classed(2, heard), classed(3, owned), classed(4, owned), classed(5, foreign)]);
    books.ledger.lock().unwrap().away = usize::MAX;
    let id = stage.send(lines()).await.expect(202).id();
    let import: ImportId = id.parse().unwrap();
    // While pricing is away nothing of the chunk is applied, as it cannot be told which of its lines are good.
    assert_eq!(apply_next(&stage.app, &stage.call(), import).await.unwrap_err().code, Code::Unavailable);
    assert_eq!(stage.job(&id).await["lines_processed"], 0);
    books.ledger.lock().unwrap().away = 0;
    run_import(&stage.app, &stage.call(), &id).await.unwrap();
    let job = stage.ended(&id).await;
    assert_eq!(figures(&job), [5, 5, 1, 4, 0]);
    let unknown = (5, "/variants/0/tax_class_id".to_owned(), "unknown_tax_class".to_owned());
    assert_eq!(stage.report(&id).await, [unknown]);
    assert!(!books.ledger.lock().unwrap().asked.contains(&heard.to_string()), "what was heard of is not asked for");
    stage.sound().await;
}

#[tokio::test]
async fn a_killed_import_goes_on_where_its_last_commit_was() {
    let (stage, books) = stage().await;
    // The job as it is when the process dies right after the upload was acknowledged: no worker, timers asleep.
    books.ledger.lock().unwrap().away = usize::MAX;
    let id = stage.send(ndjson((1..=1_600).map(line))).await.expect(202).id();
    let import: ImportId = id.parse().unwrap();
    // Its worker applies chunks to the catalogue and cannot hand on prices: each time it dies there.
    while apply_next(&stage.app, &stage.call(), import).await.unwrap_or(true) {}
    let job = stage.job(&id).await;
    assert_eq!((&job["status"], &job["products_created"]), (&json!("running"), &json!(1_600)));
    books.ledger.lock().unwrap().away = 3;
    // Whoever takes over hands on what is left, and applies no line twice.
    for _ in 0..200 {
        stage.bench.clock.advance(TimeDelta::seconds(20));
        // Real time: the worker runs beside the test; it is asked until it has ended.
        tokio::time::sleep(Duration::from_millis(50)).await;
        if stage.job(&id).await["status"] == "completed" {
            break;
        }
    }
    let job = stage.ended(&id).await;
    assert_eq!(figures(&job), [1_600, 1_600, 0, 1_600, 0]);
    {
        let ledger = books.ledger.lock().unwrap();
        assert_eq!((ledger.prices.len(), ledger.stock.len()), (1_600, 1_600));
        assert_eq!(ledger.counts.len(), 4, "a chunk's stock is counted under one name, however often it is told");
    }
    let mut conn = stage.bench.superuser().await;
    let versions: i64 = sqlx::query("select max(version) from product").fetch_one(&mut conn).await.unwrap().get(0);
    assert_eq!(versions, 1);
    stage.sound().await;
}

#[tokio::test]
async fn two_workers_do_no_work_twice() {
    let (stage, _) = stage().await;
    let id = stage.send(ndjson((1..=1_100).map(line))).await.expect(202).id();
    let (import, call): (ImportId, _) = (id.parse().unwrap(), stage.call());
    let work = || async { while apply_next(&stage.app, &call, import).await.unwrap() {} };
    futures::join!(work(), work());
    let job = stage.ended(&id).await;
    assert_eq!(figures(&job), [1_100, 1_100, 0, 1_100, 0]);
    stage.sound().await;
}

/// Counts the statements that write products; those that were rolled back too.
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
async fn imports_of_the_same_new_products_do_not_take_each_other_apart() {
    let (stage, books) = stage().await;
    let file = || ndjson((1..=400).map(|nr| with(line(nr), json!({ "categories": null }))));
    let (mut gate, mut conn) = (stage.bench.superuser().await, stage.bench.superuser().await);
    count_writes(&mut conn).await;
    // All three have looked, and found none of the products, before the first may write.
    sqlx::raw_sql("begin; lock table product in share mode").execute(&mut gate).await.unwrap();
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(stage.send(file()).await.expect(202).id());
    }
    let waiting = "select count(*) from pg_locks where relation = 'product'::regclass and not granted";
    let mut looks = 0..3_000;
    while sqlx::query(waiting).fetch_one(&mut conn).await.unwrap().get::<i64, _>(0) < 3 {
        assert!(looks.next().is_some(), "the imports do not come to the gate");
        // Real time: the imports run beside the test; they are asked after until each stands at the gate.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    sqlx::raw_sql("commit").execute(&mut gate).await.unwrap();
    let mut made = Vec::new();
    for id in &ids {
        let job = stage.ended(id).await;
        let [lines, applied, failed, created, updated] = figures(&job);
        assert_eq!((lines, applied, failed, created + updated), (400, 400, 0, 400), "{job}");
        made.push(created);
    }
    made.sort_unstable();
    assert_eq!(made, [0, 0, 400]);
    assert_eq!(writes(&mut conn).await, 5, "one wrote at once, two after a look at what it wrote");
    assert_eq!(stage.titles("limit=100").await.len(), 400);
    assert_eq!(books.ledger.lock().unwrap().prices.len(), 400);
    stage.sound().await;
}

#[tokio::test]
async fn lines_that_only_the_database_can_tell_apart_are_found_by_halving() {
    let (stage, books) = stage().await;
    let pair = json!({ "external_id": "P", "title": "Pair", "options": [{ "name": "N", "values": ["1", "2"] }], "variants": [
        { "sku": "A", "external_id": "VA", "options": { "N": "1" } }, { "sku": "B", "external_id": "VB", "options": { "N": "2" } }] });
    assert_eq!(figures(&stage.import([pair]).await), [1, 1, 0, 1, 0]);
    // Option values change places, which no statement can do at once.
    let swapped = json!({ "external_id": "P", "variants": [
        { "sku": "A", "options": { "N": "2" } }, { "sku": "B", "options": { "N": "1" } }] });
    let mut conn = stage.bench.superuser().await;
    count_writes(&mut conn).await;
    // What the catalogue itself refuses is reported from the part that it stands in.
    let untitled = with(line(99), json!({ "title": "" }));
    let lines = (1..=63).map(line).chain([swapped]).chain((64..=98).map(line)).chain([untitled]);
    let job = stage.import(lines).await;
    assert_eq!(figures(&job), [100, 100, 2, 98, 0]);
    let mut report = stage.report(&text(&job["id"])).await;
    report.sort_unstable();
    let report: Vec<_> = report.iter().map(|(line, _, code)| (*line, code.as_str())).collect();
    assert_eq!(report, [(64, "taken"), (100, "required")]);
    let writes = writes(&mut conn).await;
    assert!(writes <= 2 + 2 * 7, "{writes} writes for one bad line among a hundred");
    {
        let ledger = books.ledger.lock().unwrap();
        assert_eq!((ledger.prices.len(), ledger.stock.len()), (98, 98), "prices and stock of every line that is in");
    }
    stage.sound().await;
}

#[tokio::test]
async fn a_lock_that_somebody_else_holds_is_no_fault_of_a_line() {
    let (stage, books) = stage().await;
    // The first two who write find the way barred, as after a deadlock. What a sequence counts is not rolled back.
    let barred = "create sequence turned_away;
        create function turn_away() returns trigger language plpgsql security definer set search_path from current as $$
            begin if nextval('turned_away') <= 2 then raise deadlock_detected; end if; return null; end $$;
        create trigger turn_away before insert on product for each statement execute function turn_away()";
    sqlx::raw_sql(barred).execute(&mut stage.bench.superuser().await).await.unwrap();
    let id = stage.send(line(1).to_string()).await.expect(202).id();
    for _ in 0..200 {
        // Real time: the worker runs beside the test; it is asked until it has ended.
        tokio::time::sleep(Duration::from_millis(50)).await;
        if stage.job(&id).await["status"] != "running" {
            break;
        }
        stage.bench.clock.advance(TimeDelta::seconds(20));
    }
    let job = stage.ended(&id).await;
    assert_eq!(figures(&job), [1, 1, 0, 1, 0], "{:?}", stage.report(&id).await);
    assert_eq!(books.ledger.lock().unwrap().prices.len(), 1);
    stage.sound().await;
}

#[tokio::test]
async fn an_upload_is_taken_once_and_only_whole() {
    let (stage, _) = stage().await;
    let post = |body: String| stage.door.post("/v1/catalog/imports").key("k").raw("application/x-ndjson", body).send();
    let first = post(ndjson([line(1)])).await.expect(202);
    assert_eq!(first.header("idempotent-replayed"), "");
    let (first, again) = (first.id(), post(ndjson([line(1)])).await.expect(202));
    assert_eq!((again.id(), again.header("idempotent-replayed")), (first.clone(), "true"));
    let wrong = stage.door.post("/v1/catalog/imports").json(&json!({})).send().await.expect(415);
    assert_eq!(wrong.code(), "content_type_unsupported");
    stage.ended(&first).await;

    // A client that vanished: nothing of its lines is applied, and its key is free again.
    let mut conn = stage.bench.superuser().await;
    sqlx::query("update import_job set status = 'receiving', finished_at = null").execute(&mut conn).await.unwrap();
    assert_eq!(post(String::new()).await.expect(409).code(), "idempotency_in_progress");
    stage.bench.clock.advance(TimeDelta::minutes(10));
    run_import(&stage.app, &stage.call(), &first).await.unwrap();
    let job = stage.job(&first).await;
    assert_eq!((&job["status"], &job["failure"]), (&json!("failed"), &json!("upload_interrupted")));
    let second = post(ndjson([line(2)])).await.expect(202).id();
    assert_ne!(second, first);
    assert_eq!(figures(&stage.ended(&second).await), [1, 1, 0, 1, 0]);
    let list = stage.door.get("/v1/catalog/imports?limit=1").send().await.expect(200).json;
    assert_eq!((&list["data"][0]["id"], list["page"]["next"].is_string()), (&json!(second), true));
    assert_eq!(figures(&stage.import([]).await), [0; 5]);

    // Thirty days on it is forgotten.
    stage.bench.clock.advance(TimeDelta::days(31));
    stage.settle().await;
    let _ = stage.door.get(&format!("/v1/catalog/imports/{first}")).send().await.expect(404);
    assert_eq!(ImportStatus::of("running"), ImportStatus::Running);
}

#[tokio::test]
async fn a_used_key_takes_no_other_body() {
    let (stage, _) = stage().await;
    let post = |body: String| stage.door.post("/v1/catalog/imports").key("k").raw("application/x-ndjson", body).send();
    let (body, longer) = (ndjson([line(1)]), ndjson([line(1), line(2)]));
    let same_length = ndjson([line(2)]);
    assert_eq!(body.len(), same_length.len());
    let first = post(body.clone()).await.expect(202).id();
    for ended in [false, true] {
        for other in [&longer, &same_length, &String::new()] {
            assert_eq!(post(other.clone()).await.expect(422).code(), "idempotency_key_reused", "{ended}");
        }
        assert_eq!(post(body.clone()).await.expect(202).id(), first);
        assert_eq!(figures(&stage.ended(&first).await), [1, 1, 0, 1, 0]);
    }
    assert_eq!(stage.door.get("/v1/catalog/imports").send().await.expect(200).json["data"].as_array().unwrap().len(), 1);
    // Of an import from before digests were kept, the length is known.
    let mut conn = stage.bench.superuser().await;
    sqlx::query("update import_job set digest = null").execute(&mut conn).await.unwrap();
    let _ = post(longer).await.expect(422);
    assert_eq!(post(same_length).await.expect(202).id(), first);
}

#[tokio::test]
async fn a_publishable_key_imports_nothing() {
    let (stage, _) = stage().await;
    let body = ndjson([line(1)]);
    let ask = stage.door.post("/v1/catalog/imports").publishable(&["catalog:read"]).raw("application/x-ndjson", body);
    let _ = ask.send().await.expect(403);
    let _ = stage.door.get("/v1/catalog/imports").publishable(&["catalog:read"]).send().await.expect(403);
}
