//! Tests a hold's transitions against a model that only knows whether the hold has ended.

use bloom_kernel::{HoldId, OrderId, Timestamp};
use chrono::DateTime;
use proptest::prelude::*;
use uuid::Uuid;

use crate::hold::{Ending, Hold, HoldStatus};

fn moment(seconds: i64) -> Timestamp {
    DateTime::from_timestamp(1_767_603_600 + seconds, 0).unwrap_or_default()
}

fn order() -> OrderId {
    OrderId::from_uuid(Uuid::from_u128(7))
}

fn hold(expires: i64) -> Hold {
    Hold {
        id: HoldId::from_uuid(Uuid::from_u128(1)),
        status: HoldStatus::Active,
        expires_at: moment(expires),
        lines: Vec::new(),
        order_id: None,
        version: 1,
        created_at: moment(0),
        updated_at: moment(0),
    }
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Wait(i64),
    Extend(i64),
    Release,
    Expire,
    Commit,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..40_i64).prop_map(Step::Wait),
        (1..60_i64).prop_map(Step::Extend),
        Just(Step::Release),
        Just(Step::Expire),
        Just(Step::Commit),
    ]
}

proptest! {
    #[test]
    fn a_hold_ends_exactly_once(steps in prop::collection::vec(any_step(), 1..12)) {
        let (mut now, mut end, mut ends) = (0, 30, 0);
        let mut state = hold(end);
        for step in steps {
            let is_over = end <= now;
            let was_active = state.status == HoldStatus::Active;
            let next = match step {
                Step::Wait(seconds) => {
                    now += seconds;
                    continue;
                }
                Step::Extend(seconds) => {
                    let next = state.clone().extended(moment(now + seconds), moment(now));
                    prop_assert_eq!(next.is_ok(), was_active && !is_over);
                    if next.is_ok() {
                        end = now + seconds;
                    }
                    next
                }
                Step::Release => {
                    let next = state.clone().ended(Ending::Release, moment(now));
                    prop_assert_eq!(next.is_ok(), was_active);
                    next
                }
                Step::Expire => {
                    let next = state.clone().ended(Ending::Expiry, moment(now));
                    prop_assert_eq!(next.is_ok(), was_active && is_over);
                    next
                }
                Step::Commit => {
                    let next = state.clone().ended(Ending::Commit(order()), moment(now));
                    prop_assert_eq!(next.is_ok(), was_active && !is_over);
                    next
                }
            };
            let Ok(next) = next else { continue };
            prop_assert_eq!(next.version, state.version + 1);
            if next.status != HoldStatus::Active {
                ends += 1;
                prop_assert_eq!(next.status == HoldStatus::Expired, is_over);
            }
            prop_assert_eq!(next.order_id.is_some(), next.status == HoldStatus::Committed);
            state = next;
        }
        prop_assert!(ends <= 1);
        prop_assert_eq!(ends == 1, state.status != HoldStatus::Active);
    }
}

#[test]
fn a_hold_expires_exactly_at_its_time() {
    assert_eq!(hold(30).at(moment(29)).status, HoldStatus::Active);
    assert_eq!(hold(30).at(moment(30)).status, HoldStatus::Expired);
}
