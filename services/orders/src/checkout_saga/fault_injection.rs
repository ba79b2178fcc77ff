//! Fault injection: a test names a step of the saga and the fault that happens there. Without a test there are none.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use bloom_fault::{Code, Fault};

use super::step::Step;

/// When the fault happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Moment {
    /// Before the step.
    Before,
    /// After the step, before its result is used.
    After,
    /// Before the step is undone.
    BeforeUndo,
    /// After the step is undone, before that is stored.
    AfterUndo,
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// The process ends: nothing more happens until the timer resumes the checkout.
    Crash,
    /// The step is refused for good.
    Refusal,
    /// The step runs once more.
    Repeat,
    /// The called service is unreachable, or its reply is lost.
    Unreachable,
}

/// One fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FaultPoint {
    /// The step.
    pub step: Step,
    /// When.
    pub moment: Moment,
    /// What.
    pub kind: FaultKind,
}

/// Faults that are still to happen, in this order. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Faults(Option<Arc<Mutex<VecDeque<FaultPoint>>>>);

impl Faults {
    /// Faults that a test will set.
    pub fn on_request() -> Self {
        Self(Some(Arc::default()))
    }

    /// Sets the faults to come.
    pub fn set(&self, points: impl IntoIterator<Item = FaultPoint>) {
        if let Some(queue) = &self.0 {
            *queue.lock().unwrap_or_else(PoisonError::into_inner) = points.into_iter().collect();
        }
    }

    /// How many have not happened yet.
    pub fn left(&self) -> usize {
        self.0.as_ref().map_or(0, |queue| queue.lock().unwrap_or_else(PoisonError::into_inner).len())
    }

    /// The fault that happens here and now, if any; it happens once.
    pub fn take(&self, step: Step, moment: Moment) -> Option<FaultKind> {
        let mut queue = self.0.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner);
        let next = queue.front().copied().filter(|point| point.step == step && point.moment == moment)?;
        queue.pop_front();
        Some(next.kind)
    }
}

/// The refusal of [`FaultKind::Refusal`].
pub fn refusal(step: Step) -> Fault {
    Fault::new(Code::Conflict, "refused_by_test", format!("The step {step:?} was refused on purpose."))
}

/// The fault of [`FaultKind::Crash`] and [`FaultKind::Unreachable`].
pub fn unavailable(step: Step) -> Fault {
    Fault::new(Code::Unavailable, "unavailable", "").source(format!("a test injected a fault at {step:?}"))
}
