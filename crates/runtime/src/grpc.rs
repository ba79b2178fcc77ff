//! The gRPC side of the edge.

use bloom_fault::{Code, Fault};

use crate::call::{Audience, Call};

/// The verified call of a gRPC request. Only services hold contexts that this accepts: the gateway routes no gRPC.
pub fn call<T>(request: &tonic::Request<T>) -> Result<Call, tonic::Status> {
    let call = request.extensions().get::<Call>().cloned().ok_or_else(|| {
        Fault::new(Code::Unauthenticated, "context_missing", "This call carries no valid context of the fleet.")
    })?;
    if call.audience != Audience::Service {
        return Err(Fault::new(Code::Forbidden, "services_only", "Only services of the fleet may call this.")
            .policy("audience:service")
            .into());
    }
    Ok(call)
}

/// Parses an id of a message; a malformed one is refused like an unknown one.
pub fn id<T: std::str::FromStr>(text: &str, noun: &'static str) -> Result<T, Fault> {
    text.parse().map_err(|_| Fault::not_found(noun))
}
