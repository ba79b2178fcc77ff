//! References to channels: one that no event has told of yet, the catalogue is asked for.

use bloom_kernel::{ChannelId, VariantId};
use bloom_testkit::Answer;
use serde_json::{Value, json};

use super::{Stage, alone, stage};

fn list(code: &str, channel: ChannelId) -> Value {
    json!({ "code": code, "name": code, "currency": "EUR", "gross": true, "status": "active", "channel_id": channel })
}

fn pointer(answer: &Answer) -> &str {
    answer.json["errors"][0]["pointer"].as_str().unwrap()
}

impl Stage {
    async fn lists(&self) -> usize {
        let lists = self.door.get("/v1/pricing/price-lists").send().await.expect(200);
        lists.json["data"].as_array().unwrap().len()
    }
}

#[tokio::test]
async fn a_list_may_be_of_a_channel_that_no_event_has_told_of() {
    let stage = stage().await;
    let (owned, foreign, nobodys): (ChannelId, ChannelId, ChannelId) = (stage.id(), stage.id(), stage.id());
    stage.owner.own(stage.bench.tenant, owned, true, "DE");
    stage.owner.own(stage.bench.other_tenant, foreign, true, "DE");
    let heard = stage.channel("heard", true, "DE", json!({})).await;
    for unknown in [foreign, nobodys] {
        let refused = stage.door.post("/v1/pricing/price-lists").json(&list("new", unknown)).send().await.expect(404);
        assert_eq!((refused.code(), pointer(&refused)), ("not_found", "/channel_id"));
        assert_eq!(stage.owner.asked(), [unknown.to_string()]);
    }
    assert_eq!(stage.lists().await, 0);
    let made = stage.made("price-lists", list("new", owned)).await;
    assert_eq!((&made["channel_id"], stage.owner.asked()), (&json!(owned), vec![owned.to_string()]));
    let other = stage.list("other", json!({ "channel_id": heard })).await;
    assert_eq!(stage.owner.asked(), Vec::<String>::new(), "what was heard of is not asked for");
    let path = format!("/v1/pricing/price-lists/{other}");
    let change = |channel: ChannelId| stage.door.patch(&path).if_match(1).json(&json!({ "channel_id": channel }));
    assert_eq!(pointer(&change(foreign).send().await.expect(404)), "/channel_id");
    assert_eq!(change(owned).send().await.expect(200).json["channel_id"], json!(owned));
}

#[tokio::test]
async fn prices_of_a_channel_are_told_once_it_is_heard_of() {
    let stage = stage().await;
    stage.taxes(&[("DE", 190_000)]).await;
    let shop = stage.channel("shop", true, "DE", json!({})).await;
    let trade: ChannelId = stage.id();
    stage.owner.own(stage.bench.tenant, trade, false, "DE");
    let (lamp, book): (VariantId, VariantId) = (stage.id(), stage.id());
    stage.price(None, lamp, 1, 23_800).await;
    let only = stage.list("trade", json!({ "channel_id": trade, "priority": 1 })).await;
    stage.price(Some(&only), lamp, 1, 11_900).await;
    stage.price(Some(&only), book, 1, 5_950).await;
    stage.settle().await;
    assert_eq!(stage.told(lamp).await.unwrap(), (1, vec![(shop, Some(23_800))]));
    assert_eq!(stage.told(book).await, None, "it costs nothing in any channel that is heard of");
    // Its event comes, twice as it may: a net channel in euros.
    let channel = json!({ "id": trade, "currency": "EUR", "price_basis": "net", "country": "DE", "is_default": false });
    for _ in 0..2 {
        stage.hear("channel.created", &trade.to_string(), 1, &channel).await;
    }
    assert_eq!(stage.told_in(lamp, shop).await, Some(23_800));
    assert_eq!(stage.told_in(lamp, trade).await, Some(10_000));
    assert_eq!(stage.told(book).await.unwrap(), (1, vec![(shop, None), (trade, Some(5_000))]));
    assert_eq!(stage.breaches().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_quote_in_a_channel_that_no_event_has_told_of_is_what_it_will_be() {
    let stage = stage().await;
    stage.taxes(&[("DE", 190_000)]).await;
    let (trade, foreign): (ChannelId, ChannelId) = (stage.id(), stage.id());
    stage.owner.own(stage.bench.tenant, trade, false, "DE");
    stage.owner.own(stage.bench.other_tenant, foreign, false, "DE");
    let variant: VariantId = stage.id();
    stage.price(None, variant, 1, 23_800).await;
    let only = stage.list("trade", json!({ "channel_id": trade, "priority": 1 })).await;
    stage.price(Some(&only), variant, 1, 11_900).await;
    let quote = |channel: ChannelId| json!({ "channel_id": channel, "lines": [{ "variant_id": variant, "quantity": 1 }] });
    let before = stage.quote(quote(trade)).await;
    assert_eq!(
        (&before["channel_id"], &before["ship_to"]["country"], &before["gross"], &before["subtotal"]["amount"]),
        (&json!(trade), &json!("DE"), &json!(false), &json!(10_000))
    );
    // A storefront's key of that channel need not name it.
    let storefront = stage.door.post("/v1/pricing/quotes").publishable(&["pricing:quote"]).channel(trade);
    let unnamed = storefront.json(&json!({ "lines": [{ "variant_id": variant, "quantity": 1 }] })).send().await.expect(200);
    assert_eq!(unnamed.json["subtotal"]["amount"], 10_000);
    let refused = stage.door.post("/v1/pricing/quotes").json(&quote(foreign)).send().await.expect(404);
    assert_eq!(pointer(&refused), "/channel_id");
    let channel = json!({ "id": trade, "currency": "EUR", "price_basis": "net", "country": "DE", "is_default": false });
    stage.hear("channel.created", &trade.to_string(), 1, &channel).await;
    let _ = stage.owner.asked();
    assert_eq!(stage.quote(quote(trade)).await, before);
    assert_eq!(stage.owner.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn while_the_catalogue_is_away_only_what_was_heard_of_can_be_named() {
    let stage = alone().await;
    let heard = stage.channel("heard", true, "DE", json!({})).await;
    let owned: ChannelId = stage.id();
    stage.owner.own(stage.bench.tenant, owned, true, "DE");
    stage.list("heard", json!({ "channel_id": heard })).await;
    let post = || stage.door.post("/v1/pricing/price-lists").key("k").json(&list("owned", owned));
    let away = post().send().await.expect(503);
    assert_eq!((away.code(), away.header("retry-after")), ("unavailable", "1"));
    let quote = json!({ "channel_id": owned, "lines": [{ "variant_id": stage.id::<VariantId>(), "quantity": 1 }] });
    let _ = stage.door.post("/v1/pricing/quotes").json(&quote).send().await.expect(503);
    assert_eq!(stage.lists().await, 1);
    // It is back: the same request, under the same key, goes through.
    stage.owner.open();
    assert_eq!(post().send().await.expect(201).header("idempotent-replayed"), "");
    assert_eq!(stage.lists().await, 2);
}
