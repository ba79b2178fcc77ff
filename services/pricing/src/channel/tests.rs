//! The replica of channels, and references to channels whose event has not arrived.

use bloom_kernel::{ChannelId, VariantId};
use bloom_testkit::Answer;
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::tests::{Fixture, fixture, fixture_without_catalog};

fn list(code: &str, channel: ChannelId) -> Value {
    json!({ "code": code, "name": code, "currency": "EUR", "gross": true, "status": "active", "channel_id": channel })
}

fn pointer(answer: &Answer) -> &str {
    answer.json["errors"][0]["pointer"].as_str().unwrap()
}

impl Fixture {
    async fn lists(&self) -> usize {
        let lists = self.client.get("/v1/pricing/price-lists").send().await.expect(200);
        lists.json["data"].as_array().unwrap().len()
    }
}

#[tokio::test]
async fn a_list_may_name_a_channel_without_an_event() {
    let fixture = fixture().await;
    let (owned, foreign, unknown_id): (ChannelId, ChannelId, ChannelId) = (fixture.id(), fixture.id(), fixture.id());
    fixture.catalog.add_channel(fixture.env.tenant, owned, true, "DE");
    fixture.catalog.add_channel(fixture.env.other_tenant, foreign, true, "DE");
    let known = fixture.channel("known", true, "DE", json!({})).await;
    for unknown in [foreign, unknown_id] {
        let refused = fixture.client.post("/v1/pricing/price-lists").json(&list("new", unknown)).send().await.expect(404);
        assert_eq!((refused.code(), pointer(&refused)), ("not_found", "/channel_id"));
        assert_eq!(fixture.catalog.requests(), [unknown.to_string()]);
    }
    assert_eq!(fixture.lists().await, 0);
    let created = fixture.create("price-lists", list("new", owned)).await;
    assert_eq!((&created["channel_id"], fixture.catalog.requests()), (&json!(owned), vec![owned.to_string()]));
    let other = fixture.price_list("other", json!({ "channel_id": known })).await;
    assert_eq!(fixture.catalog.requests(), Vec::<String>::new(), "a channel of the replica is not looked up");
    let path = format!("/v1/pricing/price-lists/{other}");
    let change = |channel: ChannelId| fixture.client.patch(&path).if_match(1).json(&json!({ "channel_id": channel }));
    assert_eq!(pointer(&change(foreign).send().await.expect(404)), "/channel_id");
    assert_eq!(change(owned).send().await.expect(200).json["channel_id"], json!(owned));
}

