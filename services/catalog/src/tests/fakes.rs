//! In-memory pricing and inventory: servers that know the objects which a test adds, and record requests.

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

/// Fakes of pricing and inventory, with one state.
#[derive(Clone)]
pub(crate) struct FakeOwners {
    pub(crate) state: Arc<Mutex<OwnersState>>,
    host: ServiceContext,
}

#[derive(Default)]
pub(crate) struct OwnersState {
    pub(crate) prices: BTreeMap<(String, String), i64>,
    pub(crate) stock: BTreeMap<(String, String), i64>,
    pub(crate) calls: usize,
    /// How many of the next calls fail.
    pub(crate) failures: usize,
    /// Ids of locations and tax classes, codes of locations; by tenant.
    owned: BTreeSet<(TenantId, String)>,
    /// Operation ids of stock counts.
    pub(crate) counts: BTreeSet<String>,
    /// Ids and codes of look-ups.
    pub(crate) lookups: Vec<String>,
}

impl FakeOwners {
    /// Fakes that are not reachable yet.
    pub(crate) fn new(host: &ServiceContext) -> Self {
        Self { state: Arc::default(), host: host.clone() }
    }

    /// Makes them reachable.
    pub(crate) fn open(&self) {
        serve(&self.host, "pricing", tonic::service::Routes::new(PricingServer::new(self.clone())));
        serve(&self.host, "inventory", tonic::service::Routes::new(InventoryServer::new(self.clone())));
    }

    /// Adds a location, a location code or a tax class of a tenant, without an event.
    pub(crate) fn add(&self, tenant: TenantId, id: &impl ToString) {
        self.state.lock().unwrap().owned.insert((tenant, id.to_string()));
    }

    /// Which of these exist for the tenant of the request.
    fn found<T>(&self, request: &Request<T>, ids: &[String]) -> Result<Vec<String>, Status> {
        let token = request.metadata().get(context::HEADER).unwrap().to_str().unwrap();
        let tenant = context::verify(&self.host.keys, token, self.host.platform_now()).unwrap().tenant;
        let mut state = self.call()?;
        state.lookups.extend(ids.iter().cloned());
        Ok(ids.iter().filter(|id| state.owned.contains(&(tenant, (*id).clone()))).cloned().collect())
    }

    fn call(&self) -> Result<MutexGuard<'_, OwnersState>, Status> {
        let mut state = self.state.lock().unwrap();
        state.calls += 1;
        if 0 < state.failures {
            state.failures -= 1;
            return Err(Fault::new(Code::Unavailable, "unavailable", "").into());
        }
        Ok(state)
    }
}

#[tonic::async_trait]
impl Pricing for FakeOwners {
    async fn quote(&self, _: Request<QuoteRequest>) -> Result<Response<QuoteReply>, Status> {
        Err(Status::unimplemented("the catalogue does not call this"))
    }

    async fn set_prices(&self, request: Request<SetPricesRequest>) -> Result<Response<SetPricesReply>, Status> {
        let mut state = self.call()?;
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
            state.prices.insert((row.variant_id, row.currency), row.amount);
        }
        Ok(Response::new(SetPricesReply { changed: 0 }))
    }

    async fn find_tax_classes(&self, request: Request<FindTaxClassesRequest>) -> Result<Response<FindTaxClassesReply>, Status> {
        let tax_class_ids = self.found(&request, &request.get_ref().tax_class_ids)?;
        Ok(Response::new(FindTaxClassesReply { tax_class_ids }))
    }
}

#[tonic::async_trait]
impl Inventory for FakeOwners {
    async fn availability(
        &self,
        _: Request<inventory::AvailabilityRequest>,
    ) -> Result<Response<inventory::AvailabilityReply>, Status> {
        Err(Status::unimplemented("the catalogue does not call this"))
    }
    async fn hold(&self, _: Request<inventory::HoldRequest>) -> Result<Response<inventory::HoldReply>, Status> {
        Err(Status::unimplemented("the catalogue does not call this"))
    }
    async fn extend_hold(&self, _: Request<inventory::ExtendHoldRequest>) -> Result<Response<inventory::HoldReply>, Status> {
        Err(Status::unimplemented("the catalogue does not call this"))
    }
    async fn release_hold(&self, _: Request<inventory::HoldRef>) -> Result<Response<inventory::HoldReply>, Status> {
        Err(Status::unimplemented("the catalogue does not call this"))
    }
    async fn commit_hold(
        &self,
        _: Request<inventory::CommitHoldRequest>,
    ) -> Result<Response<inventory::CommitHoldReply>, Status> {
        Err(Status::unimplemented("the catalogue does not call this"))
    }
    async fn ship_allocation(
        &self,
        _: Request<inventory::AllocationChange>,
    ) -> Result<Response<inventory::AllocationReply>, Status> {
        Err(Status::unimplemented("the catalogue does not call this"))
    }
    async fn release_allocation(
        &self,
        _: Request<inventory::AllocationChange>,
    ) -> Result<Response<inventory::AllocationReply>, Status> {
        Err(Status::unimplemented("the catalogue does not call this"))
    }

    async fn set_stock(&self, request: Request<SetStockRequest>) -> Result<Response<SetStockReply>, Status> {
        let mut state = self.call()?;
        let SetStockRequest { rows, operation_id } = request.into_inner();
        assert!((1..=1_000).contains(&rows.len()));
        state.counts.insert(operation_id);
        let (known, unknown): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.location_code == "BLR-1");
        for row in known {
            state.stock.insert((row.variant_id, row.location_code), row.on_hand);
        }
        let unknown_locations = unknown.into_iter().map(|row| row.location_code).collect();
        Ok(Response::new(SetStockReply { changed: 0, unknown_locations }))
    }

    async fn find_locations(
        &self,
        request: Request<inventory::FindLocationsRequest>,
    ) -> Result<Response<inventory::FindLocationsReply>, Status> {
        let location_ids = self.found(&request, &request.get_ref().location_ids)?;
        let location_codes = self.found(&request, &request.get_ref().location_codes)?;
        Ok(Response::new(inventory::FindLocationsReply { location_ids, location_codes }))
    }
}

fn serve(host: &ServiceContext, name: &str, routes: tonic::service::Routes) {
    let (listener, stop) = (host.peers.in_memory(name), host.shutdown.clone());
    let app = routes.prepare().into_axum_router();
    #[expect(clippy::disallowed_methods, reason = "a server of the test, which ends with it")]
    tokio::spawn(async move {
        let _ = axum::serve(listener, app).with_graceful_shutdown(async move { stop.cancelled().await }).await;
    });
}
