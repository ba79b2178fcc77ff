//! Measures the cost of parsing an input: `cargo bench -p bloom-web --bench input` prints one row per measurement.
//!
//! * a valid write of a cart, compared with serde alone
//! * a body of 64 KB with 10,000 violations

use std::hint::black_box;
use std::time::{Duration, Instant};

use bloom_kernel::{Address, Email, Items, MetadataPatch, Patch, Quantity, VariantId, update};
use bloom_web::parse;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Line {
    variant_id: VariantId,
    quantity: Quantity,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LinesAdd {
    lines: Items<Line, 1, 200>,
}

update! {
    /// A change of a cart.
    struct CartUpdate {
        email: Patch<Email>,
        shipping_address: Patch<Address>,
        billing_address: Patch<Address>,
        metadata: MetadataPatch,
    }
}

fn main() {
    let line = json!({ "variant_id": "var_01jd6zv4x8e5yag7k3m2n9p0qr", "quantity": 2 });
    valid::<LinesAdd>("lines of a cart, 1", &json!({ "lines": [line] }));
    valid::<LinesAdd>("lines of a cart, 20", &json!({ "lines": vec![line; 20] }));
    let address = json!({
        "name": "Asha Rao", "line1": "14 Church Street", "city": "Bengaluru", "region": "KA", "postal_code": "560001",
        "country": "IN", "phone": "+91 80 4000 1234",
    });
    let change = json!({ "email": "asha@example.com", "shipping_address": address, "billing_address": address });
    valid::<CartUpdate>("change of a cart", &change);

    wrong::<LinesAdd>("10,000 wrong lines", &format!("{{\"lines\":[{}]}}", vec!["{},{}"; 5_000].join(",")));
    wrong::<LinesAdd>("10,000 lines of another type", &format!("{{\"lines\":[{}]}}", vec!["12345"; 10_000].join(",")));
    wrong::<LinesAdd>("10,000 unknown fields", &unknown_fields());
}

fn unknown_fields() -> String {
    let fields: Vec<_> = (0..10_000).map(|number| format!("\"{number:x}\":1")).collect();
    format!("{{{}}}", fields.join(","))
}

/// The median duration of one call over several runs.
fn median(runs: usize, calls: u32, mut call: impl FnMut()) -> Duration {
    let mut times: Vec<_> = (0..runs)
        .map(|_| {
            let start = Instant::now();
            (0..calls).for_each(|_| call());
            start.elapsed() / calls
        })
        .collect();
    times.sort_unstable();
    times[runs / 2]
}

fn valid<T: serde::de::DeserializeOwned + JsonSchema + 'static>(what: &str, body: &Value) {
    let body = body.to_string();
    let serde = || drop(black_box(serde_json::from_slice::<T>(black_box(body.as_bytes()))));
    let ours = || drop(black_box(parse::<T>(black_box(body.as_bytes()))));
    assert!(parse::<T>(body.as_bytes()).is_ok(), "{body} is valid");
    let (alone, read) = (median(201, 1_000, serde), median(201, 1_000, ours));
    println!("{what} ({} bytes): {alone:?} by serde alone, {read:?} as a body", body.len());
}

fn wrong<T: serde::de::DeserializeOwned + JsonSchema + 'static>(what: &str, body: &str) {
    let time = median(21, 10, || drop(black_box(parse::<T>(black_box(body.as_bytes())))));
    let found = parse::<T>(body.as_bytes()).err().map_or(0, |fault| fault.errors.len());
    println!("{what} ({} bytes): {time:?}, {found} listed", body.len());
}
