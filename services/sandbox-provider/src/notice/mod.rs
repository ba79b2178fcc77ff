//! Notices: stored with the change that they report, then delivered until they are accepted or the attempts are used up.

mod deliver;
mod model;
mod store;

pub(crate) use deliver::{DELIVER, deliver, deliver_now, notify};
