//! API keys, cursors and randomness.

use std::collections::BTreeSet;

use chrono::DateTime;
use proptest::prelude::*;
use uuid::Uuid;

use super::counting;
use crate::api_key::{self, Kind, Mode, Shape};
use crate::entropy::base62;
use crate::{CursorKey, OsEntropy, TenantId, cursor_decode, cursor_encode, uuid_v7};

const SECRET_LIVE: Shape = Shape { kind: Kind::Secret, mode: Mode::Live };

#[test]
fn a_key_encodes_its_kind_and_mode() {
    let shapes = [
        (Kind::Secret, Mode::Live, "sk_live_"),
        (Kind::Secret, Mode::Test, "sk_test_"),
        (Kind::Publishable, Mode::Live, "pk_live_"),
        (Kind::Publishable, Mode::Test, "pk_test_"),
    ];
    for (kind, mode, prefix) in shapes {
        let shape = Shape { kind, mode };
        let token = api_key::generate(shape, &OsEntropy);
        assert!(token.starts_with(prefix) && token.len() == 46, "{token}");
        assert_eq!(api_key::parse(&token), Some(shape));
    }
}

#[test]
fn a_changed_character_is_detected() {
    let token = api_key::generate(SECRET_LIVE, &counting());
    for place in 0..token.len() {
        let mut bytes = token.clone().into_bytes();
        bytes[place] = if bytes[place] == b'x' { b'y' } else { b'x' };
        let garbled = String::from_utf8(bytes).unwrap();
        assert_eq!(api_key::parse(&garbled), None, "{garbled}");
    }
    assert_eq!(api_key::parse(&token[..45]), None);
    assert_eq!(api_key::parse(&format!("{token}0")), None);
}

#[test]
fn a_digest_covers_the_whole_token() {
    let token = api_key::generate(SECRET_LIVE, &counting());
    assert_ne!(api_key::digest(&token), api_key::digest(&token[..45]));
}

#[test]
fn base62_favours_no_letter() {
    let text = base62(62_000, &OsEntropy);
    let letters: BTreeSet<char> = text.chars().collect();
    assert_eq!(letters.len(), 62);
    for letter in letters {
        // Expected 1,000 with a standard deviation of 31, so the bounds are ten deviations away.
        let count = text.chars().filter(|other| *other == letter).count();
        assert!((690..1310).contains(&count), "{letter}: {count}");
    }
}

#[test]
fn later_ids_sort_later() {
    let at = |micros: i64| DateTime::from_timestamp_micros(1_750_000_000_000_000 + micros).unwrap();
    let entropy = OsEntropy;
    let ids: Vec<Uuid> = (0..3_000).map(|micros| uuid_v7(at(micros), &entropy)).collect();
    assert!(ids.is_sorted());
    for id in &ids {
        assert_eq!((id.get_version_num(), id.get_variant()), (7, uuid::Variant::RFC4122));
    }
    let (seconds, nanos) = ids[2_999].get_timestamp().unwrap().to_unix();
    assert_eq!((seconds, nanos), (1_750_000_000, 2_000_000));
}

const KEY: CursorKey = CursorKey([7; 32]);
const TENANT: TenantId = TenantId::from_uuid(Uuid::from_u128(1));

#[test]
fn a_cursor_is_valid_for_one_tenant_filter_and_key() {
    let cursor = cursor_encode(&KEY, TENANT, b"status=active", &("b", 2));
    let decode = |key: &CursorKey, tenant, filter: &[u8]| cursor_decode::<(String, i64)>(key, tenant, filter, &cursor);
    assert_eq!(decode(&KEY, TENANT, b"status=active"), Some(("b".to_owned(), 2)));
    assert_eq!(decode(&KEY, TENANT, b"status=draft"), None);
    assert_eq!(decode(&KEY, TenantId::from_uuid(Uuid::from_u128(2)), b"status=active"), None);
    assert_eq!(decode(&CursorKey([8; 32]), TENANT, b"status=active"), None);
}

proptest! {
    #[test]
    fn a_tampered_cursor_is_refused(position: (i64, String), place: usize, letter in "[A-Za-z0-9_-]") {
        let cursor = cursor_encode(&KEY, TENANT, b"", &position);
        prop_assert_eq!(cursor_decode(&KEY, TENANT, b"", &cursor), Some(position));
        let place = place % cursor.len();
        let tampered = format!("{}{letter}{}", &cursor[..place], &cursor[place + 1..]);
        if tampered != cursor {
            prop_assert_eq!(cursor_decode::<(i64, String)>(&KEY, TENANT, b"", &tampered), None);
        }
    }

    #[test]
    fn no_text_makes_the_parsers_panic(text: String) {
        prop_assert_eq!(cursor_decode::<(i64, String)>(&KEY, TENANT, b"", &format!("cursor_{text}")), None);
        prop_assert_eq!(api_key::parse(&format!("sk_live_{text}")), None);
    }
}
