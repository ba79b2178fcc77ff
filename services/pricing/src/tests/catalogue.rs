//! What is heard of the catalogue.

use bloom_events::Envelope;
use bloom_kernel::{ProductId, VariantId};
use serde_json::{Value, json};

use super::{Stage, stage};
use crate::events::consume::handlers;

impl Stage {
    fn envelope(&self, name: &str, aggregate: &str, version: i64, data: &Value) -> Envelope {
        Envelope {
            id: self.id(),
            tenant: self.bench.tenant,
            service: "catalog".to_owned(),
            kind: format!("bloom.catalog.{name}"),
            aggregate: aggregate.to_owned(),
            version,
            actor: "key:test".to_owned(),
            occurred_at: self.bench.clock.time(),
            schema_version: 1,
            trace: None,
            causation: None,
            data: serde_json::value::to_raw_value(data).unwrap(),
        }
    }

    /// Applies events as the consumer does.
    async fn hear_all(&self, batch: &[Envelope]) {
        let mut tx = self.bench.db.write(&self.call()).await.unwrap();
        let [handler] = handlers(&self.app);
        assert!(batch.iter().all(|event| handler.wants(&event.kind)));
        handler.apply(&mut tx, batch).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Applies one event.
    pub(super) async fn hear(&self, name: &str, aggregate: &str, version: i64, data: &Value) {
        self.hear_all(&[self.envelope(name, aggregate, version, data)]).await;
        self.settle().await;
    }
}

fn product(id: ProductId, variants: &[(VariantId, Option<&str>)]) -> Value {
    let variants: Vec<Value> =
        variants.iter().map(|(id, class)| json!({ "id": id, "sku": "S", "tax_class_id": class })).collect();
    json!({ "id": id, "title": "Lamp", "variants": variants })
}

#[tokio::test]
async fn a_channel_that_appears_or_changes_gets_prices() {
    let stage = stage().await;
    stage.taxes(&[("DE", 190_000), ("FR", 200_000)]).await;
    let variant: VariantId = stage.id();
    stage.price(None, variant, 1, 11_900).await;
    assert_eq!(stage.told(variant).await, None, "without a channel there is nothing to tell");

    let shop = stage.channel("shop", true, "DE", json!({})).await;
    assert_eq!(stage.told_in(variant, shop).await, Some(11_900));
    let trade = stage.channel("trade", false, "DE", json!({})).await;
    assert_eq!(stage.told(variant).await.unwrap(), (2, vec![(shop, Some(11_900)), (trade, Some(10_000))]));

    // The trade channel moves to France: its net price is that of another tax.
    let moved = json!({ "id": trade, "currency": "EUR", "price_basis": "net", "country": "FR", "is_default": false });
    stage.hear("channel.updated", &trade.to_string(), 2, &moved).await;
    assert_eq!(stage.told_in(variant, trade).await, Some(9_917));
    // An older version that comes late, and the same again, change nothing.
    let old = json!({ "id": trade, "currency": "EUR", "price_basis": "net", "country": "DE", "is_default": false });
    stage.hear("channel.updated", &trade.to_string(), 1, &old).await;
    stage.hear("channel.updated", &trade.to_string(), 2, &moved).await;
    assert_eq!(stage.told(variant).await.unwrap(), (3, vec![(shop, Some(11_900)), (trade, Some(9_917))]));
    assert_eq!(stage.breaches().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_variant_that_names_a_tax_class_is_priced_under_it() {
    let stage = stage().await;
    stage.taxes(&[("DE", 190_000)]).await;
    let reduced = stage.made("tax-classes", json!({ "code": "reduced", "name": "Reduced" })).await;
    let zone = stage.door.get("/v1/pricing/tax-zones").send().await.expect(200).json["data"][0]["id"].clone();
    let rate = json!({ "zone_id": zone, "class_id": reduced["id"], "name": "VAT", "rate_ppm": 70_000 });
    stage.made("tax-rates", rate).await;
    let trade = stage.channel("trade", false, "DE", json!({ "is_default": true })).await;
    let (lamp, book): (VariantId, VariantId) = (stage.id(), stage.id());
    for variant in [lamp, book] {
        stage.price(None, variant, 1, 11_900).await;
        assert_eq!(stage.told_in(variant, trade).await, Some(10_000));
    }
    let id: ProductId = stage.id();
    let class = reduced["id"].as_str();
    let events = [
        stage.envelope("product.created", &id.to_string(), 1, &product(id, &[(lamp, class), (book, None)])),
        stage.envelope("product.updated", &id.to_string(), 2, &product(id, &[(lamp, None), (book, class)])),
    ];
    // Twice, as a replay would: the last version says how it is.
    for _ in 0..2 {
        stage.hear_all(&events).await;
    }
    assert_eq!(stage.told(lamp).await.unwrap(), (1, vec![(trade, Some(10_000))]));
    assert_eq!(stage.told(book).await.unwrap(), (2, vec![(trade, Some(11_121))]));
    // A quote that names no class uses the variant's.
    let quote = stage.quote(json!({ "channel_id": trade, "lines": [{ "variant_id": book, "quantity": 1 }] })).await;
    assert_eq!(quote["lines"][0]["amounts"]["net"]["amount"], 11_121);
    assert_eq!(quote["lines"][0]["amounts"]["tax_reason"]["tax_class_id"], reduced["id"]);
    // The class is taken away again.
    let plain = stage.envelope("product.updated", &id.to_string(), 3, &product(id, &[(book, None)]));
    stage.hear_all(&[plain]).await;
    assert_eq!(stage.told_in(book, trade).await, Some(10_000));
    assert_eq!(stage.breaches().await, Vec::<String>::new());
}
