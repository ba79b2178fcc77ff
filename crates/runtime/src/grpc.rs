//! Reads the context and the ids of gRPC requests.

use bloom_fault::{Code, Fault};
use uuid::Uuid;

use crate::request_context::{Audience, RequestContext};

/// The verified context of a gRPC request. Only services hold contexts that this accepts: the gateway does not route
/// gRPC.
pub fn call<T>(request: &tonic::Request<T>) -> Result<RequestContext, tonic::Status> {
    let call = request.extensions().get::<RequestContext>().cloned().ok_or_else(|| {
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

/// Parses the ids of an existence query, up to a maximum. A malformed id cannot exist and is left out.
pub fn readable_ids<T: std::str::FromStr + Into<Uuid>>(texts: &[String], most: usize) -> Result<Vec<Uuid>, Fault> {
    if most < texts.len() {
        return Err(Fault::new(Code::Invalid, "too_many", format!("Ask for at most {most} ids.")));
    }
    Ok(texts.iter().filter_map(|text| text.parse::<T>().ok()).map(Into::into).collect())
}
