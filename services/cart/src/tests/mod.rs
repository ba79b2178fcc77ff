//! The fixture: a cart service with the real catalog, pricing and inventory, each with a PostgreSQL schema of its own, and a
//! fake clock.

mod snapshots;

use std::collections::BTreeMap;

use bloom_contract_cart::cart_client::CartClient;
use bloom_contract_inventory::inventory_client::InventoryClient;
use bloom_contract_inventory::{SetStockRequest, StockRow};
use bloom_contract_platform::CheckRequest;
use bloom_contract_platform::platform_client::PlatformClient;
use bloom_contract_pricing::pricing_client::PricingClient;
use bloom_contract_pricing::{PriceRow, SetPricesRequest};
use bloom_events::Bus;
use bloom_runtime::Peer;
use bloom_testkit::{Answer, TestClient, TestEnv, TestRequest};
use serde_json::{Value, json};

/// The four services and a shop with two products: a shirt for 10.00 and a heavy lamp for 25.00, tax of 18 %
/// included.
pub(crate) struct Fixture {
    pub(crate) env: TestEnv,
    pub(crate) client: TestClient,
    pub(crate) catalog: TestClient,
    pub(crate) shirt: String,
    pub(crate) lamp: String,
    pub(crate) delivery: String,
    _other_services: [TestEnv; 3],
    /// Pricing and inventory.
    pub(crate) clients: [TestClient; 2],
}

/// A guest's cart.
pub(crate) struct Guest {
    pub(crate) id: String,
    pub(crate) token: String,
    pub(crate) version: i64,
}

pub(crate) fn address() -> Value {
    json!({ "name": "Asha Rao", "line1": "1 MG Road", "city": "Bengaluru", "postal_code": "560001", "country": "IN" })
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let bus = Bus::in_process();
        let cart = TestEnv::of(&crate::SERVICE).await;
        let mut services = [
            TestEnv::of(&bloom_catalog::SERVICE).await,
            TestEnv::of(&bloom_pricing::SERVICE).await,
            TestEnv::of(&bloom_inventory::SERVICE).await,
        ];
        for service in &mut services {
            service.host.peers = cart.host.peers.clone();
            service.host.clock = cart.host.clock.clone();
        }
        let [catalog, pricing, inventory] = &services;
        let pricing = pricing.serve_on(&bloom_pricing::SERVICE, bus.clone(), BTreeMap::new()).await;
        let inventory = inventory.serve_on(&bloom_inventory::SERVICE, bus.clone(), BTreeMap::new()).await;
        let catalog = catalog.serve_on(&bloom_catalog::SERVICE, bus.clone(), BTreeMap::new()).await;
        let client = cart.serve_on(&crate::SERVICE, bus.clone(), BTreeMap::new()).await;
        let mut fixture = Self {
            env: cart,
            client,
            catalog,
            shirt: String::new(),
            lamp: String::new(),
            delivery: String::new(),
            _other_services: services,
            clients: [pricing, inventory],
        };
        fixture.set_up_shop().await;
        fixture
    }

    async fn set_up_shop(&mut self) {
        let [pricing, inventory] = &self.clients;
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
        self.delivery = self.client.post("/v1/delivery-options").json(&option).send().await.expect(201).id();
    }

    /// Creates a product with one variant, its price and its stock; returns the variant.
    pub(crate) async fn product(&self, title: &str, sku: &str, grams: i64, price: i64, units: i64) -> String {
        let product = json!({ "title": title, "status": "active", "variants": [{ "sku": sku, "weight_grams": grams }] });
        let product = self.catalog.post("/v1/catalog/products").json(&product).send().await.expect(201);
        let variant = product.json["variants"][0]["id"].as_str().expect("the product has a variant").to_owned();
        self.price(&variant, price).await;
        self.stock(&variant, units).await;
        variant
    }

    pub(crate) async fn price(&self, variant: &str, amount: i64) {
        let row = PriceRow {
            variant_id: variant.to_owned(),
            price_list_id: String::new(),
            currency: "INR".to_owned(),
            amount,
            min_quantity: 1,
        };
        let request = self.env.host.request(&self.env.call(), SetPricesRequest { prices: vec![row] });
        PricingClient::new(self.env.host.peers.get("pricing")).set_prices(request).await.expect("the price is set");
    }

    pub(crate) async fn stock(&self, variant: &str, on_hand: i64) {
        let row = StockRow { variant_id: variant.to_owned(), location_code: "BLR-1".to_owned(), on_hand };
        let request = self.env.host.request(&self.env.call(), SetStockRequest { rows: vec![row], ..SetStockRequest::default() });
        InventoryClient::new(self.env.host.peers.get("inventory")).set_stock(request).await.expect("the stock is set");
    }

    pub(crate) fn carts(&self) -> CartClient<Peer> {
        CartClient::new(self.env.host.peers.get(crate::NAME))
    }

    /// A guest's cart with one shirt and everything that a purchase needs.
    pub(crate) async fn guest(&self) -> (Guest, Answer) {
        let body = json!({
            "lines": [{ "variant_id": self.shirt, "quantity": 1 }],
            "email": "asha@example.com",
            "shipping_address": address(),
            "delivery_option_id": self.delivery,
        });
        let cart = self.client.post("/v1/carts").publishable(&["carts:write"]).json(&body).send().await.expect(201);
        let token = cart.json["token"].as_str().expect("the token is answered").to_owned();
        (Guest { id: cart.id(), token, version: cart.version() }, cart)
    }

    pub(crate) async fn read(&self, guest: &Guest) -> Answer {
        storefront(self.client.get(&format!("/v1/carts/{}", guest.id)), &guest.token).send().await
    }

    /// The names of violated invariants.
    pub(crate) async fn breaches(&self) -> Vec<String> {
        let mut client = PlatformClient::new(self.env.host.peers.get(crate::NAME));
        let request = self.env.host.request(&self.env.call(), CheckRequest {});
        let reply = client.check(request).await.expect("the check runs").into_inner();
        reply.breaches.into_iter().map(|breach| breach.invariant).collect()
    }
}

/// A request of a storefront, with the token of a cart.
pub(crate) fn storefront<'d>(request: TestRequest<'d>, token: &str) -> TestRequest<'d> {
    request.publishable(&["carts:write"]).header("bloom-cart-token", token)
}

/// Codes of a cart's problems.
pub(crate) fn problems(cart: &Answer) -> Vec<&str> {
    let problems = cart.json["problems"].as_array().map(Vec::as_slice).unwrap_or_default();
    problems.iter().filter_map(|problem| problem["code"].as_str()).collect()
}
