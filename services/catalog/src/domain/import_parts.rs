//! Which lines of a chunk go to the catalogue together: all of them, and of those that are refused each half by itself,
//! down to the line that is at fault. One bad line among 500 costs twenty tries and not five hundred.

use std::ops::Range;

/// The parts that are still to be tried, the next one last.
#[derive(Debug)]
pub struct Parts(Vec<Range<usize>>);

impl Parts {
    /// So many lines, in one part.
    pub fn new(lines: usize) -> Self {
        Self((0 < lines).then_some(0..lines).into_iter().collect())
    }

    /// The next part to try. Parts come in the order of their lines.
    pub fn pop(&mut self) -> Option<Range<usize>> {
        self.0.pop()
    }

    /// Takes a refused part back, to be tried in halves. The line that is at fault, when it was the only one.
    pub fn refused(&mut self, part: Range<usize>) -> Option<usize> {
        if part.len() < 2 {
            return Some(part.start);
        }
        let middle = part.start + part.len() / 2;
        self.0.extend([middle..part.end, part.start..middle]);
        None
    }
}
