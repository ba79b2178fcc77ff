//! The stage that all tests of this crate play on.

use std::sync::Arc;
use std::time::Duration;

use bloom_contract_inventory::inventory_client::InventoryClient;
use bloom_contract_inventory::{SetStockRequest, StockRow};
use bloom_contract_platform::platform_client::PlatformClient;
use bloom_contract_platform::{CheckRequest, DrainedRequest};
use bloom_contract_pricing::pricing_client::PricingClient;
use bloom_contract_pricing::{PriceRow, SetPricesRequest};
use bloom_events::Bus;
use bloom_testkit::{Answer, TestClient, TestEnv, TestRequest, test_env};
use bloom_web::Start;
use bloom_web::server::Listeners;
use chrono::TimeDelta;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::config::Config;
use crate::saga::fault::Faults;

/// Nothing that a test waits for takes longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Scopes of a storefront.
const STOREFRONT: [&str; 2] = ["carts:write", "checkouts:write"];

/// Services that events pass through.
const SERVICES: [&str; 6] = ["catalog", "pricing", "inventory", "payments", "cart", "orders"];

/// All services, running, and a shop that sells shirts for 10.00, tax of 18 % included, delivered for 1.00.
pub(super) struct Stage {
    pub(super) bench: TestEnv,
    pub(super) orders: TestClient,
    pub(super) carts: TestClient,
    pub(super) inventory: TestClient,
    pub(super) payments: TestClient,
    pub(super) catalog: TestClient,
    pricing: TestClient,
    pub(super) faults: Faults,
    pub(super) shirt: String,
    pub(super) delivery: String,
    neighbours: Vec<TestEnv>,
}

/// A cart that can be bought.
#[derive(Clone)]
pub(super) struct Guest {
    pub(super) cart: String,
    pub(super) token: String,
}

impl Stage {
    pub(super) async fn open() -> Self {
        Self::with(Config::default()).await
    }

    pub(super) async fn with(mut config: Config) -> Self {
        let bus = Bus::in_process();
        let own = test_env(crate::NAME, &crate::MIGRATIONS).await;
        let mut neighbours = Vec::new();
        for (name, migrations) in [
            (bloom_catalog::NAME, &bloom_catalog::MIGRATIONS),
            (bloom_pricing::NAME, &bloom_pricing::MIGRATIONS),
            (bloom_inventory::NAME, &bloom_inventory::MIGRATIONS),
            (bloom_cart::NAME, &bloom_cart::MIGRATIONS),
            (bloom_payments::NAME, &bloom_payments::MIGRATIONS),
            (bloom_sandbox_provider::NAME, &bloom_sandbox_provider::MIGRATIONS),
        ] {
            let mut neighbour = test_env(name, migrations).await;
            neighbour.host.peers = own.host.peers.clone();
            neighbour.host.clock = own.host.clock.clone();
            neighbours.push(neighbour);
        }
        let [catalog, pricing, inventory, cart, payments, sandbox] = neighbours.as_slice() else { unreachable!() };
        let start = |host, db| Start { context: host, db, bus: bus.clone(), addresses: Arc::default() };
        let catalog = catalog.open(|host, db| (bloom_catalog::SERVICE.start)(start(host, db))).await;
        let pricing = pricing.open(|host, db| (bloom_pricing::SERVICE.start)(start(host, db))).await;
        let inventory = inventory.open(|host, db| (bloom_inventory::SERVICE.start)(start(host, db))).await;
        let carts = cart.open(|host, db| (bloom_cart::SERVICE.start)(start(host, db))).await;
        let (listener, sandbox_url) = listen().await;
        serve_sandbox(sandbox, listener, &sandbox_url);
        let (listener, public_url) = listen().await;
        let settings = bloom_payments::Config {
            sandbox_url: Some(sandbox_url),
            public_url: Some(public_url),
            webhook_url: None,
            provider_timeout_ms: 1_500,
        };
        let payments = payments
            .open(|host, db| {
                let service = bloom_payments::service(&settings, host, db, bus.clone())?;
                serve_plain(listener, service.plain.clone());
                Ok(service)
            })
            .await;
        config.faults = Faults::on_request();
        let faults = config.faults.clone();
        let orders = own.open(|host, db| crate::service(config, host, db, bus.clone())).await;
        let (shirt, delivery) = (String::new(), String::new());
        let mut stage =
            Self { bench: own, orders, carts, inventory, payments, catalog, pricing, faults, shirt, delivery, neighbours };
        stage.set_up_shop().await;
        stage
    }

