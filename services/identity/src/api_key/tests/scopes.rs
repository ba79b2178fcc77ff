//! Which scopes a key can grant.

use bloom_fleet::{PERMISSIONS, PUBLISHABLE};
use bloom_runtime::Scopes;

use super::super::model::{KeyKind, Scope};
use super::super::scopes::grant;

fn scopes(names: &[&str]) -> Scopes {
    Scopes::new(names.iter().map(|name| (*name).to_owned()))
}

fn granted(kind: KeyKind, requested: &[&str], maker: &[&str]) -> Result<Vec<String>, String> {
    let requested: Result<Vec<Scope>, _> = requested.iter().map(|name| Scope::new(*name)).collect();
    let requested = requested.map_err(|_| "invalid_request".to_owned())?;
    grant(kind, Some(&requested), &scopes(maker)).map_err(|fault| fault.reason.to_string())
}

#[test]
fn a_key_grants_no_scope_that_it_lacks() {
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
fn absent_scopes_mean_all_that_are_allowed() {
    let all = |kind, maker: &[&str]| grant(kind, None, &scopes(maker)).unwrap();
    assert_eq!(all(KeyKind::Secret, &["*"]), ["*"]);
    assert_eq!(all(KeyKind::Secret, &["orders:read", "carts:write"]), ["carts:write", "orders:read"]);
    assert_eq!(all(KeyKind::Publishable, &["*"]), PUBLISHABLE);
    assert_eq!(all(KeyKind::Publishable, &["catalog:*", "orders:read"]), ["catalog:read"]);
}

#[test]
fn a_scope_names_a_known_permission() {
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
