//! A cart service beside the real catalogue, pricing and inventory, each on a PostgreSQL schema of its own; time stands in
//! the test's hand.

mod changes;
mod delivery;
mod domain;
mod purchase;

use std::sync::Arc;

use bloom_contract_cart::cart_client::CartClient;
use bloom_contract_inventory::inventory_client::InventoryClient;
use bloom_contract_inventory::{SetStockRequest, StockRow};
use bloom_contract_platform::CheckRequest;
use bloom_contract_platform::platform_client::PlatformClient;
use bloom_contract_pricing::pricing_client::PricingClient;
use bloom_contract_pricing::{PriceRow, SetPricesRequest};
use bloom_events::Bus;
use bloom_runtime::Peer;
use bloom_testkit::{Answer, TestClient, TestEnv, TestRequest, test_env};
use bloom_web::Start;
use serde_json::{Value, json};

use crate::config::Config;

/// The four services, running, and a shop with two products: a shirt for 10.00 and a heavy lamp for 25.00, tax of 18 %
/// included.
pub(super) struct Stage {
    pub(super) bench: TestEnv,
    pub(super) door: TestClient,
    pub(super) catalog: TestClient,
    pub(super) shirt: String,
    pub(super) lamp: String,
    pub(super) delivery: String,
    _neighbours: [TestEnv; 3],
    doors: [TestClient; 2],
}

/// A guest's cart.
pub(super) struct Guest {
    pub(super) id: String,
    pub(super) token: String,
    pub(super) version: i64,
}

pub(super) fn address() -> Value {
    json!({ "name": "Asha Rao", "line1": "1 MG Road", "city": "Bengaluru", "postal_code": "560001", "country": "IN" })
}

impl Stage {
    pub(super) async fn open() -> Self {
        let bus = Bus::in_process();
        let cart = test_env(crate::NAME, &crate::MIGRATIONS).await;
        let mut neighbours = [
            test_env(bloom_catalog::NAME, &bloom_catalog::MIGRATIONS).await,
            test_env(bloom_pricing::NAME, &bloom_pricing::MIGRATIONS).await,
            test_env(bloom_inventory::NAME, &bloom_inventory::MIGRATIONS).await,
        ];
        for neighbour in &mut neighbours {
            neighbour.host.peers = cart.host.peers.clone();
            neighbour.host.clock = cart.host.clock.clone();
        }
        let [catalog, pricing, inventory] = &neighbours;
        let start = |host, db| Start { context: host, db, bus: bus.clone(), addresses: Arc::default() };
        let pricing = pricing.open(|host, db| (bloom_pricing::SERVICE.start)(start(host, db))).await;
        let inventory = inventory.open(|host, db| (bloom_inventory::SERVICE.start)(start(host, db))).await;
        let catalog = catalog.open(|host, db| (bloom_catalog::SERVICE.start)(start(host, db))).await;
        let door = cart.open(|host, db| crate::service(Config::default(), host, db, bus.clone())).await;
        let mut stage = Self {
            bench: cart,
            door,
            catalog,
            shirt: String::new(),
            lamp: String::new(),
            delivery: String::new(),
            _neighbours: neighbours,
            doors: [pricing, inventory],
        };
        stage.set_up_shop().await;
        stage
    }

    async fn set_up_shop(&mut self) {
        let [pricing, inventory] = &self.doors;
        let location = json!({ "code": "BLR-1", "name": "Bengaluru", "priority": 1 });
        let location = inventory.post("/v1/inventory/locations").json(&location).send().await.expect(201).id();
        let class = json!({ "code": "standard", "name": "Standard", "is_default": true });
        let class = pricing.post("/v1/pricing/tax-classes").json(&class).send().await.expect(201).id();
        let zone = json!({ "name": "India", "areas": [{ "country": "IN" }] });
        let zone = pricing.post("/v1/pricing/tax-zones").json(&zone).send().await.expect(201).id();
        let rate = json!({ "zone_id": zone, "class_id": class, "name": "GST", "rate_ppm": 180_000 });
        pricing.post("/v1/pricing/tax-rates").json(&rate).send().await.expect(201);
        let channel = json!({
            "code": "web", "name": "Web", "currency": "INR", "price_basis": "gross", "country": "IN",
            "location_ids": [location], "is_default": true,
        });
        self.catalog.post("/v1/catalog/channels").json(&channel).send().await.expect(201);
        self.shirt = self.product("Shirt", "SHIRT", 300, 1_000, 10).await;
        self.lamp = self.product("Lamp", "LAMP", 6_000, 2_500, 5).await;
        let option = json!({
            "code": "courier", "name": "Courier", "currency": "INR", "countries": ["IN"],
            "charge": { "type": "weight", "steps": [{ "up_to_grams": 1_000, "amount": 100 }, { "up_to_grams": 20_000, "amount": 500 }] },
        });
        self.delivery = self.door.post("/v1/delivery-options").json(&option).send().await.expect(201).id();
    }

