//! Texts of an order that look like the number of a card are refused, without being repeated.

use bloom_fault::{Code, Fault};
use bloom_kernel::looks_like_card_number;

/// Refuses a text that looks like the number of a card.
pub fn refuse_card_number(pointer: &str, text: &str) -> Result<(), Fault> {
    if !looks_like_card_number(text) {
        return Ok(());
    }
    let detail = "This looks like a card number. Card numbers never enter the platform: leave it out.";
    let fault = Fault::new(Code::Unprocessable, "card_number_refused", detail);
    Err(fault.at(pointer, "card_number", "Looks like a card number."))
}

/// The same for pairs of metadata. A key that is refused is not named either.
pub fn refuse_card_numbers<'a>(pairs: impl IntoIterator<Item = (&'a String, &'a String)>) -> Result<(), Fault> {
    for (key, value) in pairs {
        refuse_card_number("/metadata", key)?;
        refuse_card_number(&format!("/metadata/{}", key.replace('~', "~0").replace('/', "~1")), value)?;
    }
    Ok(())
}
