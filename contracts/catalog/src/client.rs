//! Client of the catalogue. Each call has a deadline. All are reads, repeated once when the catalogue could not be reached.

use std::time::Duration;

use bloom_fault::Fault;
use bloom_kernel::{ChannelId, VariantId};
use bloom_runtime::{Peer, RequestContext, ServiceContext};
use tonic::{Code, Request, Status};

use crate::catalog_client::CatalogClient as GrpcClient;
use crate::{Channel, FindChannelsRequest, GetSellablesReply, GetSellablesRequest};

/// Longest time of a call.
const DEADLINE: Duration = Duration::from_secs(5);
/// Most variants of one call of [`CatalogClient::get_sellables`].
pub const VARIANTS_MAX: usize = 200;
/// Most channels of one call of [`CatalogClient::find_channels`].
pub const CHANNELS_MAX: usize = 100;

/// A client of the catalogue. Cheap to clone.
#[derive(Clone)]
pub struct CatalogClient {
    context: ServiceContext,
    grpc: GrpcClient<Peer>,
}

impl CatalogClient {
    /// A client of the caller's service.
    pub fn new(context: &ServiceContext) -> Self {
        Self { grpc: GrpcClient::new(context.peers.get("catalog")), context: context.clone() }
    }

    /// Returns the channel (the tenant's default one when none is named), and the data that a cart needs about at most
    /// [`VARIANTS_MAX`] variants; unknown ones are left out. A refusal may be a [`ChannelRefusal`](crate::ChannelRefusal).
    pub async fn get_sellables(
        &self,
        caller: &RequestContext,
        channel: Option<ChannelId>,
        variants: &[VariantId],
    ) -> Result<GetSellablesReply, Fault> {
        let channel_id = channel.map(|id| id.to_string()).unwrap_or_default();
        let message = GetSellablesRequest { channel_id, variant_ids: variants.iter().map(ToString::to_string).collect() };
        let mut reply = self.grpc.clone().get_sellables(self.request(caller, message.clone())).await;
        if is_unreached(&reply) {
            reply = self.grpc.clone().get_sellables(self.request(caller, message)).await;
        }
        Ok(reply?.into_inner())
    }

    /// Returns those of at most [`CHANNELS_MAX`] channels that the tenant has, active or not.
    pub async fn find_channels(&self, caller: &RequestContext, ids: &[ChannelId]) -> Result<Vec<Channel>, Fault> {
        let message = FindChannelsRequest { channel_ids: ids.iter().map(ToString::to_string).collect() };
        let mut reply = self.grpc.clone().find_channels(self.request(caller, message.clone())).await;
        if is_unreached(&reply) {
            reply = self.grpc.clone().find_channels(self.request(caller, message)).await;
        }
        Ok(reply?.into_inner().channels)
    }

    /// A request whose deadline is the caller's or that of the call, whichever comes first.
    fn request<T>(&self, caller: &RequestContext, message: T) -> Request<T> {
        let mut request = self.context.request(caller, message);
        request.set_timeout(caller.remaining().min(DEADLINE));
        request
    }
}

/// Whether the service could not be reached. A helper that takes a closure and calls it twice would be shorter, but would make
/// handlers' futures not `Send`.
fn is_unreached<T>(reply: &Result<T, Status>) -> bool {
    reply.as_ref().is_err_and(|status| status.code() == Code::Unavailable)
}
