//! What serde says of a value, in the API's own words. What is not serde's, an id's sentence or an amount's, passes as it
//! is; of serde's nothing does.

/// The whole numbers of Rust, what a description calls them, and their ranges.
const WHOLE: [(&str, &str, Range); 9] = [
    ("i8", "int8", (i8::MIN as i128, i8::MAX as i128)),
    ("i16", "int16", (i16::MIN as i128, i16::MAX as i128)),
    ("i32", "int32", (i32::MIN as i128, i32::MAX as i128)),
    ("i64", "int64", (i64::MIN as i128, i64::MAX as i128)),
    ("u8", "uint8", (0, u8::MAX as i128)),
    ("u16", "uint16", (0, u16::MAX as i128)),
    ("u32", "uint32", (0, u32::MAX as i128)),
    ("u64", "uint64", (0, u64::MAX as i128)),
    ("usize", "uint", (0, u64::MAX as i128)),
];
/// From here on a number is no longer kept as a whole one when it is read.
const BEYOND: f64 = 9_223_372_036_854_775_808.0;
const WRONG_TYPE: &str = "is of the wrong type";
const A_TIME: &str = "must be a time such as 2026-11-01T12:00:00Z";

/// Least and greatest.
pub(super) type Range = (i128, i128);

/// The range of a whole number that a description gives this format.
pub(super) fn range_of_format(format: &str) -> Option<Range> {
    WHOLE.iter().find(|(_, name, _)| *name == format).map(|(_, _, range)| *range)
}

/// The range that a whole number is beyond, when that is what an error of serde's is about.
pub(super) fn range_missed(error: &str) -> Option<Range> {
    let (found, expected) = without_position(error).strip_prefix("invalid ")?.rsplit_once(", expected ")?;
    let (_, _, range) = WHOLE.iter().find(|(name, _, _)| *name == expected)?;
    let beyond = |number: f64| BEYOND <= number.abs();
    let float = || found.strip_prefix("type: floating point `")?.strip_suffix('`')?.parse().ok();
    (found.starts_with("value: ") || float().is_some_and(beyond)).then_some(*range)
}

/// The sentence of a whole number that is beyond its range.
pub(super) fn out_of_range((least, greatest): Range) -> String {
    format!("must be a whole number from {least} to {greatest}")
}

/// What keeps a body from being JSON.
pub(super) fn malformed(error: &str) -> &'static str {
    match without_position(error) {
        "EOF while parsing a list"
        | "EOF while parsing an object"
        | "EOF while parsing a string"
        | "EOF while parsing a value" => "it ends there, before it is complete",
        "expected `:`" => "a name is followed by a colon",
        "expected `,` or `]`" => "a list goes on with a comma or ends with a bracket",
        "expected `,` or `}`" => "an object goes on with a comma or ends with a brace",
        "expected ident" => "the only words are true, false and null",
        "expected value" => "a value is an object, a list, a text in double quotes, a number, true, false or null",
        "expected `\"`" | "key must be a string" => "a name stands in double quotes",
        "invalid escape" => "no such escape is known after a backslash",
        "lone leading surrogate in hex escape" | "unexpected end of hex escape" => {
            "an escape is half of a character; the other half is missing"
        }
        "invalid number" => "a number is written as 12, -3, 0.5 or 1e3",
        "invalid unicode code point" => "a text is not UTF-8",
        "trailing comma" => "there is nothing behind the last comma",
        "trailing characters" => "there is something behind the value",
        "recursion limit exceeded" => "it is nested too deeply",
        text if text.starts_with("control character") => "a control character in a text is written as an escape",
        _ => "it cannot be read",
    }
}

/// The position means nothing to a reader of a pointer.
fn without_position(error: &str) -> &str {
    error.rfind(" at line ").map_or(error, |end| &error[..end])
}

/// The sentence that stands for an error of serde's.
pub(super) fn words(error: &str) -> String {
    let text = without_position(error);
    mistyped(text).or_else(|| misnamed(text)).or_else(|| unreadable(text)).unwrap_or_else(|| text.to_owned())
}

