//! The demo shop: car parts in rupees, loaded through the public API like any merchant's products.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use bloom_process::{Settings, print_line};
use bloom_runtime::StartError;
use serde_json::{Value, json};

use crate::account::{self, AccountOptions};
use crate::import::Api;
use crate::state::{DevState, StateDir};
use crate::up::step;

/// Time limit until prices and stock have reached the listing through events.
const SETTLE_DEADLINE: Duration = Duration::from_secs(30);

/// Name of the demo shop's account.
const DEMO: &str = "Bloom Motors";

/// Whose shop to load.
#[derive(clap::Args, Clone, Debug)]
pub struct SeedOptions {
    /// Where the API is; that of the running `up` when absent.
    #[arg(long, env = "BLOOM_URL")]
    pub url: Option<String>,
    /// Secret key of the environment to load into; the demo shop's when absent.
    #[arg(long, env = "BLOOM_SECRET_KEY", hide_env_values = true)]
    pub secret_key: Option<String>,
    /// Found the two demo accounts first and print their keys; needs the database and the key of identity.
    #[arg(long, conflicts_with = "secret_key")]
    pub found: bool,
}

/// Loads the demo shop into an empty environment.
pub async fn run(settings: &Settings, state: &Path, options: &SeedOptions) -> Result<(), StartError> {
    if options.found {
        return found(settings, state, options.url.clone()).await;
    }
    load(&Api::new(state, options.url.clone(), options.secret_key.clone())?, SHOP).await
}

/// Creates the accounts as `up` does, on a platform that was started in another way. The keys are also saved in the
/// state folder.
async fn found(settings: &Settings, state: &Path, url: Option<String>) -> Result<(), StartError> {
    let dir = StateDir::open(state)?;
    let mut settings = settings.clone();
    dir.complete(&mut settings.secrets)?;
    let mut dev = dir.resume()?;
    dev.gateway_url = url.unwrap_or(dev.gateway_url);
    if dev.gateway_url.is_empty() {
        return Err(StartError::new("no platform is running here: name --url"));
    }
    once(&settings, &dir, &mut dev).await?;
    dir.write(&dev)?;
    print_line(format_args!("secret key       {}", dev.secret_key))?;
    print_line(format_args!("publishable key  {}", dev.publishable_key))?;
    print_line(format_args!("of the second account: secret key {}", dev.second_tenant_secret_key))?;
    Ok(())
}

/// Creates two accounts and loads a shop into each, unless an earlier start has done so.
pub(crate) async fn once(settings: &Settings, dir: &StateDir, state: &mut DevState) -> Result<(), StartError> {
    if state.seeded {
        return Ok(());
    }
    if state.secret_key.is_empty() {
        if account::exists(settings, DEMO).await? {
            let lost = dir.file("dev.json");
            step(&format!("the keys of the former demo shop are lost with {}: a new shop is founded beside it", lost.display()));
        }
        step("creating two demo accounts");
        let options = |name: &str| AccountOptions {
            name: name.to_owned(),
            time_zone: "Asia/Kolkata".to_owned(),
            locale: "en-IN".to_owned(),
            currency: "INR".to_owned(),
        };
        let first = account::create(settings, &options(DEMO)).await?;
        let second = account::create(settings, &options("Second Street")).await?;
        state.secret_key = first.live.secret_key.secret;
        state.publishable_key = first.live.publishable_key.secret;
        state.second_tenant_secret_key = second.live.secret_key.secret;
        // The keys are shown once, so they are saved before anything else can fail.
        let pids = std::mem::take(&mut state.pids);
        dir.write(state)?;
        state.pids = pids;
    }
    step("loading the demo shop");
    load(&Api::at(state.gateway_url.clone(), state.secret_key.clone()), SHOP).await?;
    load(&Api::at(state.gateway_url.clone(), state.second_tenant_secret_key.clone()), SECOND).await?;
    state.seeded = true;
    Ok(())
}

/// Products of the demo shop as NDJSON, newest last.
const SHOP: &str = include_str!("../demo/shop.ndjson");
/// Products of the second tenant.
const SECOND: &str = include_str!("../demo/second.ndjson");

