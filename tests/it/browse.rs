//! What a storefront sees first.

