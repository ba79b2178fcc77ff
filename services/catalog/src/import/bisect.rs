//! Finds the lines of a chunk that the database refuses: all lines are tried together, and a refused part is halved and tried
//! again until one line is left. One bad line among 500 then takes twenty tries instead of five hundred.

use std::ops::Range;

/// The parts that are still to be tried, the next one last.
#[derive(Debug)]
pub(crate) struct Parts(Vec<Range<usize>>);

impl Parts {
    /// One part of this many lines.
    pub(crate) fn new(lines: usize) -> Self {
        Self((0 < lines).then_some(0..lines).into_iter().collect())
    }

    /// The next part to try, in the order of the lines.
    pub(crate) fn pop(&mut self) -> Option<Range<usize>> {
        self.0.pop()
    }

    /// Splits a refused part in halves; returns the line if it was the only one.
    pub(crate) fn refused(&mut self, part: Range<usize>) -> Option<usize> {
        if part.len() < 2 {
            return Some(part.start);
        }
        let middle = part.start + part.len() / 2;
        self.0.extend([middle..part.end, part.start..middle]);
        None
    }
}
