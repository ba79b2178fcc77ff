//! The gateway: keys, limits, paths, versions, and headers that a client must not set.

use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::fleet;
use crate::shop::{Shop, eventually, send};

const LIST: &str = "/v1/catalog/products";

#[test]
fn a_request_needs_a_valid_key() {
    fleet::test(async |fleet| {
        let shop = Shop::found(fleet).await;
        shop.open().await;
        let list_with = |key: &str| send(shop.anonymous(Method::GET, LIST).header("authorization", key.to_owned()));
        assert_eq!(send(shop.anonymous(Method::GET, LIST)).await.expect(401).code(), "key_missing");
        assert_eq!(list_with("Basic dXNlcjpwdw==").await.expect(401).code(), "key_missing");
        assert_eq!(list_with("Bearer sk_live_garbled").await.expect(401).code(), "key_malformed");
        let mut mistyped = shop.secret_key.clone();
        let last = mistyped.pop().expect("a key is not empty");
        mistyped.push(if last == 'A' { 'B' } else { 'A' });
        let answer = list_with(&format!("Bearer {mistyped}")).await.expect(401);
        assert_eq!(answer.code(), "key_malformed");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
        assert!(!answer.body.to_string().contains(&mistyped[8..]), "a key is never repeated");
        list_with(&format!("bearer {}", shop.secret_key)).await.expect(200);
        list_with(&format!("Bearer {}", shop.publishable_key)).await.expect(200);
    });
}

#[test]
fn a_revoked_key_stops_working_within_five_seconds() {
    fleet::test(async |fleet| {
        let shop = Shop::found(fleet).await;
        shop.open().await;
        let key = shop.post("/v1/identity/api-keys", &json!({ "kind": "secret", "name": "to be revoked" })).await.expect(201);
        let secret = key.body["secret"].as_str().expect("shown once").to_owned();
        let list = || send(shop.anonymous(Method::GET, LIST).bearer_auth(&secret));
        list().await.expect(200);
        let id = key.body["api_key"]["id"].as_str().expect("an id");
        shop.post(&format!("/v1/identity/api-keys/{id}/revoke"), &json!({})).await.expect(200);
        let revoked = std::time::Instant::now();
        eventually("the key is dead", async || (list().await.status == 401).then_some(())).await;
        assert!(revoked.elapsed() < std::time::Duration::from_secs(5), "it lived for {:?}", revoked.elapsed());
    });
}

#[test]
fn a_client_cannot_set_tenant_or_context() {
    fleet::test(async |fleet| {
        let (shop, other_shop) = (Shop::found(fleet).await, Shop::found(fleet).await);
        shop.open().await;
        other_shop.open().await;
        other_shop.import(&[json!({ "external_id": "x", "title": "Canary", "status": "active", "variants": [{ "sku": "X" }], "channels": ["web"] })]).await;
        let request = shop
            .secret(Method::GET, LIST)
            .header("bloom-context", "v1.e30.e30")
            .header("bloom-tenant", &other_shop.tenant)
            .header("bloom-request-id", "mine")
            .header("bloom-timeout-ms", "1")
            .header("x-forwarded-for", "10.0.0.1")
            .header("connection", "close, bloom-context");
        let answer = send(request).await.expect(200);
        assert!(!answer.body.to_string().contains("Canary"));
        assert_ne!(answer.header("bloom-request-id"), "mine");
    });
}

#[test]
fn ambiguous_paths_are_refused() {
    fleet::test(async |fleet| {
        let shop = Shop::found(fleet).await;
        let host = shop.url.trim_start_matches("http://").to_owned();
        for path in [
            "/v1//catalog/products",
            "/v1/catalog/../identity/api-keys",
            "/v1/catalog/%2e%2e/identity/api-keys",
            "/v1/catalog%2fproducts",
            "/v1/catalog/%5cproducts",
            "/v1/catalog/%00",
            "/v1/catalog/%zz",
            "/v1/catalog/./products",
        ] {
            // An HTTP client library would normalise the path before sending it, so the test writes to the socket.
            let mut stream = tokio::net::TcpStream::connect(&host).await.expect("the gateway listens");
            let request = format!(
                "GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\nconnection: close\r\n\r\n",
                shop.secret_key
            );
            stream.write_all(request.as_bytes()).await.expect("sent");
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.expect("answered");
            assert!(answer.starts_with("HTTP/1.1 400 "), "{path}: {answer}");
            assert!(answer.contains("path_invalid"), "{path}: {answer}");
        }
    });
}

#[test]
fn responses_have_request_id_version_and_rate_limit() {
    fleet::test(async |fleet| {
        let shop = Shop::found(fleet).await;
        shop.open().await;
        let answer = shop.get(LIST).await.expect(200);
        assert!(answer.header("bloom-request-id").starts_with("req_"));
        assert_eq!(answer.header("bloom-version"), "2026-11-01");
        assert!(
            answer.header("ratelimit-policy").starts_with("\"key\";q=")
                || answer.header("ratelimit-policy").starts_with("\"tenant\";q=")
        );
        assert!(answer.header("ratelimit").contains(";r="));
        let version = |version: &str| send(shop.secret(Method::GET, LIST).header("bloom-version", version.to_owned()));
        assert_eq!(version("2026-11-01").await.expect(200).header("bloom-version"), "2026-11-01");
        let answer = version("2020-01-01").await.expect(400);
        assert_eq!(answer.code(), "version_unknown");
        assert!(answer.body["detail"].as_str().is_some_and(|text| text.contains("2026-11-01")));
        let unknown = shop.get("/v1/nothing").await.expect(404);
        assert_eq!(unknown.code(), "route_unknown");
        assert_eq!(unknown.header("content-type"), "application/problem+json");
        assert!(unknown.body["request_id"].as_str().is_some_and(|id| id == unknown.header("bloom-request-id")));
        let long =
            send(shop.secret(Method::POST, "/v1/catalog/channels").header("idempotency-key", "k".repeat(256)).json(&json!({})))
                .await;
        assert_eq!(long.expect(400).code(), "idempotency_key_invalid");
        let large = send(
            shop.secret(Method::POST, "/v1/catalog/channels")
                .header("content-type", "application/json")
                .body(vec![b' '; 2_000_000]),
        )
        .await;
        assert_eq!(large.expect(413).code(), "body_too_large");
    });
}

