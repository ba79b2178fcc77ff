//! Bounded texts and numbers, updates, and the values that several services share.

use proptest::prelude::*;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::text::{Form, TextRule};
use crate::{
    Address, Code, Country, Email, InvalidValue, Items, Locale, MetadataPatch, Moment, Name, Patch, Priority, Quantity, Rate,
    TaxLine, UniqueMap, ViolationCode, WebUrl, text, update,
};

text! {
    /// A code that is read in any case.
    struct Shelf {
        length: 1..=3,
        form: Form::pattern("^[A-Za-z]*$", |text| text.bytes().all(|byte| byte.is_ascii_alphabetic()), "Give letters."),
        example: "AB",
        normalise: str::to_uppercase,
    }
}

update! {
    /// A change of a thing.
    struct ThingUpdate {
        /// Its code.
        code: Option<Code>,
        /// Its priority.
        priority: Option<Priority>,
        /// Where it is.
        address: Option<Address>,
        /// Its name; `null` removes it.
        name: Patch<Name>,
        /// Where it is sent.
        to: Patch<Address>,
        /// Notes.
        metadata: MetadataPatch,
    }
}

fn schema<T: JsonSchema>() -> Value {
    schemars::generate::SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>().to_value()
}

fn read<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    serde_json::from_value(value).map_err(|error| error.to_string())
}

#[test]
fn an_invalid_text_is_refused_by_the_parser() {
    assert_eq!(read::<Code>(json!("BLR-1")).unwrap(), "BLR-1");
    for wrong in ["", "-1", "a b", "ü", &"x".repeat(41)] {
        assert!(read::<Code>(json!(wrong)).is_err(), "{wrong}");
        assert!(wrong.parse::<Code>().is_err() && Code::try_from(wrong.to_owned()).is_err(), "{wrong}");
    }
    for wrong in ["", "  ", "\u{2003}", "a\nb", "a\0", &"x".repeat(256)] {
        assert!(read::<Name>(json!(wrong)).is_err(), "{wrong}");
    }
    // Characters are counted, not bytes.
    assert!(read::<Name>(json!("ü".repeat(255))).is_ok());
    assert_eq!(Name::new(""), Err(InvalidValue::new(ViolationCode::Length, "Give 1 to 255 characters.")));
    assert_eq!(Name::new(" ").unwrap_err().code, ViolationCode::Pattern);
    assert_eq!(Country::new("ZZ").unwrap_err().code, ViolationCode::Format);
    assert_eq!(read::<Shelf>(json!("ab")).unwrap(), "AB");
}

#[test]
fn an_invalid_number_is_refused_by_the_parser() {
    assert_eq!(read::<Priority>(json!(10)).unwrap(), 10);
    assert_eq!((Priority::default().get(), Quantity::default().get()), (0, 1));
    for wrong in [json!(-1), json!(1_000_001), json!(1.0), json!("1"), json!(null)] {
        assert!(read::<Priority>(wrong.clone()).is_err(), "{wrong}");
    }
    assert_eq!(Quantity::new(0), Err(InvalidValue::new(ViolationCode::OutOfRange, "Give a whole number from 1 to 1000000.")));
}

#[test]
fn a_schema_states_the_rule_of_its_type() {
    let code = schema::<Code>();
    assert_eq!(
        (&code["minLength"], &code["maxLength"], &code["pattern"], &code["examples"]),
        (&json!(1), &json!(40), &json!("^[A-Za-z0-9][A-Za-z0-9._-]*$"), &json!(["BLR-1"]))
    );
    let priority = schema::<Priority>();
    assert_eq!((&priority["minimum"], &priority["maximum"]), (&json!(0), &json!(1_000_000)));
    assert_eq!(schema::<Country>()["format"], "country");
}

#[test]
fn an_update_clears_only_clearable_fields() {
    let update: ThingUpdate = read(json!({})).unwrap();
    assert!(update.code.is_none() && update.name.is_absent() && update.metadata.is_empty());
    assert_eq!(serde_json::to_value(&update).unwrap(), json!({}));

    let cleared = json!({ "name": null, "to": null, "metadata": { "a": null } });
    let update: ThingUpdate = read(cleared.clone()).unwrap();
    assert_eq!((&update.name, &update.to), (&Patch::Null, &Patch::Null));
    assert_eq!(serde_json::to_value(&update).unwrap(), cleared);

    let update: ThingUpdate = read(json!({ "code": "a", "name": "b" })).unwrap();
    assert_eq!(update.name.clone().or(None), Some(Name::new("b").unwrap()));
    assert_eq!(serde_json::to_value(&update).unwrap(), json!({ "code": "a", "name": "b" }));

    for wrong in [json!({ "code": null }), json!({ "priority": null }), json!({ "address": null }), json!({ "metadata": null })] {
        assert!(read::<ThingUpdate>(wrong.clone()).is_err(), "{wrong}");
    }
    assert!(read::<ThingUpdate>(json!({ "colour": 1 })).is_err());
}

#[test]
fn the_schema_of_an_update_is_nullable_where_null_clears() {
    let properties = &schema::<ThingUpdate>()["properties"];
    assert_eq!(properties["code"]["type"], "string");
    assert_eq!(properties["priority"]["type"], "integer");
    assert_eq!(properties["address"]["$ref"], "#/$defs/Address");
    assert_eq!(properties["name"]["type"], json!(["string", "null"]));
    assert_eq!(properties["to"]["anyOf"], json!([{ "$ref": "#/$defs/Address" }, { "type": "null" }]));
    assert_eq!(properties["metadata"]["type"], "object");
    assert!(!properties.to_string().contains("x-clearable") && !properties.to_string().contains("default"), "{properties}");
}

