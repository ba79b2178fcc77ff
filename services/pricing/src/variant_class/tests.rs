//! Tax classes of variants from the events of products.

use bloom_kernel::{ProductId, VariantId};
use serde_json::{Value, json};

use crate::tests::fixture;

fn product(id: ProductId, variants: &[(VariantId, Option<&str>)]) -> Value {
    let variants: Vec<Value> =
        variants.iter().map(|(id, class)| json!({ "id": id, "sku": "S", "tax_class_id": class })).collect();
    json!({ "id": id, "title": "Lamp", "variants": variants })
}

#[tokio::test]
async fn a_variant_is_priced_with_its_tax_class() {
    let fixture = fixture().await;
    fixture.taxes(&[("DE", 190_000)]).await;
    let reduced = fixture.create("tax-classes", json!({ "code": "reduced", "name": "Reduced" })).await;
    let zone = fixture.client.get("/v1/pricing/tax-zones").send().await.expect(200).json["data"][0]["id"].clone();
    let rate = json!({ "zone_id": zone, "class_id": reduced["id"], "name": "VAT", "rate_ppm": 70_000 });
    fixture.create("tax-rates", rate).await;
    let trade = fixture.channel("trade", false, "DE", json!({ "is_default": true })).await;
    let (lamp, book): (VariantId, VariantId) = (fixture.id(), fixture.id());
    for variant in [lamp, book] {
        fixture.set_price(None, variant, 1, 11_900).await;
        assert_eq!(fixture.published_in(variant, trade).await, Some(10_000));
    }
    let id: ProductId = fixture.id();
    let class = reduced["id"].as_str();
    let events = [
        fixture.envelope("product.created", &id.to_string(), 1, &product(id, &[(lamp, class), (book, None)])),
        fixture.envelope("product.updated", &id.to_string(), 2, &product(id, &[(lamp, None), (book, class)])),
    ];
    // Twice, as a replay does; the last version counts.
    for _ in 0..2 {
        fixture.receive_all(&events).await;
    }
    assert_eq!(fixture.published(lamp).await.unwrap(), (1, vec![(trade, Some(10_000))]));
    assert_eq!(fixture.published(book).await.unwrap(), (2, vec![(trade, Some(11_121))]));
    // A quote that names no class uses the variant's.
    let quote = fixture.quote(json!({ "channel_id": trade, "lines": [{ "variant_id": book, "quantity": 1 }] })).await;
    assert_eq!(quote["lines"][0]["amounts"]["net"]["amount"], 11_121);
    assert_eq!(quote["lines"][0]["amounts"]["tax_reason"]["tax_class_id"], reduced["id"]);
    // The class is taken away again.
    let plain = fixture.envelope("product.updated", &id.to_string(), 3, &product(id, &[(book, None)]));
    fixture.receive_all(&[plain]).await;
    assert_eq!(fixture.published_in(book, trade).await, Some(10_000));
    assert_eq!(fixture.breaches().await, Vec::<String>::new());
}
