//! Why the catalogue refuses a channel.

use bloom_fault::{Code, Fault};

/// The refusals of [`CatalogClient::get_sellables`](crate::CatalogClient::get_sellables) that a caller can act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelRefusal {
    /// The tenant has no such channel, or it does not sell.
    Unknown,
    /// No channel is named, and the tenant has no default channel.
    NoDefault,
}

impl ChannelRefusal {
    /// The refusal behind a fault; `None` for any other fault.
    pub fn from_fault(fault: &Fault) -> Option<Self> {
        match fault.code {
            Code::NotFound => Some(Self::Unknown),
            Code::Unprocessable if fault.reason == "no_default_channel" => Some(Self::NoDefault),
            _ => None,
        }
    }
}
