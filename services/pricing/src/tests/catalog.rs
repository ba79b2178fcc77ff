//! The catalog in this service's tests: a gRPC server that knows the channels that a test adds.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bloom_contract_catalog::catalog_server::{Catalog, CatalogServer};
use bloom_contract_catalog::{Channel, FindChannelsReply, FindChannelsRequest, GetSellablesReply, GetSellablesRequest};
use bloom_kernel::{ChannelId, TenantId};
use bloom_runtime::{ServiceContext, signed_context as context};
use tonic::{Request, Response, Status};

#[derive(Clone)]
pub struct FakeCatalog {
    state: Arc<Mutex<State>>,
    host: ServiceContext,
}

#[derive(Default)]
struct State {
    channels: BTreeMap<(TenantId, String), Channel>,
    requests: Vec<String>,
    stopped: bool,
}

impl FakeCatalog {
    /// A catalog that is not running.
    pub fn new(host: &ServiceContext) -> Self {
        Self { state: Arc::default(), host: host.clone() }
    }

    pub fn start(&self) {
        let (listener, stop) = (self.host.peers.in_memory("catalog"), self.host.shutdown.clone());
        let app = tonic::service::Routes::new(CatalogServer::new(self.clone())).prepare().into_axum_router();
        #[expect(clippy::disallowed_methods, reason = "a server that ends with the test")]
        tokio::spawn(async move {
            let _ = axum::serve(listener, app).with_graceful_shutdown(async move { stop.cancelled().await }).await;
        });
    }

    /// From now on it answers every call with UNAVAILABLE.
    pub fn stop(&self) {
        self.state.lock().unwrap().stopped = true;
    }

    /// Gives a tenant a channel in euros without publishing its event.
    pub fn add_channel(&self, tenant: TenantId, id: ChannelId, gross: bool, country: &str) {
        let channel = Channel {
            id: id.to_string(),
            code: "new".to_owned(),
            currency: "EUR".to_owned(),
            gross,
            country: country.to_owned(),
            location_ids: Vec::new(),
            version: 1,
        };
        self.state.lock().unwrap().channels.insert((tenant, id.to_string()), channel);
    }

    /// Ids of the channels requested since the last call.
    pub fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().requests)
    }
}

#[tonic::async_trait]
impl Catalog for FakeCatalog {
    async fn get_sellables(&self, _: Request<GetSellablesRequest>) -> Result<Response<GetSellablesReply>, Status> {
        Err(Status::unimplemented("pricing does not call this"))
    }

    async fn find_channels(&self, request: Request<FindChannelsRequest>) -> Result<Response<FindChannelsReply>, Status> {
        let token = request.metadata().get(context::HEADER).unwrap().to_str().unwrap();
        let tenant = context::verify(&self.host.keys, token, self.host.platform_now()).unwrap().tenant;
        let ids = request.into_inner().channel_ids;
        let mut state = self.state.lock().unwrap();
        if state.stopped {
            return Err(Status::unavailable("the catalog is stopped"));
        }
        state.requests.extend(ids.iter().cloned());
        let channels = ids.into_iter().filter_map(|id| state.channels.get(&(tenant, id)).cloned()).collect();
        Ok(Response::new(FindChannelsReply { channels }))
    }
}
