//! Carts.

use bloom_db::WriteOnce;
use bloom_db::{Db, write_once};
use bloom_db::{seal::SubjectKey, seal::erased};
use bloom_fault::{Fault, constraint};
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

/// Stores a new cart, with the key of its buyer's personal data when there is any.
pub async fn cart_insert(
    write: WriteOnce<'_>,
    stored: &Stored,
    key: Option<&SubjectKey>,
    document: &RawValue,
) -> Result<(), Fault> {
    let cart = &stored.cart;
    write_once!(
        write,
        "key as (
             insert into subject_key (tenant_id, subject_id, wrapped, created_at)
             select $1, $5, $6, $12 where $6::bytea is not null
         ), changed as (
             insert into cart (tenant_id, id, status, token_digest, subject_id, personal, document, location_ids, checkout_id,
                               released_checkouts, version, created_at, updated_at)
             values ($1, $4, 'open', $7, $5, $8, $9::text::jsonb, $10, null, '{}', $11, $12, $12)
             returning version as answer
         )",
        cart.id.uuid(),
        stored.subject.uuid(),
        key.and_then(SubjectKey::to_store),
        stored.token_digest,
        stored.personal,
        document.get(),
        &stored.locations as &[LocationId],
        cart.version,
        cart.created_at,
    )?;
    Ok(())
}

/// A cart.
pub async fn cart_get(db: &Db, tenant: TenantId, id: CartId) -> Result<Option<Stored>, Fault> {
    let row = db.read_once(|connection| {
        let row = sqlx::query!(
            r#"select cart.document as "document!", token_digest as "token_digest!", cart.subject_id as "subject_id!", personal,
                      wrapped, location_ids as "location_ids!: Vec<LocationId>",
                      released_checkouts as "released!: Vec<CheckoutId>"
               from (select set_config('bloom.tenant', $1, false)::uuid as id offset 0) tenant, lateral (
                   select c.document::text, c.token_digest, c.subject_id, c.personal, k.wrapped, c.location_ids,
                          c.released_checkouts
                   from cart c left join subject_key k on (k.tenant_id, k.subject_id) = (c.tenant_id, c.subject_id)
                   where c.tenant_id = tenant.id and c.id = $2
                   offset 0
               ) cart"#,
            tenant.uuid().to_string(),
            id.uuid(),
        );
        Box::pin(row.fetch_optional(connection))
    });
    let stored = row.await?.map(|row| {
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
    });
    stored.transpose()
}

/// Replaces an open cart that nobody has changed since the version before, with the key of its buyer's personal data when it
/// is new; false when somebody has, or when its checkout has given it back already.
/// Fails with 410 `subject_erased` where the buyer's data were erased before.
pub async fn cart_update(
    write: WriteOnce<'_>,
    stored: &Stored,
    key: Option<&SubjectKey>,
    document: &RawValue,
) -> Result<bool, Fault> {
    let cart = &stored.cart;
    let changed = write_once!(
        write,
        "changed as (
             update cart
             set status = $6, personal = $7, document = $8::text::jsonb, location_ids = $9, checkout_id = $10, version = $11,
                 updated_at = $12
             where tenant_id = $1 and id = $4 and version = $5 and status = 'open'
                 and ($10::uuid is null or not released_checkouts @> array[$10::uuid])
             returning version as answer
         ), key as (
             insert into subject_key (tenant_id, subject_id, wrapped, created_at)
             select $1, $13, $14, $12 from changed where $14::bytea is not null
         )",
        cart.id.uuid(),
        cart.version - 1,
        cart.status.as_str(),
        stored.personal,
        document.get(),
        &stored.locations as &[LocationId],
        cart.checkout_id.map(CheckoutId::uuid),
        cart.version,
        cart.updated_at,
        stored.subject.uuid(),
        key.and_then(SubjectKey::to_store),
    );
    match changed {
        Ok(changed) => Ok(changed.is_some()),
        Err(error) if constraint(&error) == Some("subject_key_pkey") => Err(erased()),
        Err(error) => Err(error.into()),
    }
}

/// Completes a frozen cart that nobody has changed since the version before; false when somebody has.
pub async fn cart_complete(write: WriteOnce<'_>, cart: &Cart, document: &RawValue) -> Result<bool, Fault> {
    let changed = write_once!(
        write,
        "changed as (
             update cart set status = 'completed', document = $6::text::jsonb, version = $7, updated_at = $8
             where tenant_id = $1 and id = $4 and version = $5 and status = 'frozen'
             returning version as answer
         )",
        cart.id.uuid(),
        cart.version - 1,
        document.get(),
        cart.version,
        cart.updated_at,
    )?;
    Ok(changed.is_some())
}

/// A cart under its row lock.
pub async fn cart_lock(connection: &mut PgConnection, id: CartId) -> Result<Option<Cart>, Fault> {
    let document = sqlx::query_scalar!(r#"select document::text as "document!" from cart where id = $1 for update"#, id.uuid())
        .fetch_optional(connection)
        .await?;
    document.as_deref().map(parse).transpose()
}

/// Gives a cart back to its buyer, under its row lock.
pub async fn cart_reopen(connection: &mut PgConnection, cart: &Cart, document: &RawValue) -> Result<(), Fault> {
    sqlx::query!(
        "update cart
         set status = 'open', document = $2::text::jsonb, checkout_id = null, version = $3, updated_at = $4
         where id = $1",
        cart.id.uuid(),
        document.get(),
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
