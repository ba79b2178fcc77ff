//! The manual provider: money moves outside the platform, and the merchant reports it.
//!
//! An authorisation waits until the merchant confirms it; the token `tok_success` means that it needs no confirmation (cash
//! on delivery, agreed terms), `tok_decline` that it is refused. What the merchant captures, voids or refunds counts as
//! done, because the merchant moves that money.

use bloom_kernel::OperationId;

use super::model::{ProviderReply, ProviderReport, ProviderRequest, ProviderState};
use crate::operation::{Failure, FailureCode, OperationKind};

pub(super) fn send(request: ProviderRequest<'_>) -> ProviderReply {
    match request.token {
        Some("tok_decline") => {
            report(request.operation, ProviderState::Failed(Failure::new(FailureCode::CardDeclined, "The payment was declined.")))
        }
        Some("tok_success") => report(request.operation, ProviderState::Succeeded),
        // Captures, voids and refunds carry no token.
        Some(_) | None => query(request.kind, request.operation),
    }
}

pub(super) fn query(kind: OperationKind, operation: OperationId) -> ProviderReply {
    let state = match kind {
        OperationKind::Authorise => ProviderState::Pending { action_url: None },
        OperationKind::Capture | OperationKind::Void | OperationKind::Refund => ProviderState::Succeeded,
    };
    report(operation, state)
}

fn report(operation: OperationId, state: ProviderState) -> ProviderReply {
    ProviderReply::Report(ProviderReport { reference: format!("manual_{operation}"), sequence: 1, state })
}
