//! Scenarios: a token selects one behaviour of providers.

mod model;
mod play;

pub(crate) use model::{Plan, Token};
pub(crate) use play::{EXPIRE, SETTLE, play, play_before_reply, unschedule_expiry};
