//! Money, rates, rounding and allocation.

use proptest::prelude::*;

use crate::{Currency, Money, MoneyError, Rate, Rounding, allocate};

fn currency(code: &str) -> Currency {
    Currency::parse(code).unwrap()
}

fn inr(amount: i64) -> Money {
    Money::new(amount, currency("INR"))
}

#[test]
fn currencies_have_their_number_of_digits() {
    let digits = ["JPY", "INR", "KWD", "CLF"].map(|code| currency(code).exponent());
    assert_eq!(digits, [0, 2, 3, 4]);
    for wrong in ["inr", "IN", "INRR", "", "ABC", "XXX", "XAU", "₹"] {
        assert_eq!(Currency::parse(wrong), Err(MoneyError::UnknownCurrency), "{wrong}");
    }
}

#[test]
fn money_refuses_unknown_json_fields() {
    let text = r#"{"amount":2499,"currency":"INR"}"#;
    let money: Money = serde_json::from_str(text).unwrap();
    assert_eq!(money, inr(2499));
    assert_eq!(serde_json::to_string(&money).unwrap(), text);
    for wrong in [
        r#"{"amount":24.99,"currency":"INR"}"#,
        r#"{"amount":"2499","currency":"INR"}"#,
        r#"{"amount":9223372036854775808,"currency":"INR"}"#,
        r#"{"amount":1,"currency":"rupee"}"#,
        r#"{"amount":1,"currency":"INR","scale":2}"#,
        r#"{"amount":1}"#,
    ] {
        assert!(serde_json::from_str::<Money>(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn currencies_do_not_mix() {
    let (left, right) = (currency("INR"), currency("USD"));
    let mixed = Err(MoneyError::CurrencyMismatch { left, right });
    assert_eq!(inr(1).checked_add(Money::zero(right)), mixed);
    assert_eq!(inr(1).checked_sub(Money::zero(right)), mixed);
}

#[test]
fn ties_follow_the_rounding_mode() {
    // Half of an odd number of units is always a tie.
    let half = Rate::new(500_000).unwrap();
    let rounded = |amount| [Rounding::HalfUp, Rounding::HalfEven, Rounding::HalfDown].map(|how| half.of(amount, how));
    assert_eq!(rounded(1), [1, 0, 0]);
    assert_eq!(rounded(3), [2, 2, 1]);
    assert_eq!(rounded(5), [3, 2, 2]);
    assert_eq!(rounded(-1), [-1, 0, 0]);
    assert_eq!(rounded(-3), [-2, -2, -1]);
}

#[test]
fn known_taxes() {
    let rate = |ppm| Rate::new(ppm).unwrap();
    assert_eq!(rate(180_000).of(2_499, Rounding::HalfUp), 450);
    assert_eq!(rate(88_750).of(10_000, Rounding::HalfUp), 888);
    assert_eq!(rate(88_750).of(10_000, Rounding::HalfDown), 887);
    assert_eq!(rate(180_000).net_of_gross(11_800, Rounding::HalfUp), 10_000);
    assert_eq!(rate(190_000).net_of_gross(1_999, Rounding::HalfUp), 1_680);
    assert_eq!(Rate::new(1_000_001), Err(MoneyError::RateTooHigh));
    assert!(serde_json::from_str::<Rate>("1000001").is_err());
}

#[test]
fn remainders_go_to_the_largest_then_to_the_first() {
    assert_eq!(allocate(100, &[1, 1, 1]), [34, 33, 33]);
    assert_eq!(allocate(-100, &[1, 1, 1]), [-34, -33, -33]);
    assert_eq!(allocate(10, &[1, 6]), [1, 9]);
    assert_eq!(allocate(5, &[0, 0]), [3, 2]);
    assert_eq!(allocate(5, &[3, 0, 7]), [2, 0, 3]);
    assert_eq!(allocate(5, &[]), [0_i64; 0]);
    let huge = allocate(i64::MIN, &[i64::MAX, i64::MAX]);
    assert_eq!(huge, [i64::MIN / 2, i64::MIN / 2]);
}

fn rounding() -> impl Strategy<Value = Rounding> {
    prop_oneof![Just(Rounding::HalfUp), Just(Rounding::HalfEven), Just(Rounding::HalfDown)]
}

proptest! {
    #[test]
    fn arithmetic_is_exact_or_refused(a: i64, b: i64) {
        let wide = i64::try_from(i128::from(a) + i128::from(b)).ok().map(inr);
        prop_assert_eq!(inr(a).checked_add(inr(b)).ok(), wide);
        let wide = i64::try_from(i128::from(a) - i128::from(b)).ok().map(inr);
        prop_assert_eq!(inr(a).checked_sub(inr(b)).ok(), wide);
        let wide = i64::try_from(i128::from(a) * i128::from(b)).ok().map(inr);
        prop_assert_eq!(inr(a).checked_mul(b).ok(), wide);
    }

    #[test]
    fn a_rate_is_within_half_a_unit(amount: i64, ppm in 0..=Rate::WHOLE, how in rounding()) {
        let share = Rate::new(ppm).unwrap().of(amount, how);
        let error = i128::from(amount) * i128::from(ppm) - i128::from(share) * 1_000_000;
        prop_assert!(error.abs() <= 500_000);
    }

    #[test]
    fn a_net_with_its_tax_is_the_gross(gross in -1_000_000_000_000..1_000_000_000_000_i64, ppm in 0..=Rate::WHOLE, how in rounding()) {
        let rate = Rate::new(ppm).unwrap();
        let net = rate.net_of_gross(gross, how);
        // Each of two roundings is off by at most half a unit, the first scaled by at most two.
        prop_assert!((net + rate.of(net, how) - gross).abs() <= 1);
    }

    #[test]
    fn rounding_ignores_the_sign(amount in -i64::MAX..=i64::MAX, ppm in 0..=Rate::WHOLE, how in rounding()) {
        let rate = Rate::new(ppm).unwrap();
        prop_assert_eq!(rate.of(-amount, how), -rate.of(amount, how));
        prop_assert_eq!(rate.net_of_gross(-amount, how), -rate.net_of_gross(amount, how));
    }

    #[test]
    fn parts_sum_to_the_total(total: i64, weights in prop::collection::vec(-5..1_000_000_i64, 1..40)) {
        let parts = allocate(total, &weights);
        prop_assert_eq!(parts.iter().map(|part| i128::from(*part)).sum::<i128>(), i128::from(total));
    }

    #[test]
    fn parts_are_within_one_unit_of_their_share(total: i64, weights in prop::collection::vec(0..i64::MAX, 1..40)) {
        let sum: i128 = weights.iter().map(|weight| i128::from(*weight)).sum();
        prop_assume!(sum > 0);
        for (part, weight) in allocate(total, &weights).into_iter().zip(&weights) {
            let floor = i128::from(total).abs() * i128::from(*weight) / sum;
            let part = i128::from(part) * i128::from(total.signum());
            prop_assert!(part == floor || part == floor + 1);
            prop_assert!(*weight > 0 || part == 0);
        }
    }

    #[test]
    fn equal_weights_get_falling_parts(total in 0..i64::MAX, count in 1..40_usize) {
        let parts = allocate(total, &vec![7; count]);
        prop_assert!(parts.is_sorted_by(|a, b| a >= b));
        prop_assert!(parts[0] - parts[count - 1] <= 1);
    }
}
