//! The refusal of a card number wherever people write text; the number itself is never repeated.

use bloom_kernel::looks_like_card_number;

use crate::{Code, Fault};

/// Refuses a text that looks like the number of a card.
///
/// # Errors
///
/// 422 `card_number_refused` at the pointer.
pub fn refuse_card_number(pointer: &str, text: &str) -> Result<(), Fault> {
    if !looks_like_card_number(text) {
        return Ok(());
    }
    let detail = "This looks like a card number. Card numbers never enter the platform: leave it out, and pay with the payment \
                  provider's token.";
    let fault = Fault::new(Code::Unprocessable, "card_number_refused", detail);
    Err(fault.at(pointer, "card_number", "Looks like a card number."))
}

/// The same for pairs of metadata. A key that is refused is not named either.
///
/// # Errors
///
/// As for one text.
pub fn refuse_card_numbers<'a>(pairs: impl IntoIterator<Item = (&'a String, &'a String)>) -> Result<(), Fault> {
    for (key, value) in pairs {
        refuse_card_number("/metadata", key)?;
        refuse_card_number(&format!("/metadata/{}", key.replace('~', "~0").replace('/', "~1")), value)?;
    }
    Ok(())
}
