//! gRPC for other services. Each call reads its message, runs one operation and writes the reply.

use std::str::FromStr;

use bloom_contract_inventory as proto;
use bloom_contract_inventory::inventory_server;
use bloom_fault::Fault;
use bloom_kernel::{Code, InvalidValue, LocationId, ViolationCode};
use tonic::{Request, Response, Status};

use crate::Inventory;
use crate::allocation::AllocationChange;
use crate::hold::{Hold, HoldLine, HoldLineCreate, HoldRequest, HoldStatus};
use crate::location::{location_find, location_ids as location_ids_by_code};
use crate::movement::{ItemKey, MovementKind};
use crate::stock::{Availability, ROWS_MAX, StockRow};
use crate::units::{CallerName, HoldSeconds, LINES_MAX, StockQuantity, Units};
use crate::{allocation, hold, stock};

/// The most variants of one request.
const VARIANTS_MAX: usize = 1_000;
/// The most locations of one request: those of a channel.
const LOCATIONS_MAX: usize = 100;

/// The service as its peers see it.
pub struct Grpc(pub Inventory);

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl inventory_server::Inventory for Grpc {
    async fn availability(&self, request: Request<proto::AvailabilityRequest>) -> Answer<proto::AvailabilityReply> {
        let context = bloom_runtime::grpc::call(&request)?;
        let message = request.get_ref();
        let variants = ids("/variant_ids", &message.variant_ids, VARIANTS_MAX)?;
        let locations = ids("/location_ids", &message.location_ids, VARIANTS_MAX)?;
        let found = stock::availability(&self.0, &context, &variants, &locations).await?;
        Ok(Response::new(proto::AvailabilityReply { variants: found.into_iter().map(availability).collect() }))
    }

    async fn hold(&self, request: Request<proto::HoldRequest>) -> Answer<proto::HoldReply> {
        let context = bloom_runtime::grpc::call(&request)?;
        let hold = hold::hold(&self.0, &context, &hold_request(request.get_ref())?).await?;
        Ok(Response::new(hold_reply(&hold)))
    }

    async fn extend_hold(&self, request: Request<proto::ExtendHoldRequest>) -> Answer<proto::HoldReply> {
        let context = bloom_runtime::grpc::call(&request)?;
        let message = request.get_ref();
        let (hold_id, seconds) = (id("/hold_id", &message.hold_id)?, seconds(message.ttl_seconds)?);
        let hold = self.0.db.transaction(&context, async |tx| hold::extend_in(tx, hold_id, seconds).await).await?;
        Ok(Response::new(hold_reply(&hold)))
    }

    async fn release_hold(&self, request: Request<proto::HoldRef>) -> Answer<proto::HoldReply> {
        let context = bloom_runtime::grpc::call(&request)?;
        let hold_id = id("/hold_id", &request.get_ref().hold_id)?;
        let hold = hold::release_or_forbid(&self.0, &context, hold_id).await?;
        Ok(Response::new(hold_reply(&hold)))
    }

    async fn commit_hold(&self, request: Request<proto::CommitHoldRequest>) -> Answer<proto::CommitHoldReply> {
        let context = bloom_runtime::grpc::call(&request)?;
        let message = request.get_ref();
        let (hold_id, order_id) = (id("/hold_id", &message.hold_id)?, id("/order_id", &message.order_id)?);
        let hold = hold::commit(&self.0, &context, hold_id, order_id).await?;
        Ok(Response::new(proto::CommitHoldReply { allocations: allocations(&hold) }))
    }

    async fn ship_allocation(&self, request: Request<proto::AllocationChange>) -> Answer<proto::AllocationReply> {
        self.change_allocation(MovementKind::Shipped, request).await
    }

    async fn release_allocation(&self, request: Request<proto::AllocationChange>) -> Answer<proto::AllocationReply> {
        self.change_allocation(MovementKind::Released, request).await
    }

    async fn set_stock(&self, request: Request<proto::SetStockRequest>) -> Answer<proto::SetStockReply> {
        let mut context = bloom_runtime::grpc::call(&request)?;
        let message = request.get_ref();
        context.idempotency_key = Some(message.operation_id.clone()).filter(|id| !id.is_empty());
        let done = stock::set_stock(&self.0, &context, &stock_rows(message)?).await?;
        Ok(Response::new(proto::SetStockReply { changed: done.changed, unknown_locations: done.unknown_locations }))
    }

    async fn find_locations(&self, request: Request<proto::FindLocationsRequest>) -> Answer<proto::FindLocationsReply> {
        let context = bloom_runtime::grpc::call(&request)?;
        let proto::FindLocationsRequest { location_ids, location_codes } = request.get_ref();
        let ids = bloom_runtime::grpc::readable_ids::<LocationId>(location_ids, LOCATIONS_MAX)?;
        count("/location_codes", location_codes.len(), 0, LOCATIONS_MAX)?;
        // A text that is no valid code matches no location, so it is treated as unknown.
        let codes: Vec<String> = location_codes.iter().filter(|code| Code::new(code.as_str()).is_ok()).cloned().collect();
        let mut conn = self.0.db.read(context.tenant).await?;
        let found = location_find(&mut conn, &ids).await.map_err(Fault::from)?;
        let named =
            if codes.is_empty() { Vec::new() } else { location_ids_by_code(&mut conn, &codes).await.map_err(Fault::from)? };
        Ok(Response::new(proto::FindLocationsReply {
            location_ids: found.iter().map(ToString::to_string).collect(),
            location_codes: named.into_iter().map(|(code, _)| code).collect(),
        }))
    }
}

