//! The tokens: each plays one way in which providers behave, for the authorisation and for all that is drawn from it.

use chrono::TimeDelta;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Kind, Status};

/// A payer's instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Token {
    /// Succeeds at once.
    TokSuccess,
    /// Is declined at once.
    TokDecline,
    /// Needs the payer at a page.
    #[serde(rename = "tok_3ds")]
    #[sqlx(rename = "tok_3ds")]
    Tok3ds,
    /// Is pending, and succeeds a few seconds later.
    TokDelay,
    /// Succeeds, and the answer comes too late. No notice tells either.
    TokTimeoutAfterSuccess,
    /// The notice is delivered before the request is answered.
    TokWebhookFirst,
    /// Is pending; the notice of success comes twice.
    TokDuplicateWebhook,
    /// Is pending; the notice of success comes before the notice that it is pending.
    TokReorderedWebhook,
}

impl Token {
    /// The word in database and API.
    pub const fn as_str(self) -> &'static str {
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

/// A pending object with this token is done after so long.
pub const DELAY: TimeDelta = TimeDelta::seconds(3);
/// A payer who does not come to the issuer's check within this time is not waited for.
pub const EXPIRY: TimeDelta = TimeDelta::minutes(15);

/// What happens when an object is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// How it is stored.
    pub stored: (Status, i64),
    /// How the reply shows it: status and sequence.
    pub replied: (Status, i64),
    /// Notices: status and sequence that they tell, how often, and after what time.
    pub notices: Vec<Telling>,
    /// When it succeeds by itself.
    pub settles_after: Option<TimeDelta>,
    /// When it fails by itself.
    pub expires_after: Option<TimeDelta>,
    /// The reply comes too late.
    pub stalls: bool,
    /// The notices are delivered before the reply.
    pub notices_first: bool,
}

/// One notice of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Telling {
    /// The status it tells.
    pub status: Status,
    /// The count of changes it tells.
    pub sequence: i64,
    /// How many copies are sent.
    pub copies: u32,
    /// After what time.
    pub after: TimeDelta,
}

impl Plan {
    /// True when the object is made and the reply tells so, and that is all.
    pub fn is_silent(&self) -> bool {
        self.notices.is_empty() && self.settles_after.is_none() && self.expires_after.is_none() && !self.stalls
    }

    /// What a token plays for a kind of object.
    pub fn of(token: Token, kind: Kind) -> Self {
        let done = Self::simple(Status::Succeeded);
        let success = |copies, sequence| Telling { status: Status::Succeeded, sequence, copies, after: TimeDelta::zero() };
        match (token, kind) {
            (Token::TokSuccess, _) | (Token::TokDecline | Token::Tok3ds, Kind::Movement(_)) => done,
            (Token::TokDecline, Kind::Authorisation) => Self::simple(Status::Failed),
            (Token::Tok3ds, Kind::Authorisation) => Self { expires_after: Some(EXPIRY), ..Self::simple(Status::RequiresAction) },
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
                    Telling { status: Status::Pending, sequence: 1, copies: 1, after: TimeDelta::seconds(1) },
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
