//! The gRPC service.

use bloom_contract_catalog::catalog_client::CatalogClient;
use bloom_contract_catalog::{FindChannelsRequest, GetSellablesRequest};
use serde_json::json;

use super::{shop, text, variant_of};
use crate::NAME;

#[tokio::test]
async fn sellables_hold_what_a_cart_needs() {
    let (fixture, channel) = shop().await;
    let shirt = json!({ "title": "Shirt", "status": "active", "options": [{ "name": "Size", "values": ["L"] }],
        "variants": [{ "sku": "L", "options": { "Size": "L" }, "weight_grams": 250 }] });
    let shirt = fixture.create("products", shirt).await;
    let draft = fixture.product("Draft", "D", json!({ "status": "draft", "requires_shipping": false })).await;
    let unknown: bloom_kernel::VariantId = fixture.id();
    let client = CatalogClient::new(fixture.env.host.peers.get(NAME));
    let request = |channel_id: String, tenant| {
        let ids = vec![variant_of(&shirt).to_string(), variant_of(&draft).to_string(), unknown.to_string(), "garbled".to_owned()];
        let mut call = fixture.call();
        call.tenant = tenant;
        let request = fixture.env.host.request(&call, GetSellablesRequest { channel_id, variant_ids: ids });
        let mut client = client.clone();
        async move { client.get_sellables(request).await }
    };
    let reply = request(String::new(), fixture.env.tenant).await.unwrap().into_inner();
    let found = reply.channel.unwrap();
    assert_eq!(
        (found.id, found.currency.as_str(), found.gross, found.country.as_str()),
        (channel.to_string(), "INR", true, "IN")
    );
    let mut sellables = reply.sellables;
    sellables.sort_by(|a, b| b.title.cmp(&a.title));
    assert_eq!(sellables.len(), 2);
    assert_eq!(sellables[0].product_id, text(&shirt["id"]));
    assert_eq!((sellables[0].variant_title.as_str(), sellables[0].weight_grams, sellables[0].published), ("L", 250, true));
    assert_eq!((sellables[1].published, sellables[1].requires_shipping), (false, false));
    assert_eq!(
        request(fixture.id::<bloom_kernel::ChannelId>().to_string(), fixture.env.tenant).await.unwrap_err().code(),
        tonic::Code::NotFound
    );
    assert!(request(channel.to_string(), fixture.env.other_tenant).await.is_err(), "a channel of another tenant does not exist");
}

#[tokio::test]
async fn channels_are_found_by_their_own_tenant() {
    let (fixture, web) = shop().await;
    let shop = fixture.channel("shop", json!({ "currency": "EUR", "price_basis": "net", "country": "DE" })).await;
    let _ = fixture.patch(&format!("channels/{shop}"), json!({ "active": false })).await.expect(200);
    let unknown_id: bloom_kernel::ChannelId = fixture.id();
    let find = |tenant, channel_ids: Vec<String>| {
        let mut call = fixture.call();
        call.tenant = tenant;
        let request = fixture.env.host.request(&call, FindChannelsRequest { channel_ids });
        let mut client = CatalogClient::new(fixture.env.host.peers.get(NAME));
        async move { client.find_channels(request).await }
    };
    let ids = vec![web.to_string(), shop.to_string(), unknown_id.to_string(), "garbled".to_owned()];
    let mut found = find(fixture.env.tenant, ids.clone()).await.unwrap().into_inner().channels;
    found.sort_by(|a, b| b.code.cmp(&a.code));
    let found: Vec<_> = found.iter().map(|found| (found.id.clone(), found.currency.as_str(), found.gross)).collect();
    assert_eq!(found, [(web.to_string(), "INR", true), (shop.to_string(), "EUR", false)], "an inactive channel exists, too");
    assert_eq!(find(fixture.env.other_tenant, ids).await.unwrap().into_inner().channels, []);
    let many = vec![web.to_string(); 101];
    assert_eq!(find(fixture.env.tenant, many).await.unwrap_err().code(), tonic::Code::InvalidArgument);
}
