//! Behind a proxy each client has its own limit, and no client can claim another's address.

use std::collections::BTreeMap;
use std::net::IpAddr;

use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::host;
use crate::Gateway;
use crate::config::{GatewayConfig, Rate};
use crate::proxies::TrustedProxies;

fn forwarded(values: &[&'static str]) -> HeaderMap {
    let name = HeaderName::from_static("x-forwarded-for");
    values.iter().map(|value| (name.clone(), HeaderValue::from_static(value))).collect()
}

#[test]
fn the_client_is_the_right_most_untrusted_address() {
    let proxies = TrustedProxies::parse("10.0.0.0/8, 192.0.2.7,2001:db8:ff::/48,").expect("a good list");
    for (peer, values, client) in [
        // An untrusted peer is the client, whatever its headers claim.
        ("198.51.100.1", &["203.0.113.9"][..], "198.51.100.1"),
        ("10.1.2.3", &[], "10.1.2.3"),
        ("10.1.2.3", &["203.0.113.9"], "203.0.113.9"),
        ("::ffff:10.1.2.3", &["203.0.113.9"], "203.0.113.9"),
        ("2001:db8:ff::1", &["2001:db8:1::9"], "2001:db8:1::9"),
        ("192.0.2.8", &["203.0.113.9"], "192.0.2.8"),
        // An entry that the client wrote is to the left of the one the first trusted proxy wrote.
        ("10.1.2.3", &["1.1.1.1, 203.0.113.9 ,192.0.2.7"], "203.0.113.9"),
        ("10.1.2.3", &["1.1.1.1", "203.0.113.9, 10.9.9.9"], "203.0.113.9"),
        // Only proxies: the left-most one is the client.
        ("10.1.2.3", &["10.0.0.1, 10.0.0.2"], "10.0.0.1"),
        // An entry that is not an address ends the search.
        ("10.1.2.3", &["203.0.113.9, unknown, 10.0.0.2"], "10.0.0.2"),
        ("10.1.2.3", &["203.0.113.9,"], "10.1.2.3"),
        ("10.1.2.3", &["203.0.113.9", ""], "10.1.2.3"),
        ("10.1.2.3", &["203.0.113.9:5123"], "203.0.113.9"),
        ("10.1.2.3", &["[2001:db8:1::9]:5123"], "2001:db8:1::9"),
    ] {
        let peer: IpAddr = peer.parse().expect("an address");
        assert_eq!(proxies.client(peer, &forwarded(values)).to_string(), client, "{peer} {values:?}");
    }
    let no_proxies = TrustedProxies::default();
    assert_eq!(no_proxies.client([127, 0, 0, 1].into(), &forwarded(&["203.0.113.9"])).to_string(), "127.0.0.1");
}

#[test]
fn a_malformed_list_is_refused_in_one_sentence() {
    for (list, bad) in
        [("10.0.0.0/33", "10.0.0.0/33"), ("10.0.0.1,ingress", "ingress"), ("10.0.0.0-10.0.0.9", "10.0.0.0-10.0.0.9")]
    {
        let said = TrustedProxies::parse(list).err().map(|error| error.chain()).unwrap_or_default();
        let sentence = format!("BLOOM_TRUSTED_PROXIES is not usable: `{bad}` is neither an address nor a CIDR block");
        assert!(said.starts_with(&sentence), "{list}: {said}");
    }
    assert!(TrustedProxies::parse("").is_ok(), "a variable that is set to nothing");
}

/// Status lines of requests without a key, sent one after the other by this peer, each on behalf of one of these
/// addresses.
async fn asked(proxies: &str, clients: &[&str]) -> Vec<String> {
    let (service, listener) = (TcpListener::bind("127.0.0.1:0").await, TcpListener::bind("127.0.0.1:0").await);
    let (service, listener) = (service.expect("a port"), listener.expect("a port"));
    let addresses = BTreeMap::from([("notices".to_owned(), format!("http://{}", service.local_addr().expect("bound")))]);
    let routes = r#"[{ "prefix": "/v1/notices", "service": "notices", "anonymous": true }]"#;
    let config = GatewayConfig {
        per_address: Rate { per_second: 1, burst: 1 },
        trusted_proxies: TrustedProxies::parse(proxies).expect("a good list"),
        ..GatewayConfig::with_routes(routes, &addresses).expect("the route is valid")
    };
    let address = listener.local_addr().expect("bound");
    let gateway = Gateway::new(config, host()).expect("no Redis is configured");
    let serve = async {
        loop {
            let (mut line, _) = service.accept().await.expect("the gateway connects");
            let mut head = [0; 1_024];
            let read = line.read(&mut head).await.expect("the request's head");
            let head = String::from_utf8_lossy(&head[..read]).into_owned();
            let client_address =
                head.lines().find_map(|line| line.strip_prefix("x-forwarded-for: ")).unwrap_or_default().to_owned();
            let says = format!(
                "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{client_address}",
                client_address.len()
            );
            line.write_all(says.as_bytes()).await.expect("sent");
        }
    };
    let ask = async {
        let mut answers = Vec::new();
        for client in clients {
            let mut line = TcpStream::connect(address).await.expect("the gateway listens");
            let sent = format!("GET /v1/notices HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-forwarded-for: {client}\r\n\r\n");
            line.write_all(sent.as_bytes()).await.expect("sent");
            let mut answer = String::new();
            line.read_to_string(&mut answer).await.expect("answered, and closed");
            let body = answer.rsplit("\r\n").next().filter(|body| !body.starts_with('{')).unwrap_or_default();
            answers.push(format!("{} {body}", &answer[9..12]));
        }
        answers
    };
    tokio::select! {
        answers = ask => answers,
        () = serve => unreachable!("the service never ends"),
        ended = gateway.run(listener) => panic!("the gateway ended: {ended:?}"),
    }
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_client_has_its_own_limit() {
    let clients = ["203.0.113.1", "203.0.113.1", "203.0.113.2", "2001:db8:0:1::1", "2001:db8:0:1::2"];
    let trusted = asked("127.0.0.0/8", &clients).await;
    assert_eq!(trusted, ["200 203.0.113.1", "429 ", "200 203.0.113.2", "200 2001:db8:0:1::1", "429 "]);
    let untrusted = asked("", &clients[1..3]).await;
    assert_eq!(untrusted, ["200 127.0.0.1", "429 "], "a client cannot choose the address it is counted by");
}
