//! Bulk import.

mod conflicts;
mod model;
mod upload;

use std::time::Duration;

use bloom_fault::Code;
use bloom_kernel::{ImportId, TaxClassId};
use bloom_testkit::Answer;
use chrono::TimeDelta;
use serde_json::{Value, json};
use sqlx::Row as _;

use super::apply::apply_next;
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

    pub(crate) async fn ended(&self, id: &str) -> Value {
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
    // Line 21 has created its product nevertheless: pricing refused its price afterwards.
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
        assert!(!std::mem::take(&mut state.lookups).contains(&"BLR-1".to_owned()), "the replica knows it");
    }
    fixture.assert_invariants().await;
}

#[tokio::test]
async fn an_import_looks_up_unknown_tax_classes_at_pricing() {
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
    // While pricing is down, no line of the chunk is applied, because it is unknown which lines are valid.
    assert_eq!(apply_next(&fixture.app, &fixture.call(), import).await.unwrap_err().code, Code::Unavailable);
    assert_eq!(fixture.job(&id).await["lines_processed"], 0);
    owners.state.lock().unwrap().failures = 0;
    run_import(&fixture.app, &fixture.call(), id.parse().unwrap(), ()).await.unwrap();
    let job = fixture.ended(&id).await;
    assert_eq!(counts(&job), [5, 5, 1, 4, 0]);
    let unknown = (5, "/variants/0/tax_class_id".to_owned(), "unknown".to_owned());
    assert_eq!(fixture.report(&id).await, [unknown]);
    assert!(!owners.state.lock().unwrap().lookups.contains(&in_replica.to_string()), "objects in the replica are not looked up");
    fixture.assert_invariants().await;
}

#[tokio::test]
async fn a_killed_import_resumes_at_its_last_commit() {
    let (fixture, owners) = fixture().await;
    // The job as it is when the process is killed right after the upload was acknowledged.
    owners.state.lock().unwrap().failures = usize::MAX;
    let id = fixture.send(ndjson((1..=1_600).map(line))).await.expect(202).id();
    let import: ImportId = id.parse().unwrap();
    // Its worker applies chunks but fails each time it pushes prices.
    while apply_next(&fixture.app, &fixture.call(), import).await.unwrap_or(true) {}
    let job = fixture.job(&id).await;
    assert_eq!((&job["status"], &job["products_created"]), (&json!("running"), &json!(1_600)));
    owners.state.lock().unwrap().failures = 3;
    // The next worker pushes the rest, and applies no line twice.
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
