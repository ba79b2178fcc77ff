//! A merchant for one test: an account, its keys, and a shop with a few products.

use std::collections::BTreeMap;

use bloom::account::{AccountOptions, create};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::fleet::Running;

/// A tenant with its keys and an HTTP client.
pub(crate) struct Shop {
    pub(crate) url: String,
    pub(crate) tenant: String,
    pub(crate) secret_key: String,
    pub(crate) publishable_key: String,
    client: reqwest::Client,
}

/// A response.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
    }

    pub(crate) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or("")
    }

    pub(crate) fn id(&self) -> String {
        self.body["id"].as_str().unwrap_or_else(|| panic!("no id in {}", self.body)).to_owned()
    }

    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{:#}", self.body);
        self
    }
}

impl Shop {
    /// A new account with an empty live environment.
    pub(crate) async fn found(fleet: &Running) -> Self {
        let options = AccountOptions {
            name: "Test".to_owned(),
            time_zone: "Asia/Kolkata".to_owned(),
            locale: "en-IN".to_owned(),
            currency: "INR".to_owned(),
        };
        let created = create(&fleet.settings, &options).await.expect("the account is founded");
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
        Self {
            url: fleet.gateway_url.clone(),
            tenant: created.live.environment.id.to_string(),
            secret_key: created.live.secret_key.secret,
            publishable_key: created.live.publishable_key.secret,
            client,
        }
    }

    /// A request without an API key.
    pub(crate) fn anonymous(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    /// A request with the secret key, as from the merchant's backend.
    pub(crate) fn secret(&self, method: Method, path: &str) -> RequestBuilder {
        self.anonymous(method, path).bearer_auth(&self.secret_key)
    }

    /// A request with the publishable key, as from a storefront.
    pub(crate) fn storefront(&self, method: Method, path: &str) -> RequestBuilder {
        self.anonymous(method, path).bearer_auth(&self.publishable_key)
    }

    /// GET with the secret key.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        send(self.secret(Method::GET, path)).await
    }

    /// POST with the secret key.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        send(self.secret(Method::POST, path).json(body)).await
    }

    /// All items of a list, read page by page.
    pub(crate) async fn all(&self, path: &str) -> Vec<Value> {
        let (mut all, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self.get(&format!("{path}?limit=100{cursor}")).await.expect(200).body;
            all.extend(page["data"].as_array().expect("a list").iter().cloned());
            match page["page"]["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return all,
            }
        }
    }

    /// Sends a request; `None` when the connection breaks.
    pub(crate) async fn try_send(request: RequestBuilder) -> Option<Answer> {
        let response = request.send().await.ok()?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.ok()?;
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Some(Answer { status, headers, body })
    }

    /// The content of all lists by path, once the events of earlier requests have reached them. A refused request must not change it.
    pub(crate) async fn everything(&self) -> BTreeMap<String, Value> {
        let mut before = self.lists().await;
        loop {
            // Real time: consumers update the lists in the background, so the lists are read until they stop changing.
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            let now = self.lists().await;
            if now == before {
                return now;
            }
            before = now;
        }
    }

    /// Asserts that all lists have the same content as before.
    pub(crate) async fn assert_unchanged(&self, before: &BTreeMap<String, Value>) {
        let now = self.everything().await;
        for (path, list) in before {
            assert_eq!(&now[path], list, "{path} has changed");
        }
    }

    async fn lists(&self) -> BTreeMap<String, Value> {
        let api = send(self.anonymous(Method::GET, "/openapi.json")).await.expect(200).body;
        let mut all = BTreeMap::new();
        for (path, operations) in api["paths"].as_object().into_iter().flatten() {
            if operations["get"].is_object() && !path.contains('{') {
                let paged = operations["get"]["parameters"].to_string().contains("\"limit\"");
                let query = if paged { "?limit=100" } else { "" };
                let mut body = self.get(&format!("{path}{query}")).await.expect(200).body;
                forget_use(&mut body);
                all.insert(path.clone(), body);
            }
        }
        assert!(all.len() > 20, "{} lists", all.len());
        all
    }

    /// Sets up a shop: location, channel, taxes of 18 %, delivery for 49.00, payments through the sandbox.
    pub(crate) async fn open(&self) -> Value {
        let location = json!({ "code": "BLR-1", "name": "Bengaluru", "priority": 1 });
        let location = self.post("/v1/inventory/locations", &location).await.expect(201).id();
        let class = json!({ "code": "standard", "name": "Standard", "is_default": true });
        let class = self.post("/v1/pricing/tax-classes", &class).await.expect(201).id();
        let zone = json!({ "name": "India", "areas": [{ "country": "IN" }] });
        let zone = self.post("/v1/pricing/tax-zones", &zone).await.expect(201).id();
        let rate = json!({ "zone_id": zone, "class_id": class, "name": "GST", "rate_ppm": 180_000 });
        self.post("/v1/pricing/tax-rates", &rate).await.expect(201);
        let channel = json!({
            "code": "web", "name": "Web", "currency": "INR", "price_basis": "gross", "country": "IN",
            "location_ids": [location], "is_default": true,
        });
        let channel = self.post("/v1/catalog/channels", &channel).await.expect(201).id();
        let option =
            json!({ "code": "standard", "name": "Standard", "currency": "INR", "charge": { "type": "flat", "amount": 4_900 } });
        let option = self.post("/v1/delivery-options", &option).await.expect(201).id();
        let connection = json!({ "provider": "sandbox", "name": "Sandbox", "is_default": true });
        let connection = self.post("/v1/payments/connections", &connection).await.expect(201).id();
        json!({
            "location_id": location, "channel_id": channel, "delivery_option_id": option, "tax_class_id": class,
            "connection_id": connection,
        })
    }

    /// Imports products, given as JSON objects, and waits until they are listed with price and stock.
    pub(crate) async fn import(&self, products: &[Value]) -> Value {
        let lines = products.iter().map(Value::to_string).collect::<Vec<_>>().join(
            "
",
        );
        let request = self.secret(Method::POST, "/v1/catalog/imports").header("content-type", "application/x-ndjson").body(lines);
        let job = send(request).await;
        assert!(job.status < 300, "{:#}", job.body);
        let path = format!("/v1/catalog/imports/{}", job.id());
        eventually("the import ends", async || {
            let job = self.get(&path).await.body;
            (job["status"] == "completed").then_some(job)
        })
        .await
    }
}

/// Sends a request and reads the response.
pub(crate) async fn send(request: RequestBuilder) -> Answer {
    Shop::try_send(request).await.expect("the gateway answers")
}

/// Repeats `attempt` until it returns a value, for 30 s at most.
pub(crate) async fn eventually<T>(what: &str, attempt: impl AsyncFn() -> Option<T>) -> T {
    within(30, what, attempt).await
}

/// Repeats `attempt` until it returns a value, for this many seconds at most.
pub(crate) async fn within<T>(seconds: u64, what: &str, attempt: impl AsyncFn() -> Option<T>) -> T {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(seconds);
    loop {
        if let Some(answer) = attempt().await {
            return answer;
        }
        assert!(std::time::Instant::now() < deadline, "{what}: not within {seconds} s");
        // Real time: the fleet's processes use their own clocks.
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// Removes `last_used_at` of keys: it is the only value that a read changes.
pub(crate) fn forget_use(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.remove("last_used_at");
            fields.values_mut().for_each(forget_use);
        }
        Value::Array(items) => items.iter_mut().for_each(forget_use),
        _ => {}
    }
}