    /// A product with one variant, its price and its stock; answers the variant.
    pub(super) async fn product(&self, title: &str, sku: &str, grams: i64, price: i64, units: i64) -> String {
        let product = json!({ "title": title, "status": "active", "variants": [{ "sku": sku, "weight_grams": grams }] });
        let product = self.catalog.post("/v1/catalog/products").json(&product).send().await.expect(201);
        let variant = product.json["variants"][0]["id"].as_str().expect("the product has a variant").to_owned();
        self.price(&variant, price).await;
        self.stock(&variant, units).await;
        variant
    }

    pub(super) async fn price(&self, variant: &str, amount: i64) {
        let row = PriceRow {
            variant_id: variant.to_owned(),
            price_list_id: String::new(),
            currency: "INR".to_owned(),
            amount,
            min_quantity: 1,
        };
        let request = self.bench.host.request(&self.bench.call(), SetPricesRequest { prices: vec![row] });
        PricingClient::new(self.bench.host.peers.get("pricing")).set_prices(request).await.expect("the price is set");
    }

    pub(super) async fn stock(&self, variant: &str, on_hand: i64) {
        let row = StockRow { variant_id: variant.to_owned(), location_code: "BLR-1".to_owned(), on_hand };
        let request =
            self.bench.host.request(&self.bench.call(), SetStockRequest { rows: vec![row], ..SetStockRequest::default() });
        InventoryClient::new(self.bench.host.peers.get("inventory")).set_stock(request).await.expect("the stock is set");
    }

    pub(super) fn carts(&self) -> CartClient<Peer> {
        CartClient::new(self.bench.host.peers.get(crate::NAME))
    }

    /// A request of a storefront, with the token of a cart.
    pub(super) fn shop<'d>(ask: TestRequest<'d>, token: &str) -> TestRequest<'d> {
        ask.publishable(&["carts:write"]).header("bloom-cart-token", token)
    }

    /// A guest's cart with one shirt and everything that a purchase needs.
    pub(super) async fn guest(&self) -> (Guest, Answer) {
        let body = json!({
            "lines": [{ "variant_id": self.shirt, "quantity": 1 }],
            "email": "asha@example.com",
            "shipping_address": address(),
            "delivery_option_id": self.delivery,
        });
        let cart = self.door.post("/v1/carts").publishable(&["carts:write"]).json(&body).send().await.expect(201);
        let token = cart.json["token"].as_str().expect("the token is told").to_owned();
        (Guest { id: cart.id(), token, version: cart.version() }, cart)
    }

    pub(super) async fn read(&self, guest: &Guest) -> Answer {
        Self::shop(self.door.get(&format!("/v1/carts/{}", guest.id)), &guest.token).send().await
    }

    /// Names of the invariants that do not hold.
    pub(super) async fn breaches(&self) -> Vec<String> {
        let mut client = PlatformClient::new(self.bench.host.peers.get(crate::NAME));
        let request = self.bench.host.request(&self.bench.call(), CheckRequest {});
        let reply = client.check(request).await.expect("the check runs").into_inner();
        reply.breaches.into_iter().map(|breach| breach.invariant).collect()
    }
}

/// Codes of a cart's problems.
pub(super) fn problems(cart: &Answer) -> Vec<&str> {
    let problems = cart.json["problems"].as_array().map(Vec::as_slice).unwrap_or_default();
    problems.iter().filter_map(|problem| problem["code"].as_str()).collect()
}
