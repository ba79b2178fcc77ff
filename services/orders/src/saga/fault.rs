//! Faults on purpose: a test names a step of the purchase and what goes wrong there. Without a test there are none.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use bloom_fault::{Code, Fault};

use super::Step;

/// On which side of a step it goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Moment {
    /// It was not begun.
    Before,
    /// It was done, and nobody has heard of it.
    After,
    /// It was not undone.
    BeforeUndo,
    /// It was undone, and nobody has heard of it.
    AfterUndo,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mishap {
    /// The process dies: nothing more is done until the timer takes the checkout up.
    Crash,
    /// The step is refused for good.
    Refusal,
    /// The step runs once more.
    Repeat,
    /// The neighbour that the step asks is away: it was not reached, or its answer is lost.
    Away,
}

/// One fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FaultPoint {
    /// Where.
    pub step: Step,
    /// On which side.
    pub moment: Moment,
    /// What.
    pub mishap: Mishap,
}

/// Faults that are still to happen, in this order. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Faults(Option<Arc<Mutex<VecDeque<FaultPoint>>>>);

impl Faults {
    /// Faults that a test will name.
    pub fn on_request() -> Self {
        Self(Some(Arc::default()))
    }

    /// Names the faults to come.
    pub fn set(&self, points: impl IntoIterator<Item = FaultPoint>) {
        if let Some(queue) = &self.0 {
            *queue.lock().unwrap_or_else(PoisonError::into_inner) = points.into_iter().collect();
        }
    }

    /// How many have not happened yet.
    pub fn left(&self) -> usize {
        self.0.as_ref().map_or(0, |queue| queue.lock().unwrap_or_else(PoisonError::into_inner).len())
    }

    /// What goes wrong here and now, if anything; it happens once.
    pub(crate) fn at(&self, step: Step, moment: Moment) -> Option<Mishap> {
        let mut queue = self.0.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner);
        let next = queue.front().copied().filter(|point| point.step == step && point.moment == moment)?;
        queue.pop_front();
        Some(next.mishap)
    }
}

/// The refusal of [`Mishap::Refusal`].
pub(crate) fn refusal(step: Step) -> Fault {
    Fault::new(Code::Conflict, "refused_by_test", format!("The step {step:?} was refused on purpose."))
}
