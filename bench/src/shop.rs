//! Two merchants: the setup of a shop, and files of products to import.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::json;
use uuid::Uuid;

use crate::Outcome;
use crate::client::{Api, eventually};
use crate::cluster::Server;
use crate::fleet::{Fleet, Tenant};
use crate::machine::{Cpu, Meter, forget_peak, memory_mb};

const IMPORT: Duration = Duration::from_mins(30);
/// Enough stock for all orders of a run.
const ON_HAND: u32 = 1_000_000;
const CATEGORIES: u32 = 50;

/// Cost of an import.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Imported {
    pub(crate) products: u32,
    pub(crate) megabytes: f64,
    /// Seconds until the import was complete.
    pub(crate) seconds: f64,
    /// Seconds until every product was listed with price and stock.
    pub(crate) listed: f64,
    pub(crate) cpu: Cpu,
    /// Resident memory of the platform before the import, and its peak during it.
    pub(crate) before_mb: f64,
    pub(crate) peak_mb: f64,
}

/// Creates locations, taxes, a channel, delivery, payments. Returns the id of the delivery option.
pub(crate) async fn open(api: &mut Api) -> Outcome<String> {
    let id = |value: &serde_json::Value| value["id"].as_str().unwrap_or_default().to_owned();
    let location = json!({ "code": "BLR-1", "name": "Bengaluru", "priority": 1 });
    let location = id(&api.post("/v1/inventory/locations", &location).await?);
    let class = json!({ "code": "standard", "name": "Standard", "is_default": true });
    let class = id(&api.post("/v1/pricing/tax-classes", &class).await?);
    let zone = json!({ "name": "India", "areas": [{ "country": "IN" }] });
    let zone = id(&api.post("/v1/pricing/tax-zones", &zone).await?);
    let rate = json!({ "zone_id": zone, "class_id": class, "name": "GST", "rate_ppm": 180_000 });
    api.post("/v1/pricing/tax-rates", &rate).await?;
    let channel = json!({
        "code": "web", "name": "Web", "currency": "INR", "price_basis": "gross", "country": "IN",
        "location_ids": [location], "is_default": true,
    });
    api.post("/v1/catalog/channels", &channel).await?;
    let option =
        json!({ "code": "standard", "name": "Standard", "currency": "INR", "charge": { "type": "flat", "amount": 4_900 } });
    let option = id(&api.post("/v1/delivery-options", &option).await?);
    let connection = json!({ "provider": "sandbox", "name": "Sandbox", "is_default": true });
    api.post("/v1/payments/connections", &connection).await?;
    Ok(option)
}

/// Products `from` up to `to` as NDJSON.
pub(crate) fn lines(from: u32, to: u32) -> Bytes {
    let mut text = String::new();
    for number in from..to {
        let line = json!({
            "external_id": format!("BENCH-{number}"),
            "title": format!("Brake disc {number:06}, ventilated, front axle"),
            "description": "High-carbon cast iron, coated hub, balanced; sold one by one, to be changed in pairs with new pads.",
            "status": "active",
            "categories": [format!("Department {:02}", number % CATEGORIES)],
            "channels": ["web"],
            "variants": [{
                "sku": format!("SKU-{number:06}"),
                "weight_grams": 500 + number % 4_000,
                "prices": [{ "amount": 10_000 + number % 90_000, "currency": "INR" }],
                "stock": [{ "location": "BLR-1", "on_hand": ON_HAND }],
            }],
        });
        let _ = writeln!(text, "{line}");
    }
    text.into()
}

/// Imports products `from` up to `to`, and waits until the list shows prices and stock of all.
pub(crate) async fn import(server: &Server, fleet: &Fleet, tenant: &Tenant, from: u32, to: u32) -> Outcome<Imported> {
    let lines = lines(from, to);
    let mut api = Api::new(&fleet.address, &tenant.secret_key);
    #[expect(clippy::cast_precision_loss, reason = "the size of a file")]
    let megabytes = lines.len() as f64 / 1e6;
    let before_mb = memory_mb(fleet.pid(), "VmRSS")?;
    forget_peak(fleet.pid())?;
    let meter = Meter::start(server.pid, Some(fleet.pid()));
    let began = Instant::now();
    let job = api.import(lines).await?;
    let path = format!("/v1/catalog/imports/{}", job["id"].as_str().unwrap_or_default());
    eventually("the import ends", IMPORT, async || {
        let job = api.get(&path).await?;
        if job["status"] == "failed" || job["lines_failed"].as_i64() > Some(0) {
            return Err(format!("the import was not clean: {job}").into());
        }
        Ok(job["status"] == "completed")
    })
    .await?;
    let seconds = began.elapsed().as_secs_f64();
    eventually("every product is listed", IMPORT, async || Ok(listed(server, tenant.id)? >= u64::from(to))).await?;
    let (cpu, listed) = meter.stop();
    let peak_mb = memory_mb(fleet.pid(), "VmHWM")?;
    Ok(Imported { products: to - from, megabytes, seconds, listed, cpu, before_mb, peak_mb })
}

fn listed(server: &Server, tenant: Uuid) -> Outcome<u64> {
    server.number(&format!(
        "select count(*) from catalog.listing where tenant_id = '{tenant}' and state = 1 and price_amount is not null and available > 0"
    ))
}
