//! SQL of the table `cart`.

use bloom_db::seal::SubjectKey;
use bloom_db::{Db, WriteOnce, write_once};
use bloom_events::ExportPage;
use bloom_fault::Fault;
use bloom_kernel::{CartId, CheckoutId, LocationId, SubjectId, TenantId};
use sqlx::PgConnection;

use super::document::CartDocument;
use super::model::Cart;
use crate::delivery_option::DeliveryOption;

/// A cart as it is stored, with its personal data encrypted.
pub(crate) struct StoredCart {
    pub(crate) cart: Cart,
    /// Digest of the guest's token.
    pub(crate) token_digest: Vec<u8>,
    /// The data subject.
    pub(crate) subject: SubjectId,
    /// Encrypted personal data.
    pub(crate) personal: Option<Vec<u8>>,
    /// The wrapped key of the personal data; none after an erasure.
    pub(crate) wrapped: Option<Vec<u8>>,
    /// The locations that serve it, in the order of their priority.
    pub(crate) locations: Vec<LocationId>,
    /// Checkouts that have unfrozen it.
    pub(crate) released: Vec<CheckoutId>,
    /// The chosen delivery option, where the cart is to be priced.
    pub(crate) option: Option<DeliveryOption>,
}

fn parse(document: &str) -> sqlx::Result<Cart> {
    serde_json::from_str(document).map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

/// Stores a new cart, with the key of its buyer's personal data when there is any.
pub(super) async fn cart_insert(
    write: WriteOnce<'_>,
    stored: &StoredCart,
    key: Option<&SubjectKey>,
    document: &CartDocument,
) -> sqlx::Result<()> {
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
        document.text(),
        &stored.locations as &[LocationId],
        cart.version,
        cart.created_at,
    )?;
    Ok(())
}

pub(super) async fn cart_get(db: &Db, tenant: TenantId, id: CartId) -> Result<Option<StoredCart>, Fault> {
    let row = db.read_once(|conn| {
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
        Box::pin(row.fetch_optional(conn))
    });
    let stored = row.await?.map(|row| {
        Ok::<_, sqlx::Error>(StoredCart {
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
    Ok(stored.transpose()?)
}

/// Replaces an open cart that still has the previous version, with the key of its buyer's personal data when the key is new. False
/// when the cart was changed in the meantime, or when its checkout has unfrozen it already. Violates `subject_key_pkey` when the
/// buyer's data were erased before.
pub(super) async fn cart_update(
    write: WriteOnce<'_>,
    stored: &StoredCart,
    key: Option<&SubjectKey>,
    document: &CartDocument,
) -> sqlx::Result<bool> {
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
        document.text(),
        &stored.locations as &[LocationId],
        cart.checkout_id.map(CheckoutId::uuid),
        cart.version,
        cart.updated_at,
        stored.subject.uuid(),
        key.and_then(SubjectKey::to_store),
    )?;
    Ok(changed.is_some())
}

/// Completes a frozen cart that is still of the version before; false when it was changed in the meantime.
pub(super) async fn cart_complete(write: WriteOnce<'_>, cart: &Cart, document: &CartDocument) -> sqlx::Result<bool> {
    let changed = write_once!(
        write,
        "changed as (
             update cart set status = 'completed', document = $6::text::jsonb, version = $7, updated_at = $8
             where tenant_id = $1 and id = $4 and version = $5 and status = 'frozen'
             returning version as answer
         )",
        cart.id.uuid(),
        cart.version - 1,
        document.text(),
        cart.version,
        cart.updated_at,
    )?;
    Ok(changed.is_some())
}

/// A cart under its row lock.
pub(super) async fn cart_lock(conn: &mut PgConnection, id: CartId) -> sqlx::Result<Option<Cart>> {
    let document = sqlx::query_scalar!(r#"select document::text as "document!" from cart where id = $1 for update"#, id.uuid())
        .fetch_optional(conn)
        .await?;
    document.as_deref().map(parse).transpose()
}

/// Opens a frozen cart, under its row lock.
pub(super) async fn cart_reopen(conn: &mut PgConnection, cart: &Cart, document: &CartDocument) -> sqlx::Result<()> {
    sqlx::query!(
        "update cart
         set status = 'open', document = $2::text::jsonb, checkout_id = null, version = $3, updated_at = $4
         where id = $1",
        cart.id.uuid(),
        document.text(),
        cart.version,
        cart.updated_at,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Stores that a checkout has unfrozen the cart. The eight newest are kept: no request is delayed for as long as eight
/// purchases take.
pub(super) async fn cart_release(conn: &mut PgConnection, id: CartId, checkout: CheckoutId) -> sqlx::Result<()> {
    sqlx::query!(
        "update cart set released_checkouts = ($2::uuid || released_checkouts)[1:8]
         where id = $1 and not released_checkouts @> array[$2::uuid]",
        id.uuid(),
        checkout.uuid(),
    )
    .execute(conn)
    .await
    .map(drop)
}

pub(super) async fn cart_delete(conn: &mut PgConnection, id: CartId) -> sqlx::Result<()> {
    sqlx::query!("delete from cart where id = $1", id.uuid()).execute(conn).await.map(drop)
}

/// Carts of all tenants, for the export.
pub(crate) async fn cart_export(
    conn: &mut PgConnection,
    page: ExportPage<CartId>,
) -> sqlx::Result<Vec<(TenantId, CartDocument)>> {
    let (tenant, id) = page.position();
    let rows = sqlx::query!(
        r#"select tenant_id as "tenant: TenantId", id as "id: CartId", version, document::text as "document!"
           from cart where (tenant_id, id) > ($1, $2) order by tenant_id, id limit $3"#,
        tenant,
        id,
        page.limit,
    )
    .fetch_all(conn)
    .await?;
    let documents = rows.into_iter().map(|row| {
        let document = CartDocument::stored(row.id, row.version, row.document);
        Ok((row.tenant, document.map_err(|error| sqlx::Error::Decode(Box::new(error)))?))
    });
    documents.collect()
}

/// Carts whose total is not the sum of their lines and their delivery.
pub(crate) async fn carts_with_wrong_total(conn: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    let carts = sqlx::query_scalar!(
        r#"select document ->> 'id' as "id!" from cart
           where (document #>> '{total,amount}')::bigint <>
                 (select coalesce(sum((line #>> '{total,amount}')::bigint), 0)
                  from jsonb_array_elements(document -> 'lines') line)
                 + coalesce((document #>> '{delivery,total,amount}')::bigint, 0)
           limit 100"#
    )
    .fetch_all(conn)
    .await?;
    Ok(carts.into_iter().map(|cart| format!("the total of {cart} is not the sum of its lines and its delivery")).collect())
}
