//! Detects card numbers, so that none is stored: services refuse text from buyers, and from those who serve them, that
//! looks like one. Catalogue texts are exempt, because product numbers may look the same.

/// A card number has 13 to 19 digits, the last of which makes the Luhn sum a multiple of ten.
const DIGITS: std::ops::RangeInclusive<usize> = 13..=19;

/// True when the text contains a run of digits (with single spaces, dots or dashes between them) that could be a card
/// number.
pub fn looks_like_card_number(text: &str) -> bool {
    let mut digits: Vec<u32> = Vec::new();
    let mut separated = false;
    for character in text.chars().chain(std::iter::once('\n')) {
        if let Some(digit) = character.to_digit(10) {
            digits.push(digit);
            separated = false;
        } else if matches!(character, ' ' | '-' | '.') && !separated && !digits.is_empty() {
            separated = true;
        } else {
            if DIGITS.contains(&digits.len()) && luhn(&digits) {
                return true;
            }
            digits.clear();
            separated = false;
        }
    }
    false
}

fn luhn(digits: &[u32]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match (place % 2, digit * 2) {
            (0, _) => *digit,
            (_, doubled) if 9 < doubled => doubled - 9,
            (_, doubled) => doubled,
        })
        .sum();
    // All zeros have a valid check digit but are no card number.
    sum != 0 && sum.is_multiple_of(10)
}
