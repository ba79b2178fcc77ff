//! What the purchase saga asks of carts.

use bloom_contract_cart as proto;
use bloom_fault::Fault;
use bloom_kernel::{CartId, CheckoutId, OrderId};
use bloom_runtime::{grpc::call, grpc::id};
use serde::Serialize;
use tonic::{Request, Response, Status};

use crate::CartService;
use crate::domain::cart::{PriceBasis, Status as CartStatus};
use crate::ops::complete_cart::complete_cart;
use crate::ops::freeze_cart::{Freeze, freeze_cart};
use crate::ops::unfreeze_cart::unfreeze_cart;
use crate::store::cart::Stored;

/// The gRPC face of the service.
pub struct Grpc(pub CartService);

#[tonic::async_trait]
impl proto::cart_server::Cart for Grpc {
    async fn freeze(&self, request: Request<proto::FreezeRequest>) -> Result<Response<proto::CartSnapshot>, Status> {
        let call = call(&request)?;
        let request = request.into_inner();
        let freeze = Freeze {
            cart: id(&request.cart_id, "cart")?,
            checkout: id(&request.checkout_id, "checkout")?,
            token: request.cart_token,
            version: request.version,
        };
        let stored = freeze_cart(&self.0, &call, &freeze).await?;
        Ok(Response::new(snapshot(stored)?))
    }

    async fn unfreeze(&self, request: Request<proto::CartRef>) -> Result<Response<proto::CartState>, Status> {
        let call = call(&request)?;
        let request = request.into_inner();
        let cart: CartId = id(&request.cart_id, "cart")?;
        let status = unfreeze_cart(&self.0, &call, cart, id::<CheckoutId>(&request.checkout_id, "checkout")?).await?;
        Ok(Response::new(state(cart, status)))
    }

    async fn complete(&self, request: Request<proto::CompleteRequest>) -> Result<Response<proto::CartState>, Status> {
        let call = call(&request)?;
        let request = request.into_inner();
        let cart: CartId = id(&request.cart_id, "cart")?;
        let checkout = id::<CheckoutId>(&request.checkout_id, "checkout")?;
        let order = id::<OrderId>(&request.order_id, "order")?;
        let status = complete_cart(&self.0, &call, cart, checkout, order).await?;
        Ok(Response::new(state(cart, status)))
    }
}

fn state(cart: CartId, status: CartStatus) -> proto::CartState {
    proto::CartState { cart_id: cart.to_string(), status: status.as_str().to_owned() }
}

fn json(value: &impl Serialize) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(Fault::internal)
}

fn snapshot(stored: Stored) -> Result<proto::CartSnapshot, Fault> {
    let cart = stored.cart;
    let lines = cart.lines.iter().map(|line| {
        Ok::<_, Fault>(proto::SnapshotLine {
            line_id: line.id.to_string(),
            variant_id: line.variant_id.to_string(),
            product_id: line.product_id.to_string(),
            sku: line.sku.clone(),
            title: line.title.clone(),
            variant_title: line.variant_title.clone(),
            quantity: line.quantity,
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
        gross: cart.price_basis == PriceBasis::Gross,
        location_ids: stored.locations.iter().map(ToString::to_string).collect(),
        subject_id: cart.subject_id.to_string(),
        lines: lines.collect::<Result<_, _>>()?,
        delivery: cart.delivery.as_ref().map(|delivery| proto::DeliveryChoice {
            option_id: delivery.option_id.to_string(),
            name: delivery.name.clone(),
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
        email: cart.email.unwrap_or_default(),
    })
}
