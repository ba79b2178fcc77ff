//! Bounded texts and numbers that several services use.

use crate::text::Form;
use crate::{is_country, number, text};

text! {
    /// What people and files call a thing, unique among its kind.
    pub struct Code {
        length: 1..=40,
        form: Form::pattern(
            "^[A-Za-z0-9][A-Za-z0-9._-]*$",
            is_code,
            "Give letters, digits, dots, dashes and underscores, the first a letter or a digit.",
        ),
        example: "BLR-1",
    }

    /// What people call a thing: one line.
    pub struct Name { length: 1..=255, form: Form::LINE, example: "Bengaluru" }

    /// A country: its assigned ISO 3166-1 alpha-2 code in upper case.
    pub struct Country {
        length: 2..=2,
        form: Form {
            pattern: Some("^[A-Z]{2}$"),
            format: Some("country"),
            check: is_country,
            sentence: "Give the country's ISO 3166-1 alpha-2 code, for example IN.",
        },
        example: "IN",
    }

    /// An e-mail address. Whether it exists shows when something is sent there.
    pub struct Email {
        length: 3..=254,
        form: Form::format("email", is_email, "Give an e-mail address such as name@example.com."),
        example: "asha@example.com",
    }

    /// A telephone number, as its owner writes it.
    pub struct Phone { length: 0..=40, form: Form::LINE_OR_BLANK, example: "+91 80 4000 1234" }

    /// The address of a web page: printable ASCII that begins with `https://` or `http://`.
    pub struct WebUrl {
        length: 8..=2048,
        form: Form::pattern(
            "^[Hh][Tt][Tt][Pp][Ss]?://[!-~]+$",
            is_web_url,
            "Give an address of printable ASCII characters that begins with https:// or http://; percent-encode all others.",
        ),
        example: "https://shop.example/thanks",
    }

    /// A language as BCP 47 writes it: language, script and region.
    pub struct Locale {
        length: 2..=11,
        form: Form::pattern(
            "^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?$",
            is_locale,
            "Give a BCP 47 tag of language, script and region, such as `en-IN` or `zh-Hant-TW`.",
        ),
        example: "en-IN",
    }
}

number! {
    /// An order of precedence. What lower and higher numbers mean is said where it is used.
    pub struct Priority(i32) { range: 0..=1_000_000, default: 0, example: 10 }

    /// How many units of one thing are bought.
    pub struct Quantity(i64) { range: 1..=1_000_000, default: 1, example: 2 }
}

fn is_code(text: &str) -> bool {
    let begins = text.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric());
    begins && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

fn is_email(text: &str) -> bool {
    let is_plain = !text.chars().any(|letter| letter.is_whitespace() || letter.is_control());
    let (local, domain) = text.split_once('@').unwrap_or_default();
    is_plain && (1..=64).contains(&local.len()) && !domain.is_empty() && !domain.contains('@')
}

fn is_web_url(text: &str) -> bool {
    let (scheme, rest) = text.split_once("://").unwrap_or_default();
    let is_web = ["https", "http"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
    is_web && !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_graphic())
}

/// `language[-Script][-REGION]` in the usual case.
fn is_locale(tag: &str) -> bool {
    let mut parts = tag.split('-').peekable();
    let language = parts.next().unwrap_or_default();
    if !(2..=3).contains(&language.len()) || !language.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return false;
    }
    parts.next_if(|part| is_script(part));
    parts.next_if(|part| is_region(part));
    parts.next().is_none()
}

fn is_script(part: &str) -> bool {
    let (first, rest) = part.split_at_checked(1).unwrap_or_default();
    part.len() == 4 && first.bytes().all(|byte| byte.is_ascii_uppercase()) && rest.bytes().all(|byte| byte.is_ascii_lowercase())
}

fn is_region(part: &str) -> bool {
    let letters = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_uppercase());
    let digits = part.len() == 3 && part.bytes().all(|byte| byte.is_ascii_digit());
    letters || digits
}
