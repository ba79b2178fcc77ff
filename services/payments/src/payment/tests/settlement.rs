//! Settlement: pure decisions.

use bloom_kernel::{ConnectionId, Currency, OrderId, PaymentId, Timestamp};
use uuid::Uuid;

use crate::operation::{Failure, FailureCode, Operation, OperationKind, Requester, derived_id};
use crate::payment::model::{Payment, PaymentStatus};
use crate::payment::refusal::Refusal;
use crate::payment::schedule;
use crate::payment::settlement::{Change, Outcome, Settlement, settle};
use crate::provider::{ProviderKind, ProviderReport, ProviderState};

fn now() -> Timestamp {
    Timestamp::from_timestamp(1_767_603_600, 0).unwrap()
}

fn payment() -> Payment {
    Payment {
        id: PaymentId::from_uuid(Uuid::from_u128(1)),
        checkout_id: Uuid::from_u128(2).into(),
        order_id: None,
        connection_id: ConnectionId::from_uuid(Uuid::from_u128(3)),
        provider: ProviderKind::Sandbox,
        currency: Currency::parse("INR").unwrap(),
        amount: 1000,
        status: PaymentStatus::Pending,
        authorised: 0,
        capture_pending: 0,
        captured: 0,
        void_pending: 0,
        voided: 0,
        refund_pending: 0,
        refunded: 0,
        waiting_void: None,
        provider_reference: None,
        action_url: None,
        failure: None,
        return_url: None,
        version: 1,
        created_at: now(),
        updated_at: now(),
    }
}

fn operation(kind: OperationKind, amount: i64) -> Operation {
    let id = derived_id("test", &[kind.as_str().as_bytes()]);
    Operation::new(id, PaymentId::from_uuid(Uuid::from_u128(1)), kind, amount, Vec::new(), "test", now())
}

fn report(sequence: i64, state: ProviderState) -> Outcome {
    Outcome::Report(ProviderReport { reference: "ref".to_owned(), sequence, state })
}

fn failed() -> ProviderState {
    ProviderState::Failed(Failure::new(FailureCode::CardDeclined, "no"))
}

fn pending() -> ProviderState {
    ProviderState::Pending { action_url: None }
}

fn change(settlement: Settlement) -> Change {
    match settlement {
        Settlement::Changed(change) => *change,
        other => panic!("no change: {other:?}"),
    }
}

fn step(before: &Change, outcome: Outcome) -> Settlement {
    settle(before.payment.clone(), before.operation.clone(), outcome, now())
}

fn authorised() -> Change {
    change(settle(payment(), operation(OperationKind::Authorise, 1000), report(1, ProviderState::Succeeded), now()))
}

#[test]
fn older_and_repeated_reports_change_nothing() {
    let start = change(settle(payment(), operation(OperationKind::Authorise, 1000), Outcome::Unknown, now()));
    assert_eq!(start.payment.status, PaymentStatus::Unknown);
    let done = change(step(&start, report(2, ProviderState::Succeeded)));
    assert_eq!((done.payment.status, done.payment.authorised), (PaymentStatus::Authorised, 1000));
    for late in
        [report(1, pending()), report(2, ProviderState::Succeeded), report(1, failed()), report(2, failed()), Outcome::Unknown]
    {
        assert_eq!(step(&done, late), Settlement::Unchanged);
    }
    let again = change(step(&done, report(4, ProviderState::Succeeded)));
    assert_eq!((again.payment.authorised, again.posting.as_ref()), (1000, None), "reported again under a higher count");
    assert_eq!(step(&again, report(3, failed())), Settlement::Unchanged, "older than the repeated report");
}

#[test]
fn failure_after_success_reverses_and_late_success_is_voided() {
    let reversed = change(step(&authorised(), report(2, failed())));
    assert_eq!((reversed.payment.status, reversed.payment.authorised), (PaymentStatus::Failed, 0));
    assert!(reversed.posting.as_ref().unwrap().reversal);
    let late = change(step(&reversed, report(3, ProviderState::Succeeded)));
    assert!(late.unwanted, "its checkout has ended");
    assert_eq!(late.payment.authorised, 1000);

    let mut spent = authorised();
    spent.payment.captured = 10;
    assert_eq!(step(&spent, report(2, failed())), Settlement::Refused(Refusal::Entangled));
}

#[test]
fn guards_count_reserved_amounts() {
    let paid = authorised().payment;
    let once = paid.clone().reserve(OperationKind::Capture, 600, now()).unwrap();
    assert_eq!(once.clone().reserve(OperationKind::Capture, 401, now()), Err(Refusal::ExceedsAuthorised { left: 400 }));
    assert_eq!(once.clone().reserve(OperationKind::Refund, 1, now()), Err(Refusal::ExceedsCaptured { left: 0 }));
    for amount in [0, -1, i64::MIN] {
        assert_eq!(paid.clone().reserve(OperationKind::Capture, amount, now()), Err(Refusal::AmountNotPositive));
    }
    assert_eq!(paid.clone().reserve(OperationKind::Capture, i64::MAX, now()), Err(Refusal::ExceedsAuthorised { left: 1000 }));
    assert_eq!(payment().reserve(OperationKind::Capture, 1, now()), Err(Refusal::NotAuthorised));
    let voiding = paid.reserve(OperationKind::Void, 1000, now()).unwrap();
    assert_eq!(voiding.reserve(OperationKind::Capture, 1, now()), Err(Refusal::Voiding));
}

#[test]
fn status_follows_from_the_amounts() {
    let status = |authorised, captured, voided, refunded| {
        let mut payment = Payment { authorised, captured, voided, refunded, ..payment() };
        payment.derive_status(PaymentStatus::Failed);
        payment.status
    };
    assert_eq!(status(0, 0, 0, 0), PaymentStatus::Failed);
    assert_eq!(status(1000, 0, 0, 0), PaymentStatus::Authorised);
    assert_eq!(status(1000, 400, 0, 0), PaymentStatus::PartiallyCaptured);
    assert_eq!(status(1000, 400, 600, 0), PaymentStatus::Captured);
    assert_eq!(status(1000, 1000, 0, 0), PaymentStatus::Captured);
    assert_eq!(status(1000, 0, 1000, 0), PaymentStatus::Voided);
    assert_eq!(status(1000, 400, 600, 100), PaymentStatus::PartiallyRefunded);
    assert_eq!(status(1000, 400, 600, 400), PaymentStatus::Refunded);
    assert_eq!(status(1000, 400, 0, 400), PaymentStatus::PartiallyRefunded, "600 may still be drawn");
}

#[test]
fn queries_are_scheduled_from_5_seconds_to_5_days() {
    let waits: Vec<i64> = (0..10).map_while(|attempt| schedule::wait(attempt).map(|wait| wait.num_seconds())).collect();
    assert_eq!(waits, [5, 30, 300, 3600, 86400, 86400, 86400, 86400, 86400]);
}

#[test]
fn a_merchant_moves_no_money_of_an_order() {
    let order = OrderId::from_uuid(Uuid::from_u128(4));
    let of_order = Payment { order_id: Some(order), ..payment() };
    assert_eq!(of_order.check_requester(Requester::Merchant), Err(Refusal::BelongsToOrder(order)));
    assert_eq!(of_order.check_requester(Requester::Service), Ok(()));
    assert_eq!(payment().check_requester(Requester::Merchant), Ok(()));
}
