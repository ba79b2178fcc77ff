//! Texts of a cart that look like the number of a card are refused, without being repeated.

use bloom_fault::{Code, Fault};
use bloom_kernel::looks_like_card_number;

/// The digits of the longest telephone number (E.164), country code included.
const PHONE_DIGITS_MAX: usize = 15;

/// Refuses a text that looks like the number of a card.
pub fn refuse_card_number(pointer: &str, text: &str) -> Result<(), Fault> {
    if !looks_like_card_number(text) {
        return Ok(());
    }
    let detail = "This looks like a card number. Card numbers never enter the platform: leave it out, and pay with the payment \
                  provider's token at the checkout.";
    let fault = Fault::new(Code::Unprocessable, "card_number_refused", detail);
    Err(fault.at(pointer, "card_number", "Looks like a card number."))
}

/// The same for a telephone number: one of ten that are written with their country code has a card number's check digit, but
/// no card number begins with a plus sign or a nought.
pub fn refuse_card_number_as_phone(pointer: &str, text: &str) -> Result<(), Fault> {
    let dialled = text.trim();
    let number = dialled.trim_start_matches(['+', '0']);
    let is_phone = number.len() < dialled.len() && number.chars().filter(char::is_ascii_digit).count() <= PHONE_DIGITS_MAX;
    if is_phone { Ok(()) } else { refuse_card_number(pointer, text) }
}

/// The same for pairs of metadata. A key that is refused is not named either.
pub fn refuse_card_numbers<'a>(pairs: impl IntoIterator<Item = (&'a String, &'a String)>) -> Result<(), Fault> {
    for (key, value) in pairs {
        refuse_card_number("/metadata", key)?;
        refuse_card_number(&format!("/metadata/{}", key.replace('~', "~0").replace('/', "~1")), value)?;
    }
    Ok(())
}
