//! gRPC for gateways: the holder of a key, and the revoked keys.

use bloom_contract_identity::identity_server::Identity as Contract;
use bloom_contract_identity::{ListRevocationsReply, ListRevocationsRequest, ResolveKeyReply, ResolveKeyRequest};
use bloom_runtime::grpc;
use tonic::{Request, Response, Status};

use crate::{Identity, api_key};

/// Answers services of the fleet only.
pub(crate) struct Grpc(pub(crate) Identity);

#[tonic::async_trait]
impl Contract for Grpc {
    async fn resolve_key(&self, request: Request<ResolveKeyRequest>) -> Result<Response<ResolveKeyReply>, Status> {
        grpc::call(&request)?;
        Ok(Response::new(api_key::resolve(&self.0, &request.get_ref().sha256).await?))
    }

    async fn list_revocations(&self, request: Request<ListRevocationsRequest>) -> Result<Response<ListRevocationsReply>, Status> {
        grpc::call(&request)?;
        Ok(Response::new(api_key::list_revocations(&self.0, request.get_ref().after).await?))
    }
}