/// A value of another type, or outside of its type's range.
fn mistyped(text: &str) -> Option<String> {
    if let Some(range) = range_missed(text) {
        return Some(out_of_range(range));
    }
    let value = text.strip_prefix("invalid value: ");
    let (_, expected) = value.or_else(|| text.strip_prefix("invalid type: "))?.rsplit_once(", expected ")?;
    let sentence = match expected {
        "a string" | "a borrowed string" | "a character" | "string or map" | "variant identifier" => "must be a text",
        _ if WHOLE.iter().any(|(name, _, _)| *name == expected) => "must be a whole number",
        "a boolean" => "must be true or false",
        "f32" | "f64" | "a JSON number" => "must be a number",
        "a sequence" => "must be a list",
        "a map" => "must be an object",
        "an RFC 3339 formatted date and time string" => A_TIME,
        _ if expected.starts_with("struct ") || expected.starts_with("internally tagged enum ") => "must be an object",
        _ if expected.starts_with('`') || expected.starts_with("one of `") => return Some(format!("must be {expected}")),
        _ => WRONG_TYPE,
    };
    Some(sentence.to_owned())
}

/// A name of a field or of a choice that is not there, is missing, or comes twice.
fn misnamed(text: &str) -> Option<String> {
    if let Some(field) = text.strip_prefix("unknown field ") {
        return Some(match field.rsplit_once(", expected ") {
            Some((name, known)) => {
                format!("{name} is not known here; known are {}", known.trim_start_matches("one of ").replace("` or `", "`, `"))
            }
            None => format!("{} is not known here; nothing is", field.trim_end_matches(", there are no fields")),
        });
    }
    if let Some(choice) = text.strip_prefix("unknown variant ") {
        return Some(choice.rsplit_once(", expected ").map_or(WRONG_TYPE.to_owned(), |(_, known)| format!("must be {known}")));
    }
    if text.starts_with("data did not match any variant of ") || text.starts_with("invalid length ") {
        return Some(WRONG_TYPE.to_owned());
    }
    let missing = text.strip_prefix("missing field ").map(|name| format!("{name} is missing"));
    missing.or_else(|| text.strip_prefix("duplicate field ").map(|name| format!("{name} comes twice")))
}

/// A text that is read as something else: a number or a truth of a query, a time.
fn unreadable(text: &str) -> Option<String> {
    let sentence = match text {
        "invalid digit found in string" | "cannot parse integer from empty string" => "must be a whole number in digits",
        "number too large to fit in target type" => "must be a smaller whole number",
        "number too small to fit in target type" => "must be a larger whole number",
        "provided string was not `true` or `false`" => "must be true or false",
        "input is out of range"
        | "no possible date and time matching input"
        | "input is not enough for unique date and time"
        | "input contains invalid characters"
        | "premature end of input"
        | "trailing input" => A_TIME,
        _ => return None,
    };
    Some(sentence.to_owned())
}

#[cfg(test)]
mod tests {
    use axum::extract::FromRequestParts as _;
    use bloom_kernel::{ProductId, Timestamp};
    use schemars::JsonSchema;
    use serde::Deserialize;

