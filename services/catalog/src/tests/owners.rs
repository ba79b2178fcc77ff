//! Pricing and inventory as the catalogue's tests have them: servers that know what a test gives them and keep what they
//! are told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use bloom_contract_inventory::inventory_server::{Inventory, InventoryServer};
use bloom_contract_inventory::{self as inventory, SetStockReply, SetStockRequest};
use bloom_contract_pricing::pricing_server::{Pricing, PricingServer};
use bloom_contract_pricing::{
    FindTaxClassesReply, FindTaxClassesRequest, QuoteReply, QuoteRequest, SetPricesReply, SetPricesRequest,
};
use bloom_fault::{Code, Fault};
use bloom_kernel::TenantId;
use bloom_runtime::{ServiceContext, signed_context as context};
use tonic::{Request, Response, Status};

/// What pricing and inventory own and were told, and how often they were asked.
#[derive(Clone)]
pub(super) struct Books {
    pub(super) ledger: Arc<Mutex<Ledger>>,
    host: ServiceContext,
}

#[derive(Default)]
pub(super) struct Ledger {
    pub(super) prices: BTreeMap<(String, String), i64>,
    pub(super) stock: BTreeMap<(String, String), i64>,
    pub(super) calls: usize,
    /// So many calls fail before one is answered.
    pub(super) away: usize,
    /// Locations and tax classes, by tenant.
    owned: BTreeSet<(TenantId, String)>,
    /// Under which names stock was counted.
    pub(super) counts: BTreeSet<String>,
    /// Which ids they were asked for.
    pub(super) asked: Vec<String>,
}

impl Books {
    /// Nobody can ask them yet.
    pub(super) fn new(host: &ServiceContext) -> Self {
        Self { ledger: Arc::default(), host: host.clone() }
    }

    /// Pricing and inventory open.
    pub(super) fn open(&self) {
        serve(&self.host, "pricing", tonic::service::Routes::new(PricingServer::new(self.clone())));
        serve(&self.host, "inventory", tonic::service::Routes::new(InventoryServer::new(self.clone())));
    }

    /// A tenant has a location or a tax class of which no event has told.
    pub(super) fn own(&self, tenant: TenantId, id: &impl ToString) {
        self.ledger.lock().unwrap().owned.insert((tenant, id.to_string()));
    }

    /// Which of the ids the tenant of the request has.
    fn found<T>(&self, request: &Request<T>, ids: &[String]) -> Result<Vec<String>, Status> {
        let token = request.metadata().get(context::HEADER).unwrap().to_str().unwrap();
        let tenant = context::verify(&self.host.keys, token, self.host.platform_now()).unwrap().tenant;
        let mut ledger = self.call()?;
        ledger.asked.extend(ids.iter().cloned());
        Ok(ids.iter().filter(|id| ledger.owned.contains(&(tenant, (*id).clone()))).cloned().collect())
    }

    fn call(&self) -> Result<MutexGuard<'_, Ledger>, Status> {
        let mut ledger = self.ledger.lock().unwrap();
        ledger.calls += 1;
        if 0 < ledger.away {
            ledger.away -= 1;
            return Err(Fault::new(Code::Unavailable, "unavailable", "").into());
        }
        Ok(ledger)
    }
}

#[tonic::async_trait]
impl Pricing for Books {
    async fn quote(&self, _: Request<QuoteRequest>) -> Result<Response<QuoteReply>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn set_prices(&self, request: Request<SetPricesRequest>) -> Result<Response<SetPricesReply>, Status> {
        let mut ledger = self.call()?;
        let rows = request.into_inner().prices;
        assert!((1..=1_000).contains(&rows.len()));
        let bad: Vec<usize> = (0..rows.len()).filter(|index| rows[*index].currency == "JPY").collect();
        if !bad.is_empty() {
            let fault = Fault::new(Code::Invalid, "invalid_request", "No yen here.");
            return Err(bad
                .iter()
                .fold(fault, |fault, row| fault.at(format!("/prices/{row}/currency"), "no_yen", "No yen."))
                .into());
        }
        for row in rows {
            ledger.prices.insert((row.variant_id, row.currency), row.amount);
        }
        Ok(Response::new(SetPricesReply { changed: 0 }))
    }

    async fn find_tax_classes(&self, request: Request<FindTaxClassesRequest>) -> Result<Response<FindTaxClassesReply>, Status> {
        let tax_class_ids = self.found(&request, &request.get_ref().tax_class_ids)?;
        Ok(Response::new(FindTaxClassesReply { tax_class_ids }))
    }
}

#[tonic::async_trait]
impl Inventory for Books {
    async fn availability(
        &self,
        _: Request<inventory::AvailabilityRequest>,
    ) -> Result<Response<inventory::AvailabilityReply>, Status> {
        Err(Status::unimplemented("not asked here"))
    }
    async fn hold(&self, _: Request<inventory::HoldRequest>) -> Result<Response<inventory::HoldReply>, Status> {
        Err(Status::unimplemented("not asked here"))
    }
    async fn extend_hold(&self, _: Request<inventory::ExtendHoldRequest>) -> Result<Response<inventory::HoldReply>, Status> {
        Err(Status::unimplemented("not asked here"))
    }
    async fn release_hold(&self, _: Request<inventory::HoldRef>) -> Result<Response<inventory::HoldReply>, Status> {
        Err(Status::unimplemented("not asked here"))
    }
    async fn commit_hold(
        &self,
        _: Request<inventory::CommitHoldRequest>,
    ) -> Result<Response<inventory::CommitHoldReply>, Status> {
        Err(Status::unimplemented("not asked here"))
    }
    async fn ship_allocation(
        &self,
        _: Request<inventory::AllocationChange>,
    ) -> Result<Response<inventory::AllocationReply>, Status> {
        Err(Status::unimplemented("not asked here"))
    }
    async fn release_allocation(
        &self,
        _: Request<inventory::AllocationChange>,
    ) -> Result<Response<inventory::AllocationReply>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn set_stock(&self, request: Request<SetStockRequest>) -> Result<Response<SetStockReply>, Status> {
        let mut ledger = self.call()?;
        let SetStockRequest { rows, operation_id } = request.into_inner();
        assert!((1..=1_000).contains(&rows.len()));
        ledger.counts.insert(operation_id);
        let (known, unknown): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.location_code == "BLR-1");
        for row in known {
            ledger.stock.insert((row.variant_id, row.location_code), row.on_hand);
        }
        let unknown_locations = unknown.into_iter().map(|row| row.location_code).collect();
        Ok(Response::new(SetStockReply { changed: 0, unknown_locations }))
    }

    async fn find_locations(
        &self,
        request: Request<inventory::FindLocationsRequest>,
    ) -> Result<Response<inventory::FindLocationsReply>, Status> {
        let location_ids = self.found(&request, &request.get_ref().location_ids)?;
        Ok(Response::new(inventory::FindLocationsReply { location_ids }))
    }
}

fn serve(host: &ServiceContext, name: &str, routes: tonic::service::Routes) {
    let (listener, stop) = (host.peers.in_memory(name), host.shutdown.clone());
    let app = routes.prepare().into_axum_router();
    #[expect(clippy::disallowed_methods, reason = "a server of the test, gone with it")]
    tokio::spawn(async move {
        let _ = axum::serve(listener, app).with_graceful_shutdown(async move { stop.cancelled().await }).await;
    });
}
