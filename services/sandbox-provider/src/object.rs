//! The objects of the provider: what they have in common, and how their ids are written.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The status of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub(crate) enum Status {
    /// In progress.
    Pending,
    /// The payer has to pass the issuer's check.
    RequiresAction,
    /// Done.
    Succeeded,
    /// Not done.
    Failed,
}

impl Status {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::RequiresAction => "requires_action",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }
}

/// The kind of a movement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub(crate) enum MovementKind {
    /// Draws authorised money.
    Capture,
    /// Gives authorised money up.
    Void,
    /// Gives captured money back.
    Refund,
}

impl MovementKind {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Capture => "capture",
            Self::Void => "void",
            Self::Refund => "refund",
        }
    }
}

/// The kind of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ObjectKind {
    Authorisation,
    Movement(MovementKind),
}

impl ObjectKind {
    const ALL: [Self; 4] = [
        Self::Authorisation,
        Self::Movement(MovementKind::Capture),
        Self::Movement(MovementKind::Void),
        Self::Movement(MovementKind::Refund),
    ];

    const fn prefix(self) -> &'static str {
        match self {
            Self::Authorisation => "auth_",
            Self::Movement(MovementKind::Capture) => "cap_",
            Self::Movement(MovementKind::Void) => "void_",
            Self::Movement(MovementKind::Refund) => "ref_",
        }
    }

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Authorisation => "authorisation",
            Self::Movement(kind) => kind.as_str(),
        }
    }
}

/// The id of an object as callers see it: `auth_…`, `cap_…`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ObjectId {
    pub kind: ObjectKind,
    /// Its id in the database.
    pub id: Uuid,
}

/// A text that is no id of an object.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NoObjectId;

impl fmt::Display for NoObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this is no id of an object")
    }
}

impl std::error::Error for NoObjectId {}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.kind.prefix(), self.id.simple())
    }
}

impl FromStr for ObjectId {
    type Err = NoObjectId;

    fn from_str(text: &str) -> Result<Self, NoObjectId> {
        let kind = ObjectKind::ALL.into_iter().find(|kind| text.starts_with(kind.prefix())).ok_or(NoObjectId)?;
        let id = Uuid::try_parse(&text[kind.prefix().len()..]).map_err(|_| NoObjectId)?;
        Ok(Self { kind, id })
    }
}
