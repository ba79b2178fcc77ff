//! Ids, limits and metadata.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

use crate::ids::PREFIXES;
use crate::{Clock, Limit, Metadata, MetadataPatch, OrderId, ProductId, SystemClock, TenantId};

#[test]
fn prefixes_are_distinct() {
    assert_eq!(PREFIXES.iter().collect::<BTreeSet<_>>().len(), PREFIXES.len());
}

#[test]
fn a_known_id_has_its_known_text() {
    // The example of the TypeID specification.
    let uuid: Uuid = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
    assert_eq!(ProductId::from_uuid(uuid).to_string(), "prod_01h455vb4pex5vsknk084sn02q");
    assert_eq!(ProductId::from_uuid(Uuid::nil()).to_string(), format!("prod_{}", "0".repeat(26)));
    assert_eq!(ProductId::from_uuid(Uuid::max()).to_string(), format!("prod_7{}", "z".repeat(25)));
}

#[test]
fn malformed_ids_are_refused() {
    for wrong in [
        "",
        "prod",
        "prod_",
        "01h455vb4pex5vsknk084sn02q",
        "ord_01h455vb4pex5vsknk084sn02q",
        "prod_01H455VB4PEX5VSKNK084SN02Q",
        "prod_01h455vb4pex5vsknk084sn02",
        "prod_01h455vb4pex5vsknk084sn02qq",
        "prod_81h455vb4pex5vsknk084sn02q",
        "prod_01h455vb4pex5vsknk084sn0iq",
        "prod_01h455vb4pex5vsknk084sn0é",
        " prod_01h455vb4pex5vsknk084sn02q",
    ] {
        assert!(wrong.parse::<ProductId>().is_err(), "{wrong}");
    }
}

#[test]
fn limits_are_bounded() {
    assert_eq!(Limit::default().get(), 20);
    assert_eq!([0, 1, 100, 101].map(|limit| Limit::new(limit).is_some()), [false, true, true, false]);
    assert!(serde_json::from_value::<Limit>(json!(-1)).is_err());
}

#[test]
fn metadata_is_bounded() {
    let accepts = |value| serde_json::from_value::<Metadata>(value).is_ok();
    let pairs = |count| (0..count).map(|n| (n.to_string(), json!("x"))).collect::<serde_json::Value>();
    assert!(accepts(pairs(50)) && !accepts(pairs(51)));
    // Characters count, not bytes.
    assert!(accepts(json!({ "é".repeat(40): "x" })) && !accepts(json!({ "é".repeat(41): "x" })));
    assert!(accepts(json!({ "k": "é".repeat(500) })) && !accepts(json!({ "k": "é".repeat(501) })));
    assert!(!accepts(json!({ "": "x" })) && !accepts(json!({ "k": "\0" })) && !accepts(json!({ "k": 1 })));
}

#[test]
fn a_patched_value_keeps_its_bounds() {
    let patch = |value| serde_json::from_value::<MetadataPatch>(value).unwrap();
    let mut metadata: Metadata = serde_json::from_value(json!({ "a": "1", "b": "2" })).unwrap();
    let before = metadata.clone();
    let many = (0..49).map(|n| (format!("k{n}"), json!("x"))).collect::<serde_json::Value>();
    assert!(metadata.merge(patch(many)).is_err());
    assert_eq!(metadata, before);
    for broken in [json!({ "c": "x".repeat(501) }), json!({ "": "x" }), json!({ "c": "\0" })] {
        assert!(serde_json::from_value::<MetadataPatch>(broken).is_err());
    }
    let change = patch(json!({ "a": null, "b": "3", "c": "4" }));
    let set = change.pairs().map(|(key, value)| format!("{key}={value}"));
    assert_eq!(set.collect::<Vec<_>>(), ["b=3", "c=4"]);
    metadata.merge(change).unwrap();
    assert_eq!(json!(metadata), json!({ "b": "3", "c": "4" }));
}

#[test]
fn a_duplicate_metadata_key_is_refused() {
    for twice in [r#"{ "a": "1", "a": "1" }"#, r#"{ "a": "1", "b": "2", "\u0061": "3" }"#] {
        let refused = serde_json::from_str::<Metadata>(twice).expect_err("twice").to_string();
        assert!(refused.starts_with("duplicate field `a`"), "{refused}");
        assert!(serde_json::from_str::<MetadataPatch>(twice).is_err());
    }
}

#[test]
fn the_clock_counts_microseconds() {
    let now = SystemClock.now(TenantId::from_uuid(Uuid::nil()));
    assert_eq!(now.timestamp_subsec_nanos() % 1_000, 0);
}

proptest! {
    #[test]
    fn ids_round_trip_through_text(bits: u128, other: u128) {
        let (id, other) = (OrderId::from_uuid(Uuid::from_u128(bits)), OrderId::from_uuid(Uuid::from_u128(other)));
        prop_assert_eq!(id.to_string().parse(), Ok(id));
        let through_json: OrderId = serde_json::from_value(json!(id)).unwrap();
        prop_assert_eq!(through_json, id);
        prop_assert_eq!(id.cmp(&other), id.to_string().cmp(&other.to_string()));
    }

    #[test]
    fn one_spelling_per_id(text in "ord_[0-9a-z]{26}") {
        if let Ok(id) = text.parse::<OrderId>() {
            prop_assert_eq!(id.to_string(), text);
        }
    }
}

#[test]
fn a_requested_time_is_within_the_years_of_rfc_3339() {
    let read = |text: &str| crate::moment(serde_json::Value::from(text));
    for good in ["0001-01-01T00:00:00Z", "2026-11-23T05:06:07.123456+05:30", "9999-12-31T23:59:59Z"] {
        assert!(read(good).expect(good).is_some());
    }
    for bad in ["0000-12-31T23:59:59Z", "-4713-01-01T00:00:00Z", "+262142-12-31T23:59:59Z", "yesterday"] {
        assert!(read(bad).is_err(), "{bad}");
    }
    assert_eq!(crate::moment(serde_json::Value::Null).expect("left out"), None);
}
