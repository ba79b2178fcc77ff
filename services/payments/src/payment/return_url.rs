//! The address that a payer's browser returns to after a payment.

use bloom_fault::{Fault, refuse_card_number};
use bloom_kernel::{ConnectionId, PaymentId, ViolationCode};
use url::Url;

use super::model::Payment;

/// Most characters of a return address.
const LENGTH_MAX: usize = 2_048;

/// Checks an address. The URL parser silently repairs some input, as browsers do, so such input is refused before parsing.
pub(super) fn check_return_url(text: &str) -> Result<(), Fault> {
    let refuse = |code, message| Err(Fault::invalid("/return_url", code, message));
    if text.is_empty() || LENGTH_MAX < text.len() {
        return refuse(ViolationCode::Length, "Give an address of 1 to 2048 characters.");
    }
    refuse_card_number("/return_url", text)?;
    if text.chars().any(|character| !character.is_ascii() || character.is_control()) {
        let message =
            "An address is ASCII without line breaks and other control characters. Percent-encode all other characters.";
        return refuse(ViolationCode::Pattern, message);
    }
    let (scheme, rest) = text.split_once("://").unwrap_or_default();
    if !["https", "http"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return refuse(ViolationCode::Format, "An address that begins with https:// or http://.");
    }
    let authority = rest.split(['/', '\\', '?', '#']).next().unwrap_or_default();
    if authority.is_empty() {
        let message = "This address names no host. Give one after the //, for example https://shop.example/thanks.";
        return refuse(ViolationCode::Format, message);
    }
    // A reader may take the text before an @ for the host.
    if authority.contains('@') {
        return refuse(ViolationCode::Format, "This address holds a user name or a password. Give it without them.");
    }
    if Url::parse(text).is_err() {
        let message = "This is not the address of a web page: its host or its port cannot be read.";
        return refuse(ViolationCode::Format, message);
    }
    Ok(())
}

/// The address with the outcome among its query parameters; none when it cannot be parsed.
pub(super) fn with_outcome(text: &str, payment: &Payment) -> Option<String> {
    let mut url = Url::parse(text).ok()?;
    url.query_pairs_mut()
        .append_pair("checkout_id", &payment.checkout_id.to_string())
        .append_pair("payment_id", &payment.id.to_string())
        .append_pair("payment_status", payment.status.as_str());
    Some(url.into())
}

/// Where a provider sends the payer's browser after an action.
pub(super) fn provider_return_url(public_url: &str, payment: PaymentId, connection: ConnectionId) -> String {
    format!("{}/v1/payments/return/{payment}?connection={connection}", public_url.trim_end_matches('/'))
}
