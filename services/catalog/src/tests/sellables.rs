//! What carts ask, and who hears of a channel before its event.

use bloom_contract_catalog::catalog_client::CatalogClient;
use bloom_contract_catalog::{FindChannelsRequest, GetSellablesRequest};
use serde_json::json;

use super::{shop, text, variant_of};
use crate::NAME;

#[tokio::test]
async fn variants_are_told_with_all_that_a_cart_needs() {
    let (stage, channel) = shop().await;
    let shirt = json!({ "title": "Shirt", "status": "active", "options": [{ "name": "Size", "values": ["L"] }],
        "variants": [{ "sku": "L", "options": { "Size": "L" }, "weight_grams": 250 }] });
    let shirt = stage.made("products", shirt).await;
    let draft = stage.product("Draft", "D", json!({ "status": "draft", "requires_shipping": false })).await;
    let unknown: bloom_kernel::VariantId = stage.id();
    let client = CatalogClient::new(stage.bench.host.peers.get(NAME));
    let ask = |channel_id: String, tenant| {
        let ids = vec![variant_of(&shirt).to_string(), variant_of(&draft).to_string(), unknown.to_string(), "garbled".to_owned()];
        let mut call = stage.call();
        call.tenant = tenant;
        let request = stage.bench.host.request(&call, GetSellablesRequest { channel_id, variant_ids: ids });
        let mut client = client.clone();
        async move { client.get_sellables(request).await }
    };
    let reply = ask(String::new(), stage.bench.tenant).await.unwrap().into_inner();
    let told = reply.channel.unwrap();
    assert_eq!((told.id, told.currency.as_str(), told.gross, told.country.as_str()), (channel.to_string(), "INR", true, "IN"));
    let mut sellables = reply.sellables;
    sellables.sort_by(|a, b| b.title.cmp(&a.title));
    assert_eq!(sellables.len(), 2);
    assert_eq!(sellables[0].product_id, text(&shirt["id"]));
    assert_eq!((sellables[0].variant_title.as_str(), sellables[0].weight_grams, sellables[0].published), ("L", 250, true));
    assert_eq!((sellables[1].published, sellables[1].requires_shipping), (false, false));
    assert_eq!(
        ask(stage.id::<bloom_kernel::ChannelId>().to_string(), stage.bench.tenant).await.unwrap_err().code(),
        tonic::Code::NotFound
    );
    assert!(ask(channel.to_string(), stage.bench.other_tenant).await.is_err(), "another tenant's channel is none");
}

#[tokio::test]
async fn channels_are_found_by_their_own_tenant() {
    let (stage, web) = shop().await;
    let shop = stage.channel("shop", json!({ "currency": "EUR", "price_basis": "net", "country": "DE" })).await;
    let _ = stage.patch(&format!("channels/{shop}"), json!({ "active": false })).await.expect(200);
    let nobodys: bloom_kernel::ChannelId = stage.id();
    let find = |tenant, channel_ids: Vec<String>| {
        let mut call = stage.call();
        call.tenant = tenant;
        let request = stage.bench.host.request(&call, FindChannelsRequest { channel_ids });
        let mut client = CatalogClient::new(stage.bench.host.peers.get(NAME));
        async move { client.find_channels(request).await }
    };
    let ids = vec![web.to_string(), shop.to_string(), nobodys.to_string(), "garbled".to_owned()];
    let mut found = find(stage.bench.tenant, ids.clone()).await.unwrap().into_inner().channels;
    found.sort_by(|a, b| b.code.cmp(&a.code));
    let found: Vec<_> = found.iter().map(|found| (found.id.clone(), found.currency.as_str(), found.gross)).collect();
    assert_eq!(
        found,
        [(web.to_string(), "INR", true), (shop.to_string(), "EUR", false)],
        "one that does not sell exists all the same"
    );
    assert_eq!(find(stage.bench.other_tenant, ids).await.unwrap().into_inner().channels, []);
    let many = vec![web.to_string(); 101];
    assert_eq!(find(stage.bench.tenant, many).await.unwrap_err().code(), tonic::Code::InvalidArgument);
}
