//! SQL of the saga's pivot: the order is placed and the checkout completed in one statement.

use bloom_db::WriteOnce;
use bloom_db::seal::SubjectKey;
use bloom_db::write_once;

use crate::checkout::Checkout;
use crate::order::{Order, OrderDocument, OrderStatus};

/// The sealed part of a new order.
pub struct Sealed {
    /// Key that seals the personal data.
    pub key: SubjectKey,
    /// Sealed personal data.
    pub personal: Vec<u8>,
    /// Keyed digest of the e-mail address.
    pub email_index: Option<Vec<u8>>,
}

/// Stores a new order and completes its checkout, which cannot fail any more; false when the checkout has changed, has failed or is
/// past its deadline. The first entry of the order's timeline is the order itself.
pub async fn order_place(
    write: WriteOnce<'_>,
    order: &Order,
    number: i64,
    checkout: &Checkout,
    sealed: &Sealed,
    document: &OrderDocument,
) -> Result<bool, sqlx::Error> {
    let placed = write_once!(
        write,
        "completed as (
             update checkout
             set status = 'completed', bought_cart_id = cart_id, action = null, secrets = null, confirmed = $6, version = $5,
                 updated_at = $7
             where tenant_id = $1 and id = $4 and version = $5::bigint - 1 and deadline > $7
                 and status in ('processing', 'payment_pending', 'action_required')
             returning id
         ), key as (
             insert into subject_key (tenant_id, subject_id, wrapped, created_at) select $1, $14, $18, $7 from completed
         ), changed as (
             insert into orders (tenant_id, id, number, status, payment_status, fulfilment_status, checkout_id, payment_id,
                                 subject_id, personal, email_index, document, version, placed_at, updated_at)
             select $1, $8, $9, $10, $11, $12, completed.id, $13, $14, $15, $16, $17::text::jsonb, $19, $7, $7
             from completed
             returning version as answer
         )",
        order.checkout_id.uuid(),
        checkout.version,
        order.status == OrderStatus::Confirmed,
        order.placed_at,
        order.id.uuid(),
        number,
        order.status.as_str(),
        order.payment_status.as_str(),
        order.fulfilment_status.as_str(),
        order.payment.as_ref().map(|payment| payment.id.uuid()),
        order.subject_id.uuid(),
        sealed.personal,
        sealed.email_index,
        document.get(),
        sealed.key.to_store(),
        order.version,
    )?;
    Ok(placed.is_some())
}
