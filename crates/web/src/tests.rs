//! Refusals of bodies and queries.

mod agree;

use std::collections::BTreeMap;

use axum::extract::FromRequestParts as _;
use bloom_kernel::{
    Address, Code, Currency, Items, MetadataPatch, Moment, Money, Name, Patch, Priority, ProductId, UniqueMap, update,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{Query, parse};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Small,
    Large,
    Huge,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Described {
    /// With a description each choice has a schema of its own.
    First,
    /// The other one.
    Second,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only read")]
enum Either {
    Truth(bool),
    Text(String),
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
#[expect(dead_code, reason = "only read")]
enum Tagged {
    Flat { amount: Priority },
    Steps { steps: Vec<Inner> },
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Everything {
    whole: i64,
    some: Option<Priority>,
    small: u16,
    large: u64,
    number: f64,
    json: Option<serde_json::Number>,
    text: String,
    code: Option<Code>,
    name: Option<Name>,
    truth: bool,
    list: Vec<i64>,
    few: Items<Inner, 0, 3>,
    map: BTreeMap<String, String>,
    unique: UniqueMap<i32>,
    object: Option<Inner>,
    kind: Option<Kind>,
    described: Option<Described>,
    either: Option<Either>,
    tagged: Option<Tagged>,
    time: Option<Moment>,
    id: Option<ProductId>,
    money: Option<Money>,
    address: Option<Address>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only read")]
struct Inner {
    first: i64,
    second: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only read")]
struct Asked {
    limit: Option<u16>,
    priority: Option<Priority>,
    archived: Option<bool>,
    kind: Option<Kind>,
    since: Option<Moment>,
    currency: Option<Currency>,
}

update! {
    /// A change of a thing.
    struct ThingUpdate {
        code: Option<Code>,
        priority: Option<Priority>,
        money: Option<Money>,
        name: Patch<Name>,
        address: Patch<Address>,
        metadata: MetadataPatch,
    }
}

const I64: &str = "Give a whole number from -9223372036854775808 to 9223372036854775807.";
const PRIORITY: &str = "Give a whole number from 0 to 1000000.";
const KINDS: &str = "Give one of `small`, `large`, `huge`.";

/// Bodies with their expected refusals.
const BODIES: &[(&str, &str, &str, &str)] = &[
    (r#"{"whole": "5"}"#, "/whole", "type", I64),
    (r#"{"whole": 1.5}"#, "/whole", "type", I64),
    (r#"{"whole": 1.0}"#, "/whole", "type", I64),
    (r#"{"whole": 9223372036854775808}"#, "/whole", "out_of_range", I64),
    (r#"{"whole": null}"#, "/whole", "required", "This cannot be null."),
    (r#"{"small": 70000}"#, "/small", "out_of_range", "Give a whole number from 0 to 65535."),
    (r#"{"small": -1}"#, "/small", "out_of_range", "Give a whole number from 0 to 65535."),
    (r#"{"large": 18446744073709551616}"#, "/large", "out_of_range", "Give a whole number from 0 to 18446744073709551615."),
    (r#"{"number": "x"}"#, "/number", "type", "Give a number."),
    (r#"{"json": true}"#, "/json", "type", "Give a number."),
    (r#"{"text": 5}"#, "/text", "type", "Give a text."),
    (r#"{"text": {"a": 1}}"#, "/text", "type", "Give a text."),
    (r#"{"code": ""}"#, "/code", "length", "Give 1 to 40 characters."),
    (
        r#"{"code": "ü"}"#,
        "/code",
        "pattern",
        "Give letters, digits, dots, dashes and underscores, the first a letter or a digit.",
    ),
    (r#"{"name": " "}"#, "/name", "pattern", "Give a text that is not blank and has no line breaks or other control characters."),
    (r#"{"truth": "yes"}"#, "/truth", "type", "Give true or false."),
    (r#"{"list": {}}"#, "/list", "type", "Give a list."),
    (r#"{"list": [1, "x"]}"#, "/list/1", "type", I64),
    (r#"{"few": [{"first": 1}, {"first": 1}, {"first": 1}, {"first": 1}]}"#, "/few", "count", "Give at most 3 entries."),
    (r#"{"map": []}"#, "/map", "type", "Give an object."),
    (r#"{"map": {"a": 1}}"#, "/map/a", "type", "Give a text."),
    (r#"{"unique": {"a": 1, "a": 1}}"#, "/unique/a", "duplicate", "This is there twice."),
    (r#"{"object": 5}"#, "/object", "type", "Give an object."),
    (r#"{"object": []}"#, "/object", "type", "Give an object."),
    (r#"{"object": [1, "x"]}"#, "/object", "type", "Give an object."),
    (r#"{"object": {}}"#, "/object/first", "required", "This is required."),
    (
        r#"{"object": {"first": 1, "third": 1}}"#,
        "/object/third",
        "unknown_field",
        "This is not known here; known are `first`, `second`.",
    ),
    (r#"{"object": {"first": 1, "first": 1}}"#, "/object/first", "duplicate", "This is there twice."),
    (r#"{"whole": 1, "whole": 1}"#, "/whole", "duplicate", "This is there twice."),
    (r#"{"whole": 1e400}"#, "/whole", "out_of_range", "This number is too large."),
    (r#"{"whole": 99999999999999999999}"#, "/whole", "out_of_range", I64),
    (r#"{"some": 9223372036854775808}"#, "/some", "out_of_range", PRIORITY),
    (r#"{"some": 99999999999999999999}"#, "/some", "out_of_range", PRIORITY),
    (r#"{"some": -1e400}"#, "/some", "out_of_range", "This number is too large."),
    (r#"{"small": 99999999999999999999}"#, "/small", "out_of_range", "Give a whole number from 0 to 65535."),
    (r#"{"number": 1e400}"#, "/number", "out_of_range", "This number is too large."),
    (r#"{"json": -1e400}"#, "/json", "out_of_range", "This number is too large."),
    (r#"{"text": 1e400}"#, "/text", "out_of_range", "This number is too large."),
    (r#"{"text": "\"1e400", "list": [1, 1e400]}"#, "/list/1", "out_of_range", "This number is too large."),
    (r#"{"kind": "tiny"}"#, "/kind", "unknown", KINDS),
    (r#"{"kind": 5}"#, "/kind", "unknown", KINDS),
    (r#"{"kind": []}"#, "/kind", "unknown", KINDS),
    (r#"{"kind": {"tiny": null}}"#, "/kind", "unknown", KINDS),
    (r#"{"kind": {"large": null}}"#, "/kind", "unknown", KINDS),
    (r#"{"described": "third"}"#, "/described", "unknown", "Give one of `first`, `second`."),
    (r#"{"described": 5}"#, "/described", "unknown", "Give one of `first`, `second`."),
    (r#"{"either": 5}"#, "/either", "type", "Give true or false or a text."),
    (r#"{"tagged": 5}"#, "/tagged", "type", "Give an object."),
    (r#"{"tagged": {}}"#, "/tagged/type", "required", "This is required."),
    (r#"{"tagged": {"type": "steep"}}"#, "/tagged/type", "unknown", "Give one of `flat`, `steps`."),
    (r#"{"tagged": {"type": 5}}"#, "/tagged/type", "unknown", "Give one of `flat`, `steps`."),
    (r#"{"tagged": {"type": "flat", "amount": "x"}}"#, "/tagged/amount", "type", PRIORITY),
    (r#"{"tagged": {"amount": 99999999999999999999, "type": "flat"}}"#, "/tagged/amount", "out_of_range", PRIORITY),
    (r#"{"tagged": {"type": "flat", "amount": 1e400}}"#, "/tagged/amount", "out_of_range", "This number is too large."),
    (r#"{"tagged": {"type": "flat", "amount": 1, "amount": 1}}"#, "/tagged/amount", "duplicate", "This is there twice."),
    (r#"{"tagged": {"type": "flat", "type": "flat", "amount": 1}}"#, "/tagged/type", "duplicate", "This is there twice."),
    (
        r#"{"tagged": {"type": "flat", "amount": 1, "a/b": 1}}"#,
        "/tagged/a~1b",
        "unknown_field",
        "This is not known here; known are `amount`, `type`.",
    ),
    (r#"{"tagged": {"type": "flat"}}"#, "/tagged/amount", "required", "This is required."),
    (r#"{"tagged": {"type": "steps", "steps": {}}}"#, "/tagged/steps", "type", "Give a list."),
    (r#"{"tagged": {"type": "steps", "steps": [{"first": 1}, {"first": true}]}}"#, "/tagged/steps/1/first", "type", I64),
    (r#"{"tagged": {"type": "steps", "steps": [{"second": "x"}]}}"#, "/tagged/steps/0/first", "required", "This is required."),
    (r#"{"tagged": {"type": "steps", "steps": [[1, "x"]]}}"#, "/tagged/steps/0", "type", "Give an object."),
    (r#"{"time": "tomorrow"}"#, "/time", "format", "Give a time such as 2026-11-01T12:00:00Z, in the years 0001 to 9999."),
    (r#"{"time": 5}"#, "/time", "type", "Give a time such as 2026-11-01T12:00:00Z, in the years 0001 to 9999."),
    (r#"{"id": 5}"#, "/id", "type", "Give an id such as prod_01jd6zv4x8e5yag7k3m2n9p0qr."),
    (r#"{"id": "ord_01jd6zv4x8e5yag7k3m2n9p0qr"}"#, "/id", "pattern", "Give an id such as prod_01jd6zv4x8e5yag7k3m2n9p0qr."),
    (
        r#"{"money": {"amount": 1, "currency": "QQQ"}}"#,
        "/money/currency",
        "format",
        "Give the currency's ISO 4217 code, for example INR.",
    ),
    (r#"{"money": [1, "INR"]}"#, "/money", "type", "Give an object."),
    (
        r#"{"address": {"name": "A", "line1": "B", "city": "C", "country": "ZZ"}}"#,
        "/address/country",
        "format",
        "Give the country's ISO 3166-1 alpha-2 code, for example IN.",
    ),
    (r"[]", "", "type", "Give an object."),
    (r"5", "", "type", "Give an object."),
    (r"null", "", "required", "This cannot be null."),
];

#[test]
fn a_body_is_refused_with_pointer_code_and_message() {
    let mut wrong = Vec::new();
    for &(body, pointer, code, message) in BODIES {
        let fault = parse::<Everything>(body.as_bytes()).expect_err(body);
        let listed: Vec<_> = fault.errors.iter().map(|at| (at.pointer.as_str(), at.code.as_str(), at.message.as_str())).collect();
        if listed != [(pointer, code, message)] {
            wrong.push(format!("{body}: {listed:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let good = r#"{"kind": "large", "tagged": {"type": "flat", "amount": 1}, "either": "x", "object": {"first": 1}}"#;
    parse::<Everything>(good.as_bytes()).expect("all of it is right");
}

#[test]
fn every_violation_is_listed_once() {
    let body =
        r#"{"whole": "x", "code": "", "surprise": 1, "object": {"third": 1, "second": 5}, "kind": "tiny", "list": ["x", "y"]}"#;
    let fault = parse::<Everything>(body.as_bytes()).unwrap_err();
    let mut pointers: Vec<_> = fault.errors.iter().map(|at| at.pointer.as_str()).collect();
    pointers.sort_unstable();
    assert_eq!(
        pointers,
        ["/code", "/kind", "/list/0", "/list/1", "/object/first", "/object/second", "/object/third", "/surprise", "/whole"]
    );
}

#[test]
fn at_most_fifty_violations_are_listed() {
    for body in [json!({ "list": vec!["x"; 10_000] }), (0..10_000).map(|n| (format!("f{n}"), json!(1))).collect()] {
        let fault = parse::<Everything>(body.to_string().as_bytes()).unwrap_err();
        assert_eq!(fault.errors.len(), 50);
    }
}

#[test]
fn a_very_large_body_lists_only_the_first_violation() {
    let fault = parse::<Everything>(json!({ "list": vec!["x"; 100_000] }).to_string().as_bytes()).unwrap_err();
    assert_eq!(fault.errors.iter().map(|at| at.pointer.as_str()).collect::<Vec<_>>(), ["/list/0"]);
}

#[test]
fn invalid_json_is_refused_with_line_and_column() {
    for (body, detail) in [
        ("", "The body is empty. Send a JSON object."),
        (" \n", "The body is empty. Send a JSON object."),
        ("\u{feff}{}", "The body is not valid JSON: it begins with a byte order mark. Send it without."),
        ("{\n  \"text\": NaN}", "The body is not valid JSON: expected value at line 2 column 11."),
        (r#"{"truth": nil}"#, "The body is not valid JSON: expected ident at line 1 column 12."),
        (r#"{"text": "\ud800"}"#, "The body is not valid JSON: unexpected end of hex escape at line 1 column 17."),
        (r#"{"text": "x",}"#, "The body is not valid JSON: trailing comma at line 1 column 14."),
        (r#"{"text": "x""#, "The body is not valid JSON: EOF while parsing an object at line 1 column 12."),
        (r#"{"whole": 01}"#, "The body is not valid JSON: invalid number at line 1 column 12."),
        (r"{text: 1}", "The body is not valid JSON: key must be a string at line 1 column 2."),
        (r"{} {}", "The body is not valid JSON: trailing characters at line 1 column 4."),
        // Also where serde stops before it reaches the error.
        (r#"{"whole": "x", "text": 1,}"#, "The body is not valid JSON: trailing comma at line 1 column 26."),
    ] {
        let fault = parse::<Everything>(body.as_bytes()).expect_err(body);
        assert_eq!((fault.reason.as_ref(), fault.detail.as_str()), ("json_malformed", detail), "{body}");
    }
    for deep in ["[".repeat(100_000), format!("{}{}", "[".repeat(1_000), "]".repeat(1_000))] {
        assert_eq!(parse::<Everything>(deep.as_bytes()).unwrap_err().reason, "json_malformed");
    }
}

#[tokio::test]
async fn a_query_is_refused_with_parameter_code_and_message() {
    let time = "Give a time such as 2026-11-01T12:00:00Z, in the years 0001 to 9999.";
    let small = "Give a whole number from 0 to 65535.";
    for (query, parameter, code, message) in [
        ("limit=many", "limit", "type", small),
        ("limit=", "limit", "type", small),
        ("limit=70000", "limit", "out_of_range", small),
        ("limit=-1", "limit", "out_of_range", small),
        ("limit=99999999999999999999999999999999999999999", "limit", "out_of_range", small),
        ("limit=1.0", "limit", "type", small),
        ("priority=1000001", "priority", "out_of_range", PRIORITY),
        ("archived=yes", "archived", "type", "Give true or false."),
        ("kind=tiny", "kind", "unknown", KINDS),
        ("since=tomorrow", "since", "format", time),
        ("currency=QQQ", "currency", "format", "Give the currency's ISO 4217 code, for example INR."),
        (
            "page=2",
            "page",
            "unknown_field",
            "This is not known here; known are `archived`, `currency`, `kind`, `limit`, `priority`, `since`.",
        ),
        ("limit=1&limit=2", "limit", "duplicate", "This is there twice."),
        ("limit=1&kind=%00", "kind", "pattern", "Leave out the character NUL; nothing that is stored holds it."),
    ] {
        let (mut parts, ()) = http::Request::get(format!("/?{query}")).body(()).expect("a request").into_parts();
        let fault = Query::<Asked>::from_request_parts(&mut parts, &()).await.err().expect(query);
        let listed: Vec<_> = fault.errors.iter().map(|at| (at.pointer.as_str(), at.code.as_str(), at.message.as_str())).collect();
        assert_eq!(listed, [(parameter, code, message)], "{query}: {fault}");
        assert_eq!(fault.reason, "query_invalid");
    }
}

#[test]
fn null_is_refused_for_a_field_that_cannot_be_cleared() {
    parse::<ThingUpdate>(br#"{"name": null, "address": null, "metadata": {"a": null}}"#).expect("these can be cleared");
    for field in ["code", "priority", "money", "metadata"] {
        let fault = parse::<ThingUpdate>(json!({ field: null }).to_string().as_bytes()).expect_err(field);
        let listed: Vec<_> = fault.errors.iter().map(|at| (at.pointer.as_str(), at.code.as_str())).collect();
        assert_eq!(listed, [(format!("/{field}").as_str(), "required")]);
    }
    let fault = parse::<ThingUpdate>(r#"{"metadata": {"": "x", "b": "\u0000"}}"#.as_bytes()).unwrap_err();
    assert_eq!(
        fault.errors.iter().map(|at| (at.pointer.as_str(), at.code.as_str())).collect::<Vec<_>>(),
        [("/metadata/b", "pattern"), ("/metadata/", "length")]
    );
}

/// A type with a flattened field cannot refuse unknown fields: serde does not allow `deny_unknown_fields` with it.
#[derive(Debug, Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only read")]
struct Flattened {
    #[serde(flatten)]
    inner: Open,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Open {
    first: i64,
}

#[test]
fn a_flattened_input_cannot_be_closed() {
    parse::<Flattened>(br#"{"first": 1, "surprise": 1}"#).expect("why inputs are never flattened");
}
