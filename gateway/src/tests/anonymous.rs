//! Requests that are refused before routing: they have no key, or ask for something that is not served.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::{addresses, host};
use crate::Gateway;
use crate::config::{GatewayConfig, Rate};

const OFTEN: Rate = Rate { per_second: 1_000, burst: 1_000 };

/// Runs the test against a gateway without services; the test receives the gateway's address.
async fn with_gateway<F: Future<Output = ()>>(per_address: Rate, test: impl FnOnce(SocketAddr) -> F) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    let config = GatewayConfig { per_address, ..GatewayConfig::new(&addresses()).expect("the routes are valid") };
    let gateway = Gateway::new(config, host()).expect("no Redis is configured");
    tokio::select! {
        () = test(address) => {}
        ended = gateway.run(listener) => panic!("the gateway ended: {ended:?}"),
    }
}

/// The response to a request with this request line and these headers.
async fn ask(gateway: SocketAddr, line: &str, headers: &str) -> String {
    ask_any(gateway, line, &format!("host: x\r\n{headers}")).await
}

/// The same, without adding a `Host` header.
async fn ask_any(gateway: SocketAddr, line: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(gateway).await.expect("the gateway listens");
    let request = format!("{line} HTTP/1.1\r\nconnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("answered, and closed");
    answer
}

#[tokio::test]
async fn requests_without_a_key_are_counted_by_address() {
    for headers in ["", "authorization: Basic dXNlcjpwdw==\r\n", "authorization: Bearer sk_live_garbled\r\n"] {
        let test = |gateway| async move {
            let mut answered = 0;
            let refused = loop {
                let answer = ask(gateway, "GET /v1/catalog/products", headers).await;
                if !answer.starts_with("HTTP/1.1 401 ") {
                    break answer;
                }
                answered += 1;
                assert!(answered < 100, "requests are not counted: {headers}");
            };
            assert!(3 <= answered, "{answered} answers");
            assert!(refused.starts_with("HTTP/1.1 429 ") && refused.contains("retry-after: "), "{refused}");
            assert!(refused.contains(r#""code":"rate_limited""#), "{refused}");
        };
        with_gateway(Rate { per_second: 1, burst: 3 }, test).await;
    }
}

#[tokio::test]
async fn an_unsupported_method_is_answered_with_the_supported_ones() {
    let test = |gateway| async move {
        for path in ["/", "/livez", "/readyz", "/metrics", "/openapi.json", "/docs", "/docs/"] {
            for method in ["POST", "PUT", "DELETE", "TRACE", "ABRACADABRA"] {
                let answer = ask(gateway, &format!("{method} {path}"), "").await;
                assert!(answer.starts_with("HTTP/1.1 405 "), "{method} {path}: {answer}");
                assert!(answer.contains("\r\nallow: GET, HEAD, OPTIONS\r\n"), "{method} {path}: {answer}");
                assert!(answer.contains(r#""code":"method_not_allowed""#), "{method} {path}: {answer}");
            }
            let preflight = ask(gateway, &format!("OPTIONS {path}"), "").await;
            assert!(preflight.starts_with("HTTP/1.1 204 "), "{path}: {preflight}");
        }
        for method in ["TRACE", "ABRACADABRA"] {
            let answer = ask(gateway, &format!("{method} /v1/catalog/products"), "").await;
            assert!(answer.starts_with("HTTP/1.1 405 "), "{method}: {answer}");
            assert!(answer.contains("\r\nallow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n"), "{method}: {answer}");
        }
        assert!(ask(gateway, "TRACE /v1/nothing", "").await.starts_with("HTTP/1.1 404 "), "what is not there has no methods");
    };
    with_gateway(OFTEN, test).await;
}

/// With two hosts, or none, proxies on the way might each use a different one.
#[tokio::test]
async fn a_request_must_have_one_host() {
    let test = |gateway| async move {
        for headers in ["", "host: x\r\nhost: y\r\n", "host: x\r\nhost: x\r\n"] {
            let answer = ask_any(gateway, "GET /v1/catalog/products", headers).await;
            assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains(r#""code":"host_invalid""#), "{headers}: {answer}");
        }
        assert!(ask_any(gateway, "GET /v1/catalog/products", "host: x\r\n").await.starts_with("HTTP/1.1 401 "));
        assert!(ask_any(gateway, "GET /livez", "").await.starts_with("HTTP/1.1 200 "), "a probe may be as short as it likes");
    };
    with_gateway(OFTEN, test).await;
}

#[tokio::test]
async fn a_trailing_slash_redirects_to_the_page() {
    let test = |gateway| async move {
        let answer = ask(gateway, "GET /docs/", "").await;
        assert!(answer.starts_with("HTTP/1.1 308 ") && answer.contains("\r\nlocation: /docs\r\n"), "{answer}");
    };
    with_gateway(OFTEN, test).await;
}
