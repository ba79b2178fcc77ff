//! The gRPC calls of orders: authorise, capture, void, refund.

use bloom_contract_payments as proto;
use bloom_fault::Fault;
use bloom_kernel::{Currency, Money, PaymentId, ViolationCode};
use bloom_runtime::RequestContext;
use bloom_runtime::grpc::{call, id};
use tonic::{Request, Response, Status};

use crate::Payments;
use crate::operation::{Operation, OperationKind, OperationStatus, Requester};
use crate::payment::{Amount, Authorise, Movement, Payment, authorise, move_money, payment_get, void_or_block};
use crate::provider::ProviderKind;

/// The service as other services see it.
pub(crate) struct Grpc(pub(crate) Payments);

#[tonic::async_trait]
impl proto::payments_server::Payments for Grpc {
    async fn authorise(&self, request: Request<proto::AuthoriseRequest>) -> Result<Response<proto::PaymentReply>, Status> {
        let context = call(&request)?;
        let input = authorise_input(request.into_inner())?;
        let result = authorise(&self.0, &context, input).await?;
        Ok(Response::new(reply(&result.payment, Some(&result.operation))))
    }

    async fn get_payment(&self, request: Request<proto::PaymentRef>) -> Result<Response<proto::PaymentReply>, Status> {
        let context = call(&request)?;
        let payment: PaymentId = id(&request.into_inner().payment_id, "payment")?;
        let mut conn = self.0.db.read(context.tenant).await?;
        let payment = payment_get(&mut conn, payment).await.map_err(Fault::from)?.ok_or_else(|| Fault::not_found("payment"))?;
        Ok(Response::new(reply(&payment, None)))
    }

    async fn capture(&self, request: Request<proto::AmountRequest>) -> Result<Response<proto::PaymentReply>, Status> {
        let context = call(&request)?;
        Ok(moved(&self.0, &context, OperationKind::Capture, &request.into_inner()).await?)
    }

    async fn refund(&self, request: Request<proto::AmountRequest>) -> Result<Response<proto::PaymentReply>, Status> {
        let context = call(&request)?;
        Ok(moved(&self.0, &context, OperationKind::Refund, &request.into_inner()).await?)
    }

    async fn void(&self, request: Request<proto::VoidRequest>) -> Result<Response<proto::PaymentReply>, Status> {
        let context = call(&request)?;
        let request = request.into_inner();
        let (operation, payment) = (id(&request.operation_id, "operation")?, id(&request.payment_id, "payment")?);
        let result = void_or_block(&self.0, &context, operation, payment).await?;
        Ok(Response::new(reply(&result.payment, Some(&result.operation))))
    }
}

async fn moved(
    app: &Payments,
    context: &RequestContext,
    kind: OperationKind,
    request: &proto::AmountRequest,
) -> Result<Response<proto::PaymentReply>, Fault> {
    let movement = Movement {
        operation: id(&request.operation_id, "operation")?,
        payment: id(&request.payment_id, "payment")?,
        kind,
        amount: Amount::Minor(request.amount),
        requester: Requester::Service,
    };
    let result = move_money(app, context, movement).await?;
    Ok(Response::new(reply(&result.payment, Some(&result.operation))))
}

fn authorise_input(request: proto::AuthoriseRequest) -> Result<Authorise, Fault> {
    let provider =
        match request.provider.as_str() {
            "" => None,
            word => Some(ProviderKind::parse(word).ok_or_else(|| {
                Fault::invalid("/payment/provider", ViolationCode::Unknown, "There is no such payment provider.")
            })?),
        };
    let order = match request.order_id.as_str() {
        "" => None,
        text => Some(id(text, "order")?),
    };
    Ok(Authorise {
        operation: id(&request.operation_id, "operation")?,
        payment: id(&request.payment_id, "payment")?,
        checkout: id(&request.checkout_id, "checkout")?,
        order,
        amount: Money::new(request.amount, Currency::parse(&request.currency)?),
        provider,
        token: request.token,
        return_url: Some(request.return_url).filter(|url| !url.is_empty()),
    })
}

fn reply(payment: &Payment, operation: Option<&Operation>) -> proto::PaymentReply {
    // An operation that is recorded and not answered yet is pending to a concurrent caller.
    let operation_status = operation.map_or("", |operation| match operation.status {
        OperationStatus::Init => OperationStatus::Pending.as_str(),
        status => status.as_str(),
    });
    proto::PaymentReply {
        payment_id: payment.id.to_string(),
        checkout_id: payment.checkout_id.to_string(),
        status: payment.status.as_str().to_owned(),
        currency: payment.currency.as_str().to_owned(),
        amount: payment.amount,
        authorised_amount: payment.authorised,
        captured_amount: payment.captured,
        refunded_amount: payment.refunded,
        voided_amount: payment.voided,
        action: payment.action_url.clone().map(|url| proto::Action { r#type: "redirect".to_owned(), url }),
        failure: payment
            .failure
            .as_ref()
            .map(|failure| proto::Failure { code: failure.code.as_str().to_owned(), message: failure.message.clone() }),
        version: payment.version,
        operation_status: operation_status.to_owned(),
        provider: payment.provider.as_str().to_owned(),
    }
}
