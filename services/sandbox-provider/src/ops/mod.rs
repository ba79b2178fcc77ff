//! One use case a file.

pub(crate) mod authorise;
pub(crate) mod deliver_notice;
pub(crate) mod draw;
pub(crate) mod settle;
