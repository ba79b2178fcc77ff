//! Client of pricing. Each call has a deadline. Reads are repeated once when pricing could not be reached.

use std::time::Duration;

use bloom_fault::Fault;
use bloom_kernel::TaxClassId;
use bloom_runtime::{Peer, RequestContext, ServiceContext};
use tonic::{Code, Request, Status};

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

/// A client of pricing. Cheap to clone.
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
        let mut reply = self.grpc.clone().quote(self.request(caller, quote.clone(), READ_DEADLINE)).await;
        if is_unreached(&reply) {
            reply = self.grpc.clone().quote(self.request(caller, quote, READ_DEADLINE)).await;
        }
        Ok(reply?.into_inner())
    }

    /// Sets at most [`PRICES_MAX`] prices, all or none; returns how many are new or have another amount than before.
    pub async fn set_prices(&self, caller: &RequestContext, prices: Vec<PriceRow>) -> Result<i64, Fault> {
        let request = self.request(caller, SetPricesRequest { prices }, WRITE_DEADLINE);
        Ok(self.grpc.clone().set_prices(request).await?.into_inner().changed)
    }

    /// Returns those of the tax classes that the tenant has. At most [`TAX_CLASSES_MAX`] are sent per request.
    pub async fn find_tax_classes(&self, caller: &RequestContext, ids: &[TaxClassId]) -> Result<Vec<TaxClassId>, Fault> {
        let mut found = Vec::new();
        for ids in ids.chunks(TAX_CLASSES_MAX) {
            let tax_class_ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
            let message = FindTaxClassesRequest { tax_class_ids };
            let mut reply = self.grpc.clone().find_tax_classes(self.request(caller, message.clone(), READ_DEADLINE)).await;
            if is_unreached(&reply) {
                reply = self.grpc.clone().find_tax_classes(self.request(caller, message, READ_DEADLINE)).await;
            }
            found.extend(reply?.into_inner().tax_class_ids.iter().filter_map(|id| id.parse::<TaxClassId>().ok()));
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

/// Whether the service could not be reached. A helper that takes a closure and calls it twice would be shorter, but would make
/// handlers' futures not `Send`.
fn is_unreached<T>(reply: &Result<T, Status>) -> bool {
    reply.as_ref().is_err_and(|status| status.code() == Code::Unavailable)
}
