//! Carts.

use bloom_fault::Fault;
use bloom_kernel::{CartId, CheckoutId, LocationId, SubjectId, TenantId};
use serde_json::value::RawValue;
use sqlx::PgConnection;

use crate::domain::cart::Cart;
use crate::domain::delivery::DeliveryOption;

/// A cart as it is stored: personal data still sealed.
pub struct Stored {
    /// Everything that is not personal.
    pub cart: Cart,
    /// Digest of the guest's token.
    pub token_digest: Vec<u8>,
    /// Whose personal data it is.
    pub subject: SubjectId,
    /// Sealed personal data.
    pub personal: Option<Vec<u8>>,
    /// The wrapped key that opens it; read with the cart, none once the person was erased.
    pub wrapped: Option<Vec<u8>>,
    /// Where its stock comes from.
    pub locations: Vec<LocationId>,
    /// Checkouts that gave it back.
    pub released: Vec<CheckoutId>,
    /// The chosen way to deliver; read with the cart where prices are to follow.
    pub option: Option<DeliveryOption>,
}

/// The document that is stored and published.
pub fn document(cart: &Cart) -> Result<Box<RawValue>, Fault> {
    serde_json::value::to_raw_value(&cart.public()).map_err(Fault::internal)
}

fn parse(document: &str) -> Result<Cart, Fault> {
    serde_json::from_str(document).map_err(Fault::internal)
}

/// Stores a new cart.
pub async fn cart_insert(
    connection: &mut PgConnection,
    tenant: TenantId,
    stored: &Stored,
    document: &RawValue,
) -> Result<(), Fault> {
    let cart = &stored.cart;
    sqlx::query!(
        "insert into cart (tenant_id, id, status, token_digest, subject_id, personal, document, location_ids, checkout_id,
                           released_checkouts, version, created_at, updated_at)
         values ($1, $2, 'open', $3, $4, $5, $6::text::jsonb, $7, null, '{}', $8, $9, $9)",
        tenant.uuid(),
        cart.id.uuid(),
        stored.token_digest,
        stored.subject.uuid(),
        stored.personal,
        document.get(),
        &stored.locations as &[LocationId],
        cart.version,
        cart.created_at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// A cart.
pub async fn cart_get(connection: &mut PgConnection, id: CartId) -> Result<Option<Stored>, Fault> {
    let row = sqlx::query!(
        r#"select document::text as "document!", token_digest, cart.subject_id, personal, wrapped,
                  location_ids as "location_ids: Vec<LocationId>", released_checkouts as "released: Vec<CheckoutId>"
           from cart left join subject_key on (subject_key.tenant_id, subject_key.subject_id) = (cart.tenant_id, cart.subject_id)
           where id = $1"#,
        id.uuid(),
    )
    .fetch_optional(connection)
    .await?;
    row.map(|row| {
        Ok(Stored {
            cart: parse(&row.document)?,
            token_digest: row.token_digest,
            subject: row.subject_id.into(),
            personal: row.personal,
            wrapped: row.wrapped,
            locations: row.location_ids,
            released: row.released,
            option: None,
        })
    })
    .transpose()
}

/// Replaces an open cart that nobody has changed since the version before; false when somebody has.
pub async fn cart_update(connection: &mut PgConnection, stored: &Stored, document: &RawValue) -> Result<bool, Fault> {
    let cart = &stored.cart;
    let updated = sqlx::query!(
        "update cart
         set status = $3, personal = $4, document = $5::text::jsonb, location_ids = $6, checkout_id = $7, version = $8,
             updated_at = $9
         where id = $1 and version = $2 and status = 'open'",
        cart.id.uuid(),
        cart.version - 1,
        cart.status.as_str(),
        stored.personal,
        document.get(),
        &stored.locations as &[LocationId],
        cart.checkout_id.map(CheckoutId::uuid),
        cart.version,
        cart.updated_at,
    )
    .execute(connection)
    .await?;
    Ok(updated.rows_affected() == 1)
}

/// A cart under its row lock.
pub async fn cart_lock(connection: &mut PgConnection, id: CartId) -> Result<Option<Cart>, Fault> {
    let document = sqlx::query_scalar!(r#"select document::text as "document!" from cart where id = $1 for update"#, id.uuid())
        .fetch_optional(connection)
        .await?;
    document.as_deref().map(parse).transpose()
}

/// Ends the hold of a checkout on a cart under its row lock: open again, or completed.
pub async fn cart_settle(connection: &mut PgConnection, cart: &Cart, document: &RawValue) -> Result<(), Fault> {
    sqlx::query!(
        "update cart
         set status = $2, document = $3::text::jsonb, checkout_id = $4, version = $5, updated_at = $6
         where id = $1",
        cart.id.uuid(),
        cart.status.as_str(),
        document.get(),
        cart.checkout_id.map(CheckoutId::uuid),
        cart.version,
        cart.updated_at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Remembers that a checkout gave the cart back. The eight newest are kept: a request does not stay on the way for longer
/// than eight purchases take.
pub async fn cart_released(connection: &mut PgConnection, id: CartId, checkout: CheckoutId) -> Result<(), Fault> {
    sqlx::query!(
        "update cart set released_checkouts = ($2::uuid || released_checkouts)[1:8]
         where id = $1 and not released_checkouts @> array[$2::uuid]",
        id.uuid(),
        checkout.uuid(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Removes a cart.
pub async fn cart_delete(connection: &mut PgConnection, id: CartId) -> Result<(), Fault> {
    sqlx::query!("delete from cart where id = $1", id.uuid()).execute(connection).await?;
    Ok(())
}

/// One cart of an export.
pub struct Exported {
    /// Whose.
    pub tenant: TenantId,
    /// Which.
    pub id: CartId,
    /// Its version.
    pub version: i64,
    /// Its document.
    pub document: String,
}

/// Carts of all tenants after a place in the order of tenant and id.
pub async fn cart_export(connection: &mut PgConnection, after: (TenantId, CartId), limit: i64) -> Result<Vec<Exported>, Fault> {
    let rows = sqlx::query_as!(
        Exported,
        r#"select tenant_id as "tenant: TenantId", id as "id: CartId", version, document::text as "document!"
           from cart where (tenant_id, id) > ($1, $2) order by tenant_id, id limit $3"#,
        after.0.uuid(),
        after.1.uuid(),
        limit,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows)
}

/// Carts whose totals are not the sums of their lines.
pub async fn cart_breaches(connection: &mut PgConnection) -> Result<Vec<String>, Fault> {
    let rows = sqlx::query_scalar!(
        r#"select document ->> 'id' as "id!" from cart
           where (document #>> '{total,amount}')::bigint <>
                 (select coalesce(sum((line #>> '{total,amount}')::bigint), 0)
                  from jsonb_array_elements(document -> 'lines') line)
                 + coalesce((document #>> '{delivery,total,amount}')::bigint, 0)
           limit 100"#
    )
    .fetch_all(connection)
    .await?;
    Ok(rows)
}
