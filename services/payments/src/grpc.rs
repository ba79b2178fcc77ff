//! What orders ask: authorise, capture, void, refund.

use bloom_contract_payments as proto;
use bloom_fault::Fault;
use bloom_kernel::{Currency, Money, PaymentId};
use bloom_runtime::RequestContext;
use bloom_runtime::{grpc::call, grpc::id};
use tonic::{Request, Response, Status};

use crate::Payments;
use crate::domain::{Operation, OperationKind, OperationStatus, Payment, ProviderKind};
use crate::ops::authorise_payment::{Authorise, authorise};
use crate::ops::move_money::{Amount, MoveMoney, move_money};
use crate::ops::void_payment::void_or_bar;
use crate::store::payment::payment_get;

/// The service as other services see it.
pub(crate) struct Grpc(pub(crate) Payments);

#[tonic::async_trait]
impl proto::payments_server::Payments for Grpc {
    async fn authorise(&self, request: Request<proto::AuthoriseRequest>) -> Result<Response<proto::PaymentReply>, Status> {
        let call = call(&request)?;
        let ask = authorise_of(request.into_inner())?;
        let (payment, operation) = authorise(&self.0, &call, ask).await?;
        Ok(Response::new(reply(&payment, Some(&operation))))
    }

    async fn get_payment(&self, request: Request<proto::PaymentRef>) -> Result<Response<proto::PaymentReply>, Status> {
        let call = call(&request)?;
        let payment: PaymentId = id(&request.into_inner().payment_id, "payment")?;
        let mut conn = self.0.db.read(call.tenant).await?;
        let payment = payment_get(&mut conn, payment).await?.ok_or_else(|| Fault::not_found("payment"))?;
        Ok(Response::new(reply(&payment, None)))
    }

    async fn capture(&self, request: Request<proto::AmountRequest>) -> Result<Response<proto::PaymentReply>, Status> {
        let call = call(&request)?;
        Ok(moved(&self.0, &call, OperationKind::Capture, &request.into_inner()).await?)
    }

    async fn refund(&self, request: Request<proto::AmountRequest>) -> Result<Response<proto::PaymentReply>, Status> {
        let call = call(&request)?;
        Ok(moved(&self.0, &call, OperationKind::Refund, &request.into_inner()).await?)
    }

    async fn void(&self, request: Request<proto::VoidRequest>) -> Result<Response<proto::PaymentReply>, Status> {
        let call = call(&request)?;
        let ask = request.into_inner();
        let (operation, payment) = (id(&ask.operation_id, "operation")?, id(&ask.payment_id, "payment")?);
        let standing = void_or_bar(&self.0, &call, operation, payment).await?;
        Ok(Response::new(reply(&standing.payment, Some(&standing.operation))))
    }
}

async fn moved(
    app: &Payments,
    call: &RequestContext,
    kind: OperationKind,
    ask: &proto::AmountRequest,
) -> Result<Response<proto::PaymentReply>, Fault> {
    let ask = MoveMoney {
        operation: id(&ask.operation_id, "operation")?,
        payment: id(&ask.payment_id, "payment")?,
        kind,
        amount: Amount::Minor(ask.amount),
    };
    let standing = move_money(app, call, ask).await?;
    Ok(Response::new(reply(&standing.payment, Some(&standing.operation))))
}

fn authorise_of(ask: proto::AuthoriseRequest) -> Result<Authorise, Fault> {
    let provider = match ask.provider.as_str() {
        "" => None,
        word => Some(
            ProviderKind::parse(word)
                .ok_or_else(|| Fault::invalid("/payment/provider", "unknown", "There is no such payment provider."))?,
        ),
    };
    Ok(Authorise {
        operation: id(&ask.operation_id, "operation")?,
        payment: id(&ask.payment_id, "payment")?,
        checkout: id(&ask.checkout_id, "checkout")?,
        amount: Money::new(ask.amount, Currency::parse(&ask.currency)?),
        provider,
        token: ask.token,
        return_url: Some(ask.return_url).filter(|url| !url.is_empty()),
    })
}

fn reply(payment: &Payment, operation: Option<&Operation>) -> proto::PaymentReply {
    // What is recorded and not answered yet is pending to whoever asks meanwhile.
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
