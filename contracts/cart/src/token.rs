//! The secret token of a guest's cart. It also gives access to the checkouts of that cart, so cart and orders read it.

use bloom_fault::{Code, Fault};
use bloom_runtime::{Audience, RequestContext};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

bloom_web::header! {
    /// The token that a request contains, if any. Services store its digest only.
    pub struct CartToken = "Bloom-Cart-Token", "Token of the cart; needed with a publishable key.";
}

impl CartToken {
    /// The digest that a token is stored as.
    pub fn digest(token: &str) -> Vec<u8> {
        Sha256::digest(token).to_vec()
    }

    /// Whether this is the digest of the token.
    pub fn fits(token: &str, stored: &[u8]) -> bool {
        bool::from(Self::digest(token).as_slice().ct_eq(stored))
    }

    /// Refuses a publishable key without a token, whether or not the cart exists.
    ///
    /// # Errors
    ///
    /// 401 `cart_token_invalid`.
    pub fn required(&self, caller: &RequestContext) -> Result<(), Fault> {
        if caller.audience == Audience::Publishable && self.0.is_none() {
            let detail =
                "Send the token of the cart in the header Bloom-Cart-Token. The reply to the creation of the cart contains it.";
            return Err(Fault::new(Code::Unauthenticated, "cart_token_invalid", detail).policy("cart_token"));
        }
        Ok(())
    }

    /// Whether the caller may see the cart and its checkouts: a secret key always may, a publishable one with the token whose digest is
    /// stored.
    pub fn opens(&self, caller: &RequestContext, stored: Option<&[u8]>) -> bool {
        match caller.audience {
            Audience::Secret | Audience::Service => true,
            Audience::Publishable => self.0.as_deref().zip(stored).is_some_and(|(token, stored)| Self::fits(token, stored)),
        }
    }

    /// The token sent with a publishable key. With a secret key a token is not needed, and ignored.
    pub fn text(&self, caller: &RequestContext) -> Option<&str> {
        self.0.as_deref().filter(|_| caller.audience == Audience::Publishable)
    }
}
