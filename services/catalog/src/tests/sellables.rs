//! What carts ask.

use bloom_proto_catalog::GetSellablesRequest;
use bloom_proto_catalog::catalog_client::CatalogClient;
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
    assert!(ask(channel.to_string(), stage.bench.stranger).await.is_err(), "another tenant's channel is none");
}
