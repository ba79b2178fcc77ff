//! Messages of other services into what operations take, and back. A refusal names the field.

use std::collections::BTreeSet;
use std::str::FromStr;

use bloom_contract_inventory as proto;
use bloom_fault::Fault;
use bloom_kernel::{HoldId, LocationId, VariantId};

use crate::domain::hold::{Hold, TTL_SECONDS_MAX};
use crate::domain::movement::MovementKind;
use crate::domain::{LINES_MAX, QUANTITY_MAX, is_quantity};
use crate::ops::hold_stock::{HoldWanted, LineWanted};
use crate::ops::move_allocation::AllocationChange;
use crate::ops::set_stock::{ROWS_MAX, StockRow};
use crate::store::item::ItemKey;

/// An id of the wanted kind.
pub fn id<T: FromStr>(pointer: &str, text: &str) -> Result<T, Fault> {
    text.parse().map_err(|_| Fault::invalid(pointer, "id_invalid", "This is not an id of the kind that belongs here."))
}

/// Ids of the wanted kind, at most so many.
pub fn ids<T: FromStr>(pointer: &str, texts: &[String], most: usize) -> Result<Vec<T>, Fault> {
    if most < texts.len() {
        return Err(Fault::invalid(pointer, "too_many", format!("At most {most} are allowed here.")));
    }
    texts.iter().enumerate().map(|(index, text)| id(&format!("{pointer}/{index}"), text)).collect()
}

/// A number of units.
pub fn quantity(pointer: &str, quantity: i64) -> Result<i64, Fault> {
    if is_quantity(quantity) {
        return Ok(quantity);
    }
    Err(Fault::invalid(pointer, "quantity_out_of_range", format!("A quantity is a whole number from 1 to {QUANTITY_MAX}.")))
}

/// The seconds that a hold lasts.
pub fn ttl(seconds: i64) -> Result<i64, Fault> {
    if (1..=TTL_SECONDS_MAX).contains(&seconds) {
        return Ok(seconds);
    }
    Err(Fault::invalid("/ttl_seconds", "out_of_range", format!("A hold lasts from 1 to {TTL_SECONDS_MAX} seconds.")))
}

/// The number of lines of a request.
pub fn line_count(count: usize) -> Result<(), Fault> {
    if (1..=LINES_MAX).contains(&count) {
        return Ok(());
    }
    Err(Fault::invalid("/lines", "line_count", format!("There are from 1 to {LINES_MAX} lines.")))
}

/// A short text that names something of the caller's.
pub fn name(pointer: &str, text: &str) -> Result<String, Fault> {
    if (1..=100).contains(&text.chars().count()) && !text.contains('\0') {
        return Ok(text.to_owned());
    }
    Err(Fault::invalid(pointer, "length", "This is a text of 1 to 100 characters."))
}

/// What a buyer asks for, checked.
pub fn hold_wanted(id: HoldId, locations: Vec<LocationId>, lines: Vec<LineWanted>, seconds: i64) -> Result<HoldWanted, Fault> {
    line_count(lines.len())?;
    let mut names = BTreeSet::new();
    for (index, line) in lines.iter().enumerate() {
        let pointer = format!("/lines/{index}");
        name(&format!("{pointer}/line_id"), &line.line_id)?;
        quantity(&format!("{pointer}/quantity"), line.quantity)?;
        if !names.insert(&line.line_id) {
            return Err(Fault::invalid(format!("{pointer}/line_id"), "duplicate", "Another line has this id."));
        }
    }
    Ok(HoldWanted { id, locations, ttl_seconds: ttl(seconds)?, lines })
}

/// A hold request of another service.
pub fn hold_request(request: &proto::HoldRequest) -> Result<HoldWanted, Fault> {
    line_count(request.lines.len())?;
    let lines = request
        .lines
        .iter()
        .enumerate()
        .map(|(index, line)| {
            let variant_id: VariantId = id(&format!("/lines/{index}/variant_id"), &line.variant_id)?;
            Ok(LineWanted { line_id: line.line_id.clone(), variant_id, quantity: line.quantity })
        })
        .collect::<Result<_, Fault>>()?;
    let locations = ids("/location_ids", &request.location_ids, LINES_MAX)?;
    hold_wanted(id("/hold_id", &request.hold_id)?, locations, lines, request.ttl_seconds)
}

/// A change of allocated units that another service asks for.
pub fn allocation_change(kind: MovementKind, request: &proto::AllocationChange) -> Result<AllocationChange, Fault> {
    line_count(request.allocations.len())?;
    let lines = request
        .allocations
        .iter()
        .enumerate()
        .map(|(index, line)| {
            let pointer = format!("/lines/{index}");
            let key = ItemKey {
                variant_id: id(&format!("{pointer}/variant_id"), &line.variant_id)?,
                location_id: id(&format!("{pointer}/location_id"), &line.location_id)?,
            };
            Ok((key, quantity(&format!("{pointer}/quantity"), line.quantity)?))
        })
        .collect::<Result<_, Fault>>()?;
    let operation_id = name("/operation_id", &request.operation_id)?;
    Ok(AllocationChange { operation_id, kind, order_id: id("/order_id", &request.order_id)?, lines })
}

/// Counts that another service brings.
pub fn stock_rows(request: &proto::SetStockRequest) -> Result<Vec<StockRow>, Fault> {
    if ROWS_MAX < request.rows.len() {
        return Err(Fault::invalid("/rows", "too_many", format!("At most {ROWS_MAX} rows are allowed here.")));
    }
    let row = |(index, row): (usize, &proto::StockRow)| {
        let pointer = format!("/rows/{index}");
        if row.on_hand != 0 {
            quantity(&format!("{pointer}/on_hand"), row.on_hand)?;
        }
        let variant_id = id(&format!("{pointer}/variant_id"), &row.variant_id)?;
        let location_code = name(&format!("{pointer}/location_code"), &row.location_code)?;
        Ok(StockRow { variant_id, location_code, on_hand: row.on_hand })
    };
    request.rows.iter().enumerate().map(row).collect()
}

/// What a hold gives to its lines.
pub fn allocations(hold: &Hold) -> Vec<proto::Allocation> {
    hold.lines
        .iter()
        .map(|line| proto::Allocation {
            line_id: line.line_id.clone(),
            variant_id: line.variant_id.to_string(),
            location_id: line.location_id.to_string(),
            quantity: line.quantity,
            backordered: line.backordered,
        })
        .collect()
}

/// A hold as other services see it.
pub fn hold_reply(hold: &Hold) -> proto::HoldReply {
    proto::HoldReply {
        hold_id: hold.id.to_string(),
        status: hold.status.as_str().to_owned(),
        expires_at: hold.expires_at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true),
        allocations: allocations(hold),
    }
}
