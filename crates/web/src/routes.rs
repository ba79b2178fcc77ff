//! The routes of a resource: path, operation id, summary, handler. The rest of the API description follows from the
//! handler's types.

use aide::OperationInput;
use aide::OperationOutput;
use aide::axum::ApiRouter;
use aide::axum::routing::{delete_with, get_with, patch_with, post_with, put_with};
use aide::operation::OperationHandler;
use aide::transform::TransformOperation;
use axum::handler::Handler;
use bloom_fault::Code;
use serde_json::Value;

use crate::openapi::{KEY_NEEDED, REFUSES};

/// Routes of one resource below one path.
///
/// ```ignore
/// Routes::new("/v1/inventory/locations")
///     .post("location_create", "Create a location", create)
///     .get("location_list", "List locations by priority", list)
///     .at("/{location_id}")
///     .get("location_get", "Get a location", get)
/// ```
pub struct Routes<A> {
    base: &'static str,
    path: String,
    router: ApiRouter<A>,
}

/// What an operation's types do not express: a summary, and special behaviour.
pub struct Doc {
    summary: &'static str,
    description: &'static str,
    needs_key: bool,
    refuses: &'static [Code],
}

impl From<&'static str> for Doc {
    fn from(summary: &'static str) -> Self {
        Self { summary, description: "", needs_key: false, refuses: &[] }
    }
}

impl Doc {
    /// One sentence in the imperative: "Create a location".
    pub fn new(summary: &'static str) -> Self {
        summary.into()
    }

    /// Adds what a caller must know besides.
    #[must_use]
    pub fn describe(mut self, description: &'static str) -> Self {
        self.description = description;
        self
    }

    /// The operation refuses a request without `Idempotency-Key`.
    #[must_use]
    pub fn needs_key(mut self) -> Self {
        self.needs_key = true;
        self
    }

    /// Adds errors that do not follow from the operation's inputs, such as an outdated version in the body.
    #[must_use]
    pub fn refuses(mut self, codes: &'static [Code]) -> Self {
        self.refuses = codes;
        self
    }

    fn apply<'o>(&self, id: &str, operation: TransformOperation<'o>) -> TransformOperation<'o> {
        let mut operation = operation.id(id).summary(self.summary);
        if !self.description.is_empty() {
            operation = operation.description(self.description);
        }
        if self.needs_key {
            operation.inner_mut().extensions.insert(KEY_NEEDED.to_owned(), Value::Bool(true));
        }
        if !self.refuses.is_empty() {
            let statuses = self.refuses.iter().map(|code| code.status().as_str().into()).collect();
            operation.inner_mut().extensions.insert(REFUSES.to_owned(), Value::Array(statuses));
        }
        operation
    }
}

macro_rules! methods {
    ($($method:ident $with:ident $what:literal),* $(,)?) => {
        $(
            #[doc = concat!("Adds `", $what, "` at the present path.")]
            #[must_use]
            pub fn $method<H, I, O, T>(mut self, id: &'static str, doc: impl Into<Doc>, handler: H) -> Self
            where
                H: Handler<T, A> + OperationHandler<I, O>,
                I: OperationInput,
                O: OperationOutput,
                T: 'static,
            {
                let doc = doc.into();
                let method = $with(handler, |operation| doc.apply(id, operation));
                self.router = self.router.api_route(&self.path, method);
                self
            }
        )*
    };
}

impl<A: Clone + Send + Sync + 'static> Routes<A> {
    /// Routes at and below a path.
    pub fn new(base: &'static str) -> Self {
        Self { base, path: base.to_owned(), router: ApiRouter::new() }
    }

    /// Adds the next operations at this path below the base.
    #[must_use]
    pub fn at(mut self, below: &str) -> Self {
        self.path = format!("{}{below}", self.base);
        self
    }

    methods! {
        get get_with "GET", post post_with "POST", put put_with "PUT", patch patch_with "PATCH", delete delete_with "DELETE",
    }

    pub(crate) fn into_router(self) -> ApiRouter<A> {
        self.router
    }
}
