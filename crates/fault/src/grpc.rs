//! Converts faults to gRPC statuses with `google.rpc` details and back, so that a refusal keeps its text between
//! services.

use std::collections::HashMap;
use std::error::Error as _;

use tonic::{Code as Grpc, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt};

use crate::{Code, Fault, Violation};

/// The domain of our reasons.
const DOMAIN: &str = "bloom";
const CODE: &str = "code";
const POLICY: &str = "policy";
const RETRY_AFTER_S: &str = "retry_after_s";

impl From<Fault> for Status {
    fn from(fault: Fault) -> Self {
        let mut metadata = HashMap::from([(CODE.to_owned(), fault.code.as_str().to_owned())]);
        if let Some(policy) = &fault.policy {
            metadata.insert(POLICY.to_owned(), policy.clone());
        }
        if let Some(seconds) = fault.retry_after_s {
            metadata.insert(RETRY_AFTER_S.to_owned(), seconds.to_string());
        }
        let mut details = ErrorDetails::with_error_info(fault.reason.clone(), DOMAIN, metadata);
        if !fault.errors.is_empty() {
            details.set_bad_request(fault.errors.iter().map(field_violation).collect::<Vec<_>>());
        }
        let mut status = Self::with_error_details(fault.code.grpc(), fault.public_detail(), details);
        if fault.code.status().is_server_error() {
            // Stays in this process: the server's outer layer logs it, and it is not sent.
            status.set_source(std::sync::Arc::new(fault));
        }
        status
    }
}

impl From<Status> for Fault {
    fn from(status: Status) -> Self {
        let details = status.get_error_details();
        let Some(info) = details.error_info().filter(|info| info.domain == DOMAIN) else {
            return foreign(status);
        };
        let code = info.metadata.get(CODE).and_then(|name| Code::parse(name));
        let code = code.unwrap_or_else(|| of_grpc(status.code()));
        let mut fault = Self::new(code, info.reason.clone(), status.message());
        if let Some(policy) = info.metadata.get(POLICY) {
            fault = fault.policy(policy);
        }
        if let Some(seconds) = info.metadata.get(RETRY_AFTER_S).and_then(|text| text.parse().ok()) {
            fault = fault.retry_after(seconds);
        }
        for wrong in details.bad_request().into_iter().flat_map(|request| &request.field_violations) {
            fault = fault.at(&wrong.field, &wrong.reason, &wrong.description);
        }
        if code.status().is_server_error() { fault.source(status) } else { fault }
    }
}

/// Converts a status that none of our services wrote: the transport failed, or the peer runs other software.
fn foreign(status: Status) -> Fault {
    // A status with a source was created locally: the connection broke during the call, and the peer may be back soon.
    let is_broken = matches!(status.code(), Grpc::Unknown | Grpc::Cancelled) && status.source().is_some();
    let code = if is_broken { Code::Unavailable } else { of_grpc(status.code()) };
    if code == Code::Unavailable {
        return Fault::new(code, "unavailable", "").retry_after(1).source(status);
    }
    Fault::new(code, code.as_str(), status.message()).source(status)
}

/// Maps a bare gRPC code. A refusal that we cannot parse is a problem between us and the peer, not the caller's, except
/// where the meaning is clear.
fn of_grpc(code: Grpc) -> Code {
    match code {
        Grpc::InvalidArgument => Code::Invalid,
        Grpc::NotFound => Code::NotFound,
        Grpc::AlreadyExists | Grpc::FailedPrecondition | Grpc::Aborted => Code::Conflict,
        Grpc::OutOfRange => Code::TooLarge,
        Grpc::ResourceExhausted | Grpc::Unavailable => Code::Unavailable,
        Grpc::Cancelled | Grpc::DeadlineExceeded => Code::DeadlineExceeded,
        Grpc::PermissionDenied => Code::Forbidden,
        Grpc::Unauthenticated => Code::Unauthenticated,
        Grpc::Ok | Grpc::Unknown | Grpc::Unimplemented | Grpc::Internal | Grpc::DataLoss => Code::Internal,
    }
}

fn field_violation(violation: &Violation) -> FieldViolation {
    FieldViolation {
        field: violation.pointer.clone(),
        description: violation.message.clone(),
        reason: violation.code.clone(),
        localized_message: None,
    }
}