#[test]
fn the_json_of_an_address_is_unchanged() {
    let document = json!({
        "name": "Asha Rao", "company": null, "line1": "14 Church Street", "line2": "", "city": "Bengaluru", "region": "KA",
        "postal_code": "560001", "country": "IN", "phone": "+91 80 4000 1234",
    });
    let address: Address = read(document.clone()).unwrap();
    assert_eq!(serde_json::to_value(&address).unwrap(), document);
    let least = json!({ "name": "A", "line1": "B", "city": "C", "country": "IN" });
    assert!(read::<Address>(least).is_ok());
    assert!(read::<Address>(json!({ "name": "A", "line1": "B", "city": "C", "country": "ZZ" })).is_err());
}

#[test]
fn the_json_of_a_tax_line_is_unchanged() {
    let money = json!({ "amount": 100, "currency": "INR" });
    let document = json!({ "name": "GST", "rate_ppm": 180_000, "taxable": money, "tax": money });
    let line: TaxLine = read(document.clone()).unwrap();
    assert_eq!(line.rate_ppm, Rate::new(180_000).unwrap());
    assert_eq!(serde_json::to_value(&line).unwrap(), document);
}

/// Fails if the pattern of a rule and its function disagree about a text.
fn agree(rule: TextRule, text: &str) {
    let Some(pattern) = rule.form.pattern else { return };
    let pattern = regex::Regex::new(pattern).expect("a pattern");
    // A format may be narrower than the pattern beside it.
    let function = (rule.form.check)(text);
    let matches = pattern.is_match(text);
    assert!(function == matches || (rule.form.format.is_some() && matches), "{pattern} and its function disagree about {text:?}");
}

/// Texts near the rules: their letters, white space of all kinds, control characters, and any others.
fn near() -> impl Strategy<Value = String> {
    let letters = "[A-Za-z0-9 ._@:/-]{0,12}";
    let locales = "[a-zA-Z]{1,4}(-[a-zA-Z]{1,5})?(-[A-Za-z0-9]{1,4})?";
    let odd = proptest::collection::vec(
        prop_oneof![
            Just('\0'),
            Just('\t'),
            Just('\n'),
            Just('\r'),
            Just(' '),
            Just('\u{1f}'),
            Just('\u{7f}'),
            Just('\u{85}'),
            Just('\u{9f}'),
            Just('\u{a0}'),
            Just('\u{1680}'),
            Just('\u{2003}'),
            Just('\u{2028}'),
            Just('\u{3000}'),
            Just('\u{feff}'),
            Just('a'),
            any::<char>(),
        ],
        0..4,
    );
    let odd = odd.prop_map(String::from_iter);
    prop_oneof![letters, locales, odd, "https?://[!-~]{0,6}", "[A-Z]{2}"]
}

proptest! {
    #[test]
    fn patterns_and_functions_agree(text in near()) {
        for rule in [Code::RULE, Name::RULE, Country::RULE, Email::RULE, Locale::RULE, WebUrl::RULE] {
            agree(rule, &text);
        }
        for form in [Form::LINE, Form::LINE_OR_BLANK, Form::LINES] {
            agree(TextRule { min: 0, max: 40, form, example: "" }, &text);
        }
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only its schema is read")]
struct Creates {
    #[serde(default)]
    name: Option<Name>,
    #[serde(default)]
    priority: Priority,
}

#[test]
fn an_optional_field_of_a_create_request_may_be_null() {
    let properties = &schema::<Creates>()["properties"];
    assert_eq!(properties["name"]["type"], json!(["string", "null"]));
    assert_eq!(properties["priority"]["default"], 0);
}

#[test]
fn a_list_with_too_many_entries_is_refused() {
    assert_eq!(&*read::<Items<i32, 1, 2>>(json!([1, 2])).unwrap(), [1, 2]);
    for wrong in [json!([]), json!([1, 2, 3]), json!(["a"]), json!({})] {
        assert!(read::<Items<i32, 1, 2>>(wrong.clone()).is_err(), "{wrong}");
    }
    let schema = schema::<Items<Code, 1, 2>>();
    assert_eq!((&schema["minItems"], &schema["maxItems"], &schema["items"]["type"]), (&json!(1), &json!(2), &json!("string")));
}

#[test]
fn a_map_with_a_duplicate_key_is_refused() {
    assert!(serde_json::from_str::<UniqueMap<i32>>(r#"{ "a": 1, "b": 2 }"#).is_ok());
    assert!(serde_json::from_str::<UniqueMap<i32>>(r#"{ "a": 1, "a": 1 }"#).is_err());
    assert_eq!(schema::<UniqueMap<i32>>()["additionalProperties"]["type"], "integer");
}

#[test]
fn a_moment_is_within_the_years_of_rfc_3339() {
    for right in ["2026-11-01T12:00:00Z", "0001-01-01T00:00:00Z", "2026-11-01T12:00:00.5+05:30", "9999-12-31T23:59:59Z"] {
        assert!(read::<Moment>(json!(right)).is_ok(), "{right}");
    }
    for wrong in [
        "tomorrow",
        "2026-11-01",
        "2026-11-01 12:00:00Z",
        "0000-12-31T23:59:59Z",
        "+10000-01-01T00:00:00Z",
        "9999-12-31T23:59:59-01:00",
    ] {
        assert!(read::<Moment>(json!(wrong)).is_err(), "{wrong}");
    }
    assert!(read::<Moment>(json!(5)).is_err());
}
