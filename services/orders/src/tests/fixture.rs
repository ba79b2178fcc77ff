//! The fixture: a demo shop on all the services that a checkout needs.

use std::sync::Arc;
use std::time::Duration;

use bloom_contract_inventory::inventory_client::InventoryClient;
use bloom_contract_inventory::{SetStockRequest, StockRow};
use bloom_contract_platform::platform_client::PlatformClient;
use bloom_contract_platform::{CheckRequest, DrainedRequest};
use bloom_contract_pricing::pricing_client::PricingClient;
use bloom_contract_pricing::{PriceRow, SetPricesRequest};
use bloom_events::Bus;
use bloom_testkit::{Answer, TestClient, TestEnv, TestRequest};
use bloom_web::Start;
use bloom_web::server::Listeners;
use chrono::TimeDelta;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::checkout_saga::fault_injection::Faults;
use crate::config::Config;

/// The longest wait of a test.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Scopes of a storefront.
const STOREFRONT: [&str; 2] = ["carts:write", "checkouts:write"];

/// Services that events pass through.
const SERVICES: [&str; 6] = ["catalog", "pricing", "inventory", "payments", "cart", "orders"];

/// All services, running, and a shop that sells shirts for 10.00, tax of 18 % included, delivered for 1.00.
pub(crate) struct Fixture {
    pub(crate) env: TestEnv,
    pub(crate) orders: TestClient,
    pub(crate) carts: TestClient,
    pub(crate) inventory: TestClient,
    pub(crate) payments: TestClient,
    pub(crate) catalog: TestClient,
    pricing: TestClient,
    pub(crate) faults: Faults,
    pub(crate) shirt: String,
    pub(crate) delivery: String,
    services: Vec<TestEnv>,
}

/// A cart that can be bought.
#[derive(Clone)]
pub(crate) struct Guest {
    pub(crate) cart: String,
    pub(crate) token: String,
}

impl Fixture {
    pub(crate) async fn open() -> Self {
        Self::with(Config::default()).await
    }

    pub(crate) async fn with(mut config: Config) -> Self {
        let bus = Bus::in_process();
        let own = TestEnv::of(&crate::SERVICE).await;
        let mut services = Vec::new();
        for definition in [
            &bloom_catalog::SERVICE,
            &bloom_pricing::SERVICE,
            &bloom_inventory::SERVICE,
            &bloom_cart::SERVICE,
            &bloom_payments::SERVICE,
            &bloom_sandbox_provider::SERVICE,
        ] {
            services.push(own.beside(definition).await);
        }
        let [catalog, pricing, inventory, cart, payments, sandbox] = services.as_slice() else { unreachable!() };
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
        let orders = own
            .open(|context, db| crate::service(Start { context, db, bus: bus.clone(), addresses: Arc::default() }, config))
            .await;
        let (shirt, delivery) = (String::new(), String::new());
        let mut fixture =
            Self { env: own, orders, carts, inventory, payments, catalog, pricing, faults, shirt, delivery, services };
        fixture.set_up_shop().await;
        fixture
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
    pub(crate) async fn product(&self, sku: &str, price: i64, units: i64) -> String {
        let product = json!({ "title": sku, "status": "active", "variants": [{ "sku": sku, "weight_grams": 100 }] });
        let product = self.catalog.post("/v1/catalog/products").json(&product).send().await.expect(201);
        let variant = product.json["variants"][0]["id"].as_str().expect("the product has a variant").to_owned();
        self.price(&variant, price).await;
        self.stock(&variant, "BLR-1", units).await;
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

    pub(crate) async fn stock(&self, variant: &str, location: &str, on_hand: i64) {
        let row = StockRow { variant_id: variant.to_owned(), location_code: location.to_owned(), on_hand };
        let request = self.env.host.request(&self.env.call(), SetStockRequest { rows: vec![row], ..SetStockRequest::default() });
        InventoryClient::new(self.env.host.peers.get("inventory")).set_stock(request).await.expect("the stock is set");
    }

    /// A guest's cart with shirts.
    pub(crate) async fn cart(&self, quantity: i64) -> Guest {
        self.cart_of(&self.shirt, quantity).await
    }

    pub(crate) async fn cart_of(&self, variant: &str, quantity: i64) -> Guest {
        let body = json!({
            "lines": [{ "variant_id": variant, "quantity": quantity }],
            "email": "Asha@Example.com",
            "shipping_address": { "name": "Asha Rao", "line1": "1 MG Road", "city": "Bengaluru", "country": "IN" },
            "delivery_option_id": self.delivery,
        });
        let cart = self.carts.post("/v1/carts").publishable(&STOREFRONT).json(&body).send().await.expect(201);
        Guest { cart: cart.id(), token: cart.json["token"].as_str().expect("the token of a new cart").to_owned() }
    }

    /// A storefront's request with the token of a cart.
    pub(crate) fn shop<'d>(request: TestRequest<'d>, guest: &Guest) -> TestRequest<'d> {
        request.publishable(&STOREFRONT).header("bloom-cart-token", &guest.token)
    }

