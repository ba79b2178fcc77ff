//! The gRPC calls of orders: authorise, capture, void, refund.

use bloom_contract_payments::{self as contract, proto};
use bloom_fault::Fault;
use bloom_kernel::{Currency, Money, PaymentId};
use bloom_runtime::RequestContext;
use bloom_runtime::grpc::{call, id};
use tonic::{Request, Response, Status};

use crate::Payments;
use crate::operation::{Failure, FailureCode, Operation, OperationKind, OperationStatus, Requester};
use crate::payment::{Amount, Authorise, Movement, Payment, PaymentStatus, authorise, move_money, payment_get, void_or_block};
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
    let provider = contract::Provider::of_message(request.provider)?.map(|provider| match provider {
        contract::Provider::Sandbox => ProviderKind::Sandbox,
        contract::Provider::Manual => ProviderKind::Manual,
    });
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
    let operation_status = operation.map(|operation| proto::OperationStatus::from(status(operation.status)));
    let action = |url| proto::Action { r#type: proto::ActionType::Redirect.into(), url };
    let failure = |failure: &Failure| proto::Failure {
        code: proto::FailureCode::from(failure_code(failure.code)).into(),
        message: failure.message.clone(),
    };
    proto::PaymentReply {
        payment_id: payment.id.to_string(),
        checkout_id: payment.checkout_id.to_string(),
        status: proto::PaymentStatus::from(payment_status(payment.status)).into(),
        currency: payment.currency.as_str().to_owned(),
        amount: payment.amount,
        authorised_amount: payment.authorised,
        captured_amount: payment.captured,
        refunded_amount: payment.refunded,
        voided_amount: payment.voided,
        action: payment.action_url.clone().map(action),
        failure: payment.failure.as_ref().map(failure),
        version: payment.version,
        operation_status: operation_status.unwrap_or(proto::OperationStatus::Unspecified).into(),
        provider: proto::Provider::from(provider(payment.provider)).into(),
    }
}

/// An operation that is recorded and not answered yet is pending to a concurrent caller.
const fn status(status: OperationStatus) -> contract::OperationStatus {
    match status {
        OperationStatus::Init | OperationStatus::Pending => contract::OperationStatus::Pending,
        OperationStatus::Succeeded => contract::OperationStatus::Succeeded,
        OperationStatus::Failed => contract::OperationStatus::Failed,
        OperationStatus::Unknown => contract::OperationStatus::Unknown,
    }
}

const fn payment_status(status: PaymentStatus) -> contract::PaymentStatus {
    match status {
        PaymentStatus::Pending => contract::PaymentStatus::Pending,
        PaymentStatus::ActionRequired => contract::PaymentStatus::ActionRequired,
        PaymentStatus::Authorised => contract::PaymentStatus::Authorised,
        PaymentStatus::PartiallyCaptured => contract::PaymentStatus::PartiallyCaptured,
        PaymentStatus::Captured => contract::PaymentStatus::Captured,
        PaymentStatus::PartiallyRefunded => contract::PaymentStatus::PartiallyRefunded,
        PaymentStatus::Refunded => contract::PaymentStatus::Refunded,
        PaymentStatus::Voided => contract::PaymentStatus::Voided,
        PaymentStatus::Failed => contract::PaymentStatus::Failed,
        PaymentStatus::Unknown => contract::PaymentStatus::Unknown,
    }
}

const fn failure_code(code: FailureCode) -> contract::FailureCode {
    match code {
        FailureCode::CardDeclined => contract::FailureCode::CardDeclined,
        FailureCode::AuthenticationFailed => contract::FailureCode::AuthenticationFailed,
        FailureCode::Expired => contract::FailureCode::Expired,
        FailureCode::ProviderError => contract::FailureCode::ProviderError,
        FailureCode::NothingToVoid => contract::FailureCode::NothingToVoid,
    }
}

const fn provider(provider: ProviderKind) -> contract::Provider {
    match provider {
        ProviderKind::Sandbox => contract::Provider::Sandbox,
        ProviderKind::Manual => contract::Provider::Manual,
    }
}