impl Grpc {
    async fn change_allocation(
        &self,
        kind: MovementKind,
        request: Request<proto::AllocationChange>,
    ) -> Answer<proto::AllocationReply> {
        let context = bloom_runtime::grpc::call(&request)?;
        allocation::change(&self.0, &context, &allocation_change(kind, request.get_ref())?).await?;
        Ok(Response::new(proto::AllocationReply { applied: true }))
    }
}

fn id<T: FromStr>(pointer: &str, text: &str) -> Result<T, Fault> {
    let detail = "This is not an id of the kind that belongs here.";
    text.parse().map_err(|_| Fault::invalid(pointer, ViolationCode::Pattern, detail))
}

fn ids<T: FromStr>(pointer: &str, texts: &[String], most: usize) -> Result<Vec<T>, Fault> {
    count(pointer, texts.len(), 0, most)?;
    texts.iter().enumerate().map(|(index, text)| id(&format!("{pointer}/{index}"), text)).collect()
}

fn count(pointer: &str, count: usize, least: usize, most: usize) -> Result<(), Fault> {
    if (least..=most).contains(&count) {
        return Ok(());
    }
    Err(Fault::invalid(pointer, ViolationCode::Count, format!("From {least} to {most} are allowed here.")))
}

fn value<T>(pointer: &str, value: Result<T, InvalidValue>) -> Result<T, Fault> {
    value.map_err(|error| Fault::invalid_value(pointer, error))
}

fn seconds(seconds: i64) -> Result<HoldSeconds, Fault> {
    value("/ttl_seconds", HoldSeconds::new(seconds))
}

fn hold_request(request: &proto::HoldRequest) -> Result<HoldRequest, Fault> {
    count("/lines", request.lines.len(), 1, LINES_MAX)?;
    let line = |(index, line): (usize, &proto::HoldLine)| {
        let pointer = format!("/lines/{index}");
        Ok(HoldLineCreate {
            line_id: value(&format!("{pointer}/line_id"), CallerName::new(&line.line_id))?,
            variant_id: id(&format!("{pointer}/variant_id"), &line.variant_id)?,
            quantity: value(&format!("{pointer}/quantity"), StockQuantity::new(line.quantity))?,
        })
    };
    Ok(HoldRequest {
        id: id("/hold_id", &request.hold_id)?,
        locations: ids("/location_ids", &request.location_ids, LINES_MAX)?,
        lines: request.lines.iter().enumerate().map(line).collect::<Result<_, Fault>>()?,
        ttl_seconds: seconds(request.ttl_seconds)?,
    })
}

fn allocation_change(kind: MovementKind, request: &proto::AllocationChange) -> Result<AllocationChange, Fault> {
    count("/lines", request.allocations.len(), 1, LINES_MAX)?;
    let line = |(index, line): (usize, &proto::Allocation)| {
        let pointer = format!("/lines/{index}");
        let key = ItemKey {
            variant_id: id(&format!("{pointer}/variant_id"), &line.variant_id)?,
            location_id: id(&format!("{pointer}/location_id"), &line.location_id)?,
        };
        Ok((key, value(&format!("{pointer}/quantity"), StockQuantity::new(line.quantity))?.get()))
    };
    Ok(AllocationChange {
        operation_id: value("/operation_id", CallerName::new(&request.operation_id))?,
        kind,
        order_id: id("/order_id", &request.order_id)?,
        lines: request.allocations.iter().enumerate().map(line).collect::<Result<_, Fault>>()?,
    })
}

fn stock_rows(request: &proto::SetStockRequest) -> Result<Vec<StockRow>, Fault> {
    count("/rows", request.rows.len(), 0, ROWS_MAX)?;
    let row = |(index, row): (usize, &proto::StockRow)| {
        let pointer = format!("/rows/{index}");
        let code = value(&format!("{pointer}/location_code"), CallerName::new(&row.location_code))?;
        Ok(StockRow {
            variant_id: id(&format!("{pointer}/variant_id"), &row.variant_id)?,
            location_code: code.to_string(),
            on_hand: value(&format!("{pointer}/on_hand"), Units::new(row.on_hand))?,
        })
    };
    request.rows.iter().enumerate().map(row).collect()
}

fn availability(found: Availability) -> proto::VariantAvailability {
    proto::VariantAvailability {
        variant_id: found.variant_id.to_string(),
        available: found.available,
        sellable: found.sellable,
        tracked: found.tracked,
    }
}

fn allocations(hold: &Hold) -> Vec<proto::Allocation> {
    let allocation = |line: &HoldLine| proto::Allocation {
        line_id: line.line_id.clone(),
        variant_id: line.variant_id.to_string(),
        location_id: line.location_id.to_string(),
        quantity: line.quantity,
        backordered: line.backordered,
    };
    hold.lines.iter().map(allocation).collect()
}

fn hold_reply(hold: &Hold) -> proto::HoldReply {
    let status = match hold.status {
        HoldStatus::Active => proto::HoldStatus::Active,
        HoldStatus::Released => proto::HoldStatus::Released,
        HoldStatus::Expired => proto::HoldStatus::Expired,
        HoldStatus::Committed => proto::HoldStatus::Committed,
    };
    proto::HoldReply {
        hold_id: hold.id.to_string(),
        status: status.into(),
        expires_at: hold.expires_at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true),
        allocations: allocations(hold),
    }
}
