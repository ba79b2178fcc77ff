//! The catalogue as pricing's tests have it: a server that knows the channels that a test gives it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bloom_contract_catalog::catalog_server::{Catalog, CatalogServer};
use bloom_contract_catalog::{Channel, FindChannelsReply, FindChannelsRequest, GetSellablesReply, GetSellablesRequest};
use bloom_kernel::{ChannelId, TenantId};
use bloom_runtime::{ServiceContext, signed_context as context};
use tonic::{Request, Response, Status};

/// What the catalogue owns, and what it was asked for.
#[derive(Clone)]
pub(super) struct Owner {
    ledger: Arc<Mutex<Ledger>>,
    host: ServiceContext,
}

#[derive(Default)]
struct Ledger {
    owned: BTreeMap<(TenantId, String), Channel>,
    asked: Vec<String>,
}

impl Owner {
    /// Nobody can ask it yet.
    pub(super) fn new(host: &ServiceContext) -> Self {
        Self { ledger: Arc::default(), host: host.clone() }
    }

    /// The catalogue opens.
    pub(super) fn open(&self) {
        let (listener, stop) = (self.host.peers.in_memory("catalog"), self.host.shutdown.clone());
        let app = tonic::service::Routes::new(CatalogServer::new(self.clone())).prepare().into_axum_router();
        #[expect(clippy::disallowed_methods, reason = "a server of the test, gone with it")]
        tokio::spawn(async move {
            let _ = axum::serve(listener, app).with_graceful_shutdown(async move { stop.cancelled().await }).await;
        });
    }

    /// A tenant has a channel in euros of which no event has told.
    pub(super) fn own(&self, tenant: TenantId, id: ChannelId, gross: bool, country: &str) {
        let channel = Channel {
            id: id.to_string(),
            code: "new".to_owned(),
            currency: "EUR".to_owned(),
            gross,
            country: country.to_owned(),
            location_ids: Vec::new(),
            version: 1,
        };
        self.ledger.lock().unwrap().owned.insert((tenant, id.to_string()), channel);
    }

    /// What it was asked for since the last look.
    pub(super) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.ledger.lock().unwrap().asked)
    }
}

#[tonic::async_trait]
impl Catalog for Owner {
    async fn get_sellables(&self, _: Request<GetSellablesRequest>) -> Result<Response<GetSellablesReply>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn find_channels(&self, request: Request<FindChannelsRequest>) -> Result<Response<FindChannelsReply>, Status> {
        let token = request.metadata().get(context::HEADER).unwrap().to_str().unwrap();
        let tenant = context::verify(&self.host.keys, token, self.host.platform_now()).unwrap().tenant;
        let ids = request.into_inner().channel_ids;
        let mut ledger = self.ledger.lock().unwrap();
        ledger.asked.extend(ids.iter().cloned());
        let channels = ids.into_iter().filter_map(|id| ledger.owned.get(&(tenant, id)).cloned()).collect();
        Ok(Response::new(FindChannelsReply { channels }))
    }
}
