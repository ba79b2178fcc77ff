//! Where a payer's browser goes after a payment: an address of the web that says nothing but where, and what is added to it.

use url::Url;

use super::payment::Payment;

/// Why an address is not one to send a browser to: a machine word and a sentence.
pub type Complaint = (&'static str, &'static str);

/// Checks an address. The parser is a browser's and mends what it can, so what it would mend silently is refused before.
pub fn check_return_url(text: &str) -> Result<(), Complaint> {
    if text.chars().any(|character| !character.is_ascii() || character.is_control()) {
        let message =
            "An address is ASCII without line breaks and other control characters. Percent-encode all other characters.";
        return Err(("character", message));
    }
    let (scheme, rest) = text.split_once("://").unwrap_or_default();
    if !["https", "http"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return Err(("scheme", "An address that begins with https:// or http://."));
    }
    let authority = rest.split(['/', '\\', '?', '#']).next().unwrap_or_default();
    if authority.is_empty() {
        return Err(("host", "This address names no host. Give one after the //, for example https://shop.example/thanks."));
    }
    // What stands before an @ is easily taken for the host by those who read it.
    if authority.contains('@') {
        return Err(("user_info", "This address holds a user name or a password. Give it without them."));
    }
    match Url::parse(text) {
        Ok(_) => Ok(()),
        Err(_) => Err(("url", "This is not the address of a web page: its host or its port cannot be read.")),
    }
}

/// The address with the outcome among its parameters; nothing when it is no address.
pub fn with_outcome(text: &str, payment: &Payment) -> Option<String> {
    let mut url = Url::parse(text).ok()?;
    url.query_pairs_mut()
        .append_pair("checkout_id", &payment.checkout_id.to_string())
        .append_pair("payment_id", &payment.id.to_string())
        .append_pair("payment_status", payment.status.as_str());
    Some(url.into())
}
