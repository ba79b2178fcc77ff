//! A reply with one of two statuses.

use aide::OperationOutput;
use aide::generate::GenContext;
use aide::openapi::{Operation, Response as ResponseDoc};
use axum::response::{IntoResponse, Response};

/// One reply or another, for an operation that either completes at once (201) or continues in the background (202).
pub enum Either<A, B> {
    /// The first.
    Left(A),
    /// The second.
    Right(B),
}

impl<A: IntoResponse, B: IntoResponse> IntoResponse for Either<A, B> {
    fn into_response(self) -> Response {
        match self {
            Self::Left(reply) => reply.into_response(),
            Self::Right(reply) => reply.into_response(),
        }
    }
}

impl<A: OperationOutput, B: OperationOutput> OperationOutput for Either<A, B> {
    type Inner = A::Inner;

    fn operation_response(ctx: &mut GenContext, operation: &mut Operation) -> Option<ResponseDoc> {
        A::operation_response(ctx, operation)
    }

    fn inferred_responses(ctx: &mut GenContext, operation: &mut Operation) -> Vec<(Option<u16>, ResponseDoc)> {
        let mut responses = A::inferred_responses(ctx, operation);
        responses.extend(B::inferred_responses(ctx, operation));
        responses
    }
}
