//! The API description is built once, and requests for it count like any request without a key.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::host;
use crate::Gateway;
use crate::config::{GatewayConfig, Rate};

const ROUTES: &str = r#"[{ "prefix": "/v1/one", "service": "one" }, { "prefix": "/v1/two", "service": "two" }]"#;

/// Two services with API descriptions; the second may be unavailable.
#[derive(Default)]
struct Services {
    asked: AtomicUsize,
    away: AtomicBool,
}

impl Services {
    async fn serve(&self, name: &str, listener: TcpListener) {
        let document = json!({ "paths": { format!("/v1/{name}"): {}, "/livez": {} } }).to_string();
        loop {
            let (mut line, _) = listener.accept().await.expect("the gateway connects");
            let _ = line.read(&mut [0; 1_024]).await.expect("the request");
            self.asked.fetch_add(1, Ordering::SeqCst);
            let status = if name == "two" && self.away.load(Ordering::SeqCst) { 503 } else { 200 };
            let head = format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", document.len());
            line.write_all(format!("{head}{document}").as_bytes()).await.expect("sent");
        }
    }

    /// Runs the test against a gateway in front of these services; the test receives the gateway's address.
    async fn run<F: Future<Output = ()>>(&self, rate: Rate, test: impl FnOnce(std::net::SocketAddr) -> F) {
        let bind = || async { TcpListener::bind("127.0.0.1:0").await.expect("a port") };
        let (one, two, listener) = (bind().await, bind().await, bind().await);
        let address = |listener: &TcpListener| listener.local_addr().expect("bound");
        let addresses = BTreeMap::from(
            [("one", &one), ("two", &two)].map(|(name, listener)| (name.to_owned(), format!("http://{}", address(listener)))),
        );
        let config = GatewayConfig::with_routes(ROUTES, &addresses).expect("the routes are valid");
        let gateway = Gateway::new(GatewayConfig { per_address: rate, ..config }, host()).expect("no Redis is configured");
        tokio::select! {
            () = test(address(&listener)) => {}
            () = self.serve("one", one) => unreachable!("it never ends"),
            () = self.serve("two", two) => unreachable!("it never ends"),
            ended = gateway.run(listener) => panic!("the gateway ended: {ended:?}"),
        }
    }
}

/// Headers and body of a response.
async fn get(gateway: std::net::SocketAddr, path: &str) -> (String, String) {
    let mut line = TcpStream::connect(gateway).await.expect("the gateway listens");
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    line.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    line.read_to_string(&mut answer).await.expect("answered, and closed");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    (head.to_owned(), body.to_owned())
}

async fn paths(gateway: std::net::SocketAddr) -> Vec<String> {
    let (head, body) = get(gateway, "/openapi.json").await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let document: Value = serde_json::from_str(&body).expect("it is JSON");
    document["paths"].as_object().expect("paths").keys().cloned().collect()
}

const OFTEN: Rate = Rate { per_second: 1_000, burst: 1_000 };

#[tokio::test]
async fn the_services_are_asked_once_for_the_description() {
    let services = Services::default();
    let test = |gateway| async move {
        let readers = (0..20).map(|_| paths(gateway));
        for read in futures::future::join_all(readers).await {
            assert_eq!(read, ["/v1/one", "/v1/two"]);
        }
    };
    services.run(OFTEN, test).await;
    assert_eq!(services.asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn an_incomplete_description_is_not_cached() {
    let services = Services::default();
    services.away.store(true, Ordering::SeqCst);
    let test = |gateway| {
        let services = &services;
        async move {
            assert_eq!(paths(gateway).await, ["/v1/one"]);
            services.away.store(false, Ordering::SeqCst);
            for _ in 0..3 {
                assert_eq!(paths(gateway).await, ["/v1/one", "/v1/two"]);
            }
            assert_eq!(services.asked.load(Ordering::SeqCst), 4);
        }
    };
    services.run(OFTEN, test).await;
}

#[tokio::test]
async fn frequent_reads_are_refused_and_probes_are_not() {
    let services = Services::default();
    let test = |gateway| async move {
        let mut answered = 0;
        let (head, body) = loop {
            let (head, body) = get(gateway, "/openapi.json").await;
            if !head.starts_with("HTTP/1.1 200 ") {
                break (head, body);
            }
            answered += 1;
            assert!(answered < 100, "requests are not counted");
        };
        assert!(3 <= answered, "{answered} answers");
        assert!(head.starts_with("HTTP/1.1 429 ") && head.contains("retry-after: "), "{head}");
        assert!(body.contains(r#""code":"rate_limited""#), "{body}");
        for path in ["/", "/livez", "/readyz", "/metrics"] {
            let (head, _) = get(gateway, path).await;
            assert!(head.starts_with("HTTP/1.1 200 "), "{path}: {head}");
        }
    };
    services.run(Rate { per_second: 1, burst: 3 }, test).await;
}

#[tokio::test]
async fn the_reference_page_loads_nothing_from_elsewhere() {
    let services = Services::default();
    let test = |gateway| async move {
        let (head, page) = get(gateway, "/docs").await;
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        assert!(head.contains("content-type: text/html; charset=utf-8"), "{head}");
        assert!(page.starts_with("<!doctype html>") && page.trim_end().ends_with("</html>"), "the whole page");
        let policy = head.lines().find_map(|line| line.strip_prefix("content-security-policy: ")).expect("a policy");
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
        assert!(policy.contains("; script-src 'sha256-") && policy.contains("; connect-src 'self';"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
    };
    services.run(OFTEN, test).await;
    assert_eq!(services.asked.load(Ordering::SeqCst), 0, "the page itself costs the services nothing");
}

#[test]
fn a_service_whose_schema_names_clash_is_left_out() {
    let addresses = ["one", "two"].map(|name| (name.to_owned(), format!("http://{name}:8080"))).into();
    let config = GatewayConfig::with_routes(ROUTES, &addresses).expect("the routes are valid");
    let service = |name: &str, kind: &str| {
        let answer =
            json!({ "200": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Status" } } } } });
        let paths = json!({ format!("/v1/{name}"): { "get": { "responses": answer } } });
        (name.to_owned(), json!({ "paths": paths, "components": { "schemas": { "Status": { "type": kind } } } }))
    };
    let merged = |other: &str| crate::openapi::merge_most(&config, [service("one", "string"), service("two", other)].into());
    let (whole, is_whole) = merged("string");
    assert!(is_whole && whole["paths"].get("/v1/two").is_some(), "{whole:#}");
    let (part, is_whole) = merged("integer");
    assert!(!is_whole && part["paths"].get("/v1/one").is_some() && part["paths"].get("/v1/two").is_none(), "{part:#}");
}
