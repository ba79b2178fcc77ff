//! The text format of API keys: `sk_live_` or the like, 32 random characters, 6 characters of checksum.
//!
//! The checksum lets the gateway and secret scanners recognise a mistyped key without a look-up.

use sha2::{Digest, Sha256};

use crate::entropy::{Entropy, base62, base62_number};

const RANDOM_LEN: usize = 32;
const CHECKSUM_LEN: usize = 6;

/// The purpose of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// For servers: whatever its scopes allow.
    Secret,
    /// For browsers and apps: what any visitor may do.
    Publishable,
}

/// The kind of environment that a key belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// The live environment.
    Live,
    /// A sandbox.
    Test,
}

/// The properties that a well-formed key encodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    /// The purpose of the key.
    pub kind: Kind,
    /// The kind of its environment.
    pub mode: Mode,
}

impl Shape {
    /// The prefix of the key's text.
    pub const fn prefix(self) -> &'static str {
        match (self.kind, self.mode) {
            (Kind::Secret, Mode::Live) => "sk_live_",
            (Kind::Secret, Mode::Test) => "sk_test_",
            (Kind::Publishable, Mode::Live) => "pk_live_",
            (Kind::Publishable, Mode::Test) => "pk_test_",
        }
    }
}

const SHAPES: [Shape; 4] = [
    Shape { kind: Kind::Secret, mode: Mode::Live },
    Shape { kind: Kind::Secret, mode: Mode::Test },
    Shape { kind: Kind::Publishable, mode: Mode::Live },
    Shape { kind: Kind::Publishable, mode: Mode::Test },
];

/// Creates a new key with 190 bits of entropy.
pub fn generate(shape: Shape, entropy: &dyn Entropy) -> String {
    let body = format!("{}{}", shape.prefix(), base62(RANDOM_LEN, entropy));
    let checksum = checksum(&body);
    body + &checksum
}

/// Checks the format and the checksum of a key; `None` when it cannot be a valid one.
pub fn parse(token: &str) -> Option<Shape> {
    let shape = SHAPES.into_iter().find(|shape| token.starts_with(shape.prefix()))?;
    let rest = &token[shape.prefix().len()..];
    if rest.len() != RANDOM_LEN + CHECKSUM_LEN || !rest.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let (body, tail) = token.split_at(token.len() - CHECKSUM_LEN);
    (checksum(body) == tail).then_some(shape)
}

/// The digest under which a key is looked up; the key itself never leaves the gateway.
pub fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

fn checksum(body: &str) -> String {
    base62_number(u64::from(crc32fast::hash(body.as_bytes())), CHECKSUM_LEN)
}
