//! Conditional writes (RFC 9110 section 13, RFC 6585 section 3).

use aide::OperationInput;
use aide::generate::GenContext;
use aide::openapi::{HeaderStyle, Operation, Parameter, ParameterData, ParameterSchemaOrContent, ReferenceOr, SchemaObject};
use axum::extract::FromRequestParts;
use bloom_fault::{Code, Fault};
use http::header;
use http::request::Parts;

/// The version that the client last read, from `If-Match: "<version>"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IfMatch(Option<i64>);

impl IfMatch {
    /// The version, or 428 when the request has none.
    pub fn required(self) -> Result<i64, Fault> {
        self.0.ok_or_else(|| {
            Fault::new(
                Code::PreconditionRequired,
                "if_match_required",
                "Send If-Match with the ETag that you read, so that nobody's change is overwritten.",
            )
        })
    }

    /// The version, if the request has one.
    pub fn version(self) -> Option<i64> {
        self.0
    }

    /// Returns 412 when the client read another version than the current one; required like
    /// [`required`](Self::required).
    pub fn check(self, current: i64) -> Result<(), Fault> {
        if self.required()? == current { Ok(()) } else { Err(Self::stale()) }
    }

    /// The refusal of an outdated version.
    pub fn stale() -> Fault {
        Fault::new(
            Code::PreconditionFailed,
            "stale_version",
            "The resource has changed since you read it. Read it again and apply your change to what you find.",
        )
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Fault> {
        let Some(value) = parts.headers.get(header::IF_MATCH) else { return Ok(Self(None)) };
        let tag = value.to_str().ok().and_then(|text| text.trim().strip_prefix('"')?.strip_suffix('"'));
        let tag = tag.filter(|tag| !tag.contains('"')).ok_or_else(malformed)?;
        // A well-formed `ETag` of another format cannot be the current one.
        let version = tag.parse::<i64>().ok().filter(|version| version.to_string() == tag);
        version.map(|version| Self(Some(version))).ok_or_else(Self::stale)
    }
}

/// The refusal of a list, `*` or a weak `ETag`, which do not identify the version the client read.
fn malformed() -> Fault {
    let detail = r#"If-Match holds one ETag as you read it, with its quotes: `If-Match: "3"`."#;
    Fault::new(Code::Invalid, "if_match_invalid", detail)
}

impl OperationInput for IfMatch {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        let parameter = Parameter::Header {
            parameter_data: ParameterData {
                name: "If-Match".to_owned(),
                description: Some("The ETag that you read, with its quotes.".to_owned()),
                required: true,
                deprecated: None,
                format: ParameterSchemaOrContent::Schema(SchemaObject {
                    json_schema: ctx.schema.subschema_for::<String>(),
                    external_docs: None,
                    example: None,
                }),
                example: Some("\"3\"".into()),
                examples: std::iter::empty().collect(),
                explode: None,
                extensions: std::iter::empty().collect(),
            },
            style: HeaderStyle::Simple,
        };
        operation.parameters.push(ReferenceOr::Item(parameter));
    }
}
