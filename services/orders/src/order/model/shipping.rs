//! Decides which units of an order may still be shipped, and whether a shipment is paid for.

use bloom_fault::{Code, Fault};
use bloom_kernel::{FulfilmentId, LocationId, Money, OrderLineId, Timestamp};

use super::fulfilment::{Fulfilment, FulfilmentLine, FulfilmentState, LineQuantity, Tracking, exceeds_left, unknown_line};
use super::order::{Order, OrderLine};
use super::refund::{RefundState, share};
use super::status::OrderStatus;
use crate::operation::StockUnits;

/// Most fulfilments of an order.
const FULFILMENTS_MAX: usize = 100;

impl Order {
    /// True when any of its units have shipped.
    pub fn has_left(&self) -> bool {
        self.fulfilments.iter().any(Fulfilment::has_left)
    }

    /// Units at their locations that are in no fulfilment. A cancellation releases them.
    pub fn unpacked_units(&self) -> Vec<StockUnits> {
        let mut units = Vec::new();
        for line in &self.lines {
            for part in &line.allocations {
                let packed = self.packed_at(line.id, part.location_id);
                // Two allocations of a line are at two locations.
                let quantity = part.quantity - packed;
                if 0 < quantity {
                    let (line_id, variant_id) = (line.id, line.variant_id);
                    units.push(StockUnits { line_id, variant_id, location_id: part.location_id, quantity });
                }
            }
        }
        units
    }

    /// Units at their locations that may still be put into a fulfilment: they are in none yet, and are not refunded.
    pub fn open_units(&self) -> Vec<StockUnits> {
        let mut open = self.unpacked_units();
        for line in &self.lines {
            let mut withdrawn = self.withdrawn_units(line);
            for units in open.iter_mut().rev().filter(|units| units.line_id == line.id) {
                let taken = withdrawn.min(units.quantity);
                units.quantity -= taken;
                withdrawn -= taken;
            }
        }
        open.retain(|units| 0 < units.quantity);
        open
    }

    /// Units of a line that were refunded before they were shipped, so they will not be shipped. A shipment that inventory refused
    /// later makes refunded units of it unshipped, too.
    pub(super) fn withdrawn_units(&self, line: &OrderLine) -> i64 {
        let refunds = self.refunds.iter().filter(|refund| refund.status != RefundState::Failed);
        let parts = refunds.flat_map(|refund| &refund.lines).filter(|part| part.line_id == line.id);
        let recorded: i64 = parts.map(|part| part.withdrawn).sum();
        recorded.max(line.refunded_quantity - self.shipped_units(line.id, &[])).max(0)
    }

    pub(super) fn shipped_units(&self, line: OrderLineId, except: &[FulfilmentId]) -> i64 {
        let shipped = self.fulfilments.iter().filter(|fulfilment| fulfilment.has_left() && !except.contains(&fulfilment.id));
        shipped
            .flat_map(|fulfilment| &fulfilment.lines)
            .filter(|packed| packed.line_id == line)
            .map(|packed| packed.quantity)
            .sum()
    }

    fn packed_at(&self, line: OrderLineId, location: LocationId) -> i64 {
        self.fulfilments
            .iter()
            .filter(|fulfilment| fulfilment.status != FulfilmentState::Canceled)
            .flat_map(|fulfilment| &fulfilment.lines)
            .filter(|packed| packed.line_id == line && packed.location_id == location)
            .map(|packed| packed.quantity)
            .sum()
    }

    /// Creates a fulfilment of the wanted units, or of all open ones when none are named. Units are taken from their locations in
    /// the order in which inventory allocated them.
    pub fn pack(
        &mut self,
        id: FulfilmentId,
        wanted: &[LineQuantity],
        from: Option<LocationId>,
        now: Timestamp,
    ) -> Result<(), Fault> {
        match self.status {
            OrderStatus::Confirmed => self.check_secured()?,
            OrderStatus::Placed => return Err(not_fulfillable("Its payment is not authorised yet.")),
            OrderStatus::Completed => return Err(not_fulfillable("Everything is shipped.")),
            OrderStatus::Canceled | OrderStatus::Expired => return Err(not_fulfillable("It is canceled or expired.")),
        }
        if FULFILMENTS_MAX <= self.fulfilments.len() {
            return Err(not_fulfillable("It has as many fulfilments as an order may have."));
        }
        let mut open = self.open_units();
        open.retain(|units| from.is_none_or(|from| from == units.location_id));
        let mut lines = Vec::new();
        if wanted.is_empty() {
            lines.extend(open.iter().map(|units| fulfilment_line(units, units.quantity)));
        }
        for (index, want) in wanted.iter().enumerate() {
            lines.extend(self.take(&mut open, want, from.is_some(), index)?);
        }
        if lines.is_empty() {
            return Err(not_fulfillable("No units are left to be put into a fulfilment."));
        }
        self.check_covered(&lines)?;
        self.fulfilments.push(Fulfilment::new(id, lines, now));
        Ok(())
    }

    /// Takes the wanted units of one line from the open units.
    fn take(
        &self,
        open: &mut [StockUnits],
        want: &LineQuantity,
        one_location: bool,
        index: usize,
    ) -> Result<Vec<FulfilmentLine>, Fault> {
        if !self.lines.iter().any(|line| line.id == want.line_id) {
            return Err(unknown_line(index));
        }
        let mut missing = want.quantity.get();
        let mut taken = Vec::new();
        for units in open.iter_mut().filter(|units| units.line_id == want.line_id) {
            let quantity = units.quantity.min(missing);
            if 0 < quantity {
                taken.push(fulfilment_line(units, quantity));
                units.quantity -= quantity;
                missing -= quantity;
            }
        }
        if 0 < missing {
            let place = if one_location { " at this location" } else { "" };
            return Err(exceeds_left(index, want.quantity.get() - missing, place));
        }
        Ok(taken)
    }

