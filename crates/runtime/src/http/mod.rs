//! Extractors that refuse badly formed requests in one voice, and the layer around every route.

mod arriving;
mod body;
mod caller;
mod cart_token;
mod edge;
mod if_match;
pub mod page;
mod path;
mod query;
mod raw;
mod reread;
mod schema;
mod strict;
#[cfg(test)]
mod tests;
mod violations;

pub use arriving::{Patience, throw_away};
pub use body::{BODY_LIMIT, Json, Judgement, judge, parse, schema};
pub use caller::{Caller, PERMISSION, Permission};
pub use cart_token::CartToken;
pub use edge::{EdgeState, REASON, edge};
pub use if_match::IfMatch;
pub use path::{PATH_TYPES, Path};
pub use query::Query;
pub use raw::RawJson;
