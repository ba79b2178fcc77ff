//! A fulfilment: units of an order that are packed, shipped and delivered together.

use bloom_fault::{Code, Fault, ViolationCode};
use bloom_kernel::{Form, FulfilmentId, LocationId, OrderLineId, Quantity, Timestamp, WebUrl, text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The status of a fulfilment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FulfilmentState {
    /// Packed, not shipped yet.
    Open,
    /// Shipped.
    Shipped,
    /// Delivered.
    Delivered,
    /// Canceled before it was shipped.
    Canceled,
}

text! {
    /// Name of a carrier.
    pub struct Carrier { length: 1..=100, form: Form::LINE, example: "India Post" }

    /// A carrier's number of a shipment.
    pub struct TrackingNumber { length: 1..=100, form: Form::LINE, example: "EX123456789IN" }
}

/// How to track a shipment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tracking {
    /// The carrier.
    pub carrier: Carrier,
    /// The carrier's number.
    pub number: TrackingNumber,
    /// The carrier's page for it.
    #[serde(default)]
    pub url: Option<WebUrl>,
}

/// Units of a line in a fulfilment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FulfilmentLine {
    /// The order's line.
    pub line_id: OrderLineId,
    /// The location that they leave from.
    pub location_id: LocationId,
    /// How many.
    pub quantity: i64,
}

/// Units that are shipped together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fulfilment {
    /// Its id.
    pub id: FulfilmentId,
    /// Its status.
    pub status: FulfilmentState,
    /// Its units.
    pub lines: Vec<FulfilmentLine>,
    /// How to track it.
    pub tracking: Option<Tracking>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was shipped.
    pub shipped_at: Option<Timestamp>,
    /// When it was delivered.
    pub delivered_at: Option<Timestamp>,
    /// When it was canceled.
    pub canceled_at: Option<Timestamp>,
}

/// A number of units of a line.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LineQuantity {
    /// The order's line.
    pub line_id: OrderLineId,
    /// How many.
    pub quantity: Quantity,
}

impl Fulfilment {
    /// A new fulfilment of these units.
    pub fn new(id: FulfilmentId, lines: Vec<FulfilmentLine>, now: Timestamp) -> Self {
        Self {
            id,
            status: FulfilmentState::Open,
            lines,
            tracking: None,
            created_at: now,
            shipped_at: None,
            delivered_at: None,
            canceled_at: None,
        }
    }

    /// True from the moment that it is shipped.
    pub fn has_left(&self) -> bool {
        match self.status {
            FulfilmentState::Shipped | FulfilmentState::Delivered => true,
            FulfilmentState::Open | FulfilmentState::Canceled => false,
        }
    }

    /// Marks it as shipped.
    pub fn ship(&mut self, tracking: Option<Tracking>, now: Timestamp) -> Result<(), Fault> {
        match self.status {
            FulfilmentState::Open => {}
            FulfilmentState::Shipped | FulfilmentState::Delivered => return Err(wrong_state("It is shipped already.")),
            FulfilmentState::Canceled => return Err(wrong_state("It is canceled.")),
        }
        self.status = FulfilmentState::Shipped;
        self.tracking = tracking;
        self.shipped_at = Some(now);
        Ok(())
    }

    /// Marks it as delivered.
    pub fn deliver(&mut self, now: Timestamp) -> Result<(), Fault> {
        match self.status {
            FulfilmentState::Shipped => {}
            FulfilmentState::Open => return Err(wrong_state("It is not shipped yet.")),
            FulfilmentState::Delivered => return Err(wrong_state("It is delivered already.")),
            FulfilmentState::Canceled => return Err(wrong_state("It is canceled.")),
        }
        self.status = FulfilmentState::Delivered;
        self.delivered_at = Some(now);
        Ok(())
    }

    /// Cancels it; its units may be shipped in another fulfilment.
    pub fn cancel(&mut self, now: Timestamp) -> Result<(), Fault> {
        match self.status {
            FulfilmentState::Open => {}
            FulfilmentState::Shipped | FulfilmentState::Delivered => return Err(wrong_state("It is shipped already.")),
            FulfilmentState::Canceled => return Err(wrong_state("It is canceled already.")),
        }
        self.status = FulfilmentState::Canceled;
        self.canceled_at = Some(now);
        Ok(())
    }

    /// Reverts a shipment that inventory refused.
    pub fn unship(&mut self) {
        (self.status, self.tracking, self.shipped_at) = (FulfilmentState::Open, None, None);
    }
}

fn wrong_state(why: &str) -> Fault {
    Fault::new(Code::Conflict, "fulfilment_state", format!("This cannot be done with the fulfilment. {why}"))
}

/// The refusal of more units than a line has left, at a location or in total.
pub fn exceeds_left(index: usize, left: i64, place: &str) -> Fault {
    let message = if left <= 0 {
        format!("Nothing is left of this line{place}; leave it out.")
    } else {
        format!("Give at most {left}; that is what is left of this line{place}.")
    };
    let fault = Fault::new(Code::Unprocessable, "quantity_exceeds_left", message.as_str());
    fault.at(format!("/lines/{index}/quantity"), ViolationCode::OutOfRange, message)
}

/// The refusal of a line that the order does not have: the same as for any unknown id.
pub fn unknown_line(index: usize) -> Fault {
    let message = "The order has no such line.";
    Fault::not_found("order line").at(format!("/lines/{index}/line_id"), ViolationCode::Unknown, message)
}
