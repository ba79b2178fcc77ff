//! The gRPC service of the catalogue for other services.

use bloom_contract_catalog::catalog_server::Catalog as Server;
use bloom_contract_catalog::{
    Channel as ChannelMessage, FindChannelsReply, FindChannelsRequest, GetSellablesReply, GetSellablesRequest, Sellable,
};
use bloom_fault::{Code, Fault};
use bloom_kernel::{ChannelId, VariantId};
use bloom_runtime::grpc;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::Catalog;
use crate::channel::{Channel, channel_find};
use crate::product::{SellableRow, sellable_list};

/// Most variants of one request.
const VARIANTS_MAX: usize = 200;
/// Most channels of one request: all that a tenant can have.
const CHANNELS_MAX: usize = 100;

/// See the module.
pub(crate) struct Grpc(pub(crate) Catalog);

#[tonic::async_trait]
impl Server for Grpc {
    async fn get_sellables(&self, request: Request<GetSellablesRequest>) -> Result<Response<GetSellablesReply>, Status> {
        let context = grpc::call(&request)?;
        let message = request.into_inner();
        if VARIANTS_MAX < message.variant_ids.len() {
            return Err(Fault::new(Code::Invalid, "too_many", format!("Ask for at most {VARIANTS_MAX} variants.")).into());
        }
        let wanted: Option<ChannelId> = match message.channel_id.as_str() {
            "" => None,
            text => Some(grpc::id(text, "channel")?),
        };
        let channel = self.0.channels.resolve(context.tenant, wanted).await?;
        // A malformed id is left out like an unknown one.
        let ids: Vec<Uuid> = message.variant_ids.iter().filter_map(|id| Some(id.parse::<VariantId>().ok()?.uuid())).collect();
        let rows = if ids.is_empty() { Vec::new() } else { sellable_list(&self.0.db, context.tenant, channel.id, &ids).await? };
        let sellables = rows.into_iter().map(sellable).collect();
        Ok(Response::new(GetSellablesReply { channel: Some(channel_message(channel)), sellables }))
    }

    async fn find_channels(&self, request: Request<FindChannelsRequest>) -> Result<Response<FindChannelsReply>, Status> {
        let context = grpc::call(&request)?;
        let ids = grpc::readable_ids::<ChannelId>(&request.get_ref().channel_ids, CHANNELS_MAX)?;
        let mut conn = self.0.db.read(context.tenant).await?;
        let found = channel_find(&mut conn, &ids).await.map_err(Fault::from)?;
        Ok(Response::new(FindChannelsReply { channels: found.into_iter().map(channel_message).collect() }))
    }
}

fn channel_message(channel: Channel) -> ChannelMessage {
    ChannelMessage {
        id: channel.id.to_string(),
        code: channel.code.into(),
        currency: channel.currency.to_string(),
        gross: channel.price_basis.is_gross(),
        country: channel.country.into(),
        location_ids: channel.location_ids.iter().map(ToString::to_string).collect(),
        version: channel.version,
    }
}

fn sellable(row: SellableRow) -> Sellable {
    Sellable {
        variant_id: row.variant_id.to_string(),
        product_id: row.product_id.to_string(),
        sku: row.sku,
        title: row.title,
        variant_title: row.option_values.join(" / "),
        tax_class_id: row.tax_class_id.map(|id| id.to_string()).unwrap_or_default(),
        weight_grams: row.weight_grams,
        published: row.published,
        requires_shipping: row.requires_shipping,
        version: row.version,
    }
}
