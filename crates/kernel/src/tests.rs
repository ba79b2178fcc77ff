//! Tests of the kernel.

mod card;
mod input;
mod keys;
mod money;
mod words;

use std::sync::atomic::{AtomicU8, Ordering};

use crate::Entropy;

/// Counts upwards, so that values differ but every run is the same.
struct Counting(AtomicU8);

impl Entropy for Counting {
    fn fill(&self, buffer: &mut [u8]) {
        for byte in buffer {
            *byte = self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn counting() -> Counting {
    Counting(AtomicU8::new(0))
}
