//! Decides how an outcome changes a payment and its operation. Outcomes arrive from replies, webhooks, browser returns and queries,
//! in any order and any number of times; the provider's change count decides which is newer.

use bloom_kernel::Timestamp;

use super::model::{Payment, PaymentStatus};
use super::refusal::Refusal;
use crate::operation::{Failure, Operation, OperationKind, OperationStatus, Posting};
use crate::provider::{ProviderReport, ProviderState};

/// A new fact about an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The provider reported its state.
    Report(ProviderReport),
    /// The provider's answer did not reach us.
    Unknown,
    /// The provider never received the request, and the request is no longer in transit.
    Lost(Failure),
}

/// The change to store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Settlement {
    /// Nothing new.
    Unchanged,
    /// A new state, perhaps with a movement of money.
    Changed(Box<Change>),
    /// The provider's report contradicts the ledger; an operator has to act.
    Refused(Refusal),
}

/// A new state of a payment and one of its operations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub payment: Payment,
    pub operation: Operation,
    /// What moved. A reversal is booked under an operation of its own.
    pub posting: Option<Posting>,
    /// True when an authorisation succeeds after it was reported as failed: its checkout has ended, so it is voided.
    pub unwanted: bool,
}

impl Change {
    /// True when it changes one payment and one operation and nothing else.
    pub(super) fn is_plain(&self) -> bool {
        !self.unwanted && !self.posting.as_ref().is_some_and(|posting| posting.reversal)
    }
}

/// Applies an outcome to a payment and one of its operations.
pub(super) fn settle(payment: Payment, operation: Operation, outcome: Outcome, now: Timestamp) -> Settlement {
    match outcome {
        Outcome::Unknown if operation.status == OperationStatus::Init => {
            Draft { payment, operation }.end(OperationStatus::Unknown, None, now)
        }
        Outcome::Lost(failure) if operation.status.is_open() => Draft { payment, operation }.fail(failure, now),
        Outcome::Report(report) if operation.provider_sequence < report.sequence => {
            let mut draft = Draft { payment, operation };
            draft.operation.provider_sequence = report.sequence;
            draft.operation.provider_reference = Some(report.reference);
            draft.apply(report.state, now)
        }
        Outcome::Unknown | Outcome::Lost(_) | Outcome::Report(_) => Settlement::Unchanged,
    }
}

/// A change under construction.
struct Draft {
    payment: Payment,
    operation: Operation,
}

impl Draft {
    fn apply(self, state: ProviderState, now: Timestamp) -> Settlement {
        match (self.operation.status, state) {
            (status, ProviderState::Pending { action_url }) if status.is_open() => self.wait(action_url, now),
            (status, ProviderState::Succeeded) if status.is_open() => self.succeed(false, now),
            (status, ProviderState::Failed(failure)) if status.is_open() => self.fail(failure, now),
            (OperationStatus::Failed, ProviderState::Succeeded) => self.succeed_late(now),
            (OperationStatus::Succeeded, ProviderState::Failed(failure)) => self.reverse(failure, now),
            // The same final state again, or a pending state after it. The ledger does not change, but reports older than this one are
            // outdated from now on.
            (status, ProviderState::Pending { .. } | ProviderState::Succeeded | ProviderState::Failed(_)) => {
                self.end(status, None, now)
            }
        }
    }

    fn wait(mut self, action_url: Option<String>, now: Timestamp) -> Settlement {
        if self.operation.kind == OperationKind::Authorise {
            self.payment.action_url = action_url;
        }
        self.end(OperationStatus::Pending, None, now)
    }

    fn succeed(mut self, unwanted: bool, now: Timestamp) -> Settlement {
        let (kind, amount) = (self.operation.kind, self.operation.amount);
        self.payment.release(kind, amount);
        self.payment.add(kind, amount);
        if !self.payment.is_consistent() {
            return Settlement::Refused(Refusal::Entangled);
        }
        if kind == OperationKind::Authorise {
            self.payment.failure = None;
            self.payment.provider_reference.clone_from(&self.operation.provider_reference);
        }
        self.operation.failure = None;
        match self.end(OperationStatus::Succeeded, Some(Posting::new(kind, amount)), now) {
            Settlement::Changed(change) => Settlement::Changed(Box::new(Change { unwanted, ..*change })),
            other @ (Settlement::Unchanged | Settlement::Refused(_)) => other,
        }
    }

    /// Its reservation has been released, so the amount must still be available.
    fn succeed_late(mut self, now: Timestamp) -> Settlement {
        let (kind, amount) = (self.operation.kind, self.operation.amount);
        match self.payment.clone().reserve(kind, amount, now) {
            Ok(reserved) => self.payment = Payment { version: self.payment.version, ..reserved },
            Err(refusal) => return Settlement::Refused(refusal),
        }
        self.succeed(kind == OperationKind::Authorise, now)
    }

    fn fail(mut self, failure: Failure, now: Timestamp) -> Settlement {
        self.payment.release(self.operation.kind, self.operation.amount);
        if self.operation.kind == OperationKind::Authorise {
            self.payment.failure = Some(failure.clone());
        }
        self.operation.failure = Some(failure);
        self.end(OperationStatus::Failed, None, now)
    }

    /// Failure reported after success: the failure reverses the amount.
    fn reverse(mut self, failure: Failure, now: Timestamp) -> Settlement {
        let (kind, amount) = (self.operation.kind, self.operation.amount);
        self.payment.add(kind, -amount);
        if !self.payment.is_consistent() {
            return Settlement::Refused(Refusal::Entangled);
        }
        if kind == OperationKind::Authorise {
            self.payment.failure = Some(failure.clone());
        }
        self.operation.failure = Some(failure);
        let posting = (0 < amount).then(|| Posting::reversal(kind, amount));
        self.end(OperationStatus::Failed, posting, now)
    }

    fn end(mut self, status: OperationStatus, posting: Option<Posting>, now: Timestamp) -> Settlement {
        self.operation.status = status;
        self.operation.updated_at = now;
        let otherwise = match self.operation.kind {
            OperationKind::Authorise => PaymentStatus::unauthorised(status, self.payment.action_url.is_some()),
            OperationKind::Capture | OperationKind::Void | OperationKind::Refund => self.payment.status,
        };
        self.payment.derive_status(otherwise);
        let payment = self.payment.next_version(now);
        Settlement::Changed(Box::new(Change { payment, operation: self.operation, posting, unwanted: false }))
    }
}
