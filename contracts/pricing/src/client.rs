//! Calls of pricing, each with its deadline. Reads are tried a second time when pricing could not be reached.

use std::time::Duration;

use bloom_fault::{Code, Fault};
use bloom_kernel::TaxClassId;
use bloom_runtime::{Peer, RequestContext, ServiceContext};
use tonic::Request;

use crate::pricing_client::PricingClient as GrpcClient;
use crate::{FindTaxClassesRequest, PriceRow, QuoteReply, QuoteRequest, SetPricesRequest};

/// Longest time of a read.
const READ_DEADLINE: Duration = Duration::from_secs(5);
/// Longest time of setting prices.
const WRITE_DEADLINE: Duration = Duration::from_secs(30);
/// Most tax classes of one call of [`PricingClient::find_tax_classes`].
pub const TAX_CLASSES_MAX: usize = 250;
/// Most prices of one call of [`PricingClient::set_prices`].
pub const PRICES_MAX: usize = 1_000;

/// Pricing, as its callers see it. Cheap to clone.
#[derive(Clone)]
pub struct PricingClient {
    context: ServiceContext,
    grpc: GrpcClient<Peer>,
}

impl PricingClient {
    /// A client of the caller's service.
    pub fn new(context: &ServiceContext) -> Self {
        Self { grpc: GrpcClient::new(context.peers.get("pricing")), context: context.clone() }
    }

    /// Prices all lines of a document. A line without a price has `priced = false`.
    pub async fn quote(&self, caller: &RequestContext, quote: QuoteRequest) -> Result<QuoteReply, Fault> {
        let call = async || self.grpc.clone().quote(self.request(caller, quote.clone(), READ_DEADLINE)).await;
        Ok(twice(call).await?.into_inner())
    }

    /// Sets at most [`PRICES_MAX`] prices, all or none; returns how many are new or have another amount than before.
    pub async fn set_prices(&self, caller: &RequestContext, prices: Vec<PriceRow>) -> Result<i64, Fault> {
        let request = self.request(caller, SetPricesRequest { prices }, WRITE_DEADLINE);
        Ok(self.grpc.clone().set_prices(request).await?.into_inner().changed)
    }

    /// Those of the tax classes that the tenant has. At most [`TAX_CLASSES_MAX`] are asked for at a time.
    pub async fn find_tax_classes(&self, caller: &RequestContext, ids: &[TaxClassId]) -> Result<Vec<TaxClassId>, Fault> {
        let mut found = Vec::new();
        for ids in ids.chunks(TAX_CLASSES_MAX) {
            let tax_class_ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
            let message = FindTaxClassesRequest { tax_class_ids };
            let call = async || self.grpc.clone().find_tax_classes(self.request(caller, message.clone(), READ_DEADLINE)).await;
            found.extend(twice(call).await?.into_inner().tax_class_ids.iter().filter_map(|id| id.parse::<TaxClassId>().ok()));
        }
        Ok(found)
    }

    /// A request whose deadline is the caller's or that of the call, whichever comes first.
    fn request<T>(&self, caller: &RequestContext, message: T, deadline: Duration) -> Request<T> {
        let mut request = self.context.request(caller, message);
        request.set_timeout(caller.remaining().min(deadline));
        request
    }
}

/// Calls once, and once more when pricing could not be reached.
async fn twice<T>(call: impl AsyncFn() -> Result<T, tonic::Status>) -> Result<T, Fault> {
    match call().await.map_err(Fault::from) {
        Err(fault) if fault.code == Code::Unavailable => Ok(call().await?),
        first => first,
    }
}
