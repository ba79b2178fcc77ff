//! Tests of the detection of card numbers.

use crate::looks_like_card_number;

#[test]
fn card_numbers_are_detected_in_every_notation() {
    for text in [
        "4242424242424242",
        "4242 4242 4242 4242",
        "card 4242-4242-4242-4242 please",
        "x5555555555554444x",
        "378282246310005",
        "30569309025904",
        "4222222222222",
        "6304000000000000000 ",
        "4242.4242.4242.4242",
    ] {
        assert!(looks_like_card_number(text), "{text}");
    }
    for text in [
        "tok_success",
        "4242424242424241",
        "123456789012",
        "+49 171 1234567",
        "0000000000000000",
        "pay_01jd6zv4x8e5yag7k3m2n9p0qr",
        "42424242424242424242424242",
        "4242  4242",
        "",
    ] {
        assert!(!looks_like_card_number(text), "{text}");
    }
}
