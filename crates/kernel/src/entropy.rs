//! Randomness is injected: only [`OsEntropy`] reads the operating system's.

use rand::TryRng;
use uuid::Uuid;

use crate::Timestamp;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A source of unpredictable bytes.
pub trait Entropy: Send + Sync {
    /// Fills the buffer.
    fn fill(&self, buffer: &mut [u8]);
}

/// The operating system's randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    /// # Panics
    ///
    /// When the operating system provides no randomness: nothing safe could follow.
    fn fill(&self, buffer: &mut [u8]) {
        rand::rngs::SysRng.try_fill_bytes(buffer).expect("the operating system gives random bytes");
    }
}

/// A UUID of version 7 for this moment: 48 bits of milliseconds, 12 bits of the millisecond's fraction (so that
/// ids of one process sort by microsecond), 62 bits of randomness.
pub fn uuid_v7(now: Timestamp, entropy: &dyn Entropy) -> Uuid {
    let micros = u64::try_from(now.timestamp_micros()).unwrap_or_default();
    let fraction = micros % 1_000 * 4_096 / 1_000;
    let mut random = [0; 8];
    entropy.fill(&mut random);
    let high = (micros / 1_000) << 16 | 0x7000 | fraction;
    let low = u64::from_be_bytes(random) >> 2 | 1 << 63;
    Uuid::from_u64_pair(high, low)
}

/// `length` characters of base62, each equally likely (5.95 bits each: 27 carry 160 bits).
pub fn base62(length: usize, entropy: &dyn Entropy) -> String {
    let mut text = String::with_capacity(length);
    let mut buffer = [0; 64];
    while text.len() < length {
        entropy.fill(&mut buffer);
        // 248 is the largest multiple of 62 in a byte; higher values would favour the first letters.
        let letters = buffer.iter().filter(|byte| **byte < 248);
        let letters = letters.map(|byte| char::from(BASE62[usize::from(byte % 62)]));
        text.extend(letters.take(length - text.len()));
    }
    text
}

/// A number as base62 of a fixed width, highest digit first.
pub(crate) fn base62_number(mut number: u64, width: usize) -> String {
    let mut digits = vec![b'0'; width];
    for place in digits.iter_mut().rev() {
        *place = BASE62[usize::try_from(number % 62).unwrap_or_default()];
        number /= 62;
    }
    digits.into_iter().map(char::from).collect()
}
