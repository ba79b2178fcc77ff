//! The shapes that callers see: one struct serves REST, events and export.

use bloom_kernel::{CheckoutId, ConnectionId, Currency, JournalId, Money, OperationId, PaymentId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::{self, Account, Failure, OperationKind, OperationStatus, PaymentStatus, ProviderKind};
use crate::store::connection::ConnectionRow;
use crate::store::journal::JournalRow;

/// What a checkout pays. Amounts marked pending are promised to operations whose outcome is not known yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Payment {
    /// Id.
    pub id: PaymentId,
    /// The checkout that it pays.
    pub checkout_id: CheckoutId,
    /// The connection to its provider.
    pub connection_id: ConnectionId,
    /// Its provider.
    pub provider: ProviderKind,
    /// Where it stands; follows from the amounts.
    pub status: PaymentStatus,
    /// What was asked for.
    pub amount: Money,
    /// Promised by the payer's bank.
    pub authorised: Money,
    /// Being drawn.
    pub capture_pending: Money,
    /// Drawn.
    pub captured: Money,
    /// Being given up.
    pub void_pending: Money,
    /// Given up.
    pub voided: Money,
    /// Being given back.
    pub refund_pending: Money,
    /// Given back.
    pub refunded: Money,
    /// What the payer has to do first.
    pub action: Option<Action>,
    /// Why it was not authorised.
    pub failure: Option<Failure>,
    /// Grows with every change.
    pub version: i64,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What the payer has to do, for example 3-D Secure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Action {
    /// How.
    pub r#type: ActionType,
    /// Where.
    pub url: String,
}

/// How a payer does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActionType {
    /// Send the browser there; it comes back by itself.
    Redirect,
}

impl From<&domain::Payment> for Payment {
    fn from(payment: &domain::Payment) -> Self {
        let money = |amount| Money::new(amount, payment.currency);
        Self {
            id: payment.id,
            checkout_id: payment.checkout_id,
            connection_id: payment.connection_id,
            provider: payment.provider,
            status: payment.status,
            amount: money(payment.amount),
            authorised: money(payment.authorised),
            capture_pending: money(payment.capture_pending),
            captured: money(payment.captured),
            void_pending: money(payment.void_pending),
            voided: money(payment.voided),
            refund_pending: money(payment.refund_pending),
            refunded: money(payment.refunded),
            action: payment.action_url.clone().map(|url| Action { r#type: ActionType::Redirect, url }),
            failure: payment.failure.clone(),
            version: payment.version,
            created_at: payment.created_at,
            updated_at: payment.updated_at,
        }
    }
}

/// One thing asked of the provider about a payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Operation {
    /// Id; derived from the Idempotency-Key that asked for it.
    pub id: OperationId,
    /// The payment.
    pub payment_id: PaymentId,
    /// What was asked.
    pub kind: OperationKind,
    /// How much; 0 for a void that waits for the outcome of others, or found nothing to give up.
    pub amount: Money,
    /// How far it is.
    pub status: OperationStatus,
    /// The operation that the provider took back with this one.
    pub reverses: Option<OperationId>,
    /// The provider's name for it.
    pub provider_reference: Option<String>,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// Who asked.
    pub actor: String,
    /// When it was asked.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Operation {
    /// The operation in the currency of its payment.
    pub fn of(operation: &domain::Operation, currency: Currency) -> Self {
        Self {
            id: operation.id,
            payment_id: operation.payment_id,
            kind: operation.kind,
            amount: Money::new(operation.amount, currency),
            status: operation.status,
            reverses: operation.reverses,
            provider_reference: operation.provider_reference.clone(),
            failure: operation.failure.clone(),
            actor: operation.actor.clone(),
            created_at: operation.created_at,
            updated_at: operation.updated_at,
        }
    }
}

/// One movement of money in the books. Its entries add up to zero.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Journal {
    /// Id.
    pub id: JournalId,
    /// The operation that moved the money; it has one journal at most.
    pub operation_id: OperationId,
    /// The payment.
    pub payment_id: PaymentId,
    /// The movement.
    pub kind: OperationKind,
    /// The journal that this one takes back.
    pub reverses: Option<JournalId>,
    /// Both sides.
    pub entries: Vec<Entry>,
    /// Who caused it.
    pub actor: String,
    /// When it was booked.
    pub posted_at: Timestamp,
}

/// One side of a journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The account.
    pub account: Account,
    /// Debits are positive, credits negative.
    pub amount: Money,
}

impl From<JournalRow> for Journal {
    fn from(row: JournalRow) -> Self {
        let entries = row
            .accounts
            .into_iter()
            .zip(row.amounts)
            .map(|(account, amount)| Entry { account, amount: Money::new(amount, row.currency) })
            .collect();
        Self {
            id: row.id,
            operation_id: row.operation_id,
            payment_id: row.payment_id,
            kind: row.kind,
            reverses: row.reverses,
            entries,
            actor: row.actor,
            posted_at: row.posted_at,
        }
    }
}

/// How payments reach a provider. Its secrets go in and never come out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Connection {
    /// Id.
    pub id: ConnectionId,
    /// Its provider.
    pub provider: ProviderKind,
    /// What the merchant calls it.
    pub name: String,
    /// Where the provider sends its notices; `null` when it sends none.
    pub webhook_url: Option<String>,
    /// Used when a payment names no provider.
    pub is_default: bool,
    /// Open for new payments; operations on older ones go on.
    pub active: bool,
    /// Grows with every change.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Connection {
    /// The connection without its secrets.
    pub fn of(row: &ConnectionRow, notices_url: &str) -> Self {
        let webhook_url = match row.provider {
            ProviderKind::Sandbox => Some(webhook_url(notices_url, row.id)),
            ProviderKind::Manual => None,
        };
        Self {
            id: row.id,
            provider: row.provider,
            name: row.name.clone(),
            webhook_url,
            is_default: row.is_default,
            active: row.active,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// Where a provider sends the notices of a connection.
pub fn webhook_url(notices_url: &str, connection: ConnectionId) -> String {
    format!("{}/v1/payments/webhooks/{connection}", notices_url.trim_end_matches('/'))
}

/// Where a provider sends the payer's browser after an action.
pub fn return_url(public_url: &str, payment: PaymentId, connection: ConnectionId) -> String {
    format!("{}/v1/payments/return/{payment}?connection={connection}", public_url.trim_end_matches('/'))
}
