//! The HTTP layer of a service. The crate exists so that every route refuses, replies, pages and describes itself in the
//! same way; it is the only one that depends on `aide`.
//!
//! | module | what it is |
//! |---|---|
//! | [`Service`] | one port with REST and gRPC, health, drain |
//! | [`middleware`] | the layer around every route: context, deadline, metrics, problem documents |
//! | [`Definition`], [`Wiring`] | the parts of a service, and the builder that assembles them |
//! | [`Routes`] | the routes of a resource |
//! | [`List`] | extracts limit, cursor and filter; builds a page |
//! | [`Caller`], [`Path`], [`Query`], [`Body`], [`IfMatch`] | extractors that refuse malformed requests |
//! | [`Reply`] | status, `ETag`, body |
//! | [`page`] | limit, signed cursor, envelope |
//! | [`openapi`] | the API description |

mod body;
mod caller;
mod either;
mod header;
mod if_match;
mod lines;
mod list;
pub mod middleware;
pub mod openapi;
pub mod page;
mod parse;
mod path;
mod query;
mod raw;
pub mod reply;
mod request_body;
mod reread;
mod routes;
mod schema;
pub mod server;
pub mod service;
mod strict;
#[cfg(test)]
mod tests;
mod violations;

pub use body::{BODY_LIMIT, Json, Json as Body};
pub use caller::{Caller, PERMISSION, Permission};
pub use either::Either;
#[doc(hidden)]
pub use header::private;
pub use if_match::IfMatch;
pub use lines::{Lines, LinesReply};
pub use list::{List, NoFilter, PageRequest, Paging};
pub use middleware::{EdgeState, REASON, edge};
pub use page::Page;
pub use parse::{Input, Judgement, inputs, parse};
pub use path::{PATH_TYPES, Path};
pub use query::Query;
pub use raw::RawJson;
pub use reply::{Accepted, Created, Empty, NoContent, Reply};
pub use request_body::{DiscardLimits, discard};
pub use routes::{Doc, Routes};
pub use server::Service;
pub use service::{Definition, Start, Wiring};
