//! Charges = orders: every payment that took or promised money belongs to one order, and their amounts agree.

use std::collections::BTreeMap;

use bloom_runtime::StartError;
use serde_json::Value;

use super::{Breach, export};
use crate::peers::Reach;

const INVARIANT: &str = "charges_match_orders";

pub(super) async fn breaches(reach: &Reach) -> Result<Vec<Breach>, StartError> {
    let payments = export(reach, "payments", &["payment.updated"]).await?;
    let orders = export(reach, "orders", &["order.updated"]).await?;
    let mut breaches = Vec::new();
    let mut of_payment: BTreeMap<(&str, &str), Vec<&Value>> = BTreeMap::new();
    for ((tenant, _), order) in &orders {
        if let Some(payment) = order["payment"]["id"].as_str() {
            of_payment.entry((tenant, payment)).or_default().push(order);
        }
    }
    for ((tenant, id), payment) in &payments {
        let orders = of_payment.remove(&(tenant.as_str(), id.as_str())).unwrap_or_default();
        let kept = amount(payment, "authorised") - amount(payment, "voided");
        match orders.as_slice() {
            [order] => breaches.extend(differences(order, payment)),
            [] if kept == 0 && amount(payment, "captured") == amount(payment, "refunded") => {}
            [] => breaches.push(Breach::new(INVARIANT, format!("payment {id} of {tenant} keeps {kept} and has no order"))),
            many => breaches.push(Breach::new(INVARIANT, format!("payment {id} of {tenant} has {} orders", many.len()))),
        }
    }
    for ((tenant, payment), orders) in of_payment {
        breaches.extend(orders.iter().map(|order| {
            Breach::new(INVARIANT, format!("order {} of {tenant} names the payment {payment}, which does not exist", order["id"]))
        }));
    }
    Ok(breaches)
}

fn differences(order: &Value, payment: &Value) -> Vec<Breach> {
    let mut pairs = vec![("total", amount(order, "total"), amount(payment, "amount"))];
    for field in ["authorised", "captured", "refunded", "voided"] {
        pairs.push((field, amount(&order["payment"], field), amount(payment, field)));
    }
    if order["checkout_id"] != payment["checkout_id"] {
        pairs.push(("checkout", 0, 1));
    }
    pairs
        .into_iter()
        .filter(|(_, order, payment)| order != payment)
        .map(|(field, ours, theirs)| {
            Breach::new(INVARIANT, format!("order {} says {field} {ours}, its payment says {theirs}", order["id"]))
        })
        .collect()
}

fn amount(document: &Value, field: &str) -> i64 {
    document[field]["amount"].as_i64().unwrap_or_default()
}
