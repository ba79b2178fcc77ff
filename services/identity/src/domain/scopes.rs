//! Scopes: which permissions a key carries, and that nobody gives what they lack.

use std::collections::BTreeSet;

use bloom_fault::{Code, Fault};
use bloom_fleet::{PERMISSIONS, PUBLISHABLE};
use bloom_runtime::Scopes;

use crate::domain::api_key::KeyKind;

const SCOPES_MAX: usize = 50;

/// The scopes of a new key: those asked for, else all that the kind may have and the maker has.
pub fn grant(kind: KeyKind, wanted: Option<Vec<String>>, maker: &Scopes) -> Result<Vec<String>, Fault> {
    let granted = match (wanted, kind) {
        (Some(wanted), _) => {
            wanted.iter().enumerate().try_for_each(|(index, scope)| check_known(kind, scope, index))?;
            wanted
        }
        (None, KeyKind::Secret) => maker.iter().map(str::to_owned).collect(),
        (None, KeyKind::Publishable) => {
            PUBLISHABLE.iter().copied().filter(|scope| maker.allow(scope)).map(str::to_owned).collect()
        }
    };
    if granted.is_empty() || SCOPES_MAX < granted.len() {
        return Err(Fault::invalid("/scopes", "count", format!("holds 1 to {SCOPES_MAX} scopes")));
    }
    check_held(&granted, maker)?;
    Ok(granted.into_iter().collect::<BTreeSet<_>>().into_iter().collect())
}

/// Refuses a scope that permits nothing: mistyped, it would be noticed only when the key is used.
fn check_known(kind: KeyKind, scope: &str, index: usize) -> Result<(), Fault> {
    let pointer = format!("/scopes/{index}");
    let whole = |prefix: &str| prefix.ends_with(':') && PERMISSIONS.iter().any(|permission| permission.starts_with(prefix));
    if scope != "*" && !PERMISSIONS.contains(&scope) && !scope.strip_suffix('*').is_some_and(whole) {
        let message =
            format!("is no scope; there are {}, `<resource>:*` for all of one resource, and `*`", PERMISSIONS.join(", "));
        return Err(Fault::invalid(pointer, "unknown", message));
    }
    if kind == KeyKind::Publishable && !PUBLISHABLE.contains(&scope) {
        let message = format!("is not for a publishable key; it may carry {}", PUBLISHABLE.join(", "));
        return Err(Fault::invalid(pointer, "not_publishable", message));
    }
    Ok(())
}

/// Refuses to let somebody hand out what they do not hold.
pub fn check_held(scopes: &[String], maker: &Scopes) -> Result<(), Fault> {
    match scopes.iter().find(|scope| !maker.allow(scope)) {
        None => Ok(()),
        Some(missing) => Err(Fault::new(
            Code::Forbidden,
            "scope_escalation",
            format!("A key cannot hand out the scope `{missing}`, which it does not carry itself."),
        )
        .policy("api-keys:no-escalation")),
    }
}
