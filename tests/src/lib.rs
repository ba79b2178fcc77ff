//! Part of Bloom.
