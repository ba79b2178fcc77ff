//! Collects all violations of an input, each with its JSON Pointer.

use bloom_fault::{Code, Fault, Violation};
use icu_normalizer::ComposingNormalizerBorrowed;
use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory};
use icu_properties::{CodePointMapData, CodePointSetData};

/// Most violations that one refusal lists.
const VIOLATIONS_MAX: usize = 50;

/// The violations found so far.
#[derive(Debug, Default)]
pub(crate) struct Validator {
    errors: Vec<Violation>,
}

impl Validator {
    /// Adds one violation.
    pub(crate) fn fail(&mut self, pointer: impl Into<String>, code: &str, message: impl Into<String>) {
        if self.errors.len() < VIOLATIONS_MAX {
            self.errors.push(Violation { pointer: pointer.into(), code: code.to_owned(), message: message.into() });
        }
    }

    /// A text of a length between two bounds, counted in characters, without control characters other than line breaks
    /// and tabs.
    pub(crate) fn text(&mut self, pointer: &str, value: &str, min: usize, max: usize) {
        let length = value.chars().count();
        if length < min && value.trim().is_empty() {
            self.fail(pointer, "required", "This must not be empty.");
        } else if length < min || max < length {
            self.fail(pointer, "length", format!("This has {length} characters; {min} to {max} are allowed."));
        } else if 0 < min && value.trim().is_empty() {
            self.fail(pointer, "required", "This must not be blank.");
        }
        if value.chars().any(|letter| letter.is_control() && !matches!(letter, '\n' | '\r' | '\t')) {
            self.fail(pointer, "control_character", "This holds a control character.");
        }
    }

    /// An identifier of 1 to `max` characters. Two identifiers that look the same must be equal, so it has no whitespace at its
    /// ends, no whitespace other than the space, no invisible character, and is in Unicode's composed form (NFC).
    pub(crate) fn key(&mut self, pointer: &str, value: &str, max: usize) {
        self.text(pointer, value, 1, max);
        if value.contains(['\n', '\r', '\t']) {
            self.fail(pointer, "control_character", "This holds a line break or a tab.");
        }
        let blank = value.trim().is_empty();
        if !blank && value.trim().len() < value.len() {
            self.fail(pointer, "outer_blank", "This begins or ends with whitespace.");
        }
        if !blank && value.chars().any(is_invisible) {
            self.fail(pointer, "invisible_character", "This holds an invisible character, or whitespace other than the space.");
        }
        if !ComposingNormalizerBorrowed::new_nfc().is_normalized(value) {
            self.fail(pointer, "not_normalised", "Send this in the composed Unicode form (NFC).");
        }
    }

    /// A code: lower-case letters, digits, `-` and `_`, 1 to 64 characters, the first a letter or digit.
    pub(crate) fn code(&mut self, pointer: &str, value: &str) {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
        let first = value.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        if !first || 64 < value.len() || !value.bytes().all(fits) {
            self.fail(
                pointer,
                "code",
                "A code has 1 to 64 lower-case letters, digits, `-` and `_`, and begins with a letter or digit.",
            );
        }
    }

    /// At most `max` items.
    pub(crate) fn count(&mut self, pointer: &str, count: usize, max: usize) {
        if max < count {
            self.fail(pointer, "too_many", format!("There are {count} of these; {max} are allowed."));
        }
    }

    /// A number between two bounds.
    pub(crate) fn range(&mut self, pointer: &str, value: i64, min: i64, max: i64) {
        if value < min || max < value {
            self.fail(pointer, "out_of_range", format!("This is between {min} and {max}."));
        }
    }

    /// The violations.
    pub(crate) fn into_violations(self) -> Vec<Violation> {
        self.errors
    }

    /// Refuses the input when there is a violation.
    pub(crate) fn finish(self) -> Result<(), Fault> {
        if self.errors.is_empty() {
            return Ok(());
        }
        let fault = Fault::new(Code::Invalid, "invalid_request", "The request is not valid; see errors.");
        Err(self.errors.into_iter().fold(fault, |fault, error| fault.at(error.pointer, error.code, error.message)))
    }
}

/// Zero-width and formatting characters, fillers, variation selectors, and whitespace that looks like a space. Control
/// characters are refused in every text.
fn is_invisible(letter: char) -> bool {
    let other_blank = letter.is_whitespace() && letter != ' ' && !letter.is_control();
    other_blank
        || CodePointMapData::<GeneralCategory>::new().get(letter) == GeneralCategory::Format
        || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(letter)
}
