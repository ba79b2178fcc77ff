//! Scopes: which permissions a key carries, and that nobody gives what they lack.

use std::collections::BTreeSet;

use bloom_fault::{Code, Fault};
use bloom_runtime::{PUBLISHABLE, Scopes};

use crate::domain::api_key::KeyKind;

const SCOPES_MAX: usize = 50;

/// The scopes of a new key: those asked for, else all that the kind may have and the maker has.
pub fn grant(kind: KeyKind, wanted: Option<Vec<String>>, maker: &Scopes) -> Result<Vec<String>, Fault> {
    let wanted = match (wanted, kind) {
        (Some(wanted), _) => wanted,
        (None, KeyKind::Secret) => maker.iter().map(str::to_owned).collect(),
        (None, KeyKind::Publishable) => PUBLISHABLE.into_iter().filter(|scope| maker.allow(scope)).map(str::to_owned).collect(),
    };
    if wanted.is_empty() || SCOPES_MAX < wanted.len() {
        return Err(Fault::invalid("/scopes", "count", format!("holds 1 to {SCOPES_MAX} scopes")));
    }
    for (index, scope) in wanted.iter().enumerate() {
        let pointer = format!("/scopes/{index}");
        if !well_formed(scope) {
            let message = "is `*`, `<service>:*` or `<service>:<verb>` in lower case";
            return Err(Fault::invalid(pointer, "malformed", message));
        }
        if kind == KeyKind::Publishable && !PUBLISHABLE.contains(&scope.as_str()) {
            let message = format!("is not for a publishable key; it may carry {}", PUBLISHABLE.join(", "));
            return Err(Fault::invalid(pointer, "not_publishable", message));
        }
    }
    check_held(&wanted, maker)?;
    Ok(wanted.into_iter().collect::<BTreeSet<_>>().into_iter().collect())
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

fn well_formed(scope: &str) -> bool {
    let word = |text: &str| {
        (1..=40).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_' || byte == b'-')
    };
    match scope.split_once(':') {
        None => scope == "*",
        Some((service, verb)) => word(service) && (verb == "*" || word(verb)),
    }
}
