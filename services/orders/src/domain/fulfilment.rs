//! Parcels: which units leave, from where, and how much money they are worth.

use bloom_fault::{Code, Fault};
use bloom_kernel::{FulfilmentId, LocationId, Money, OrderLineId, Timestamp, VariantId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::order::Order;
use super::refund::share;
use super::status::{PaymentStatus, Status};

/// Most parcels of an order.
pub const FULFILMENTS_MAX: usize = 100;

/// Where a parcel stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FulfilmentState {
    /// Being packed.
    Open,
    /// On its way.
    Shipped,
    /// Arrived.
    Delivered,
    /// Not packed after all.
    Canceled,
}

/// How to follow a parcel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tracking {
    /// Who carries it.
    #[schemars(length(min = 1, max = 100))]
    pub carrier: String,
    /// The carrier's number.
    #[schemars(length(min = 1, max = 100))]
    pub number: String,
    /// Where to look.
    #[serde(default)]
    #[schemars(length(max = 2048))]
    pub url: Option<String>,
}

/// Units of a line in a parcel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FulfilmentLine {
    /// The order's line.
    pub line_id: OrderLineId,
    /// Where they come from.
    pub location_id: LocationId,
    /// How many.
    pub quantity: i64,
}

/// A parcel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fulfilment {
    /// Its id.
    pub id: FulfilmentId,
    /// Where it stands.
    pub status: FulfilmentState,
    /// What is in it.
    pub lines: Vec<FulfilmentLine>,
    /// How to follow it.
    pub tracking: Option<Tracking>,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When it left.
    pub shipped_at: Option<Timestamp>,
    /// When it arrived.
    pub delivered_at: Option<Timestamp>,
    /// When it was given up.
    pub canceled_at: Option<Timestamp>,
}

/// Units of a line that are to leave.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LineQuantity {
    /// The order's line.
    pub line_id: OrderLineId,
    /// How many.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub quantity: i64,
}

/// Units of a variant at a location, as stock is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Units {
    /// The order's line.
    pub line_id: OrderLineId,
    /// What.
    pub variant_id: VariantId,
    /// Where.
    pub location_id: LocationId,
    /// How many.
    pub quantity: i64,
}

impl Tracking {
    /// Refuses what does not fit.
    pub fn check(&self) -> Result<(), Fault> {
        let fits =
            |text: &str, most: usize| (1..=most).contains(&text.trim().chars().count()) && !text.chars().any(char::is_control);
        if !fits(&self.carrier, 100) {
            return Err(Fault::invalid(
                "/tracking/carrier",
                "invalid_text",
                "Give 1 to 100 characters, none of them a control character.",
            ));
        }
        if !fits(&self.number, 100) {
            return Err(Fault::invalid(
                "/tracking/number",
                "invalid_text",
                "Give 1 to 100 characters, none of them a control character.",
            ));
        }
        match &self.url {
            Some(url) if !fits(url, 2048) || !(url.starts_with("https://") || url.starts_with("http://")) => {
                Err(Fault::invalid("/tracking/url", "invalid_url", "Give an address that begins with https:// or http://."))
            }
            Some(_) | None => Ok(()),
        }
    }
}

impl Order {
    /// Units of a line at a location that no parcel has taken.
    fn free_at(&self, line: OrderLineId, location: LocationId) -> i64 {
        let allocated: i64 = self
            .lines
            .iter()
            .filter(|known| known.id == line)
            .flat_map(|known| &known.allocations)
            .filter(|part| part.location_id == location)
            .map(|part| part.quantity)
            .sum();
        let taken: i64 = self
            .fulfilments
            .iter()
            .filter(|parcel| parcel.status != FulfilmentState::Canceled)
            .flat_map(|parcel| &parcel.lines)
            .filter(|taken| taken.line_id == line && taken.location_id == location)
            .map(|taken| taken.quantity)
            .sum();
        allocated - taken
    }

    /// Everything that no parcel has taken, at its locations: what a cancellation gives back.
    pub fn unshipped(&self) -> Vec<Units> {
        let mut units = Vec::new();
        for line in &self.lines {
            for part in &line.allocations {
                let quantity = self.free_at(line.id, part.location_id);
                if 0 < quantity {
                    let (line_id, variant_id) = (line.id, line.variant_id);
                    units.push(Units { line_id, variant_id, location_id: part.location_id, quantity });
                }
            }
        }
        units
    }

