//! A merchant with one object of every kind.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde_json::{Value, json};

use super::bodies::from_schema;
use super::routes::Operation;
use crate::fleet::Running;
use crate::shop::send;
use crate::trade::{Trade, text};

/// A shop with one object of every kind that has an id, and its mark in every text field.
pub(super) struct World {
    pub(super) trade: Trade,
    pub(super) mark: String,
    ids: BTreeMap<String, String>,
}

impl World {
    pub(super) async fn build(fleet: &Running, mark: &str) -> Self {
        let trade = Trade::open(fleet, &[(mark, 1_000, 100)]).await;
        let mut world = Self { mark: mark.to_owned(), ids: BTreeMap::new(), trade };
        let known = ["location_id", "channel_id", "delivery_option_id", "tax_class_id", "connection_id"];
        for id in known.map(|name| world.trade.id(name).to_owned()) {
            world.keep(&id);
        }
        world.keep(&world.trade.tenant.clone());
        let variant = world.trade.variant(mark).to_owned();
        world.keep(&variant);
        for list in [
            "/v1/catalog/products",
            "/v1/catalog/imports",
            "/v1/pricing/price-lists",
            "/v1/pricing/prices",
            "/v1/pricing/tax-zones",
            "/v1/pricing/tax-rates",
        ] {
            let page = world.trade.get(list).await.expect(200).body;
            world.keep(&text(&page["data"][0]["id"]));
        }
        world.furnish().await;
        world.sell().await;
        world
    }

    /// Creates the objects that a shop's setup does not create.
    async fn furnish(&mut self) {
        let mark = self.mark.clone();
        let attributes = json!([{ "code": "colour", "name": mark, "kind": "text" }]);
        self.make("/v1/catalog/product-types", &json!({ "code": "part", "name": mark, "attributes": attributes })).await;
        self.make("/v1/catalog/categories", &json!({ "name": mark })).await;
        let collection = self.make("/v1/catalog/collections", &json!({ "code": "new", "title": mark })).await;
        let place = json!({ "products": [{ "product_id": self.id("prod"), "position": 1 }] });
        let request = self.trade.secret(Method::PUT, &format!("/v1/catalog/collections/{}/products", text(&collection["id"])));
        send(request.json(&place)).await.expect(204);
        let list = json!({ "code": "web", "name": mark, "currency": "INR", "gross": true, "channel_id": self.id("chan") });
        self.make("/v1/pricing/price-lists", &list).await;
        let line = json!({ "line_id": mark, "variant_id": self.id("var"), "quantity": 1 });
        self.make("/v1/inventory/holds", &json!({ "lines": [line], "ttl_seconds": 86_400 })).await;
        let key = self.trade.post("/v1/identity/api-keys", &json!({ "kind": "secret", "name": mark })).await.expect(201);
        self.keep(&text(&key.body["api_key"]["id"]));
    }

    /// Creates an open cart, and an order that is partly paid, shipped and refunded.
    async fn sell(&mut self) {
        let mark = self.mark.clone();
        let basket = self.trade.basket(&[(&mark, 2)]).await;
        self.keep(&basket.id);
        self.keep(&text(&basket.body["lines"][0]["id"]));
        let order = self.trade.order(&[(&mark, 20)]).await;
        for id in [&order["id"], &order["lines"][0]["id"], &order["checkout_id"], &order["payment"]["id"]] {
            self.keep(&text(id));
        }
        let amount = json!({ "amount": { "amount": 10_000, "currency": "INR" } });
        self.trade.act(&order, "captures", &amount, "capture").await.expect(201);
        let lines = json!({ "lines": [{ "line_id": self.id("oli"), "quantity": 1 }], "reason": mark });
        let refund = self.trade.act(&order, "refunds", &lines, "refund").await.expect(201);
        self.keep(&refund.id());
        let parcel = json!({ "lines": [{ "line_id": self.id("oli"), "quantity": 1 }] });
        let parcel = self.trade.act(&order, "fulfilments", &parcel, "parcel").await.expect(201);
        self.keep(&parcel.id());
    }

    /// Creates one object of every missing kind that a `POST` to a collection can create.
    pub(super) async fn complete(&mut self, api: &Value, operations: &[Operation]) {
        for (n, one) in operations.iter().enumerate() {
            let Some(kind) = one.in_path.last().map(|(_, kind)| kind).filter(|_| one.in_path.len() == 1) else { continue };
            let above = one.path.rsplit_once("/{").map(|(above, _)| above);
            let maker = operations.iter().find(|maker| maker.method == "POST" && Some(maker.path.as_str()) == above);
            if let Some(maker) = maker.filter(|_| !self.ids.contains_key(kind)) {
                let body = from_schema(api, &maker.schema, self, n);
                self.make(&maker.path, &body).await;
            }
        }
    }

    async fn make(&mut self, path: &str, body: &Value) -> Value {
        let made = self.trade.post(path, body).await.expect(201);
        self.keep(&made.id());
        made.body
    }

    fn keep(&mut self, id: &str) {
        let (prefix, _) = id.split_once('_').unwrap_or_else(|| panic!("{id} is no id"));
        self.ids.insert(prefix.to_owned(), id.to_owned());
    }

    /// The `ETag` of the object that a path names, or of the object that contains it.
    pub(super) async fn etag(&self, path: &str) -> String {
        let mut path = path;
        loop {
            let answer = self.trade.get(path).await;
            if !answer.header("etag").is_empty() {
                return answer.header("etag").to_owned();
            }
            match path.rsplit_once('/') {
                Some((above, _)) if above.len() > "/v1/".len() => path = above,
                _ => return "\"1\"".to_owned(),
            }
        }
    }

    /// True when the id belongs to this merchant.
    pub(super) fn has(&self, id: &str) -> bool {
        self.ids.values().any(|own| own == id)
    }

    /// An id of the kind with this prefix, if there is one.
    pub(super) fn known(&self, prefix: &str) -> Option<&str> {
        self.ids.get(prefix).map(String::as_str)
    }

    /// An id of the kind with this prefix.
    #[track_caller]
    pub(super) fn id(&self, prefix: &str) -> &str {
        self.known(prefix).unwrap_or_else(|| panic!("the probe has no id of the kind `{prefix}`: add one to world.rs"))
    }
}

/// All ids in a text.
pub(super) fn ids_in(text: &str) -> BTreeSet<&str> {
    let words = text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
    words.filter(|word| word.split_once('_').is_some_and(|(prefix, rest)| prefix.len() <= 5 && rest.len() == 26)).collect()
}

/// An id of the same kind that does not exist.
pub(super) fn unknown(id: &str) -> String {
    format!("{}0000000000", &id[..id.len() - 10])
}
