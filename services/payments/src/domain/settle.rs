//! What news about an operation do to its payment. Reply, webhook, browser return and answered question all pass here,
//! in any order and any number of times: the provider's own count of changes decides which is newer.

use bloom_kernel::Timestamp;

use super::payment::unauthorised;
use super::{Failure, Operation, OperationKind, OperationStatus, Payment, Posting, Refusal};

/// What we came to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// The provider said how it stands.
    Report(Report),
    /// The provider's answer did not reach us.
    Unknown,
    /// The provider never got the request, and it is not on its way any more.
    Lost(Failure),
}

/// How an operation stands at the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The provider's name for the operation.
    pub reference: String,
    /// The provider's count of changes, from 1.
    pub sequence: i64,
    /// How it stands.
    pub state: State,
}

/// What a provider can say about an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Not done yet.
    Pending {
        /// Where the payer has to go for it.
        action_url: Option<String>,
    },
    /// Done.
    Succeeded,
    /// Not done, and it will not be, or no longer true.
    Failed(Failure),
}

/// What is to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// Nothing that was not known.
    Unchanged,
    /// A new state, perhaps with a movement of money.
    Changed(Box<Change>),
    /// The provider reports what cannot be true with what is booked; an operator has to look.
    Refused(Refusal),
}

/// A new state of a payment and one of its operations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// After.
    pub payment: Payment,
    /// After.
    pub operation: Operation,
    /// What moved. A reversal is booked under an operation of its own.
    pub posting: Option<Posting>,
    /// True when an authorisation succeeds that was reported failed before: nobody waits for it, so it is given up.
    pub unwanted: bool,
}

impl Change {
    /// True when it is about one payment and one operation and nothing else.
    pub fn is_plain(&self) -> bool {
        !self.unwanted && !self.posting.as_ref().is_some_and(|posting| posting.reversal)
    }
}

/// Applies news to a payment and the operation they are about.
pub fn settle(payment: Payment, operation: Operation, news: News, now: Timestamp) -> Settled {
    match news {
        News::Unknown if operation.status == OperationStatus::Init => {
            Draft::new(payment, operation).end(OperationStatus::Unknown, None, now)
        }
        News::Lost(failure) if operation.status.is_open() => Draft::new(payment, operation).fail(failure, now),
        News::Report(report) if operation.provider_sequence < report.sequence => {
            let mut draft = Draft::new(payment, operation);
            draft.operation.provider_sequence = report.sequence;
            draft.operation.provider_reference = Some(report.reference);
            draft.apply(report.state, now)
        }
        News::Unknown | News::Lost(_) | News::Report(_) => Settled::Unchanged,
    }
}

/// A change in the making.
struct Draft {
    payment: Payment,
    operation: Operation,
}

impl Draft {
    fn new(payment: Payment, operation: Operation) -> Self {
        Self { payment, operation }
    }

    fn apply(self, state: State, now: Timestamp) -> Settled {
        match (self.operation.status, state) {
            (status, State::Pending { action_url }) if status.is_open() => self.wait(action_url, now),
            (status, State::Succeeded) if status.is_open() => self.succeed(false, now),
            (status, State::Failed(failure)) if status.is_open() => self.fail(failure, now),
            (OperationStatus::Failed, State::Succeeded) => self.succeed_late(now),
            (OperationStatus::Success, State::Failed(failure)) => self.reverse(failure, now),
            // A final state said again, or a pending one after it: the books do not change, but what is older than this
            // report is outdated from now on.
            (status, State::Pending { .. } | State::Succeeded | State::Failed(_)) => self.end(status, None, now),
        }
    }

    fn wait(mut self, action_url: Option<String>, now: Timestamp) -> Settled {
        if self.operation.kind == OperationKind::Authorise {
            self.payment.action_url = action_url;
        }
        self.end(OperationStatus::Pending, None, now)
    }

    fn succeed(mut self, unwanted: bool, now: Timestamp) -> Settled {
        let (kind, amount) = (self.operation.kind, self.operation.amount);
        self.payment.release(kind, amount);
        self.payment.book(kind, amount);
        if !self.payment.is_sound() {
            return Settled::Refused(Refusal::Entangled);
        }
        if kind == OperationKind::Authorise {
            self.payment.failure = None;
            self.payment.provider_reference.clone_from(&self.operation.provider_reference);
        }
        self.operation.failure = None;
        match self.end(OperationStatus::Success, Some(Posting::of(kind, amount)), now) {
            Settled::Changed(change) => Settled::Changed(Box::new(Change { unwanted, ..*change })),
            other @ (Settled::Unchanged | Settled::Refused(_)) => other,
        }
    }

    /// What was set aside for it is free again: it must be there once more.
    fn succeed_late(mut self, now: Timestamp) -> Settled {
        let (kind, amount) = (self.operation.kind, self.operation.amount);
        match self.payment.clone().promise(kind, amount, now) {
            Ok(promised) => self.payment = Payment { version: self.payment.version, ..promised },
            Err(refusal) => return Settled::Refused(refusal),
        }
        self.succeed(kind == OperationKind::Authorise, now)
    }

    fn fail(mut self, failure: Failure, now: Timestamp) -> Settled {
        self.payment.release(self.operation.kind, self.operation.amount);
        if self.operation.kind == OperationKind::Authorise {
            self.payment.failure = Some(failure.clone());
        }
        self.operation.failure = Some(failure);
        self.end(OperationStatus::Failed, None, now)
    }

    /// Success first and failure after it: the failure cancels the amount.
    fn reverse(mut self, failure: Failure, now: Timestamp) -> Settled {
        let (kind, amount) = (self.operation.kind, self.operation.amount);
        self.payment.book(kind, -amount);
        if !self.payment.is_sound() {
            return Settled::Refused(Refusal::Entangled);
        }
        if kind == OperationKind::Authorise {
            self.payment.failure = Some(failure.clone());
        }
        self.operation.failure = Some(failure);
        let posting = (0 < amount).then(|| Posting::reversal_of(kind, amount));
        self.end(OperationStatus::Failed, posting, now)
    }

    fn end(mut self, status: OperationStatus, posting: Option<Posting>, now: Timestamp) -> Settled {
        self.operation.status = status;
        self.operation.updated_at = now;
        let otherwise = match self.operation.kind {
            OperationKind::Authorise => unauthorised(status, self.payment.action_url.is_some()),
            OperationKind::Capture | OperationKind::Void | OperationKind::Refund => self.payment.status,
        };
        self.payment.derive(otherwise);
        let payment = self.payment.touched(now);
        Settled::Changed(Box::new(Change { payment, operation: self.operation, posting, unwanted: false }))
    }
}
