//! The provider that is people: money moves outside, and the merchant says so.
//!
//! An authorisation waits until the merchant confirms it; the token `tok_success` says that it needs no confirmation (cash
//! on delivery, agreed terms), `tok_decline` that it is refused. What the merchant captures, voids or refunds counts as
//! done, because the one who says so is the one who does it.

use bloom_kernel::OperationId;

use super::{Answer, Request};
use crate::domain::{Failure, FailureCode, OperationKind, Report, State};

pub(super) fn send(request: Request<'_>) -> Answer {
    match request.token {
        Some("tok_decline") => {
            report(request.operation, State::Failed(Failure::new(FailureCode::CardDeclined, "The payment was declined.")))
        }
        Some("tok_success") => report(request.operation, State::Succeeded),
        // Captures, voids and refunds carry no token.
        Some(_) | None => ask(request.kind, request.operation),
    }
}

pub(super) fn ask(kind: OperationKind, operation: OperationId) -> Answer {
    let state = match kind {
        OperationKind::Authorise => State::Pending { action_url: None },
        OperationKind::Capture | OperationKind::Void | OperationKind::Refund => State::Succeeded,
    };
    report(operation, state)
}

fn report(operation: OperationId, state: State) -> Answer {
    Answer::Report(Report { reference: format!("manual_{operation}"), sequence: 1, state })
}