    use crate::{Query, parse};

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        Small,
        Large,
        Huge,
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
        Flat {
            #[schemars(range(min = 0, max = 1_000))]
            amount: i64,
        },
        Steps {
            steps: Vec<Inner>,
        },
    }

    #[derive(Debug, Default, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields, default)]
    struct Everything {
        whole: i64,
        #[schemars(range(min = 1, max = 100))]
        some: Option<i64>,
        #[schemars(range(min = 1))]
        many: i64,
        small: u16,
        number: f64,
        json: Option<serde_json::Number>,
        text: String,
        truth: bool,
        list: Vec<i64>,
        map: std::collections::BTreeMap<String, String>,
        object: Option<Inner>,
        kind: Option<Kind>,
        either: Option<Either>,
        tagged: Option<Tagged>,
        time: Option<Timestamp>,
        id: Option<ProductId>,
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
        archived: Option<bool>,
        kind: Option<Kind>,
        since: Option<Timestamp>,
    }

    /// What bodies of this kind are told, by the field.
    const BODIES: &[(&str, &str, &str)] = &[
        (r#"{"whole": "5"}"#, "/whole", "must be a whole number"),
        (r#"{"whole": 1.5}"#, "/whole", "must be a whole number"),
        (r#"{"whole": null}"#, "/whole", "must be a whole number"),
        (r#"{"small": 70000}"#, "/small", "must be a whole number from 0 to 65535"),
        (r#"{"small": -1}"#, "/small", "must be a whole number from 0 to 65535"),
        (r#"{"number": "x"}"#, "/number", "must be a number"),
        (r#"{"json": true}"#, "/json", "must be a number"),
        (r#"{"text": 5}"#, "/text", "must be a text"),
        (r#"{"text": {"a": 1}}"#, "/text", "must be a text"),
        (r#"{"truth": "yes, expected i64"}"#, "/truth", "must be true or false"),
        (r#"{"list": {}}"#, "/list", "must be a list"),
        (r#"{"list": [1, "x"]}"#, "/list/1", "must be a whole number"),
        (r#"{"map": []}"#, "/map", "must be an object"),
        (r#"{"map": {"a": 1}}"#, "/map/a", "must be a text"),
        (r#"{"object": 5}"#, "/object", "must be an object"),
        (r#"{"object": []}"#, "/object", "must be a JSON object, not an array"),
        (r#"{"object": {}}"#, "/object", "`first` is missing"),
        (r#"{"object": {"first": 1, "third": 1}}"#, "/object/third", "`third` is not known here; known are `first`, `second`"),
        (r#"{"object": {"first": 1, "first": 1}}"#, "/object/first", "`first` comes twice"),
        (r#"{"whole": 1, "whole": 1}"#, "/whole", "`whole` comes twice"),
        (r#"{"whole": 1e400}"#, "/whole", "must be a whole number from -9223372036854775808 to 9223372036854775807"),
        (
            r#"{"whole": 99999999999999999999}"#,
            "/whole",
            "must be a whole number from -9223372036854775808 to 9223372036854775807",
        ),
        (r#"{"some": 9223372036854775808}"#, "/some", "must be a whole number from 1 to 100"),
        (r#"{"some": 99999999999999999999}"#, "/some", "must be a whole number from 1 to 100"),
        (r#"{"some": -1e400}"#, "/some", "must be a whole number from 1 to 100"),
        (r#"{"many": 1e30}"#, "/many", "must be a whole number from 1 to 9223372036854775807"),
        (r#"{"small": 99999999999999999999}"#, "/small", "must be a whole number from 0 to 65535"),
        (r#"{"number": 1e400}"#, "/number", "is out of range"),
        (r#"{"json": -1e400}"#, "/json", "is out of range"),
        (r#"{"text": 1e400}"#, "/text", "is out of range"),
        (r#"{"list": [1, 1e400]}"#, "/list/1", "must be a whole number from -9223372036854775808 to 9223372036854775807"),
        (r#"{"kind": "tiny"}"#, "/kind", "must be one of `small`, `large`, `huge`"),
        (r#"{"kind": 5}"#, "/kind", "must be one of `small`, `large`, `huge`"),
        (r#"{"kind": []}"#, "/kind", "must be one of `small`, `large`, `huge`"),
        (r#"{"kind": {"tiny": null}}"#, "/kind", "must be one of `small`, `large`, `huge`"),
        (r#"{"either": 5}"#, "/either", "is of the wrong type"),
        (r#"{"tagged": 5}"#, "/tagged", "must be an object"),
        (r#"{"tagged": {}}"#, "/tagged", "`type` is missing"),
        (r#"{"tagged": {"type": "steep"}}"#, "/tagged/type", "must be `flat` or `steps`"),
        (r#"{"tagged": {"type": 5}}"#, "/tagged/type", "must be a text"),
        (r#"{"tagged": {"type": "flat", "amount": "x"}}"#, "/tagged/amount", "must be a whole number"),
        (
            r#"{"tagged": {"amount": 99999999999999999999, "type": "flat"}}"#,
            "/tagged/amount",
            "must be a whole number from 0 to 1000",
        ),
        (r#"{"tagged": {"type": "flat", "amount": 1e400}}"#, "/tagged/amount", "must be a whole number from 0 to 1000"),
        (r#"{"tagged": {"type": "flat", "amount": 1, "amount": 1}}"#, "/tagged/amount", "`amount` comes twice"),
        (r#"{"tagged": {"type": "flat", "type": "flat"}}"#, "/tagged/type", "`type` comes twice"),
        (r#"{"tagged": {"type": "flat", "amount": 1, "a/b": 1}}"#, "/tagged/a~1b", "`a/b` is not known here; known are `amount`"),
        (r#"{"tagged": {"type": "flat"}}"#, "/tagged", "`amount` is missing"),
        (r#"{"tagged": {"type": "steps", "steps": {}}}"#, "/tagged/steps", "must be a list"),
        (
            r#"{"tagged": {"type": "steps", "steps": [{"first": 1}, {"first": true}]}}"#,
            "/tagged/steps/1/first",
            "must be a whole number",
        ),
        (r#"{"tagged": {"type": "steps", "steps": [{"second": "x"}]}}"#, "/tagged/steps/0", "`first` is missing"),
        (r#"{"time": "tomorrow"}"#, "/time", "must be a time such as 2026-11-01T12:00:00Z"),
        (r#"{"time": 5}"#, "/time", "must be a time such as 2026-11-01T12:00:00Z"),
        (r#"{"id": 5}"#, "/id", "must be a text"),
        (r"[]", "", "must be a JSON object, not an array"),
        (r"5", "", "must be an object"),
    ];

    #[test]
    fn a_body_is_refused_in_the_words_of_the_api() {
        for &(body, pointer, message) in BODIES {
            let fault = parse::<Everything>(body.as_bytes()).expect_err(body);
            let said = fault.errors.first().map(|wrong| (wrong.pointer.as_str(), wrong.message.as_str()));
            assert_eq!(said, Some((pointer, message)), "{body}: {fault}");
        }
        let good = r#"{"kind": "large", "tagged": {"type": "flat", "amount": 1}, "either": "x", "object": {"first": 1}}"#;
        parse::<Everything>(good.as_bytes()).expect("all of it is right");
    }

    #[test]
    fn what_is_no_json_is_told_where_and_why() {
        for (body, detail) in [
            ("", "The body is empty. Send a JSON object."),
            (" \n", "The body is empty. Send a JSON object."),
            ("\u{feff}{}", "The body is not valid JSON: it begins with a byte order mark. Send it without."),
            (
                "{\n  \"text\": NaN}",
                "The body is not valid JSON at line 2, column 11: a value is an object, a list, a text in double quotes, a number, true, false or null.",
            ),
            (r#"{"truth": nil}"#, "The body is not valid JSON at line 1, column 12: the only words are true, false and null."),
            (
                r#"{"text": "\ud800"}"#,
                "The body is not valid JSON at line 1, column 17: an escape is half of a character; the other half is missing.",
            ),
            (r#"{"text": "x",}"#, "The body is not valid JSON at line 1, column 14: there is nothing behind the last comma."),
            (r#"{"text": "x""#, "The body is not valid JSON at line 1, column 12: it ends there, before it is complete."),
            (r#"{"whole": 01}"#, "The body is not valid JSON at line 1, column 12: a number is written as 12, -3, 0.5 or 1e3."),
            (r"{text: 1}", "The body is not valid JSON at line 1, column 2: a name stands in double quotes."),
            (r"{} {}", "The body is not valid JSON at line 1, column 4: there is something behind the value."),
        ] {
            let fault = parse::<Everything>(body.as_bytes()).expect_err(body);
            assert_eq!((fault.reason.as_ref(), fault.detail.as_str()), ("json_malformed", detail), "{body}");
        }
    }

    #[tokio::test]
    async fn a_query_is_refused_in_the_words_of_the_api() {
        for (query, parameter, message) in [
            ("limit=many", "limit", "must be a whole number in digits"),
            ("limit=", "limit", "must be a whole number in digits"),
            ("limit=70000", "limit", "must be a smaller whole number"),
            ("archived=yes", "archived", "must be true or false"),
            ("kind=tiny", "kind", "must be one of `small`, `large`, `huge`"),
            ("since=tomorrow", "since", "must be a time such as 2026-11-01T12:00:00Z"),
            ("page=2", "page", "`page` is not known here; known are `limit`, `archived`, `kind`, `since`"),
            ("limit=1&limit=2", "limit", "`limit` comes twice"),
            ("limit=1&kind=%00", "kind", "holds the character NUL, which nothing that is stored does"),
        ] {
            let (mut parts, ()) = http::Request::get(format!("/?{query}")).body(()).expect("a request").into_parts();
            let fault = Query::<Asked>::from_request_parts(&mut parts, &()).await.err().expect(query);
            let said = fault.errors.first().map(|wrong| (wrong.pointer.as_str(), wrong.message.as_str()));
            assert_eq!(said, Some((parameter, message)), "{query}: {fault}");
        }
    }
}
