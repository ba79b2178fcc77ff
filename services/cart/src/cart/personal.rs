//! The personal data of a cart: the check for card numbers, and their encryption with the key of the data subject.

use bloom_db::seal::{SubjectKey, open_with};
use bloom_fault::{Fault, refuse_card_in_address, refuse_card_number};
use bloom_kernel::{PersonalData, SubjectId, TenantId};

use super::store::StoredCart;
use crate::Carts;

/// Name of the encrypted column.
const COLUMN: &str = "cart.personal";

/// Refuses card numbers, with all violations at once.
pub(super) fn refuse_cards(personal: &PersonalData) -> Result<(), Fault> {
    let PersonalData { email, shipping_address, billing_address } = personal;
    Fault::of_all([
        email.as_deref().map_or(Ok(()), |email| refuse_card_number("/email", email)),
        shipping_address.as_ref().map_or(Ok(()), |address| refuse_card_in_address("/shipping_address", address)),
        billing_address.as_ref().map_or(Ok(()), |address| refuse_card_in_address("/billing_address", address)),
    ])
}

/// Encrypts personal data with the key of the data subject, which is `wrapped` if there is one already. Without personal data
/// there is none.
pub(super) fn seal(
    app: &Carts,
    tenant: TenantId,
    subject: SubjectId,
    wrapped: Option<&[u8]>,
    personal: &PersonalData,
) -> Result<Option<(SubjectKey, Vec<u8>)>, Fault> {
    if personal.is_empty() {
        return Ok(None);
    }
    let plaintext = serde_json::to_vec(personal).map_err(Fault::internal)?;
    let key = SubjectKey::of(&app.context, tenant, subject, wrapped)?;
    let sealed = key.seal(&app.context, COLUMN, &plaintext);
    Ok(Some((key, sealed)))
}

/// Decrypts the personal data of a stored cart; none when there are none, or after an erasure.
pub(super) fn open(app: &Carts, tenant: TenantId, stored: &StoredCart) -> Result<PersonalData, Fault> {
    let Some(sealed) = &stored.personal else { return Ok(PersonalData::default()) };
    let opened = open_with(&app.context, tenant, stored.subject, stored.wrapped.as_deref(), COLUMN, sealed)?;
    let personal = opened.map(|bytes| serde_json::from_slice(&bytes)).transpose();
    Ok(personal.map_err(Fault::internal)?.unwrap_or_default())
}