    /// Begins a parcel with the given units, or with all that are left; they are taken from their locations in the order
    /// in which the purchase found them.
    pub fn pack(
        &mut self,
        id: FulfilmentId,
        wanted: &[LineQuantity],
        from: Option<LocationId>,
        now: Timestamp,
    ) -> Result<(), Fault> {
        match self.status {
            Status::Confirmed => self.has_money()?,
            Status::Placed => return Err(not_fulfillable("Its payment is not promised yet.")),
            Status::Completed => return Err(not_fulfillable("Everything has been shipped.")),
            Status::Canceled | Status::Expired => return Err(not_fulfillable("It is canceled or expired.")),
        }
        if FULFILMENTS_MAX <= self.fulfilments.len() {
            return Err(not_fulfillable("It has as many parcels as an order may have."));
        }
        let all: Vec<LineQuantity>;
        let wanted = if wanted.is_empty() {
            all = self.left(from);
            &all
        } else {
            wanted
        };
        let mut parcel = Fulfilment {
            id,
            status: FulfilmentState::Open,
            lines: Vec::new(),
            tracking: None,
            created_at: now,
            shipped_at: None,
            delivered_at: None,
            canceled_at: None,
        };
        for (index, want) in wanted.iter().enumerate() {
            let taken = self.take(&parcel.lines, want, from, index)?;
            parcel.lines.extend(taken);
        }
        if parcel.lines.is_empty() {
            return Err(not_fulfillable("Nothing is left to be put into a parcel."));
        }
        self.fulfilments.push(parcel);
        Ok(())
    }

    /// Goods that nobody will pay for any more do not leave, as long as the order can be canceled instead: of one that was
    /// shipped in part before, the merchant decides.
    fn has_money(&self) -> Result<(), Fault> {
        if self.payment_status == PaymentStatus::Voided && !self.fulfilments.iter().any(Fulfilment::has_left) {
            return Err(not_fulfillable("Its payment was given up, and nothing of it was drawn. Cancel the order."));
        }
        Ok(())
    }

    /// A parcel leaves.
    pub fn ship(&mut self, id: FulfilmentId, tracking: Option<Tracking>, now: Timestamp) -> Result<&Fulfilment, Fault> {
        self.has_money()?;
        let parcel = self.parcel(id)?;
        parcel.ship(tracking, now)?;
        Ok(parcel)
    }

    fn left(&self, from: Option<LocationId>) -> Vec<LineQuantity> {
        let units = self.unshipped();
        let here = units.iter().filter(|units| from.is_none_or(|from| from == units.location_id));
        let mut left: Vec<LineQuantity> = Vec::new();
        for units in here {
            match left.iter_mut().find(|known| known.line_id == units.line_id) {
                Some(known) => known.quantity += units.quantity,
                None => left.push(LineQuantity { line_id: units.line_id, quantity: units.quantity }),
            }
        }
        left
    }

    fn take(
        &self,
        packed: &[FulfilmentLine],
        want: &LineQuantity,
        from: Option<LocationId>,
        index: usize,
    ) -> Result<Vec<FulfilmentLine>, Fault> {
        let line = self.lines.iter().find(|line| line.id == want.line_id).ok_or_else(|| unknown_line(index))?;
        if want.quantity < 1 {
            let pointer = format!("/lines/{index}/quantity");
            return Err(Fault::invalid(pointer, "quantity_out_of_range", "A quantity is at least 1."));
        }
        let mut missing = want.quantity;
        let mut taken = Vec::new();
        for part in line.allocations.iter().filter(|part| from.is_none_or(|from| from == part.location_id)) {
            let in_parcel: i64 = packed
                .iter()
                .filter(|packed| packed.line_id == line.id && packed.location_id == part.location_id)
                .map(|packed| packed.quantity)
                .sum();
            let quantity = (self.free_at(line.id, part.location_id) - in_parcel).min(missing);
            if 0 < quantity {
                taken.push(FulfilmentLine { line_id: line.id, location_id: part.location_id, quantity });
                missing -= quantity;
            }
        }
        if 0 < missing {
            let place = if from.is_some() { " at this location" } else { "" };
            return Err(exceeds_left(index, want.quantity - missing, place));
        }
        Ok(taken)
    }

    /// A parcel of the order.
    pub fn parcel(&mut self, id: FulfilmentId) -> Result<&mut Fulfilment, Fault> {
        self.fulfilments.iter_mut().find(|parcel| parcel.id == id).ok_or_else(|| Fault::not_found("fulfilment"))
    }

    /// A parcel did not leave after all: stock refused. It is open again, or given up when it was packed in the same step, as
    /// nobody knows of it. An order that was completed by it is not.
    pub fn unship(&mut self, id: FulfilmentId, with_parcel: bool, now: Timestamp) -> Result<(), Fault> {
        let parcel = self.parcel(id)?;
        if parcel.status != FulfilmentState::Shipped {
            return Ok(());
        }
        (parcel.status, parcel.tracking, parcel.shipped_at) = (FulfilmentState::Open, None, None);
        if with_parcel {
            parcel.cancel(now)?;
        }
        if self.status == Status::Completed {
            (self.status, self.completed_at) = (Status::Confirmed, None);
        }
        Ok(())
    }

