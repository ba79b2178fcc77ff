//! A handler's successful response.

use aide::OperationOutput;
use aide::generate::GenContext;
use aide::openapi::{Operation, Response as ResponseDoc};
use axum::response::{IntoResponse, Response};
use bloom_db::{Replayable, StoredReply};
use bloom_fault::Fault;
use bloom_kernel::Aggregate;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

/// A body with its status (fixed by the type, so that the API description includes it) and, for guarded resources, the
/// version that becomes the `ETag`.
pub struct Reply<T, const STATUS: u16 = 200> {
    body: Body<T>,
    version: Option<i64>,
    redacted: Option<Box<RawValue>>,
    repeated: bool,
}

enum Body<T> {
    Fresh(T),
    Replayed(Box<RawValue>),
}

/// The body of a reply that has none (204).
#[derive(Serialize, JsonSchema)]
pub struct Empty {}

impl<T> Reply<T, 200> {
    /// 200
    pub fn ok(body: T) -> Self {
        Self::new(body)
    }
}

impl<T> Reply<T, 201> {
    /// 201
    pub fn created(body: T) -> Self {
        Self::new(body)
    }
}

impl<T> Reply<T, 202> {
    /// 202
    pub fn accepted(body: T) -> Self {
        Self::new(body)
    }
}

impl Reply<Empty, 204> {
    /// 204
    pub fn no_content() -> Self {
        Self::new(Empty {})
    }
}

impl<T, const STATUS: u16> Reply<T, STATUS> {
    /// A body with the status of the type.
    pub fn new(body: T) -> Self {
        Self { body: Body::Fresh(body), version: None, redacted: None, repeated: false }
    }

    /// Sets the version of the resource, its `ETag`.
    #[must_use]
    pub fn etag(mut self, version: i64) -> Self {
        self.version = Some(version);
        self
    }

    /// Replays return this body instead, because a secret is shown only once.
    pub fn replay_as(mut self, body: &impl Serialize) -> Result<Self, Fault> {
        self.redacted = Some(serde_json::value::to_raw_value(body).map_err(Fault::internal)?);
        Ok(self)
    }

    /// Marks a retry's reply that was computed again, because the state may have changed since the first request.
    #[must_use]
    pub fn repeated(mut self) -> Self {
        self.repeated = true;
        self
    }

    /// The body of a first reply; `None` for a replay.
    pub fn body(&self) -> Option<&T> {
        match &self.body {
            Body::Fresh(body) => Some(body),
            Body::Replayed(_) => None,
        }
    }

    /// The stored body of a replay, for an operation whose reply reports the current state of what it started; `None`
    /// for a first reply.
    pub fn replayed_as<R: DeserializeOwned>(&self) -> Option<Result<R, Fault>> {
        match &self.body {
            Body::Fresh(_) => None,
            Body::Replayed(raw) => Some(serde_json::from_str(raw.get()).map_err(Fault::internal)),
        }
    }
}

/// A reply of 201.
pub type Created<T> = Reply<T, 201>;

/// A reply of 202: the work continues in the background.
pub type Accepted<T> = Reply<T, 202>;

/// A reply of 204.
pub type NoContent = Reply<Empty, 204>;

/// An aggregate is returned with its version as the `ETag`.
impl<T: Aggregate, const STATUS: u16> From<T> for Reply<T, STATUS> {
    fn from(aggregate: T) -> Self {
        let version = aggregate.version();
        Self::new(aggregate).etag(version)
    }
}

impl<T: Serialize, const STATUS: u16> Replayable for Reply<T, STATUS> {
    fn to_stored(&self) -> Result<StoredReply, Fault> {
        let body = match (&self.redacted, &self.body) {
            (Some(redacted), _) => redacted.get().to_owned(),
            (None, Body::Fresh(body)) => serde_json::to_string(body).map_err(Fault::internal)?,
            (None, Body::Replayed(raw)) => raw.get().to_owned(),
        };
        Ok(StoredReply { status: STATUS, version: self.version, body })
    }

    fn from_stored(stored: StoredReply) -> Result<Self, Fault> {
        let body = RawValue::from_string(stored.body).map_err(Fault::internal)?;
        Ok(Self { body: Body::Replayed(body), version: stored.version, redacted: None, repeated: true })
    }
}

impl<T: Serialize, const STATUS: u16> IntoResponse for Reply<T, STATUS> {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(STATUS).unwrap_or(StatusCode::OK);
        let mut headers = HeaderMap::new();
        if let Some(version) = self.version {
            headers.insert(header::ETAG, etag(version));
        }
        if self.repeated {
            headers.insert("idempotent-replayed", HeaderValue::from_static("true"));
        }
        let body = match self.body {
            Body::Fresh(body) => serde_json::to_vec(&body).map_err(Fault::internal),
            Body::Replayed(raw) => Ok(raw.get().as_bytes().to_vec()),
        };
        if status == StatusCode::NO_CONTENT {
            return (status, headers).into_response();
        }
        match body {
            Ok(body) => {
                headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
                (status, headers, body).into_response()
            }
            Err(fault) => fault.into_response(),
        }
    }
}

/// The strong `ETag` of a version.
///
/// # Panics
///
/// Never: digits in quotes are a valid header value.
pub fn etag(version: i64) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{version}\"")).expect("digits in quotes")
}

impl<T: JsonSchema, const STATUS: u16> OperationOutput for Reply<T, STATUS> {
    type Inner = T;

    fn operation_response(ctx: &mut GenContext, operation: &mut Operation) -> Option<ResponseDoc> {
        if STATUS == 204 {
            return Some(ResponseDoc { description: "Done; nothing to say.".to_owned(), ..ResponseDoc::default() });
        }
        crate::openapi::begin(ctx);
        let mut response = <axum::Json<T> as OperationOutput>::operation_response(ctx, operation)?;
        if response.description.is_empty() {
            "Success.".clone_into(&mut response.description);
        }
        Some(response)
    }

    fn inferred_responses(ctx: &mut GenContext, operation: &mut Operation) -> Vec<(Option<u16>, ResponseDoc)> {
        Self::operation_response(ctx, operation).map(|response| (Some(STATUS), response)).into_iter().collect()
    }
}