#[tokio::test]
async fn prices_of_a_channel_are_published_after_its_event() {
    let fixture = fixture().await;
    fixture.taxes(&[("DE", 190_000)]).await;
    let shop = fixture.channel("shop", true, "DE", json!({})).await;
    // Ids of later channels sort later.
    fixture.env.clock.advance(TimeDelta::milliseconds(1));
    let trade: ChannelId = fixture.id();
    fixture.catalog.add_channel(fixture.env.tenant, trade, false, "DE");
    let (lamp, book): (VariantId, VariantId) = (fixture.id(), fixture.id());
    fixture.set_price(None, lamp, 1, 23_800).await;
    let only = fixture.price_list("trade", json!({ "channel_id": trade, "priority": 1 })).await;
    fixture.set_price(Some(&only), lamp, 1, 11_900).await;
    fixture.set_price(Some(&only), book, 1, 5_950).await;
    fixture.drain().await;
    assert_eq!(fixture.published(lamp).await.unwrap(), (1, vec![(shop, Some(23_800))]));
    assert_eq!(fixture.published(book).await, None, "it has no price in any channel of the replica");
    // Its event arrives twice: a net channel in euros.
    let channel = json!({ "id": trade, "currency": "EUR", "price_basis": "net", "country": "DE", "is_default": false,
        "location_ids": [], "active": true });
    for _ in 0..2 {
        fixture.receive("channel.created", &trade.to_string(), 1, &channel).await;
    }
    assert_eq!(fixture.published_in(lamp, shop).await, Some(23_800));
    assert_eq!(fixture.published_in(lamp, trade).await, Some(10_000));
    assert_eq!(fixture.published(book).await.unwrap(), (1, vec![(shop, None), (trade, Some(5_000))]));
    assert_eq!(fixture.breaches().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_quote_may_name_a_channel_without_an_event() {
    let fixture = fixture().await;
    fixture.taxes(&[("DE", 190_000)]).await;
    let (trade, foreign): (ChannelId, ChannelId) = (fixture.id(), fixture.id());
    fixture.catalog.add_channel(fixture.env.tenant, trade, false, "DE");
    fixture.catalog.add_channel(fixture.env.other_tenant, foreign, false, "DE");
    let variant: VariantId = fixture.id();
    fixture.set_price(None, variant, 1, 23_800).await;
    let only = fixture.price_list("trade", json!({ "channel_id": trade, "priority": 1 })).await;
    fixture.set_price(Some(&only), variant, 1, 11_900).await;
    let quote = |channel: ChannelId| json!({ "channel_id": channel, "lines": [{ "variant_id": variant, "quantity": 1 }] });
    let before = fixture.quote(quote(trade)).await;
    assert_eq!(
        (&before["channel_id"], &before["ship_to"]["country"], &before["gross"], &before["subtotal"]["amount"]),
        (&json!(trade), &json!("DE"), &json!(false), &json!(10_000))
    );
    // A publishable key of that channel need not name it.
    let storefront = fixture.client.post("/v1/pricing/quotes").publishable(&["pricing:quote"]).channel(trade);
    let unnamed = storefront.json(&json!({ "lines": [{ "variant_id": variant, "quantity": 1 }] })).send().await.expect(200);
    assert_eq!(unnamed.json["subtotal"]["amount"], 10_000);
    let refused = fixture.client.post("/v1/pricing/quotes").json(&quote(foreign)).send().await.expect(404);
    assert_eq!(pointer(&refused), "/channel_id");
    let channel = json!({ "id": trade, "currency": "EUR", "price_basis": "net", "country": "DE", "is_default": false,
        "location_ids": [], "active": true });
    fixture.receive("channel.created", &trade.to_string(), 1, &channel).await;
    let _ = fixture.catalog.requests();
    assert_eq!(fixture.quote(quote(trade)).await, before);
    assert_eq!(fixture.catalog.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn without_the_catalog_only_known_channels_are_accepted() {
    let fixture = fixture_without_catalog().await;
    let known = fixture.channel("known", true, "DE", json!({})).await;
    let owned: ChannelId = fixture.id();
    fixture.catalog.add_channel(fixture.env.tenant, owned, true, "DE");
    fixture.price_list("known", json!({ "channel_id": known })).await;
    let post = || fixture.client.post("/v1/pricing/price-lists").key("k").json(&list("owned", owned));
    let away = post().send().await.expect(503);
    assert_eq!((away.code(), away.header("retry-after")), ("unavailable", "1"));
    let quote = json!({ "channel_id": owned, "lines": [{ "variant_id": fixture.id::<VariantId>(), "quantity": 1 }] });
    let _ = fixture.client.post("/v1/pricing/quotes").json(&quote).send().await.expect(503);
    assert_eq!(fixture.lists().await, 1);
    // The catalog is available again: the same request under the same key succeeds.
    fixture.catalog.start();
    assert_eq!(post().send().await.expect(201).header("idempotent-replayed"), "");
    assert_eq!(fixture.lists().await, 2);
}

#[tokio::test]
async fn new_and_changed_channels_get_prices() {
    let fixture = fixture().await;
    fixture.taxes(&[("DE", 190_000), ("FR", 200_000)]).await;
    let variant: VariantId = fixture.id();
    fixture.set_price(None, variant, 1, 11_900).await;
    assert_eq!(fixture.published(variant).await, None, "without a channel nothing is published");

    let shop = fixture.channel("shop", true, "DE", json!({})).await;
    assert_eq!(fixture.published_in(variant, shop).await, Some(11_900));
    let trade = fixture.channel("trade", false, "DE", json!({})).await;
    assert_eq!(fixture.published(variant).await.unwrap(), (2, vec![(shop, Some(11_900)), (trade, Some(10_000))]));

    // The trade channel moves to France: its net price is that of another tax.
    let moved = json!({ "id": trade, "currency": "EUR", "price_basis": "net", "country": "FR", "is_default": false,
        "location_ids": [], "active": true });
    fixture.receive("channel.updated", &trade.to_string(), 2, &moved).await;
    assert_eq!(fixture.published_in(variant, trade).await, Some(9_917));
    // A late older version, or the same version again, changes nothing.
    let old = json!({ "id": trade, "currency": "EUR", "price_basis": "net", "country": "DE", "is_default": false,
        "location_ids": [], "active": true });
    fixture.receive("channel.updated", &trade.to_string(), 1, &old).await;
    fixture.receive("channel.updated", &trade.to_string(), 2, &moved).await;
    assert_eq!(fixture.published(variant).await.unwrap(), (3, vec![(shop, Some(11_900)), (trade, Some(9_917))]));
    assert_eq!(fixture.breaches().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_retry_is_answered_while_the_catalog_is_down() {
    let fixture = fixture().await;
    let owned: ChannelId = fixture.id();
    fixture.catalog.add_channel(fixture.env.tenant, owned, true, "DE");
    let create = || fixture.client.post("/v1/pricing/price-lists").key("create").json(&list("owned", owned));
    let created = create().send().await.expect(201);
    let path = format!("/v1/pricing/price-lists/{}", created.id());
    let change = json!({ "channel_id": owned, "name": "Owned" });
    let update = || fixture.client.patch(&path).key("update").if_match(1).json(&change);
    let updated = update().send().await.expect(200);

    fixture.catalog.stop();
    let _ = fixture.catalog.requests();
    for (retry, first) in [(create().send().await.expect(201), &created), (update().send().await.expect(200), &updated)] {
        assert_eq!((retry.header("idempotent-replayed"), &retry.json), ("true", &first.json));
    }
    assert_eq!(fixture.catalog.requests(), Vec::<String>::new());
    let other: ChannelId = fixture.id();
    let _ = fixture.client.post("/v1/pricing/price-lists").json(&list("other", other)).send().await.expect(503);
}
