//! Bounded texts and numbers of the catalogue. Each declares its rule once: the type refuses a value that breaks the rule, and
//! publishes the rule in its schema.

use bloom_kernel::text::Form;
use bloom_kernel::{number, text};
use icu_normalizer::ComposingNormalizerBorrowed;
use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory};
use icu_properties::{CodePointMapData, CodePointSetData};

/// Two identifiers that look the same must be equal.
const IDENTIFIER: Form = Form::format(
    "identifier",
    is_identifier,
    "Give a text without whitespace at its ends, without invisible characters and whitespace other than the space, in Unicode's \
     composed form (NFC).",
);

text! {
    /// A code of a channel, a product type, a collection or an attribute.
    pub(crate) struct ObjectCode {
        length: 1..=64,
        form: Form::pattern(
            "^[a-z0-9][a-z0-9_-]*$",
            is_code,
            "Give lower-case letters, digits, dashes and underscores, the first a letter or a digit.",
        ),
        example: "brake-part",
    }

    /// The title of a product or a collection.
    pub(crate) struct Title { length: 1..=255, form: Form::LINE, example: "Brake Disc, Front" }

    /// The description of a product.
    #[derive(Default)]
    pub(crate) struct ProductDescription { length: 0..=50_000, form: Form::LINES, example: "Vented, 288 mm." }

    /// The description of a collection.
    #[derive(Default)]
    pub(crate) struct CollectionDescription { length: 0..=10_000, form: Form::LINES, example: "Parts for the summer." }

    /// A stock-keeping unit.
    pub(crate) struct Sku { length: 1..=64, form: IDENTIFIER, example: "BD-288-F" }

    /// GTIN, EAN, UPC or similar.
    pub(crate) struct Barcode { length: 1..=64, form: IDENTIFIER, example: "4006381333931" }

    /// An id in the merchant's own systems.
    pub(crate) struct ExternalId { length: 1..=255, form: IDENTIFIER, example: "ERP-4711" }

    /// The name of a category. Imports write paths of names with `/`.
    pub(crate) struct CategoryName {
        length: 1..=100,
        form: Form::format(
            "category-name",
            is_category_name,
            "Give one line of text without `/` that does not begin or end with whitespace.",
        ),
        example: "Brakes",
    }

    /// The name of an option of a product.
    pub(crate) struct OptionName { length: 1..=50, form: Form::LINE, example: "Size" }

    /// A value of an option or of an enum attribute.
    pub(crate) struct OptionValue { length: 1..=100, form: Form::LINE, example: "L" }

    /// Alternative text of a medium.
    #[derive(Default)]
    pub(crate) struct AltText { length: 0..=255, form: Form::LINES, example: "A vented brake disc" }
}

number! {
    /// Weight in grams, at most 100 tonnes.
    pub(crate) struct WeightGrams(i64) { range: 0..=100_000_000, default: 0, example: 7_400 }

    /// Units on hand.
    pub(crate) struct OnHand(i64) { range: 0..=1_000_000_000_000, example: 40 }

    /// A price in minor units, as a bound of a filter.
    pub(crate) struct FilterAmount(i64) { range: 0..=9_223_372_036_854_775_806, example: 2_499 }
}

fn is_code(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
    text.bytes().next().is_some_and(|first| first.is_ascii_lowercase() || first.is_ascii_digit()) && text.bytes().all(fits)
}

fn is_category_name(text: &str) -> bool {
    !text.contains('/') && !text.is_empty() && text == text.trim() && !text.chars().any(char::is_control)
}

fn is_identifier(text: &str) -> bool {
    !text.is_empty()
        && text == text.trim()
        && !text.chars().any(is_invisible)
        && ComposingNormalizerBorrowed::new_nfc().is_normalized(text)
}

/// Control, zero-width and formatting characters, fillers, variation selectors, and whitespace that looks like a space.
fn is_invisible(letter: char) -> bool {
    letter.is_control()
        || (letter.is_whitespace() && letter != ' ')
        || CodePointMapData::<GeneralCategory>::new().get(letter) == GeneralCategory::Format
        || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(letter)
}
