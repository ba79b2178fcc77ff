//! Bounded text.

use bloom_fault::Fault;

/// Refuses a name that is blank, has more than `chars_max` characters or holds a control character.
pub(crate) fn check_name(pointer: &str, name: &str, chars_max: usize) -> Result<(), Fault> {
    if name.trim().is_empty() {
        return Err(Fault::invalid(pointer, "blank", "must not be blank"));
    }
    if name.chars().count() > chars_max {
        return Err(Fault::invalid(pointer, "too_long", format!("has at most {chars_max} characters")));
    }
    if name.chars().any(char::is_control) {
        return Err(Fault::invalid(pointer, "control_character", "holds no control characters"));
    }
    Ok(())
}
