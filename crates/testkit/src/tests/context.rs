use bloom_kernel::Clock as _;
use bloom_runtime::{Audience, Keys, Scopes};
use bloom_runtime::{signed_context::Claims, signed_context::TTL_S, signed_context::sign, signed_context::verify};

use crate::FakeClock;
use crate::tests::counter;

#[tokio::test]
async fn a_context_is_valid_for_its_signer_and_lifetime_only() {
    let (bench, ..) = counter().await;
    let now = FakeClock::default().now(bench.tenant);
    let claims = Claims {
        tenant: bench.tenant,
        cell: "local".to_owned(),
        actor: "key:test".to_owned(),
        scopes: Scopes::all(),
        audience: Audience::Secret,
        channel: None,
        expires: now.timestamp() + TTL_S,
    };
    let keys = Keys::from_master(&[1; 32], "a");
    let token = sign(&keys, &claims);
    assert_eq!(verify(&keys, &token, now), Some(claims.clone()));
    assert_eq!(
        verify(&Keys::from_master(&[1; 32], "b"), &token, now),
        Some(claims.clone()),
        "every service of the fleet verifies"
    );
    assert_eq!(verify(&Keys::from_master(&[2; 32], "a"), &token, now), None, "another installation does not");
    let later = now + chrono::TimeDelta::seconds(TTL_S);
    assert_eq!(verify(&keys, &token, later), None, "it expires");
    let long = sign(&keys, &Claims { expires: now.timestamp() + TTL_S + 1, ..claims });
    assert_eq!(verify(&keys, &long, now), None, "it is never good for longer than a minute");
    for at in 0..token.len() {
        let mut bytes = token.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let forged = String::from_utf8(bytes).expect("ascii stays ascii");
        // The last character of a base64 text may hold unused bits: then the change has no effect.
        if verify(&keys, &forged, now).is_some() {
            assert_eq!(at, token.len() - 1, "character {at} can be changed");
        }
    }
}

#[test]
fn a_scope_grants_one_permission_or_all_of_a_service() {
    let scopes = Scopes::new(["catalog:read".to_owned(), "orders:*".to_owned()]);
    assert!(scopes.allow("catalog:read"));
    assert!(scopes.allow("orders:write"));
    assert!(!scopes.allow("catalog:write"));
    assert!(!scopes.allow("catalog:readall"));
    assert!(!scopes.allow("orders"));
    assert!(!Scopes::new(["c*".to_owned()]).allow("catalog:read"), "a star stands for a permission, not for letters");
    assert!(Scopes::all().allow("anything:at-all"));
    assert!(!Scopes::default().allow("catalog:read"));
}
