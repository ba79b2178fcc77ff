//! Refuses card numbers in free text; the error never repeats the number.

use bloom_kernel::{Address, ViolationCode, looks_like_card_number};

use crate::{Code, Fault};

/// Maximum digits of a telephone number (E.164), country code included.
const PHONE_DIGITS_MAX: usize = 15;

/// Refuses a text that looks like a card number.
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
    Err(fault.at(pointer, ViolationCode::CardNumber, "Looks like a card number."))
}

/// The same for metadata pairs. The error does not repeat a refused key either.
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

/// Refuses a card number given as a telephone number. One in ten telephone numbers with a country code has a card
/// number's check digit, but no card number begins with a plus sign or a zero.
///
/// # Errors
///
/// As for one text.
pub fn refuse_card_number_as_phone(pointer: &str, text: &str) -> Result<(), Fault> {
    let dialled = text.trim();
    let number = dialled.trim_start_matches(['+', '0']);
    let is_phone = number.len() < dialled.len() && number.chars().filter(char::is_ascii_digit).count() <= PHONE_DIGITS_MAX;
    if is_phone { Ok(()) } else { refuse_card_number(pointer, text) }
}

/// The same for every text of an address at the given pointer.
///
/// # Errors
///
/// As for one text.
pub fn refuse_card_in_address(pointer: &str, address: &Address) -> Result<(), Fault> {
    for (field, text) in address.texts() {
        refuse_card_number(&format!("{pointer}/{field}"), text)?;
    }
    address.phone.as_deref().map_or(Ok(()), |phone| refuse_card_number_as_phone(&format!("{pointer}/phone"), phone))
}
