//! A telephone number that looks like the number of a card.

use bloom_fault::{Fault, refuse_card_number};

/// The digits of the longest telephone number (E.164), country code included.
const PHONE_DIGITS_MAX: usize = 15;

/// Refuses a card number in a field for a telephone number. One of ten telephone numbers with a country code has the check
/// digit of a card number, but no card number begins with a plus sign or a zero.
pub(crate) fn refuse_card_number_as_phone(pointer: &str, text: &str) -> Result<(), Fault> {
    let dialled = text.trim();
    let number = dialled.trim_start_matches(['+', '0']);
    let is_phone = number.len() < dialled.len() && number.chars().filter(char::is_ascii_digit).count() <= PHONE_DIGITS_MAX;
    if is_phone { Ok(()) } else { refuse_card_number(pointer, text) }
}
