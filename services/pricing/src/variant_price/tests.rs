//! The published price is published when a change affects it, and not otherwise.

use bloom_kernel::VariantId;
use futures::StreamExt as _;
use proptest::prelude::*;
use serde_json::json;

use super::model::channel_prices;
use crate::channel::Channel;
use crate::quote::tests::builders::{STANDARD, any_rounding, at, context, country, currency, id, line, list, row, taxes};
use crate::quote::tests::calculate;
use crate::tax::TaxRules;
use crate::tests::{fixture, text};

#[tokio::test]
async fn a_price_is_published_once_per_change() {
    let fixture = fixture().await;
    let shop = fixture.channel("shop", true, "DE", json!({})).await;
    let variant: VariantId = fixture.id();
    fixture.set_price(None, variant, 10, 90).await;
    assert_eq!(fixture.published(variant).await, None, "one unit has no price yet");
    fixture.set_price(None, variant, 1, 100).await;
    fixture.set_price(None, variant, 1, 100).await;
    fixture.set_price(None, variant, 5, 95).await;
    assert_eq!(fixture.published(variant).await.unwrap(), (1, vec![(shop, Some(100))]));
    fixture.set_price(None, variant, 1, 110).await;
    assert_eq!(fixture.published(variant).await.unwrap(), (2, vec![(shop, Some(110))]));
}

#[tokio::test]
async fn concurrent_changes_publish_the_right_prices() {
    let fixture = fixture().await;
    fixture.taxes(&[("DE", 190_000)]).await;
    fixture.channel("shop", true, "DE", json!({})).await;
    fixture.channel("trade", false, "DE", json!({})).await;
    let variants: Vec<VariantId> = (0..8).map(|_| fixture.id()).collect();
    let lists = [
        fixture.price_list("a", json!({ "priority": 1 })).await,
        fixture.price_list("b", json!({ "priority": 2, "gross": false })).await,
    ];
    let rate = text(&fixture.client.get("/v1/pricing/tax-rates").send().await.expect(200).json["data"][0]["id"]);
    for round in 0..6 {
        let writes = variants.iter().enumerate().flat_map(|(number, variant)| {
            let amount = 1_000 + round * 10 + i64::try_from(number).unwrap();
            [fixture.set_price(Some(&lists[0]), *variant, 1, amount), fixture.set_price(Some(&lists[1]), *variant, 1, amount * 2)]
        });
        let status = if round % 2 == 0 { "archived" } else { "active" };
        let list = format!("price-lists/{}", lists[1]);
        let rate = format!("tax-rates/{rate}");
        tokio::join!(
            // A few at a time: the test has few connections, and a request that waits too long for one is refused.
            futures::stream::iter(writes).buffer_unordered(3).collect::<Vec<()>>(),
            fixture.update(&list, json!({ "status": status })),
            fixture.update(&rate, json!({ "rate_ppm": 100_000 + round * 10_000 })),
        );
    }
    fixture.drain().await;
    assert_eq!(fixture.breaches().await, Vec::<String>::new());
}

proptest! {
    #[test]
    fn the_published_price_is_the_quote_of_one_unit(amount in 0_i64..1_000_000_000, list_gross in any::<bool>(), gross in any::<bool>(), ppm in 0_u32..300_000, rounding in any_rounding()) {
        let taxes = TaxRules { rounding, ..taxes(&[("DE", STANDARD, ppm)]) };
        let rows = vec![row(1, list(1, "EUR", list_gross), 1, amount)];
        let channel = Channel { id: id(5), currency: currency("EUR"), gross, country: country("DE") };
        let other = Channel { id: id(6), currency: currency("USD"), ..channel.clone() };
        let prices = channel_prices(&[channel, other], &rows, None, at(0), &taxes);
        let context = context("EUR", gross, "DE");
        let document = calculate(&context, &[line(1, rows)], None, &taxes).unwrap();
        prop_assert_eq!(prices[0].price.unwrap().amount(), document.subtotal);
        prop_assert_eq!(prices[1].price, None);
    }
}

#[test]
fn an_unknown_tax_class_keeps_the_published_price() {
    let taxes = taxes(&[("DE", STANDARD, 190_000)]);
    let rows = vec![row(1, list(1, "EUR", false), 1, 100)];
    let channel = Channel { id: id(5), currency: currency("EUR"), gross: true, country: country("DE") };
    let prices = channel_prices(&[channel], &rows, Some(id(99)), at(0), &taxes);
    assert_eq!(prices[0].price.unwrap().amount(), 119);
}
