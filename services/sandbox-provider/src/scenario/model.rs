//! Tokens. Each selects one behaviour of providers, for the authorisation and all its movements.

use chrono::TimeDelta;

use crate::object::{ObjectKind, Status};

/// A payer's instrument, named after its behaviour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub(crate) enum Token {
    /// Succeeds at once.
    TokSuccess,
    /// Is declined at once.
    TokDecline,
    /// Needs the payer at a page.
    #[sqlx(rename = "tok_3ds")]
    Tok3ds,
    /// Is pending, and succeeds a few seconds later.
    TokDelay,
    /// Succeeds, but the reply arrives after the caller's time-out. No notice is sent.
    TokTimeoutAfterSuccess,
    /// The notice is delivered before the reply.
    TokWebhookFirst,
    /// Is pending; the notice of success is sent twice.
    TokDuplicateWebhook,
    /// Is pending; the notice of success is sent before the notice that it is pending.
    TokReorderedWebhook,
}

impl Token {
    pub(crate) const ALL: [Self; 8] = [
        Self::TokSuccess,
        Self::TokDecline,
        Self::Tok3ds,
        Self::TokDelay,
        Self::TokTimeoutAfterSuccess,
        Self::TokWebhookFirst,
        Self::TokDuplicateWebhook,
        Self::TokReorderedWebhook,
    ];

    /// The token of a text.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|token| token.as_str() == text)
    }

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::TokSuccess => "tok_success",
            Self::TokDecline => "tok_decline",
            Self::Tok3ds => "tok_3ds",
            Self::TokDelay => "tok_delay",
            Self::TokTimeoutAfterSuccess => "tok_timeout_after_success",
            Self::TokWebhookFirst => "tok_webhook_first",
            Self::TokDuplicateWebhook => "tok_duplicate_webhook",
            Self::TokReorderedWebhook => "tok_reordered_webhook",
        }
    }
}

/// The wait of a pending object before it succeeds.
const DELAY: TimeDelta = TimeDelta::seconds(3);
/// The payer must act on the issuer's page within this time, or the authorisation fails.
const EXPIRY: TimeDelta = TimeDelta::minutes(15);

/// What happens when an object is created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Its stored status.
    pub stored: (Status, i64),
    /// Status and sequence in the reply.
    pub replied: (Status, i64),
    /// Notices: status and sequence that they report, how often, and after what time.
    pub notices: Vec<PlannedNotice>,
    /// When it succeeds by itself.
    pub settles_after: Option<TimeDelta>,
    /// When it fails by itself.
    pub expires_after: Option<TimeDelta>,
    /// The reply arrives after the caller's time-out.
    pub stalls: bool,
    /// The notices are delivered before the reply.
    pub notices_first: bool,
}

/// A planned notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PlannedNotice {
    pub status: Status,
    pub sequence: i64,
    pub copies: u32,
    pub after: TimeDelta,
}

impl Plan {
    /// True when the object is created and returned, and nothing follows.
    pub(crate) fn is_silent(&self) -> bool {
        self.notices.is_empty() && self.settles_after.is_none() && self.expires_after.is_none() && !self.stalls
    }

    /// The plan of a token for a kind of object.
    pub(crate) fn new(token: Token, kind: ObjectKind) -> Self {
        let done = Self::simple(Status::Succeeded);
        let success = |copies, sequence| PlannedNotice { status: Status::Succeeded, sequence, copies, after: TimeDelta::zero() };
        match (token, kind) {
            (Token::TokSuccess, _) | (Token::TokDecline | Token::Tok3ds, ObjectKind::Movement(_)) => done,
            (Token::TokDecline, ObjectKind::Authorisation) => Self::simple(Status::Failed),
            (Token::Tok3ds, ObjectKind::Authorisation) => {
                Self { expires_after: Some(EXPIRY), ..Self::simple(Status::RequiresAction) }
            }
            (Token::TokDelay, _) => Self { settles_after: Some(DELAY), ..Self::simple(Status::Pending) },
            (Token::TokTimeoutAfterSuccess, _) => Self { stalls: true, ..done },
            (Token::TokWebhookFirst, _) => Self { notices: vec![success(1, 1)], notices_first: true, ..done },
            (Token::TokDuplicateWebhook, _) => {
                Self { stored: (Status::Succeeded, 2), notices: vec![success(2, 2)], ..Self::simple(Status::Pending) }
            }
            (Token::TokReorderedWebhook, _) => Self {
                stored: (Status::Succeeded, 2),
                notices: vec![
                    success(1, 2),
                    PlannedNotice { status: Status::Pending, sequence: 1, copies: 1, after: TimeDelta::seconds(1) },
                ],
                ..Self::simple(Status::Pending)
            },
        }
    }

    fn simple(status: Status) -> Self {
        Self {
            stored: (status, 1),
            replied: (status, 1),
            notices: Vec::new(),
            settles_after: None,
            expires_after: None,
            stalls: false,
            notices_first: false,
        }
    }
}
