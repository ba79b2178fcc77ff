//! A shop that sells: its products by SKU, guests' carts, purchases, and stock levels.

use std::collections::BTreeMap;
use std::ops::Deref;

use reqwest::Method;
use serde_json::{Value, json};

use crate::fleet::Running;
use crate::shop::{Answer, Shop, eventually, send};

/// A shop with products in stock.
pub(crate) struct Trade {
    shop: Shop,
    /// `location_id`, `channel_id`, `delivery_option_id`, `tax_class_id`, `connection_id`.
    pub(crate) ids: Value,
    variants: BTreeMap<String, String>,
}

impl Deref for Trade {
    type Target = Shop;

    fn deref(&self) -> &Shop {
        &self.shop
    }
}

/// A guest's cart as of its last response.
pub(crate) struct Basket {
    pub(crate) id: String,
    pub(crate) token: String,
    pub(crate) body: Value,
}

impl Basket {
    /// The cart's version.
    pub(crate) fn version(&self) -> i64 {
        self.body["version"].as_i64().expect("a cart has a version")
    }

    /// The total that the guest has to pay.
    pub(crate) fn total(&self) -> i64 {
        amount(&self.body["total"])
    }
}

/// The stock levels of one item.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Levels {
    pub(crate) on_hand: i64,
    pub(crate) allocated: i64,
    pub(crate) held: i64,
}

/// The amount of a money object.
#[track_caller]
pub(crate) fn amount(money: &Value) -> i64 {
    money["amount"].as_i64().unwrap_or_else(|| panic!("{money} is no money"))
}

/// A product with one variant as an import line: `(sku, price in paise, units at BLR-1)`.
pub(crate) fn line(&(sku, price, on_hand): &(&str, i64, i64)) -> Value {
    json!({
        "external_id": format!("ext-{sku}"), "title": format!("Part {sku}"), "status": "active", "channels": ["web"],
        "variants": [{
            "sku": sku, "weight_grams": 500,
            "prices": [{ "currency": "INR", "amount": price }],
            "stock": [{ "location": "BLR-1", "on_hand": on_hand }],
        }],
    })
}

impl Trade {
    /// Creates a shop with these products and waits until they are listed with price and stock.
    pub(crate) async fn open(fleet: &Running, products: &[(&str, i64, i64)]) -> Self {
        let shop = Shop::found(fleet).await;
        let ids = shop.open().await;
        let lines: Vec<Value> = products.iter().map(line).collect();
        let job = shop.import(&lines).await;
        assert_eq!(job["lines_failed"], 0, "{job:#}");
        let mut trade = Self { shop, ids, variants: BTreeMap::new() };
        trade.learn(products.len()).await;
        trade
    }

    /// Reads the variant of each SKU, once every product is listed.
    async fn learn(&mut self, products: usize) {
        let page = eventually("every product has its price", async || {
            let page = self.get("/v1/catalog/products?limit=100").await.expect(200).body;
            let priced = page["data"].as_array()?.iter().filter(|item| item["price"].is_object()).count();
            (priced == products).then_some(page)
        })
        .await;
        for item in page["data"].as_array().into_iter().flatten() {
            let id = item["id"].as_str().unwrap_or_default();
            let product = self.get(&format!("/v1/catalog/products/{id}")).await.expect(200).body;
            for variant in product["variants"].as_array().into_iter().flatten() {
                self.variants.insert(text(&variant["sku"]), text(&variant["id"]));
            }
        }
    }

    /// One of the ids in `ids`.
    #[track_caller]
    pub(crate) fn id(&self, name: &str) -> &str {
        self.ids[name].as_str().unwrap_or_else(|| panic!("no {name} in {}", self.ids))
    }

    /// The variant of a SKU.
    #[track_caller]
    pub(crate) fn variant(&self, sku: &str) -> &str {
        self.variants.get(sku).unwrap_or_else(|| panic!("no product has the SKU {sku}"))
    }

    /// The body that creates a cart which can be bought.
    pub(crate) fn wish(&self, lines: &[(&str, i64)]) -> Value {
        let lines: Vec<Value> =
            lines.iter().map(|&(sku, quantity)| json!({ "variant_id": self.variant(sku), "quantity": quantity })).collect();
        json!({
            "lines": lines, "email": "asha@example.com", "shipping_address": address(),
            "delivery_option_id": self.id("delivery_option_id"),
        })
    }

    /// Creates a guest's cart that can be bought.
    pub(crate) async fn basket(&self, lines: &[(&str, i64)]) -> Basket {
        let answer = send(self.storefront(Method::POST, "/v1/carts").json(&self.wish(lines))).await.expect(201);
        let (id, token) = (answer.id(), text(&answer.body["token"]));
        Basket { id, token, body: answer.body }
    }