/// Sets up a shop. An earlier, interrupted run may have completed any of the steps.
async fn load(api: &Api, products: &str) -> Result<(), StartError> {
    let mut locations = Vec::new();
    for (priority, code, name) in [(1, "BLR-1", "Bengaluru"), (2, "DEL-1", "Delhi")] {
        let location = json!({ "code": code, "name": name, "priority": priority });
        locations.push(found_or_made(api, "/v1/inventory/locations", "code", &location).await?["id"].clone());
    }
    let class = found_or_made(
        api,
        "/v1/pricing/tax-classes",
        "code",
        &json!({ "code": "standard", "name": "Standard", "is_default": true }),
    )
    .await?;
    let zone = json!({ "name": "India", "areas": [{ "country": "IN" }] });
    let zone = found_or_made(api, "/v1/pricing/tax-zones", "name", &zone).await?;
    for name in ["CGST", "SGST"] {
        let rate = json!({ "zone_id": zone["id"], "class_id": class["id"], "name": name, "rate_ppm": 90_000 });
        found_or_made(api, "/v1/pricing/tax-rates", "name", &rate).await?;
    }
    let channel = json!({
        "code": "web", "name": "Web shop", "currency": "INR", "price_basis": "gross", "country": "IN",
        "location_ids": locations, "is_default": true,
    });
    found_or_made(api, "/v1/catalog/channels", "code", &channel).await?;
    for (code, name, charge) in [
        ("standard", "Standard, 3 to 5 days", json!({ "type": "flat", "amount": 4_900 })),
        (
            "express",
            "Express, next day",
            json!({ "type": "weight", "steps": [
            { "up_to_grams": 2_000, "amount": 9_900 }, { "up_to_grams": 20_000, "amount": 24_900 },
        ] }),
        ),
    ] {
        let option = json!({ "code": code, "name": name, "currency": "INR", "charge": charge });
        found_or_made(api, "/v1/delivery-options", "code", &option).await?;
    }
    let connection = json!({ "provider": "sandbox", "name": "Sandbox", "is_default": true });
    found_or_made(api, "/v1/payments/connections", "name", &connection).await?;
    let tyre = json!({ "code": "tyre", "name": "Tyre", "attributes": [
        { "code": "season", "name": "Season", "kind": "enum", "values": ["all", "monsoon"] },
        { "code": "width_mm", "name": "Width in mm", "kind": "number" },
        { "code": "tubeless", "name": "Tubeless", "kind": "boolean" },
    ] });
    found_or_made(api, "/v1/catalog/product-types", "code", &tyre).await?;
    // One import after the other: the last product is listed first.
    for line in products.lines() {
        import(api, line).await?;
    }
    settle(api, products).await?;
    present(api).await
}

/// Data beyond single products: the latest two in a collection, and a volume discount on the latest.
async fn present(api: &Api) -> Result<(), StartError> {
    let latest = json!({ "code": "new", "title": "New in the shop" });
    let latest = found_or_made(api, "/v1/catalog/collections", "code", &latest).await?;
    let listed = api.get("/v1/catalog/products?limit=2").await?;
    let products: Vec<Value> = (1..)
        .zip(listed["data"].as_array().into_iter().flatten())
        .map(|(position, product)| json!({ "product_id": product["id"], "position": position }))
        .collect();
    let path = format!("/v1/catalog/collections/{}/products", latest["id"].as_str().unwrap_or_default());
    api.put(&path, &json!({ "products": products })).await?;
    let (first, price) = (&listed["data"][0]["id"], &listed["data"][0]["price"]);
    let product = api.get(&format!("/v1/catalog/products/{}", first.as_str().unwrap_or_default())).await?;
    let dozen = json!({
        "variant_id": product["variants"][0]["id"], "min_quantity": 12,
        "price": { "amount": price["amount"].as_i64().unwrap_or_default() * 9 / 10, "currency": price["currency"] },
    });
    api.post("/v1/pricing/prices/bulk", &json!({ "prices": [dozen] })).await?;
    Ok(())
}

async fn found_or_made(api: &Api, path: &str, field: &str, wanted: &Value) -> Result<Value, StartError> {
    let mut found = None;
    walk(api, path, |item| {
        found = (item[field] == wanted[field]).then(|| item.clone());
        found.is_none()
    })
    .await?;
    match found {
        Some(item) => Ok(item),
        None => api.post(path, wanted).await,
    }
}

/// Visits the items of a list, page after page, while `more` returns true.
pub(crate) async fn walk(api: &Api, path: &str, mut more: impl FnMut(&Value) -> bool) -> Result<(), StartError> {
    let mut cursor = String::new();
    loop {
        let page = api.get(&format!("{path}?limit=100{cursor}")).await?;
        if !page["data"].as_array().is_some_and(|items| items.iter().all(&mut more)) {
            return Ok(());
        }
        match page["page"]["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Ok(()),
        }
    }
}

async fn import(api: &Api, line: &str) -> Result<(), StartError> {
    let job = api.ndjson("/v1/catalog/imports", line.to_owned()).await?;
    let path = format!("/v1/catalog/imports/{}", job["id"].as_str().unwrap_or_default());
    let deadline = Instant::now() + SETTLE_DEADLINE;
    loop {
        let job = api.get(&path).await?;
        match job["status"].as_str() {
            Some("completed") if job["lines_failed"] == 0 => return Ok(()),
            Some("completed" | "failed") => {
                let report = api.text(&format!("{path}/report")).await?;
                return Err(StartError::new(format!("the demo shop could not be imported: {report}")));
            }
            _ if Instant::now() > deadline => return Err(StartError::new("the import of the demo shop does not end")),
            _ => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

/// Waits until every product in stock is listed as such, with its price. The shop may list any number of other products
/// before them.
async fn settle(api: &Api, products: &str) -> Result<(), StartError> {
    let deadline = Instant::now() + SETTLE_DEADLINE;
    let lines = products.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let in_stock =
        |line: &Value| line["variants"][0]["stock"].as_array().is_some_and(|rows| rows.iter().any(|row| row["on_hand"] != 0));
    let mut missing: BTreeSet<String> =
        lines.filter(in_stock).filter_map(|line| line["title"].as_str().map(str::to_owned)).collect();
    loop {
        walk(api, "/v1/catalog/products", |item| {
            if item["price"].is_object() && item["inventory"]["available"].as_i64() > Some(0) {
                missing.remove(item["title"].as_str().unwrap_or_default());
            }
            !missing.is_empty() && Instant::now() < deadline
        })
        .await?;
        if missing.is_empty() {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(StartError::new("prices and stock of the demo shop did not reach the listing within 30 s"));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
