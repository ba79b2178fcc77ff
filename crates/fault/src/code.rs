//! The closed table of error codes, so that every client can know all of them.

use http::StatusCode;
use tonic::Code as Grpc;

/// An error code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// The request is malformed.
    Invalid,
    /// The caller is not authenticated.
    Unauthenticated,
    /// The caller lacks the permission.
    Forbidden,
    /// The resource does not exist, or the caller may not know that it does.
    NotFound,
    /// The resource exists but does not support the method.
    MethodNotAllowed,
    /// The caller took too long to send its request.
    Timeout,
    /// The current state does not allow it.
    Conflict,
    /// The resource existed once.
    Gone,
    /// `If-Match` names an outdated version.
    PreconditionFailed,
    /// The request is too large.
    TooLarge,
    /// The content type is not supported.
    UnsupportedMedia,
    /// The request is well-formed but not allowed.
    Unprocessable,
    /// The operation requires `If-Match`.
    PreconditionRequired,
    /// Too many requests.
    RateLimited,
    /// An internal error.
    Internal,
    /// A peer or provider returned an invalid response.
    BadGateway,
    /// A dependency is temporarily unavailable.
    Unavailable,
    /// The deadline passed before the response was complete.
    DeadlineExceeded,
}

impl Code {
    /// All codes.
    pub const ALL: [Self; 18] = [
        Self::Invalid,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::Timeout,
        Self::Conflict,
        Self::Gone,
        Self::PreconditionFailed,
        Self::TooLarge,
        Self::UnsupportedMedia,
        Self::Unprocessable,
        Self::PreconditionRequired,
        Self::RateLimited,
        Self::Internal,
        Self::BadGateway,
        Self::Unavailable,
        Self::DeadlineExceeded,
    ];

    /// The HTTP status.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Invalid => StatusCode::BAD_REQUEST,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Timeout => StatusCode::REQUEST_TIMEOUT,
            Self::Conflict => StatusCode::CONFLICT,
            Self::Gone => StatusCode::GONE,
            Self::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMedia => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Unprocessable => StatusCode::UNPROCESSABLE_ENTITY,
            Self::PreconditionRequired => StatusCode::PRECONDITION_REQUIRED,
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::BadGateway => StatusCode::BAD_GATEWAY,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// The gRPC code; several codes may share one, which the details of the status tell apart.
    pub const fn grpc(self) -> Grpc {
        match self {
            Self::Invalid | Self::UnsupportedMedia | Self::Unprocessable => Grpc::InvalidArgument,
            Self::Unauthenticated => Grpc::Unauthenticated,
            Self::Forbidden => Grpc::PermissionDenied,
            Self::NotFound | Self::Gone => Grpc::NotFound,
            Self::MethodNotAllowed => Grpc::Unimplemented,
            Self::Conflict | Self::PreconditionRequired => Grpc::FailedPrecondition,
            Self::PreconditionFailed => Grpc::Aborted,
            Self::TooLarge => Grpc::OutOfRange,
            Self::RateLimited => Grpc::ResourceExhausted,
            Self::Internal => Grpc::Internal,
            Self::BadGateway => Grpc::Unknown,
            Self::Unavailable => Grpc::Unavailable,
            Self::Timeout | Self::DeadlineExceeded => Grpc::DeadlineExceeded,
        }
    }

    /// The title of the problem.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Invalid => "Invalid request",
            Self::Unauthenticated => "Authentication needed",
            Self::Forbidden => "Not permitted",
            Self::NotFound => "Not found",
            Self::MethodNotAllowed => "Method not allowed",
            Self::Timeout => "Request took too long",
            Self::Conflict => "Conflict with the present state",
            Self::Gone => "No longer there",
            Self::PreconditionFailed => "The version is stale",
            Self::TooLarge => "Request too large",
            Self::UnsupportedMedia => "Unsupported media type",
            Self::Unprocessable => "Request refused",
            Self::PreconditionRequired => "If-Match needed",
            Self::RateLimited => "Too many requests",
            Self::Internal => "Internal error",
            Self::BadGateway => "Bad answer from a partner",
            Self::Unavailable => "Temporarily unavailable",
            Self::DeadlineExceeded => "Deadline exceeded",
        }
    }

    /// The name under which the code is sent over gRPC.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::Timeout => "timeout",
            Self::Conflict => "conflict",
            Self::Gone => "gone",
            Self::PreconditionFailed => "precondition_failed",
            Self::TooLarge => "too_large",
            Self::UnsupportedMedia => "unsupported_media",
            Self::Unprocessable => "unprocessable",
            Self::PreconditionRequired => "precondition_required",
            Self::RateLimited => "rate_limited",
            Self::Internal => "internal",
            Self::BadGateway => "bad_gateway",
            Self::Unavailable => "unavailable",
            Self::DeadlineExceeded => "deadline_exceeded",
        }
    }

    /// The code with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.as_str() == name)
    }

    /// Whether the same request may succeed a moment later without any other change.
    pub const fn is_retryable(self) -> bool {
        match self {
            Self::Timeout | Self::RateLimited | Self::BadGateway | Self::Unavailable | Self::DeadlineExceeded => true,
            Self::Invalid
            | Self::Unauthenticated
            | Self::Forbidden
            | Self::NotFound
            | Self::MethodNotAllowed
            | Self::Conflict
            | Self::Gone
            | Self::PreconditionFailed
            | Self::TooLarge
            | Self::UnsupportedMedia
            | Self::Unprocessable
            | Self::PreconditionRequired
            | Self::Internal => false,
        }
    }

    /// The fixed sentence shown for an internal failure; `None` for a refusal.
    pub const fn fixed_detail(self) -> Option<&'static str> {
        match self {
            Self::Internal => Some("Something went wrong on our side; the request id leads us to it."),
            Self::BadGateway => Some("A system that we depend on gave an answer that we cannot use."),
            Self::Unavailable => Some("Something that we depend on is away for a moment; try again."),
            Self::DeadlineExceeded => Some("The answer was not ready in time; try again."),
            Self::Invalid
            | Self::Unauthenticated
            | Self::Forbidden
            | Self::NotFound
            | Self::MethodNotAllowed
            | Self::Timeout
            | Self::Conflict
            | Self::Gone
            | Self::PreconditionFailed
            | Self::TooLarge
            | Self::UnsupportedMedia
            | Self::Unprocessable
            | Self::PreconditionRequired
            | Self::RateLimited => None,
        }
    }
}
