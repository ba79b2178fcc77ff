//! gRPC for the purchase saga.

use bloom_contract_cart as proto;
use bloom_kernel::{CartId, CheckoutId, Money, OrderId};
use bloom_runtime::grpc;
use tonic::{Request, Response, Status};

use crate::Carts;
use crate::cart::{self, CartLine, CartStatus, Freeze, StoredCart};

/// The gRPC interface of the service.
pub(crate) struct Grpc(pub(crate) Carts);

#[tonic::async_trait]
impl proto::cart_server::Cart for Grpc {
    async fn freeze(&self, request: Request<proto::FreezeRequest>) -> Result<Response<proto::CartSnapshot>, Status> {
        let context = grpc::call(&request)?;
        let request = request.into_inner();
        let freeze = Freeze {
            cart: grpc::id(&request.cart_id, "cart")?,
            checkout: grpc::id(&request.checkout_id, "checkout")?,
            token: request.cart_token,
            version: request.version,
        };
        let stored = cart::freeze(&self.0, &context, &freeze).await?;
        Ok(Response::new(snapshot(&stored)))
    }

    async fn unfreeze(&self, request: Request<proto::CartRef>) -> Result<Response<proto::CartState>, Status> {
        let context = grpc::call(&request)?;
        let request = request.into_inner();
        let id: CartId = grpc::id(&request.cart_id, "cart")?;
        let status = cart::unfreeze(&self.0, &context, id, grpc::id::<CheckoutId>(&request.checkout_id, "checkout")?).await?;
        Ok(Response::new(state(id, status)))
    }

    async fn complete(&self, request: Request<proto::CompleteRequest>) -> Result<Response<proto::CartState>, Status> {
        let context = grpc::call(&request)?;
        let request = request.into_inner();
        let id: CartId = grpc::id(&request.cart_id, "cart")?;
        let checkout = grpc::id::<CheckoutId>(&request.checkout_id, "checkout")?;
        let order = grpc::id::<OrderId>(&request.order_id, "order")?;
        let status = cart::complete(&self.0, &context, id, checkout, order).await?;
        Ok(Response::new(state(id, status)))
    }
}

fn state(cart: CartId, status: CartStatus) -> proto::CartState {
    let status = match status {
        CartStatus::Open => proto::CartStatus::Open,
        CartStatus::Frozen => proto::CartStatus::Frozen,
        CartStatus::Completed => proto::CartStatus::Completed,
    };
    proto::CartState { cart_id: cart.to_string(), status: status.into() }
}

fn snapshot(stored: &StoredCart) -> proto::CartSnapshot {
    let cart = &stored.cart;
    proto::CartSnapshot {
        cart_id: cart.id.to_string(),
        version: cart.version,
        channel_id: cart.channel_id.to_string(),
        currency: cart.currency.to_string(),
        gross: cart.price_basis.is_gross(),
        location_ids: stored.locations.iter().map(ToString::to_string).collect(),
        subject_id: cart.subject_id.to_string(),
        lines: cart.lines.iter().map(line).collect(),
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
        taxes: cart.taxes.iter().map(Into::into).collect(),
        shipping_address: cart.shipping_address.as_ref().map(Into::into),
        billing_address: cart.billing_address.as_ref().map(Into::into),
        email: cart.email.as_ref().map(ToString::to_string),
    }
}

fn line(line: &CartLine) -> proto::SnapshotLine {
    proto::SnapshotLine {
        line_id: line.id.to_string(),
        variant_id: line.variant_id.to_string(),
        product_id: line.product_id.to_string(),
        sku: line.sku.clone(),
        title: line.title.clone(),
        variant_title: line.variant_title.clone(),
        quantity: line.quantity.get(),
        unit_amount: line.unit_price.map_or(0, Money::amount),
        line_amount: line.subtotal.amount(),
        net_amount: line.net.amount(),
        tax_amount: line.tax.amount(),
        gross_amount: line.total.amount(),
        taxes: line.taxes.iter().map(Into::into).collect(),
        requires_shipping: line.requires_shipping,
    }
}
