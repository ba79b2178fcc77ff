//! Pure decisions.

use bloom_kernel::{ConnectionId, Currency, PaymentId, Timestamp};
use uuid::Uuid;

use crate::domain::operation::derived_id;
use crate::domain::settle::Change;
use crate::domain::signature::{Forgery, Signed, verify};
use crate::domain::{
    Account, Failure, FailureCode, News, Operation, OperationKind, OperationStatus, Payment, PaymentStatus, Posting,
    ProviderKind, Refusal, Report, Settled, State, schedule, settle,
};

const KINDS: [OperationKind; 4] = [OperationKind::Authorise, OperationKind::Capture, OperationKind::Void, OperationKind::Refund];

#[test]
fn every_movement_adds_up_to_zero_and_a_reversal_undoes_it() {
    for kind in KINDS {
        let (posting, reversal) = (Posting::of(kind, 700), Posting::reversal_of(kind, 700));
        for posting in [&posting, &reversal] {
            assert_eq!(posting.entries.iter().map(|entry| entry.amount).sum::<i64>(), 0, "{kind:?}");
        }
        let mut total = 0;
        for account in [
            Account::AuthorisedReceivable,
            Account::AuthorisationCommitment,
            Account::ProviderClearing,
            Account::CustomerLiability,
        ] {
            let both = posting.entries.iter().chain(&reversal.entries);
            total += both.filter(|entry| entry.account == account).map(|entry| entry.amount).sum::<i64>().abs();
        }
        assert_eq!(total, 0, "{kind:?}");
    }
}

fn now() -> Timestamp {
    Timestamp::from_timestamp(1_767_603_600, 0).unwrap()
}