    /// Buys a cart with one of the test provider's payment tokens.
    pub(crate) async fn buy(&self, basket: &Basket, payment: &str, key: &str) -> Answer {
        let body = json!({ "cart_id": basket.id, "payment": { "token": payment } });
        self.checkout(basket, &body, key).await
    }

    /// `POST /v1/checkouts` with the cart's token.
    pub(crate) async fn checkout(&self, basket: &Basket, body: &Value, key: &str) -> Answer {
        let request = self.storefront(Method::POST, "/v1/checkouts").header("bloom-cart-token", &basket.token);
        send(request.header("idempotency-key", key).json(body)).await
    }

    /// Buys a cart with `tok_success` and returns the order.
    pub(crate) async fn order(&self, lines: &[(&str, i64)]) -> Value {
        let basket = self.basket(lines).await;
        self.buy(&basket, "tok_success", &basket.id).await.expect(201).body["order"].clone()
    }

    /// The checkout, read with the cart's token.
    pub(crate) async fn checkout_now(&self, basket: &Basket, id: &str) -> Value {
        let request = self.storefront(Method::GET, &format!("/v1/checkouts/{id}"));
        send(request.header("bloom-cart-token", &basket.token)).await.expect(200).body
    }

    /// Waits until a checkout has succeeded, and returns its order.
    pub(crate) async fn placed(&self, basket: &Basket, checkout: &Value) -> Value {
        let id = text(&checkout["id"]);
        let ended = eventually("the checkout ends", async || {
            let checkout = self.checkout_now(basket, &id).await;
            matches!(checkout["status"].as_str(), Some("completed" | "failed")).then_some(checkout)
        })
        .await;
        assert_eq!(ended["status"], "completed", "{ended:#}");
        ended["order"].clone()
    }

    /// Reads the order again.
    pub(crate) async fn order_now(&self, order: &Value) -> Value {
        self.get(&format!("/v1/orders/{}", text(&order["id"]))).await.expect(200).body
    }

    /// POST of an action on an order, under an idempotency key.
    pub(crate) async fn act(&self, order: &Value, action: &str, body: &Value, key: &str) -> Answer {
        let path = format!("/v1/orders/{}/{action}", text(&order["id"]));
        send(self.secret(Method::POST, &path).header("idempotency-key", key).json(body)).await
    }

    /// Reads the payment of an order.
    pub(crate) async fn payment(&self, order: &Value) -> Value {
        self.get(&format!("/v1/payments/{}", text(&order["payment"]["id"]))).await.expect(200).body
    }

    /// The levels of a SKU at BLR-1.
    pub(crate) async fn levels(&self, sku: &str) -> Levels {
        let path = format!("/v1/inventory/items/{}/{}", self.variant(sku), self.id("location_id"));
        let item = self.get(&path).await.expect(200).body;
        let level = |name: &str| item[name].as_i64().unwrap_or_else(|| panic!("no {name} in {item}"));
        Levels { on_hand: level("on_hand"), allocated: level("allocated"), held: level("held") }
    }

    /// The number of items in a list, up to 100.
    pub(crate) async fn count(&self, path: &str) -> usize {
        let separator = if path.contains('?') { '&' } else { '?' };
        let page = self.get(&format!("{path}{separator}limit=100")).await.expect(200).body;
        page["data"].as_array().map_or(0, Vec::len)
    }

    /// Asserts that a failed purchase has left nothing: no order, no captured money, no held or allocated stock.
    pub(crate) async fn assert_untouched(&self, levels: &[(&str, i64)]) {
        assert_eq!(self.count("/v1/orders").await, 0);
        for payment in self.get("/v1/payments?limit=100").await.expect(200).body["data"].as_array().into_iter().flatten() {
            assert_eq!(amount(&payment["authorised"]), amount(&payment["voided"]), "{payment:#}");
            assert_eq!(amount(&payment["captured"]), amount(&payment["refunded"]), "{payment:#}");
        }
        for &(sku, on_hand) in levels {
            assert_eq!(self.levels(sku).await, Levels { on_hand, allocated: 0, held: 0 }, "{sku}");
        }
        assert_eq!(self.count("/v1/inventory/holds?status=active").await, 0);
    }
}

/// A valid delivery address.
pub(crate) fn address() -> Value {
    json!({ "name": "Asha Rao", "line1": "12 Residency Road", "city": "Bengaluru", "postal_code": "560025", "country": "IN" })
}

/// A JSON string as text.
#[track_caller]
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}