    async fn set_up_shop(&mut self) {
        let location = json!({ "code": "BLR-1", "name": "Bengaluru", "priority": 1 });
        let first = self.inventory.post("/v1/inventory/locations").json(&location).send().await.expect(201).id();
        let location = json!({ "code": "BLR-2", "name": "Bengaluru", "priority": 2 });
        let second = self.inventory.post("/v1/inventory/locations").json(&location).send().await.expect(201).id();
        let class = json!({ "code": "standard", "name": "Standard", "is_default": true });
        let class = self.pricing.post("/v1/pricing/tax-classes").json(&class).send().await.expect(201).id();
        let zone = json!({ "name": "India", "areas": [{ "country": "IN" }] });
        let zone = self.pricing.post("/v1/pricing/tax-zones").json(&zone).send().await.expect(201).id();
        let rate = json!({ "zone_id": zone, "class_id": class, "name": "GST", "rate_ppm": 180_000 });
        self.pricing.post("/v1/pricing/tax-rates").json(&rate).send().await.expect(201);
        let channel = json!({
            "code": "web", "name": "Web", "currency": "INR", "price_basis": "gross", "country": "IN",
            "location_ids": [first, second], "is_default": true,
        });
        self.catalog.post("/v1/catalog/channels").json(&channel).send().await.expect(201);
        let option = json!({ "code": "post", "name": "Post", "currency": "INR", "charge": { "type": "flat", "amount": 100 } });
        self.delivery = self.carts.post("/v1/delivery-options").json(&option).send().await.expect(201).id();
        let connection = json!({ "provider": "sandbox", "name": "Sandbox", "is_default": true });
        self.payments.post("/v1/payments/connections").json(&connection).send().await.expect(201);
        self.shirt = self.product("SHIRT", 1_000, 1_000).await;
    }