fn payment() -> Payment {
    Payment {
        id: PaymentId::from_uuid(Uuid::from_u128(1)),
        checkout_id: Uuid::from_u128(2).into(),
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
    Operation {
        id: derived_id("test", &[kind.as_str().as_bytes()]),
        payment_id: PaymentId::from_uuid(Uuid::from_u128(1)),
        kind,
        amount,
        status: OperationStatus::Init,
        fingerprint: Vec::new(),
        reverses: None,
        provider_reference: None,
        provider_sequence: 0,
        failure: None,
        actor: "test".to_owned(),
        created_at: now(),
        updated_at: now(),
    }
}

fn report(sequence: i64, state: State) -> News {
    News::Report(Report { reference: "ref".to_owned(), sequence, state })
}

fn failed() -> State {
    State::Failed(Failure::new(FailureCode::CardDeclined, "no"))
}

fn pending() -> State {
    State::Pending { action_url: None }
}

fn change(settled: Settled) -> Change {
    match settled {
        Settled::Changed(change) => *change,
        other => panic!("no change: {other:?}"),
    }
}

fn step(before: &Change, news: News) -> Settled {
    settle(before.payment.clone(), before.operation.clone(), news, now())
}

fn authorised() -> Change {
    change(settle(payment(), operation(OperationKind::Authorise, 1000), report(1, State::Succeeded), now()))
}

#[test]
fn older_and_repeated_reports_change_nothing() {
    let start = change(settle(payment(), operation(OperationKind::Authorise, 1000), News::Unknown, now()));
    assert_eq!(start.payment.status, PaymentStatus::Unknown);
    let done = change(step(&start, report(2, State::Succeeded)));
    assert_eq!((done.payment.status, done.payment.authorised), (PaymentStatus::Authorised, 1000));
    for late in [report(1, pending()), report(2, State::Succeeded), report(1, failed()), report(2, failed()), News::Unknown] {
        assert_eq!(step(&done, late), Settled::Unchanged);
    }
    let again = change(step(&done, report(4, State::Succeeded)));
    assert_eq!((again.payment.authorised, again.posting.as_ref()), (1000, None), "said again under a higher count");
    assert_eq!(step(&again, report(3, failed())), Settled::Unchanged, "outdated by what was said again");
}

#[test]
fn a_later_failure_cancels_the_amount_and_a_later_success_is_unwanted() {
    let reversed = change(step(&authorised(), report(2, failed())));
    assert_eq!((reversed.payment.status, reversed.payment.authorised), (PaymentStatus::Failed, 0));
    assert!(reversed.posting.as_ref().unwrap().reversal);
    let late = change(step(&reversed, report(3, State::Succeeded)));
    assert!(late.unwanted, "nobody waits for it any more");
    assert_eq!(late.payment.authorised, 1000);

    let mut spent = authorised();
    spent.payment.captured = 10;
    assert_eq!(step(&spent, report(2, failed())), Settled::Refused(Refusal::Entangled));
}

#[test]
fn guards_count_what_is_promised() {
    let paid = authorised().payment;
    let once = paid.clone().promise(OperationKind::Capture, 600, now()).unwrap();
    assert_eq!(once.clone().promise(OperationKind::Capture, 401, now()), Err(Refusal::ExceedsAuthorised { left: 400 }));
    assert_eq!(once.clone().promise(OperationKind::Refund, 1, now()), Err(Refusal::ExceedsCaptured { left: 0 }));
    for amount in [0, -1, i64::MIN] {
        assert_eq!(paid.clone().promise(OperationKind::Capture, amount, now()), Err(Refusal::AmountNotPositive));
    }
    assert_eq!(paid.clone().promise(OperationKind::Capture, i64::MAX, now()), Err(Refusal::ExceedsAuthorised { left: 1000 }));
    assert_eq!(payment().promise(OperationKind::Capture, 1, now()), Err(Refusal::NotAuthorised));
    let voiding = paid.promise(OperationKind::Void, 1000, now()).unwrap();
    assert_eq!(voiding.promise(OperationKind::Capture, 1, now()), Err(Refusal::Voiding));
}

#[test]
fn the_status_follows_from_the_amounts() {
    let status = |authorised, captured, voided, refunded| {
        let mut payment = Payment { authorised, captured, voided, refunded, ..payment() };
        payment.derive(PaymentStatus::Failed);
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
fn questions_are_asked_five_seconds_to_five_days() {
    let waits: Vec<i64> = (0..10).map_while(|attempt| schedule::wait(attempt).map(|wait| wait.num_seconds())).collect();
    assert_eq!(waits, [5, 30, 300, 3600, 86400, 86400, 86400, 86400, 86400]);
}

#[test]
fn signatures_follow_the_standard() {
    // The example of the Standard Webhooks specification.
    let secret = [
        0x32, 0x9b, 0xc0, 0xed, 0x93, 0x50, 0x09, 0xd5, 0x4e, 0x7e, 0x4a, 0x24, 0x53, 0x88, 0x90, 0x76, 0x5b, 0x93, 0x20, 0x8b,
        0x13, 0x4e, 0x8e, 0x02,
    ];
    let sign = |body: &str| {
        use base64::Engine as _;
        use hmac::{KeyInit as _, Mac as _};
        let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(&secret).unwrap();
        mac.update(format!("msg_1.1614265330.{body}").as_bytes());
        format!("v1,{}", base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes()))
    };
    let signatures = format!("v1,AAAA v1a,zzzz {}", sign("{\"test\": 2432232314}"));
    let signed = Signed { id: "msg_1", timestamp: 1_614_265_330, signatures: &signatures };
    let body = b"{\"test\": 2432232314}";
    assert_eq!(verify(&secret, signed, body, 1_614_265_330), Ok(()));
    assert_eq!(verify(&secret, signed, body, 1_614_265_330 + 300), Ok(()));
    assert_eq!(verify(&secret, signed, body, 1_614_265_330 + 301), Err(Forgery::Stale));
    assert_eq!(verify(&secret, signed, body, 1_614_265_330 - 301), Err(Forgery::Stale));
    assert_eq!(verify(&secret, signed, b"{}", 1_614_265_330), Err(Forgery::Signature));
    assert_eq!(verify(b"another secret", signed, body, 1_614_265_330), Err(Forgery::Signature));
    let other_id = Signed { id: "msg_2", ..signed };
    assert_eq!(verify(&secret, other_id, body, 1_614_265_330), Err(Forgery::Signature));
}
