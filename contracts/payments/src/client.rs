//! Client of payments. Each operation has an id from the caller and happens once, so every call may be repeated. The [`Peer`] repeats
//! a call that was certainly not sent; the caller repeats a call whose reply was lost, under the same id.

use std::time::Duration;

use bloom_fault::Fault;
use bloom_kernel::{CheckoutId, Money, OperationId, OrderId, PaymentId};
use bloom_runtime::{Peer, RequestContext, ServiceContext};
use tonic::Request;

use crate::proto;
use crate::types::{Payment, Provider};

/// Deadline of a call that contacts the payment provider, which may take 5 s to answer, twice.
const PROVIDER_DEADLINE: Duration = Duration::from_secs(15);
/// Deadline of a call that only reads the database.
const READ_DEADLINE: Duration = Duration::from_secs(5);

/// A client of payments. Cheap to clone.
#[derive(Clone)]
pub struct PaymentsClient {
    inner: proto::payments_client::PaymentsClient<Peer>,
    context: ServiceContext,
}

/// A request for an authorisation.
#[derive(Debug, Clone, Copy)]
pub struct Authorise<'a> {
    /// Id of the operation; a retry has the same.
    pub operation: OperationId,
    /// Id of the payment that is opened.
    pub payment: PaymentId,
    /// The checkout that it pays.
    pub checkout: CheckoutId,
    /// The order that it belongs to, if any: then only the orders service moves its money.
    pub order: Option<OrderId>,
    /// The amount.
    pub amount: Money,
    /// The provider; that of the tenant's default connection when absent.
    pub provider: Option<Provider>,
    /// The provider's token for the payer's instrument.
    pub token: &'a str,
    /// Where the payer's browser goes after an action.
    pub return_url: Option<&'a str>,
}

impl PaymentsClient {
    /// A client for a service.
    pub fn new(context: &ServiceContext) -> Self {
        Self { inner: proto::payments_client::PaymentsClient::new(context.peers.get("payments")), context: context.clone() }
    }

    /// Opens the payment of a checkout and authorises it.
    pub async fn authorise(&self, context: &RequestContext, input: Authorise<'_>) -> Result<Payment, Fault> {
        let provider = input.provider.map_or(proto::Provider::Unspecified, proto::Provider::from);
        let message = proto::AuthoriseRequest {
            operation_id: input.operation.to_string(),
            payment_id: input.payment.to_string(),
            checkout_id: input.checkout.to_string(),
            amount: input.amount.amount(),
            currency: input.amount.currency().to_string(),
            provider: provider.into(),
            token: input.token.to_owned(),
            return_url: input.return_url.unwrap_or_default().to_owned(),
            order_id: input.order.map(|order| order.to_string()).unwrap_or_default(),
        };
        let request = self.request(context, PROVIDER_DEADLINE, message);
        self.inner.clone().authorise(request).await?.into_inner().try_into()
    }

    /// Reads a payment.
    pub async fn get(&self, context: &RequestContext, payment: PaymentId) -> Result<Payment, Fault> {
        let message = proto::PaymentRef { payment_id: payment.to_string() };
        let request = self.request(context, READ_DEADLINE, message);
        self.inner.clone().get_payment(request).await?.into_inner().try_into()
    }

    /// Captures an amount in minor units.
    pub async fn capture(
        &self,
        context: &RequestContext,
        operation: OperationId,
        payment: PaymentId,
        amount: i64,
    ) -> Result<Payment, Fault> {
        let request = self.request(context, PROVIDER_DEADLINE, amount_request(operation, payment, amount));
        self.inner.clone().capture(request).await?.into_inner().try_into()
    }

    /// Refunds an amount in minor units.
    pub async fn refund(
        &self,
        context: &RequestContext,
        operation: OperationId,
        payment: PaymentId,
        amount: i64,
    ) -> Result<Payment, Fault> {
        let request = self.request(context, PROVIDER_DEADLINE, amount_request(operation, payment, amount));
        self.inner.clone().refund(request).await?.into_inner().try_into()
    }

    /// Voids what is authorised and not captured, as soon as the earlier outcomes are known. A payment that was not opened yet is
    /// answered as not found, and can never be opened.
    pub async fn void(&self, context: &RequestContext, operation: OperationId, payment: PaymentId) -> Result<Payment, Fault> {
        let message = proto::VoidRequest { operation_id: operation.to_string(), payment_id: payment.to_string() };
        let request = self.request(context, PROVIDER_DEADLINE, message);
        self.inner.clone().void(request).await?.into_inner().try_into()
    }

    fn request<T>(&self, context: &RequestContext, deadline: Duration, message: T) -> Request<T> {
        let mut request = self.context.request(context, message);
        request.set_timeout(context.remaining().min(deadline));
        request
    }
}

fn amount_request(operation: OperationId, payment: PaymentId, amount: i64) -> proto::AmountRequest {
    proto::AmountRequest { operation_id: operation.to_string(), payment_id: payment.to_string(), amount }
}
