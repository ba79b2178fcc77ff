//! Scopes: which permissions a key carries. No key can grant a scope that it does not carry itself.

use std::collections::BTreeSet;

use bloom_fault::{Code, Fault};
use bloom_fleet::{PERMISSIONS, PUBLISHABLE};
use bloom_kernel::ViolationCode;
use bloom_runtime::Scopes;

use super::model::{KeyKind, SCOPES_MAX, Scope};

/// The scopes of a new key: the requested ones, else all scopes of the creating key that the kind may carry.
pub(crate) fn grant(kind: KeyKind, requested: Option<&[Scope]>, maker: &Scopes) -> Result<Vec<String>, Fault> {
    let granted: Vec<String> = match (requested, kind) {
        (Some(requested), _) => {
            requested.iter().enumerate().try_for_each(|(index, scope)| check_known(kind, scope, index))?;
            requested.iter().map(ToString::to_string).collect()
        }
        (None, KeyKind::Secret) => maker.iter().map(str::to_owned).collect(),
        (None, KeyKind::Publishable) => {
            PUBLISHABLE.iter().copied().filter(|scope| maker.allow(scope)).map(str::to_owned).collect()
        }
    };
    if granted.is_empty() || SCOPES_MAX < granted.len() {
        return Err(Fault::invalid("/scopes", ViolationCode::Count, format!("A key has 1 to {SCOPES_MAX} scopes.")));
    }
    check_held(&granted, maker)?;
    Ok(granted.into_iter().collect::<BTreeSet<_>>().into_iter().collect())
}

/// Refuses a scope that permits nothing. A typing error would otherwise show only when the key is used.
fn check_known(kind: KeyKind, scope: &str, index: usize) -> Result<(), Fault> {
    let pointer = format!("/scopes/{index}");
    let whole = |prefix: &str| prefix.ends_with(':') && PERMISSIONS.iter().any(|permission| permission.starts_with(prefix));
    if scope != "*" && !PERMISSIONS.contains(&scope) && !scope.strip_suffix('*').is_some_and(whole) {
        let message = format!("Give one of {}, `<resource>:*` for all of one resource, or `*`.", PERMISSIONS.join(", "));
        return Err(Fault::invalid(pointer, ViolationCode::Unknown, message));
    }
    if kind == KeyKind::Publishable && !PUBLISHABLE.contains(&scope) {
        let message = format!("A publishable key carries only {}.", PUBLISHABLE.join(", "));
        return Err(Fault::invalid(pointer, ViolationCode::Excluded, message));
    }
    Ok(())
}

/// Refuses scopes that the creating key does not carry.
pub(super) fn check_held(scopes: &[String], maker: &Scopes) -> Result<(), Fault> {
    match scopes.iter().find(|scope| !maker.allow(scope)) {
        None => Ok(()),
        Some(missing) => Err(Fault::new(
            Code::Forbidden,
            "scope_escalation",
            format!("A key cannot grant the scope `{missing}`, which it does not carry itself."),
        )
        .policy("api-keys:no-escalation")),
    }
}
