//! Projection = sources: the catalogue's copy of prices and stock equals the state of pricing and inventory. (The
//! catalogue itself checks that its listing follows from that copy.)

use std::collections::{BTreeMap, BTreeSet};

use bloom_runtime::StartError;
use serde_json::Value;

use super::{Breach, EXAMPLES, export};
use crate::peers::Reach;

const INVARIANT: &str = "listing_matches_sources";

pub(super) async fn breaches(reach: &Reach) -> Result<Vec<Breach>, StartError> {
    let replica = export(reach, "catalog", &["variant_replica.updated"]).await?;
    let prices = export(reach, "pricing", &["variant_price.updated"]).await?;
    let stocks = export(reach, "inventory", &["stock.updated"]).await?;
    let mut breaches = Vec::new();
    for (key, price) in &prices {
        compare(
            &mut breaches,
            key,
            "prices",
            &by_key(&of(&replica, key)["prices"], "channel_id", "amount"),
            &listed_prices(price),
        );
    }
    for (key, stock) in &stocks {
        compare(&mut breaches, key, "stock", &by_key(&of(&replica, key)["stock"], "location_id", "available"), &available(stock));
    }
    Ok(breaches)
}

pub(crate) type Facts = BTreeMap<String, i64>;

fn compare(breaches: &mut Vec<Breach>, (tenant, variant): &(String, String), what: &str, replica: &Facts, source: &Facts) {
    if replica != source {
        let detail = format!("{what} of {variant} of {tenant}: {}", differences(replica, source));
        breaches.push(Breach::new(INVARIANT, detail));
    }
}

/// Where the two differ: a few places, and how many more there are.
pub(crate) fn differences(replica: &Facts, source: &Facts) -> String {
    let places: BTreeSet<&String> =
        replica.keys().chain(source.keys()).filter(|place| replica.get(*place) != source.get(*place)).collect();
    let show = |fact: Option<&i64>| fact.map_or_else(|| "nothing".to_owned(), i64::to_string);
    let show = |place: &&String| {
        format!("at {place} the listing has {}, the source {}", show(replica.get(*place)), show(source.get(*place)))
    };
    let mut words: Vec<String> = places.iter().take(EXAMPLES).map(show).collect();
    if EXAMPLES < places.len() {
        words.push(format!("and {} more", places.len() - EXAMPLES));
    }
    words.join("; ")
}

fn listed_prices(event: &Value) -> Facts {
    let prices = event["prices"].as_array().into_iter().flatten().filter(|price| price["price"].is_object());
    prices.map(|price| (text(&price["channel_id"]), price["price"]["amount"].as_i64().unwrap_or_default())).collect()
}

fn available(event: &Value) -> Facts {
    by_key(&event["items"], "location_id", "available")
}

fn by_key(list: &Value, key: &str, value: &str) -> Facts {
    let items = list.as_array().into_iter().flatten();
    items.map(|item| (text(&item[key]), item[value].as_i64().unwrap_or_default())).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn of<'h>(replica: &'h BTreeMap<(String, String), Value>, key: &(String, String)) -> &'h Value {
    replica.get(key).unwrap_or(&Value::Null)
}
