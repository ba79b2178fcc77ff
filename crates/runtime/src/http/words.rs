//! What serde says of a value, in the API's own words. What is not serde's, an id's sentence or an amount's, passes as it
//! is; of serde's nothing does.

/// The whole numbers of Rust, with the range that a client may use.
const WHOLE: [(&str, &str); 9] = [
    ("i16", "from -32768 to 32767"),
    ("i32", "from -2147483648 to 2147483647"),
    ("i64", "from -9223372036854775808 to 9223372036854775807"),
    ("u8", "from 0 to 255"),
    ("u16", "from 0 to 65535"),
    ("u32", "from 0 to 4294967295"),
    ("u64", "from 0 to 18446744073709551615"),
    ("usize", "from 0 to 18446744073709551615"),
    ("i8", "from -128 to 127"),
];
const WRONG_TYPE: &str = "is of the wrong type";
const A_TIME: &str = "must be a time such as 2026-11-01T12:00:00Z";

/// The sentence that stands for an error of serde's.
pub(super) fn words(error: &str) -> String {
    // The position means nothing to a reader of a pointer.
    let text = error.rfind(" at line ").map_or(error, |end| &error[..end]);
    mistyped(text).or_else(|| misnamed(text)).or_else(|| unreadable(text)).unwrap_or_else(|| text.to_owned())
}

/// A value of another type, or outside of its type's range.
fn mistyped(text: &str) -> Option<String> {
    let value = text.strip_prefix("invalid value: ");
    let (_, expected) = value.or_else(|| text.strip_prefix("invalid type: "))?.rsplit_once(", expected ")?;
    if let Some((_, range)) = WHOLE.iter().find(|(name, _)| *name == expected) {
        return Some(if value.is_some() {
            format!("must be a whole number {range}")
        } else {
            "must be a whole number".to_owned()
        });
    }
    let sentence = match expected {
        "a string" | "a borrowed string" | "a character" | "string or map" | "variant identifier" => "must be a text",
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
    use serde::Deserialize;

    use super::super::{Query, parse};

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        Small,
        Large,
        Huge,
    }

    #[derive(Debug, Deserialize)]
    #[serde(untagged)]
    #[expect(dead_code, reason = "only read")]
    enum Either {
        Truth(bool),
        Text(String),
    }

    #[derive(Debug, Deserialize)]
    #[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
    #[expect(dead_code, reason = "only read")]
    enum Tagged {
        Flat { amount: i64 },
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Everything {
        whole: i64,
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

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read")]
    struct Inner {
        first: i64,
        second: Option<String>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read")]
    struct Asked {
        limit: Option<u16>,
        archived: Option<bool>,
        kind: Option<Kind>,
        since: Option<Timestamp>,
    }

    /// What bodies of this kind are told, by the field.
    const BODIES: [(&str, &str, &str); 34] = [
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
        (r#"{"object": {"first": 1, "first": 1}}"#, "/object", "`first` comes twice"),
        (r#"{"kind": "tiny"}"#, "/kind", "must be one of `small`, `large`, `huge`"),
        (r#"{"kind": 5}"#, "/kind", "must be one of `small`, `large`, `huge`"),
        (r#"{"kind": []}"#, "/kind", "must be one of `small`, `large`, `huge`"),
        (r#"{"kind": {"tiny": null}}"#, "/kind", "must be one of `small`, `large`, `huge`"),
        (r#"{"either": 5}"#, "/either", "is of the wrong type"),
        (r#"{"tagged": 5}"#, "/tagged", "must be an object"),
        (r#"{"tagged": {}}"#, "/tagged", "`type` is missing"),
        (r#"{"tagged": {"type": "steep"}}"#, "/tagged/type", "must be `flat`"),
        (r#"{"tagged": {"type": 5}}"#, "/tagged/type", "must be a text"),
        (r#"{"tagged": {"type": "flat", "amount": "x"}}"#, "/tagged", "must be a whole number"),
        (r#"{"time": "tomorrow"}"#, "/time", "must be a time such as 2026-11-01T12:00:00Z"),
        (r#"{"time": 5}"#, "/time", "must be a time such as 2026-11-01T12:00:00Z"),
        (r#"{"id": 5}"#, "/id", "must be a text"),
        (r"[]", "", "must be a JSON object, not an array"),
        (r"5", "", "must be an object"),
    ];

    #[test]
    fn a_body_is_refused_in_the_words_of_the_api() {
        for (body, pointer, message) in BODIES {
            let fault = parse::<Everything>(body.as_bytes()).expect_err(body);
            let said = fault.errors.first().map(|wrong| (wrong.pointer.as_str(), wrong.message.as_str()));
            assert_eq!(said, Some((pointer, message)), "{body}: {fault}");
        }
        let good = r#"{"kind": "large", "tagged": {"type": "flat", "amount": 1}, "either": "x", "object": {"first": 1}}"#;
        parse::<Everything>(good.as_bytes()).expect("all of it is right");
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
        ] {
            let (mut parts, ()) = http::Request::get(format!("/?{query}")).body(()).expect("a request").into_parts();
            let fault = Query::<Asked>::from_request_parts(&mut parts, &()).await.err().expect(query);
            let said = fault.errors.first().map(|wrong| (wrong.pointer.as_str(), wrong.message.as_str()));
            assert_eq!(said, Some((parameter, message)), "{query}: {fault}");
        }
    }
}
