//! What other services ask: each call reads its message, does one operation, writes the answer.

use bloom_contract_inventory as proto;
use bloom_contract_inventory::inventory_server;
use bloom_fault::Fault;
use bloom_kernel::LocationId;
use tonic::{Request, Response, Status};

use crate::convert;
use crate::domain::movement::MovementKind;
use crate::ops::commit_hold::commit_hold;
use crate::ops::extend_hold::extend_hold;
use crate::ops::hold_stock::hold_stock;
use crate::ops::move_allocation::move_allocation;
use crate::ops::read_availability::read_availability;
use crate::ops::release_hold::release_hold;
use crate::ops::set_stock::set_stock;
use crate::store::location::location_find;
use crate::{Inventory, ops};

/// The most variants of one question.
const VARIANTS_MAX: usize = 1_000;
/// The most locations that are looked for at once: those of a channel.
const LOCATIONS_MAX: usize = 100;

/// The service as its peers see it.
pub struct Grpc(pub Inventory);

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl inventory_server::Inventory for Grpc {
    async fn availability(&self, request: Request<proto::AvailabilityRequest>) -> Answer<proto::AvailabilityReply> {
        let call = bloom_runtime::grpc::call(&request)?;
        let message = request.get_ref();
        let variants = convert::ids("/variant_ids", &message.variant_ids, VARIANTS_MAX)?;
        let locations = convert::ids("/location_ids", &message.location_ids, VARIANTS_MAX)?;
        let found = read_availability(&self.0, &call, &variants, &locations).await?;
        Ok(Response::new(proto::AvailabilityReply { variants: found.into_iter().map(availability).collect() }))
    }

    async fn hold(&self, request: Request<proto::HoldRequest>) -> Answer<proto::HoldReply> {
        let call = bloom_runtime::grpc::call(&request)?;
        let hold = hold_stock(&self.0, &call, &convert::hold_request(request.get_ref())?).await?;
        Ok(Response::new(convert::hold_reply(&hold)))
    }

    async fn extend_hold(&self, request: Request<proto::ExtendHoldRequest>) -> Answer<proto::HoldReply> {
        let call = bloom_runtime::grpc::call(&request)?;
        let message = request.get_ref();
        let id = convert::id("/hold_id", &message.hold_id)?;
        let hold = extend_hold(&self.0, &call, id, convert::ttl(message.ttl_seconds)?).await?;
        Ok(Response::new(convert::hold_reply(&hold)))
    }

    async fn release_hold(&self, request: Request<proto::HoldRef>) -> Answer<proto::HoldReply> {
        let call = bloom_runtime::grpc::call(&request)?;
        let id = convert::id("/hold_id", &request.get_ref().hold_id)?;
        let hold = release_hold(&self.0, &call, id).await?;
        Ok(Response::new(convert::hold_reply(&hold)))
    }

    async fn commit_hold(&self, request: Request<proto::CommitHoldRequest>) -> Answer<proto::CommitHoldReply> {
        let call = bloom_runtime::grpc::call(&request)?;
        let message = request.get_ref();
        let (id, order) = (convert::id("/hold_id", &message.hold_id)?, convert::id("/order_id", &message.order_id)?);
        let hold = commit_hold(&self.0, &call, id, order).await?;
        Ok(Response::new(proto::CommitHoldReply { allocations: convert::allocations(&hold) }))
    }

    async fn ship_allocation(&self, request: Request<proto::AllocationChange>) -> Answer<proto::AllocationReply> {
        self.change_allocation(MovementKind::Shipped, request).await
    }

    async fn release_allocation(&self, request: Request<proto::AllocationChange>) -> Answer<proto::AllocationReply> {
        self.change_allocation(MovementKind::Released, request).await
    }

    async fn set_stock(&self, request: Request<proto::SetStockRequest>) -> Answer<proto::SetStockReply> {
        let mut call = bloom_runtime::grpc::call(&request)?;
        let message = request.get_ref();
        call.idempotency_key = Some(message.operation_id.clone()).filter(|id| !id.is_empty());
        let done = set_stock(&self.0, &call, &convert::stock_rows(message)?).await?;
        Ok(Response::new(proto::SetStockReply { changed: done.changed, unknown_locations: done.unknown_locations }))
    }

    async fn find_locations(&self, request: Request<proto::FindLocationsRequest>) -> Answer<proto::FindLocationsReply> {
        let call = bloom_runtime::grpc::call(&request)?;
        let ids = bloom_runtime::grpc::readable_ids::<LocationId>(&request.get_ref().location_ids, LOCATIONS_MAX)?;
        let mut conn = self.0.db.read(call.tenant).await?;
        let found = location_find(&mut conn, &ids).await.map_err(Fault::from)?;
        Ok(Response::new(proto::FindLocationsReply { location_ids: found.iter().map(ToString::to_string).collect() }))
    }
}

impl Grpc {
    async fn change_allocation(
        &self,
        kind: MovementKind,
        request: Request<proto::AllocationChange>,
    ) -> Answer<proto::AllocationReply> {
        let call = bloom_runtime::grpc::call(&request)?;
        let change = convert::allocation_change(kind, request.get_ref())?;
        move_allocation(&self.0, &call, &change).await.map_err(|fault: Fault| Status::from(fault))?;
        Ok(Response::new(proto::AllocationReply { applied: true }))
    }
}

fn availability(found: ops::read_availability::Availability) -> proto::VariantAvailability {
    proto::VariantAvailability {
        variant_id: found.variant_id.to_string(),
        available: found.available,
        sellable: found.sellable,
        tracked: found.tracked,
    }
}