    pub(crate) fn checkout<'d>(&'d self, guest: &Guest, key: &str, token: &str) -> TestRequest<'d> {
        let body = json!({ "cart_id": guest.cart, "payment": { "token": token } });
        Self::shop(self.orders.post("/v1/checkouts"), guest).key(key).json(&body)
    }

    /// Buys shirts; answers the order.
    pub(crate) async fn order(&self, quantity: i64) -> Value {
        let guest = self.cart(quantity).await;
        let bought = self.checkout(&guest, &guest.cart, "tok_success").send().await.expect(201);
        bought.json["order"].clone()
    }

    pub(crate) async fn read_order(&self, id: &Value) -> Value {
        let path = format!("/v1/orders/{}", id.as_str().expect("an id"));
        self.orders.get(&path).send().await.expect(200).json
    }

    pub(crate) async fn read_cart(&self, guest: &Guest) -> Value {
        Self::shop(self.carts.get(&format!("/v1/carts/{}", guest.cart)), guest).send().await.expect(200).json
    }

    /// on hand, allocated and held units of a variant, over all locations.
    pub(crate) async fn levels(&self, variant: &str) -> (i64, i64, i64) {
        let path = format!("/v1/inventory/items?variant_id={variant}");
        let items = self.inventory.get(&path).send().await.expect(200);
        let items = items.json["data"].as_array().expect("a list").clone();
        let sum = |field: &str| items.iter().map(|item| item[field].as_i64().expect("a number")).sum();
        (sum("on_hand"), sum("allocated"), sum("held"))
    }

    /// All payments, youngest first.
    pub(crate) async fn all_payments(&self) -> Vec<Value> {
        let page = self.payments.get("/v1/payments?limit=100").send().await.expect(200);
        page.json["data"].as_array().expect("a list").clone()
    }

    pub(crate) async fn all_orders(&self) -> Vec<Value> {
        let page = self.orders.get("/v1/orders?limit=100").send().await.expect(200);
        page.json["data"].as_array().expect("a list").clone()
    }

    /// Advances the clock second by second; after each second all due events and timers are processed.
    pub(crate) async fn advance(&self, seconds: i64) {
        for _ in 0..seconds {
            self.env.clock.advance(TimeDelta::seconds(1));
            self.drain().await;
        }
    }

    /// Advances the clock far enough that everything unfinished is resumed.
    pub(crate) async fn run_timers(&self) {
        for seconds in [6, 3] {
            self.env.clock.advance(TimeDelta::seconds(seconds));
            self.drain().await;
        }
    }

    /// Waits until no service has anything to do, in two rounds over all services. One round would miss an event that reaches a service
    /// after it was checked, so nothing may be published between the two.
    pub(crate) async fn drain(&self) {
        let start = Instant::now();
        let mut before = None;
        loop {
            let mut busy = Vec::new();
            let mut published = 0;
            for service in SERVICES {
                let mut client = PlatformClient::new(self.env.host.peers.get(service));
                let request = self.env.host.request(&self.env.call(), DrainedRequest {});
                let state = client.drained(request).await.expect("it answers").into_inner();
                assert_eq!(state.parked, 0, "{service} has parked an event");
                published += state.published;
                if 0 < state.outbox + state.lag + state.timers_due {
                    busy.push((service, state));
                }
            }
            if busy.is_empty() && before == Some(published) {
                return;
            }
            before = Some(published);
            assert!(start.elapsed() < TIMEOUT, "still busy: {busy:?}");
            // Real time: events and timers run beside the test until they are done.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Names of violated invariants, over all services.
    pub(crate) async fn breaches(&self) -> Vec<String> {
        let mut breaches = Vec::new();
        for service in SERVICES {
            let mut client = PlatformClient::new(self.env.host.peers.get(service));
            let request = self.env.host.request(&self.env.call(), CheckRequest {});
            let reply = client.check(request).await.expect("the check runs").into_inner();
            breaches.extend(reply.breaches.into_iter().map(|breach| format!("{}: {}", breach.invariant, breach.detail)));
        }
        breaches
    }

    /// Repeats a checkout with its key until the first request has ended.
    pub(crate) async fn answer_of(&self, guest: &Guest, key: &str, token: &str) -> Answer {
        let start = Instant::now();
        loop {
            let answer = self.checkout(guest, key, token).send().await;
            let busy = matches!(answer.code(), "idempotency_in_progress" | "cart_frozen");
            if answer.status != 409 || !busy {
                return answer;
            }
            assert!(start.elapsed() < TIMEOUT, "still under way: {answer:?}");
            self.advance(1).await;
        }
    }

    /// The environment of another service.
    pub(crate) fn service(&self, name: &str) -> &TestEnv {
        self.services.iter().find(|env| env.host.service == name).expect("a service of that name")
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
