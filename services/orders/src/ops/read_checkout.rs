//! Reads a checkout: how a purchase stands that waits for its payer or its provider.

use bloom_contract_cart::CartToken;
use bloom_fault::Fault;
use bloom_kernel::CheckoutId;
use bloom_runtime::RequestContext;
use bloom_web::Reply;
use sqlx::PgConnection;

use super::read_order::load;
use crate::Orders;
use crate::domain::checkout::{Checkout, CheckoutStatus};
use crate::store::checkout::{Stored, checkout_get};

/// A checkout that the caller may see, with its order as it was placed; any other answers as an unknown one.
pub async fn read_checkout(
    app: &Orders,
    call: &RequestContext,
    token: &CartToken,
    id: CheckoutId,
) -> Result<Reply<Checkout>, Fault> {
    let stored = opened(&mut *app.db.read(call.tenant).await?, call, token, id).await?;
    let mut checkout = stored.public();
    if stored.status == CheckoutStatus::Completed {
        checkout.order = Some(load(app, call, stored.order_id).await?.as_placed(stored.confirmed));
    }
    Ok(Reply::ok(checkout))
}

/// A checkout that the caller may see: a guest by their cart's token.
pub async fn opened(
    connection: &mut PgConnection,
    call: &RequestContext,
    token: &CartToken,
    id: CheckoutId,
) -> Result<Stored, Fault> {
    token.required(call)?;
    let stored = checkout_get(connection, id).await?.filter(|stored| token.opens(call, stored.token_digest.as_deref()));
    stored.ok_or_else(|| Fault::not_found("checkout"))
}
