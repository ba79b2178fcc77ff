//! Who is responsible when a request exceeds its deadline. The tests set a short deadline.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::host;
use crate::Gateway;
use crate::config::GatewayConfig;

const ROUTES: &str =
    r#"[{ "prefix": "/v1/slow", "service": "slow", "anonymous": true, "timeout_ms": 300, "body_limit_bytes": 1000 }]"#;
/// The service has the same deadline and may report it first.
const LATE: &str = "HTTP/1.1 504 Gateway Timeout\r\ncontent-length: 4\r\n\r\nlate";

const REFUSED: &str = "HTTP/1.1 401 Unauthorized\r\ncontent-length: 4\r\n\r\nnope";

/// The gateway's response to these bytes, until it closes the connection; the service behind it sends `says` and
/// nothing more.
async fn answered(sent: &str, says: &str) -> String {
    answered_until(sent, says, None).await
}

/// The same, but stops reading after `last`.
async fn answered_until(sent: &str, says: &str, last: Option<&str>) -> String {
    let (service, listener) = (TcpListener::bind("127.0.0.1:0").await, TcpListener::bind("127.0.0.1:0").await);
    let (service, listener) = (service.expect("a port"), listener.expect("a port"));
    let addresses = BTreeMap::from([("slow".to_owned(), format!("http://{}", service.local_addr().expect("bound")))]);
    let mut config = GatewayConfig::with_routes(ROUTES, &addresses).expect("the route is valid");
    config.head_timeout = Duration::from_millis(500);
    let address = listener.local_addr().expect("bound");
    let gateway = Gateway::new(config, host()).expect("no Redis is configured");
    let serve = async {
        let mut lines = Vec::new();
        loop {
            let (mut line, _) = service.accept().await.expect("the gateway connects");
            let _ = line.read(&mut [0; 1_024]).await.expect("the request's head");
            line.write_all(says.as_bytes()).await.expect("sent");
            lines.push(line);
        }
    };
    let ask = async {
        let mut line = TcpStream::connect(address).await.expect("the gateway listens");
        line.write_all(sent.as_bytes()).await.expect("sent");
        let mut answer = Vec::new();
        while line.read_buf(&mut answer).await.expect("answered") != 0 {
            if last.is_some_and(|last| answer.ends_with(last.as_bytes())) {
                break;
            }
        }
        String::from_utf8(answer).expect("a text")
    };
    tokio::select! {
        answer = ask => answer,
        () = serve => unreachable!("the service never ends"),
        ended = gateway.run(listener) => panic!("the gateway ended: {ended:?}"),
    }
}

#[tokio::test]
async fn a_missing_body_is_the_clients_fault() {
    let begun = "POST /v1/slow HTTP/1.1\r\nhost: x\r\ncontent-length: 20\r\n\r\n{\"half\":";
    let chunked = "POST /v1/slow HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n";
    for (sent, says) in [(begun, ""), (chunked, ""), (begun, LATE)] {
        let answer = answered(sent, says).await;
        assert!(answer.starts_with("HTTP/1.1 408 "), "{sent}: {answer}");
        assert!(answer.contains("application/problem+json") && answer.contains(r#""code":"request_timeout""#), "{answer}");
        assert!(answer.contains("The body did not arrive in time"), "{answer}");
        assert!(answer.contains("connection: close"), "the rest of the body is no request: {answer}");
    }
}

#[tokio::test]
async fn a_closing_connection_is_announced() {
    let begun = "POST /v1/slow HTTP/1.1\r\nhost: x\r\ncontent-length: 20\r\n\r\n{\"half\":";
    let answer = answered_until(begun, REFUSED, Some("nope")).await;
    assert!(answer.starts_with("HTTP/1.1 401 ") && answer.contains("connection: close"), "{answer}");
    // After a complete body the connection is reused: the next request on it is answered too.
    let whole = "POST /v1/slow HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}";
    let next = "GET /v1/slow HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let answer = answered(&format!("{whole}{next}"), REFUSED).await;
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 2, "{answer}");
}

/// A request that is refused by its headers alone (here an unsupported method and an unknown route) also gets
/// `Connection: close`.
#[tokio::test]
async fn a_connection_closed_by_an_early_refusal_is_announced() {
    let next = "GET /v1/slow HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    for line in ["POST /v9/nowhere", "POST /livez"] {
        let late = format!("{line} HTTP/1.1\r\nhost: x\r\ncontent-length: 20\r\n\r\n{{\"half\":");
        let answer = answered_until(&late, REFUSED, Some("4")).await;
        assert!(answer.starts_with("HTTP/1.1 40") && answer.contains("connection: close"), "{answer}");
        let asking = format!("{line} HTTP/1.1\r\nhost: x\r\ncontent-length: 20\r\nexpect: 100-continue\r\n\r\n");
        let answer = answered(&asking, REFUSED).await;
        assert!(answer.starts_with("HTTP/1.1 40") && answer.contains("connection: close"), "it was asked to continue: {answer}");
        let whole = format!("{line} HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{{}}");
        let answer = answered(&format!("{whole}{next}"), REFUSED).await;
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 2, "{answer}");
    }
}

#[tokio::test]
async fn a_client_that_sends_too_much_reads_the_refusal() {
    let head = "POST /v1/slow HTTP/1.1\r\nhost: x\r\nconnection: close\r\n";
    let chunk = format!("{:x}\r\n{}\r\n", 100_000, "x".repeat(100_000));
    let chunked = format!("{head}transfer-encoding: chunked\r\n\r\n{}0\r\n\r\n", chunk.repeat(50));
    let measured = format!("{head}content-length: 5000000\r\n\r\n{}", "x".repeat(5_000_000));
    for sent in [chunked, measured] {
        let answer = answered(&sent, "").await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
        assert!(answer.contains(r#""code":"body_too_large""#), "{answer}");
    }
}

#[tokio::test]
async fn a_service_that_does_not_answer_is_not_the_clients_fault() {
    let whole = "POST /v1/slow HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}";
    let none = "GET /v1/slow HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    for (sent, says) in [(whole, ""), (none, ""), (whole, LATE)] {
        let answer = answered(sent, says).await;
        assert!(answer.starts_with("HTTP/1.1 504 "), "{sent}: {answer}");
    }
}

/// Bytes after a request start the next one; they do not delay the response.
#[tokio::test]
async fn a_response_does_not_wait_for_pipelined_bytes() {
    let get = "GET /v1/slow HTTP/1.1\r\nhost: x\r\n\r\n";
    for behind in ["\r\n", "GET /v1/sl"] {
        let answer = answered_until(&format!("{get}{behind}"), REFUSED, Some("nope")).await;
        assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    }
    for bad in ["BAD\r\n\r\n", "GET / HTTP/1.1\r\nhost: x\r\n folded: y\r\n\r\n"] {
        let answer = answered(bad, REFUSED).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{bad}: {answer}");
    }
}

/// A client may send nothing, or too little to recognise its HTTP version.
#[tokio::test]
async fn a_silent_connection_is_closed() {
    for sent in ["", "PRI * HT"] {
        assert_eq!(answered(sent, REFUSED).await, "");
    }
}
