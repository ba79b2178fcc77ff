//! Rules on values alone.

use bloom_fleet::{PERMISSIONS, PUBLISHABLE};
use bloom_kernel::{Currency, TenantId};
use bloom_runtime::Scopes;
use uuid::Uuid;

use crate::domain::api_key::KeyKind;
use crate::domain::environment::{Environment, EnvironmentKind};
use crate::domain::scopes::grant;

fn scopes(names: &[&str]) -> Scopes {
    Scopes::new(names.iter().map(|name| (*name).to_owned()))
}

fn granted(kind: KeyKind, wanted: &[&str], maker: &[&str]) -> Result<Vec<String>, String> {
    let wanted = wanted.iter().map(|name| (*name).to_owned()).collect();
    grant(kind, Some(wanted), &scopes(maker)).map_err(|fault| fault.reason.to_string())
}

#[test]
fn nobody_gives_what_they_lack() {
    use KeyKind::Secret;
    let escalation = Err("scope_escalation".to_owned());
    assert_eq!(granted(Secret, &["*"], &["*"]), Ok(vec!["*".to_owned()]));
    assert_eq!(granted(Secret, &["orders:*"], &["*"]), Ok(vec!["orders:*".to_owned()]));
    assert_eq!(granted(Secret, &["orders:read"], &["orders:*"]), Ok(vec!["orders:read".to_owned()]));
    assert_eq!(granted(Secret, &["*"], &["orders:*", "identity:write"]), escalation);
    assert_eq!(granted(Secret, &["orders:*"], &["orders:read", "orders:write"]), escalation);
    assert_eq!(granted(Secret, &["orders:read", "carts:write"], &["orders:read"]), escalation);
}

#[test]
fn what_is_not_asked_for_is_all_that_may_be() {
    let all = |kind, maker: &[&str]| grant(kind, None, &scopes(maker)).unwrap();
    assert_eq!(all(KeyKind::Secret, &["*"]), ["*"]);
    assert_eq!(all(KeyKind::Secret, &["orders:read", "carts:write"]), ["carts:write", "orders:read"]);
    assert_eq!(all(KeyKind::Publishable, &["*"]), PUBLISHABLE);
    assert_eq!(all(KeyKind::Publishable, &["catalog:*", "orders:read"]), ["catalog:read"]);
}

#[test]
fn a_scope_is_one_that_some_operation_asks_for() {
    for right in PERMISSIONS.iter().chain(&["orders:*", "delivery_options:*"]) {
        assert_eq!(granted(KeyKind::Secret, &[right], &["*"]), Ok(vec![(*right).to_owned()]));
    }
    for wrong in [
        "",
        "orders",
        "orders:",
        "orders*",
        ":read",
        ":*",
        "**",
        "orders:read:x",
        "Orders:read",
        "*:read",
        "orders:r*",
        "ord ers:read",
        "ordérs:read",
        "order:read",
        "orders:reed",
        "cart:write",
        "order:*",
    ] {
        assert_eq!(granted(KeyKind::Secret, &[wrong], &["*"]), Err("invalid_request".to_owned()), "{wrong}");
    }
    assert_eq!(granted(KeyKind::Secret, &[], &["*"]), Err("invalid_request".to_owned()));
    assert_eq!(granted(KeyKind::Publishable, &["orders:read"], &["*"]), Err("invalid_request".to_owned()));
    assert_eq!(granted(KeyKind::Publishable, &["*"], &["*"]), Err("invalid_request".to_owned()));
}

#[test]
fn locales_are_well_formed() {
    let accepts = |locale: &str| {
        let now = chrono::DateTime::UNIX_EPOCH;
        let environment = Environment {
            id: TenantId::from_uuid(Uuid::nil()),
            account_id: Uuid::nil().into(),
            kind: EnvironmentKind::Live,
            name: "Live".to_owned(),
            cell: "local".to_owned(),
            time_zone: "UTC".to_owned(),
            locale: locale.to_owned(),
            currency: Currency::parse("INR").unwrap(),
            version: 1,
            created_at: now,
            updated_at: now,
        };
        environment.checked().is_ok()
    };
    for right in ["en", "en-IN", "zh-Hant", "zh-Hant-TW", "es-419", "fil-PH"] {
        assert!(accepts(right), "{right}");
    }
    for wrong in ["", "e", "EN", "en-", "en_IN", "en-in", "en-IN-x", "zh-TW-Hant", "zh-Hant-Hant", "engl", "en-é1"] {
        assert!(!accepts(wrong), "{wrong}");
    }
}