    /// The units of a parcel as stock is told.
    pub fn parcel_units(&self, parcel: &Fulfilment) -> Vec<Units> {
        let units = parcel.lines.iter().filter_map(|packed| {
            let line = self.lines.iter().find(|line| line.id == packed.line_id)?;
            Some(Units {
                line_id: line.id,
                variant_id: line.variant_id,
                location_id: packed.location_id,
                quantity: packed.quantity,
            })
        });
        units.collect()
    }

    /// What the units shipped so far are worth, delivery with the first of them: what may be drawn by now. Parcels whose
    /// shipment is undecided do not count.
    pub fn worth_of_shipped(&self, undecided: &[FulfilmentId]) -> Money {
        let shipped = |line: OrderLineId| -> i64 {
            let gone =
                self.fulfilments.iter().filter(|parcel| parcel.has_left()).filter(|parcel| !undecided.contains(&parcel.id));
            gone.flat_map(|parcel| &parcel.lines).filter(|packed| packed.line_id == line).map(|packed| packed.quantity).sum()
        };
        let mut worth = 0_i64;
        let mut any = false;
        for line in &self.lines {
            let units = shipped(line.id);
            any |= 0 < units;
            worth = worth.saturating_add(share(line.total.amount(), units, line.quantity));
        }
        if any {
            worth = worth.saturating_add(self.delivery.as_ref().map_or(0, |delivery| delivery.total.amount()));
        }
        Money::new(worth.min(self.total.amount()), self.currency)
    }
}

impl Fulfilment {
    /// True from the moment that it is shipped.
    pub fn has_left(&self) -> bool {
        matches!(self.status, FulfilmentState::Shipped | FulfilmentState::Delivered)
    }

    fn ship(&mut self, tracking: Option<Tracking>, now: Timestamp) -> Result<(), Fault> {
        match self.status {
            FulfilmentState::Open => {}
            FulfilmentState::Shipped | FulfilmentState::Delivered => return Err(wrong_state("It has left already.")),
            FulfilmentState::Canceled => return Err(wrong_state("It is canceled.")),
        }
        self.status = FulfilmentState::Shipped;
        self.tracking = tracking;
        self.shipped_at = Some(now);
        Ok(())
    }

    /// The parcel has arrived.
    pub fn deliver(&mut self, now: Timestamp) -> Result<(), Fault> {
        match self.status {
            FulfilmentState::Shipped => {}
            FulfilmentState::Open => return Err(wrong_state("It has not left yet.")),
            FulfilmentState::Delivered => return Err(wrong_state("It has arrived already.")),
            FulfilmentState::Canceled => return Err(wrong_state("It is canceled.")),
        }
        self.status = FulfilmentState::Delivered;
        self.delivered_at = Some(now);
        Ok(())
    }

    /// The parcel is given up; its units are free for another one.
    pub fn cancel(&mut self, now: Timestamp) -> Result<(), Fault> {
        match self.status {
            FulfilmentState::Open => {}
            FulfilmentState::Shipped | FulfilmentState::Delivered => return Err(wrong_state("It has left already.")),
            FulfilmentState::Canceled => return Err(wrong_state("It is canceled already.")),
        }
        self.status = FulfilmentState::Canceled;
        self.canceled_at = Some(now);
        Ok(())
    }
}

fn wrong_state(why: &str) -> Fault {
    Fault::new(Code::Conflict, "fulfilment_state", format!("This cannot be done with the fulfilment. {why}"))
}

fn not_fulfillable(why: &str) -> Fault {
    Fault::new(Code::Conflict, "order_not_fulfillable", format!("This order cannot be fulfilled. {why}"))
}

/// More units than are left of a line, at a place or at all.
pub fn exceeds_left(index: usize, left: i64, place: &str) -> Fault {
    let message = if left <= 0 {
        format!("Nothing is left of this line{place}; leave it out.")
    } else {
        format!("Give at most {left}; that is what is left of this line{place}.")
    };
    let fault = Fault::new(Code::Unprocessable, "quantity_exceeds_left", message.as_str());
    fault.at(format!("/lines/{index}/quantity"), "quantity_exceeds_left", message)
}

/// A line that the order does not have is refused as any unknown id.
pub fn unknown_line(index: usize) -> Fault {
    let message = "The order has no such line.";
    Fault::not_found("order line").at(format!("/lines/{index}/line_id"), "not_found", message)
}
