//! The document of a cart that is stored and published: without personal data, without what other services own, without the
//! token.

use bloom_fault::Fault;
use bloom_kernel::{Aggregate, CartId, PersonalData};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::model::Cart;

/// The document as JSON text. It is serialised once, for the row and for the event.
pub(crate) struct CartDocument {
    pub(super) id: CartId,
    pub(super) version: i64,
    json: Box<RawValue>,
}

impl CartDocument {
    pub(super) fn of(cart: &Cart) -> Result<Self, Fault> {
        let mut public = Cart { token: None, problems: None, ..cart.clone() };
        public.set_personal(PersonalData::default());
        let json = serde_json::value::to_raw_value(&public).map_err(Fault::internal)?;
        Ok(Self { id: cart.id, version: cart.version, json })
    }

    /// The document of a row.
    pub(super) fn stored(id: CartId, version: i64, json: String) -> serde_json::Result<Self> {
        Ok(Self { id, version, json: RawValue::from_string(json)? })
    }

    pub(super) fn text(&self) -> &str {
        self.json.get()
    }
}

impl Serialize for CartDocument {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json.serialize(serializer)
    }
}

impl Aggregate for CartDocument {
    const NOUN: &'static str = "cart";
    type Id = CartId;

    fn id(&self) -> CartId {
        self.id
    }

    fn version(&self) -> i64 {
        self.version
    }
}
