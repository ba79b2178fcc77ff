//! Checks of text that several resources share.

use bloom_fault::{Fault, refuse_card_number};

/// Refuses a text that is empty, too long or looks like a card number.
pub(crate) fn check_text(pointer: &str, text: &str, max: usize) -> Result<(), Fault> {
    if text.trim().is_empty() || max < text.chars().count() {
        return Err(Fault::invalid(pointer, "length", format!("Between 1 and {max} characters.")));
    }
    if text.contains('\0') {
        return Err(Fault::invalid(pointer, "character", "The character NUL cannot be stored."));
    }
    refuse_card_number(pointer, text)
}