    /// Marks a fulfilment as shipped.
    pub fn ship(&mut self, id: FulfilmentId, tracking: Option<Tracking>, now: Timestamp) -> Result<&Fulfilment, Fault> {
        self.check_secured()?;
        let fulfilment = self.fulfilment(id)?.clone();
        if fulfilment.status == FulfilmentState::Open {
            self.check_not_withdrawn(&fulfilment.lines)?;
            self.check_covered(&fulfilment.lines)?;
        }
        let fulfilment = self.fulfilment(id)?;
        fulfilment.ship(tracking, now)?;
        Ok(fulfilment)
    }

    /// Refuses to ship when the payment was wholly voided or refunded, as long as the order can be canceled instead. If a part of the
    /// order was shipped before, the merchant decides.
    fn check_secured(&self) -> Result<(), Fault> {
        if self.secured() <= 0 && 0 < self.total.amount() && !self.has_left() {
            return Err(not_fulfillable("Its payment was voided or refunded. Cancel the order."));
        }
        Ok(())
    }

    /// Refuses to ship more than is authorised or captured. Refunded units count with their price; a refund without units is a price
    /// reduction. As above, this applies to the first shipment of an order.
    fn check_covered(&self, lines: &[FulfilmentLine]) -> Result<(), Fault> {
        if self.has_left() || self.value_with(lines) <= self.covered() {
            return Ok(());
        }
        Err(not_fulfillable(
            "What is authorised or captured is less than these units cost. Ship fewer units, or cancel the order.",
        ))
    }

    /// The price of these units, the refunded units, and the delivery.
    fn value_with(&self, lines: &[FulfilmentLine]) -> i64 {
        let of_line = |line: &OrderLine| {
            let packed: i64 = lines.iter().filter(|packed| packed.line_id == line.id).map(|packed| packed.quantity).sum();
            share(line.total.amount(), line.refunded_quantity + packed, line.quantity)
        };
        let units = self.lines.iter().map(of_line).fold(0, i64::saturating_add);
        units.saturating_add(self.delivery_amount()).min(self.total.amount())
    }

    /// Refuses a fulfilment with units that were refunded after it was packed.
    fn check_not_withdrawn(&self, lines: &[FulfilmentLine]) -> Result<(), Fault> {
        for line in &self.lines {
            let packed: i64 = lines.iter().filter(|packed| packed.line_id == line.id).map(|packed| packed.quantity).sum();
            let left = line.quantity - self.shipped_units(line.id, &[]) - self.withdrawn_units(line);
            if left < packed {
                return Err(not_fulfillable("Units of this fulfilment were refunded. Cancel it and create another one."));
            }
        }
        Ok(())
    }

    /// A fulfilment of the order.
    pub fn fulfilment(&mut self, id: FulfilmentId) -> Result<&mut Fulfilment, Fault> {
        self.fulfilments.iter_mut().find(|fulfilment| fulfilment.id == id).ok_or_else(|| Fault::not_found("fulfilment"))
    }

    /// Reverts a shipment that inventory refused. The fulfilment is open again, or canceled if the same request created it, since no
    /// reply has named it. If the shipment had completed the order, the order is confirmed again.
    pub fn unship(&mut self, id: FulfilmentId, with_fulfilment: bool, now: Timestamp) -> Result<(), Fault> {
        let fulfilment = self.fulfilment(id)?;
        if fulfilment.status != FulfilmentState::Shipped {
            return Ok(());
        }
        fulfilment.unship();
        if with_fulfilment {
            fulfilment.cancel(now)?;
        }
        if self.status == OrderStatus::Completed {
            (self.status, self.completed_at) = (OrderStatus::Confirmed, None);
        }
        Ok(())
    }

    /// The units of a fulfilment, for a call to inventory.
    pub fn units_of(&self, fulfilment: &Fulfilment) -> Vec<StockUnits> {
        let units = fulfilment.lines.iter().filter_map(|packed| {
            let line = self.lines.iter().find(|line| line.id == packed.line_id)?;
            let (line_id, variant_id) = (line.id, line.variant_id);
            Some(StockUnits { line_id, variant_id, location_id: packed.location_id, quantity: packed.quantity })
        });
        units.collect()
    }

    /// The price of the shipped units, and of the delivery once anything is shipped: the amount that may be captured. Withdrawn units
    /// count, too: they were captured before they were refunded. Fulfilments whose shipment inventory has not answered yet do not
    /// count.
    pub fn value_of_shipped(&self, unanswered: &[FulfilmentId]) -> Money {
        let units = self.lines.iter().map(|line| (line, self.shipped_units(line.id, unanswered)));
        let (mut value, mut any) = (0_i64, false);
        for (line, shipped) in units {
            any |= 0 < shipped;
            let quantity = (shipped + self.withdrawn_units(line)).min(line.quantity);
            value = value.saturating_add(share(line.total.amount(), quantity, line.quantity));
        }
        if any {
            value = value.saturating_add(self.delivery_amount());
        }
        Money::new(value.min(self.total.amount()), self.currency)
    }

    fn delivery_amount(&self) -> i64 {
        self.delivery.as_ref().map_or(0, |delivery| delivery.total.amount())
    }
}

fn fulfilment_line(units: &StockUnits, quantity: i64) -> FulfilmentLine {
    FulfilmentLine { line_id: units.line_id, location_id: units.location_id, quantity }
}

fn not_fulfillable(why: &str) -> Fault {
    Fault::new(Code::Conflict, "order_not_fulfillable", format!("This order cannot be fulfilled. {why}"))
}