#[test]
fn one_description_covers_every_route() {
    fleet::test(async |fleet| {
        let shop = Shop::found(fleet).await;
        let api = send(shop.anonymous(Method::GET, "/openapi.json")).await.expect(200).body;
        assert_eq!(api["openapi"], "3.1.0");
        let paths = api["paths"].as_object().expect("paths");
        for path in [
            "/v1/catalog/products",
            "/v1/identity/api-keys",
            "/v1/inventory/locations",
            "/v1/pricing/quotes",
            "/v1/carts",
            "/v1/checkouts",
            "/v1/orders",
            "/v1/payments",
        ] {
            assert!(paths.contains_key(path), "{path} is missing among {:?}", paths.keys());
        }
        let text = api.to_string();
        let schemas = api["components"]["schemas"].as_object().expect("schemas");
        for reference in text.split("#/components/schemas/").skip(1) {
            let name = reference.split('"').next().unwrap_or("");
            assert!(schemas.contains_key(name), "nothing is behind the reference {name}");
        }
    });
}

#[test]
fn unsupported_methods_and_headers_are_refused() {
    fleet::test(async |fleet| {
        let shop = Shop::found(fleet).await;
        shop.open().await;
        let request = || shop.secret(Method::GET, LIST);
        let invented = Method::from_bytes(b"ABRACADABRA").expect("a token");
        assert_eq!(send(shop.secret(invented, LIST)).await.expect(405).code(), "method_not_allowed");
        assert_eq!(
            send(request().header("content-type", "application/grpc")).await.expect(415).code(),
            "content_type_unsupported"
        );
        for encoding in ["gzip", "identity, gzip", ""] {
            let encoded = send(request().header("content-encoding", encoding)).await.expect(415);
            assert_eq!(encoded.code(), "content_encoding_unsupported", "{encoding}");
        }
        let twice = request().header("content-encoding", "identity").header("content-encoding", "gzip");
        assert_eq!(send(twice).await.expect(415).code(), "content_encoding_unsupported");
        send(request().header("content-encoding", "identity")).await.expect(200);
        for (name, value) in [("authorization", "Bearer x"), ("idempotency-key", "k"), ("bloom-cart-token", "t")] {
            let twice = request().header(name, value).header(name, value);
            assert_eq!(send(twice).await.expect(400).code(), "header_repeated", "{name}");
        }
        let many = (0..90).fold(request(), |request, number| request.header(format!("x-{number}"), "1"));
        assert_eq!(send(many).await.expect(413).code(), "headers_too_many");
        let metrics = shop.anonymous(Method::GET, "/metrics").send().await.expect("an answer").text().await.expect("metrics");
        assert!(!metrics.contains("ABRACADABRA"), "a client invents no label");
    });
}

#[test]
fn a_publishable_key_is_bound_to_its_channel() {
    fleet::test(async |fleet| {
        let shop = Shop::found(fleet).await;
        shop.open().await;
        let mut channels = Vec::new();
        for code in ["here", "there"] {
            let body = json!({ "code": code, "name": code, "currency": "EUR", "price_basis": "gross", "country": "DE" });
            channels.push(shop.post("/v1/catalog/channels", &body).await.expect(201).id());
        }
        let wish = json!({ "kind": "publishable", "name": "here", "channel_id": channels[0] });
        let key =
            shop.post("/v1/identity/api-keys", &wish).await.expect(201).body["secret"].as_str().expect("the secret").to_owned();
        let request = || shop.anonymous(Method::POST, "/v1/carts").bearer_auth(&key).json(&json!({}));
        assert_eq!(send(request()).await.expect(201).body["channel_id"], channels[0].as_str());
        send(request().header("bloom-channel", &channels[0])).await.expect(201);
        assert_eq!(send(request().header("bloom-channel", &channels[1])).await.expect(403).code(), "channel_fixed");
        assert_eq!(send(request().header("bloom-channel", "garbage")).await.expect(400).code(), "channel_invalid");
        let quote =
            json!({ "lines": [{ "variant_id": "var_00000000000000000000000000", "quantity": 1 }], "channel_id": channels[1] });
        let refused = send(shop.anonymous(Method::POST, "/v1/pricing/quotes").bearer_auth(&key).json(&quote)).await;
        assert_eq!(refused.expect(403).code(), "channel_fixed");
        // A secret key may choose any channel.
        let allowed = shop.secret(Method::POST, "/v1/carts").json(&json!({})).header("bloom-channel", &channels[1]);
        assert_eq!(send(allowed).await.expect(201).body["channel_id"], channels[1].as_str());
    });
}
