//! What the purchase saga calls.

use bloom_contract_cart as proto;
use bloom_fault::Fault;
use bloom_kernel::{CartId, CheckoutId, OrderId};
use bloom_runtime::{grpc, grpc::call};
use serde::Serialize;
use tonic::{Request, Response, Status};

use crate::Carts;
use crate::cart::{self, CartStatus, Freeze, StoredCart};

/// The gRPC interface of the service.
pub(crate) struct Grpc(pub(crate) Carts);

#[tonic::async_trait]
impl proto::cart_server::Cart for Grpc {
    async fn freeze(&self, request: Request<proto::FreezeRequest>) -> Result<Response<proto::CartSnapshot>, Status> {
        let call = call(&request)?;
        let request = request.into_inner();
        let freeze = Freeze {
            cart: grpc::id(&request.cart_id, "cart")?,
            checkout: grpc::id(&request.checkout_id, "checkout")?,
            token: request.cart_token,
            version: request.version,
        };
        let stored = cart::freeze(&self.0, &call, &freeze).await?;
        Ok(Response::new(snapshot(stored)?))
    }

    async fn unfreeze(&self, request: Request<proto::CartRef>) -> Result<Response<proto::CartState>, Status> {
        let call = call(&request)?;
        let request = request.into_inner();
        let id: CartId = grpc::id(&request.cart_id, "cart")?;
        let status = cart::unfreeze(&self.0, &call, id, grpc::id::<CheckoutId>(&request.checkout_id, "checkout")?).await?;
        Ok(Response::new(state(id, status)))
    }

    async fn complete(&self, request: Request<proto::CompleteRequest>) -> Result<Response<proto::CartState>, Status> {
        let call = call(&request)?;
        let request = request.into_inner();
        let id: CartId = grpc::id(&request.cart_id, "cart")?;
        let checkout = grpc::id::<CheckoutId>(&request.checkout_id, "checkout")?;
        let order = grpc::id::<OrderId>(&request.order_id, "order")?;
        let status = cart::complete(&self.0, &call, id, checkout, order).await?;
        Ok(Response::new(state(id, status)))
    }
}

fn state(cart: CartId, status: CartStatus) -> proto::CartState {
    proto::CartState { cart_id: cart.to_string(), status: status.as_str().to_owned() }
}

fn json(value: &impl Serialize) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(Fault::internal)
}

fn snapshot(stored: StoredCart) -> Result<proto::CartSnapshot, Fault> {
    let cart = stored.cart;
    let lines = cart.lines.iter().map(|line| {
        Ok::<_, Fault>(proto::SnapshotLine {
            line_id: line.id.to_string(),
            variant_id: line.variant_id.to_string(),
            product_id: line.product_id.to_string(),
            sku: line.sku.clone(),
            title: line.title.clone(),
            variant_title: line.variant_title.clone(),
            quantity: line.quantity.get(),
            unit_amount: line.unit_price.map_or(0, bloom_kernel::Money::amount),
            line_amount: line.subtotal.amount(),
            net_amount: line.net.amount(),
            tax_amount: line.tax.amount(),
            gross_amount: line.total.amount(),
            taxes_json: json(&line.taxes)?,
            requires_shipping: line.requires_shipping,
        })
    });
    Ok(proto::CartSnapshot {
        cart_id: cart.id.to_string(),
        version: cart.version,
        channel_id: cart.channel_id.to_string(),
        currency: cart.currency.to_string(),
        gross: cart.price_basis.is_gross(),
        location_ids: stored.locations.iter().map(ToString::to_string).collect(),
        subject_id: cart.subject_id.to_string(),
        lines: lines.collect::<Result<_, _>>()?,
        delivery: cart.delivery.as_ref().map(|delivery| proto::DeliveryChoice {
            option_id: delivery.option_id.to_string(),
            name: delivery.name.to_string(),
            amount: delivery.price.amount(),
            net_amount: delivery.net.amount(),
            tax_amount: delivery.tax.amount(),
            gross_amount: delivery.total.amount(),
        }),
        subtotal: cart.subtotal.amount(),
        delivery_total: cart.delivery_total.amount(),
        tax_total: cart.tax_total.amount(),
        total: cart.total.amount(),
        taxes_json: json(&cart.taxes)?,
        shipping_address_json: cart.shipping_address.as_ref().map(json).transpose()?.unwrap_or_default(),
        billing_address_json: cart.billing_address.as_ref().map(json).transpose()?.unwrap_or_default(),
        email: cart.email.map(String::from).unwrap_or_default(),
    })
}