    /// A product with one variant, its price and its stock at the first location; answers the variant.
    pub(super) async fn product(&self, sku: &str, price: i64, units: i64) -> String {
        let product = json!({ "title": sku, "status": "active", "variants": [{ "sku": sku, "weight_grams": 100 }] });
        let product = self.catalog.post("/v1/catalog/products").json(&product).send().await.expect(201);
        let variant = product.json["variants"][0]["id"].as_str().expect("the product has a variant").to_owned();
        self.price(&variant, price).await;
        self.stock(&variant, "BLR-1", units).await;
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

    pub(super) async fn stock(&self, variant: &str, location: &str, on_hand: i64) {
        let row = StockRow { variant_id: variant.to_owned(), location_code: location.to_owned(), on_hand };
        let request =
            self.bench.host.request(&self.bench.call(), SetStockRequest { rows: vec![row], ..SetStockRequest::default() });
        InventoryClient::new(self.bench.host.peers.get("inventory")).set_stock(request).await.expect("the stock is set");
    }

    /// A guest's cart with so many shirts.
    pub(super) async fn cart(&self, quantity: i64) -> Guest {
        self.cart_of(&self.shirt, quantity).await
    }

    pub(super) async fn cart_of(&self, variant: &str, quantity: i64) -> Guest {
        let body = json!({
            "lines": [{ "variant_id": variant, "quantity": quantity }],
            "email": "Asha@Example.com",
            "shipping_address": { "name": "Asha Rao", "line1": "1 MG Road", "city": "Bengaluru", "country": "IN" },
            "delivery_option_id": self.delivery,
        });
        let cart = self.carts.post("/v1/carts").publishable(&STOREFRONT).json(&body).send().await.expect(201);
        Guest { cart: cart.id(), token: cart.json["token"].as_str().expect("the token is told").to_owned() }
    }

    /// A storefront's request with the token of a cart.
    pub(super) fn shop<'d>(ask: TestRequest<'d>, guest: &Guest) -> TestRequest<'d> {
        ask.publishable(&STOREFRONT).header("bloom-cart-token", &guest.token)
    }

    pub(super) fn checkout<'d>(&'d self, guest: &Guest, key: &str, token: &str) -> TestRequest<'d> {
        let body = json!({ "cart_id": guest.cart, "payment": { "token": token } });
        Self::shop(self.orders.post("/v1/checkouts"), guest).key(key).json(&body)
    }

    /// Buys so many shirts; answers the order.
    pub(super) async fn order(&self, quantity: i64) -> Value {
        let guest = self.cart(quantity).await;
        let bought = self.checkout(&guest, &guest.cart, "tok_success").send().await.expect(201);
        bought.json["order"].clone()
    }

    pub(super) async fn read_order(&self, id: &Value) -> Value {
        let path = format!("/v1/orders/{}", id.as_str().expect("an id"));
        self.orders.get(&path).send().await.expect(200).json
    }

    pub(super) async fn read_cart(&self, guest: &Guest) -> Value {
        Self::shop(self.carts.get(&format!("/v1/carts/{}", guest.cart)), guest).send().await.expect(200).json
    }

    /// on hand, allocated and held units of a variant, over all locations.
    pub(super) async fn levels(&self, variant: &str) -> (i64, i64, i64) {
        let path = format!("/v1/inventory/items?variant_id={variant}");
        let items = self.inventory.get(&path).send().await.expect(200);
        let items = items.json["data"].as_array().expect("a list").clone();
        let sum = |field: &str| items.iter().map(|item| item[field].as_i64().expect("a number")).sum();
        (sum("on_hand"), sum("allocated"), sum("held"))
    }

    /// All payments, youngest first.
    pub(super) async fn all_payments(&self) -> Vec<Value> {
        let page = self.payments.get("/v1/payments?limit=100").send().await.expect(200);
        page.json["data"].as_array().expect("a list").clone()
    }

    pub(super) async fn all_orders(&self) -> Vec<Value> {
        let page = self.orders.get("/v1/orders?limit=100").send().await.expect(200);
        page.json["data"].as_array().expect("a list").clone()
    }

    /// Lets time pass, second by second, until every event is applied and every timer fired, or as often as said.
    pub(super) async fn pass(&self, seconds: i64) {
        for _ in 0..seconds {
            self.bench.clock.advance(TimeDelta::seconds(1));
            self.drained().await;
        }
    }

    /// Lets enough time pass that everything is taken up again that somebody left undone.
    pub(super) async fn rest(&self) {
        for seconds in [6, 3] {
            self.bench.clock.advance(TimeDelta::seconds(seconds));
            self.drained().await;
        }
    }

    /// Waits until nothing is under way: two looks at all services between which nothing was published either. One would
    /// miss what a service that was looked at first is told while others are looked at.
    pub(super) async fn drained(&self) {
        let start = Instant::now();
        let mut before = None;
        loop {
            let mut busy = Vec::new();
            let mut published = 0;
            for service in SERVICES {
                let mut client = PlatformClient::new(self.bench.host.peers.get(service));
                let request = self.bench.host.request(&self.bench.call(), DrainedRequest {});
                let standing = client.drained(request).await.expect("it answers").into_inner();
                assert_eq!(standing.parked, 0, "{service} has parked an event");
                published += standing.published;
                if 0 < standing.outbox + standing.lag + standing.timers_due {
                    busy.push((service, standing));
                }
            }
            if busy.is_empty() && before == Some(published) {
                return;
            }
            before = Some(published);
            assert!(start.elapsed() < PATIENCE, "still busy: {busy:?}");
            // Real time: events and timers run beside the test; they are asked after until they rest.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Names of the invariants that do not hold, over all services.
    pub(super) async fn breaches(&self) -> Vec<String> {
        let mut breaches = Vec::new();
        for service in SERVICES {
            let mut client = PlatformClient::new(self.bench.host.peers.get(service));
            let request = self.bench.host.request(&self.bench.call(), CheckRequest {});
            let reply = client.check(request).await.expect("the check runs").into_inner();
            breaches.extend(reply.breaches.into_iter().map(|breach| format!("{}: {}", breach.invariant, breach.detail)));
        }
        breaches
    }

    /// Asks again under the same key until the first request is through.
    pub(super) async fn answer_of(&self, guest: &Guest, key: &str, token: &str) -> Answer {
        let start = Instant::now();
        loop {
            let answer = self.checkout(guest, key, token).send().await;
            let busy = matches!(answer.code(), "idempotency_in_progress" | "cart_frozen");
            if answer.status != 409 || !busy {
                return answer;
            }
            assert!(start.elapsed() < PATIENCE, "still under way: {answer:?}");
            self.pass(1).await;
        }
    }

    /// The payments service stops answering, as if its process were gone.
    pub(super) fn neighbour(&self, name: &str) -> &TestEnv {
        self.neighbours.iter().find(|bench| bench.host.service == name).expect("a neighbour of that name")
    }
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("it has an address"));
    (listener, url)
}

#[expect(clippy::disallowed_methods, reason = "the server lives as long as the test")]
fn serve_sandbox(sandbox: &TestEnv, tcp: TcpListener, url: &str) {
    let config = bloom_sandbox_provider::Config { public_url: Some(url.to_owned()), stall_ms: 60_000 };
    let service = bloom_sandbox_provider::service(&config, sandbox.host.clone(), sandbox.db.clone(), Bus::in_process());
    tokio::spawn(service.expect("the provider starts").run(Listeners { tcp, memory: None }));
}

#[expect(clippy::disallowed_methods, reason = "the server lives as long as the test")]
fn serve_plain(tcp: TcpListener, plain: axum::Router) {
    tokio::spawn(async move { axum::serve(tcp, plain).await });
}
