//! The secret of a guest's cart, which opens the checkouts of that cart too.

use aide::OperationInput;
use aide::generate::GenContext;
use aide::openapi::{Operation, ReferenceOr};
use axum::extract::FromRequestParts;
use bloom_fault::{Code, Fault};
use http::request::Parts;
use serde_json::json;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use bloom_runtime::{Audience, RequestContext};

/// Name of the header.
const HEADER: &str = "bloom-cart-token";

/// The token that a request shows, if any. Services store its digest only.
pub struct CartToken(Option<String>);

impl CartToken {
    /// What a token is stored as.
    pub fn digest(token: &str) -> Vec<u8> {
        Sha256::digest(token).to_vec()
    }

    /// True when the token belongs to the digest.
    pub fn fits(token: &str, stored: &[u8]) -> bool {
        bool::from(Self::digest(token).as_slice().ct_eq(stored))
    }

    /// Refuses a storefront that shows no token: whether the cart exists plays no part.
    ///
    /// # Errors
    ///
    /// 401 `cart_token_invalid`.
    pub fn required(&self, call: &RequestContext) -> Result<(), Fault> {
        if call.audience == Audience::Publishable && self.0.is_none() {
            let detail = "Send the token of the cart in the header Bloom-Cart-Token; it was told when the cart was created.";
            return Err(Fault::new(Code::Unauthenticated, "cart_token_invalid", detail).policy("cart_token"));
        }
        Ok(())
    }

    /// True when the caller may see the cart and what became of it: with a secret key always, with a publishable one by the
    /// token whose digest is stored.
    pub fn opens(&self, call: &RequestContext, stored: Option<&[u8]>) -> bool {
        match call.audience {
            Audience::Secret | Audience::Service => true,
            Audience::Publishable => self.0.as_deref().zip(stored).is_some_and(|(token, stored)| Self::fits(token, stored)),
        }
    }

    /// The token of a storefront; one that comes with a secret key is not needed and plays no part.
    pub fn text(&self, call: &RequestContext) -> Option<&str> {
        self.0.as_deref().filter(|_| call.audience == Audience::Publishable)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for CartToken {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Fault> {
        Ok(Self(parts.headers.get(HEADER).and_then(|value| value.to_str().ok()).map(str::to_owned)))
    }
}

impl OperationInput for CartToken {
    fn operation_input(_: &mut GenContext, operation: &mut Operation) {
        let parameter = json!({
            "in": "header",
            "name": "Bloom-Cart-Token",
            "description": "Token of the cart; needed with a publishable key.",
            "schema": { "type": "string" },
        });
        operation.parameters.extend(serde_json::from_value(parameter).ok().map(ReferenceOr::Item));
    }
}
