mod anonymous;
mod described;
mod proxies;
mod slow;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use bloom_kernel::{OsEntropy, SystemClock};
use bloom_runtime::{Keys, Metrics, Peers, ServiceContext};
use http::{HeaderMap, HeaderValue};
use tokio_util::sync::CancellationToken;

use crate::config::{GatewayConfig, Rate};
use crate::limit::Limiter;
use crate::{path, version};

fn host() -> ServiceContext {
    ServiceContext {
        service: crate::NAME,
        clock: Arc::new(SystemClock),
        entropy: Arc::new(OsEntropy),
        keys: Keys::from_master(&[7; 32], crate::NAME),
        cell: "local".into(),
        peers: Peers::default(),
        shutdown: CancellationToken::new(),
        metrics: Metrics::default(),
    }
}

fn addresses() -> BTreeMap<String, String> {
    bloom_fleet::SERVICES.iter().map(|name| ((*name).to_owned(), format!("http://{name}:8080"))).collect()
}

#[test]
fn the_longest_prefix_of_whole_segments_wins() {
    let config = GatewayConfig::new(&addresses()).expect("the product's routes are good");
    let route = |path: &str| config.route(path).map(|route| (route.service.as_str(), route.prefix.as_str()));
    assert_eq!(route("/v1/catalog/products/prod_1"), Some(("catalog", "/v1/catalog")));
    assert_eq!(route("/v1/catalog/imports"), Some(("catalog", "/v1/catalog/imports")));
    assert_eq!(route("/v1/catalog"), Some(("catalog", "/v1/catalog")));
    assert_eq!(route("/v1/catalogue"), None);
    assert_eq!(route("/v1/cart"), None);
    assert_eq!(route("/v2/catalog/products"), None);
    let anonymous = |path: &str| config.route(path).is_some_and(|route| route.anonymous);
    assert!(anonymous("/v1/payments/webhooks/conn_1"));
    assert!(!anonymous("/v1/payments/pay_1"));
    assert!(!anonymous("/v1/payments/webhooksx"));
}

#[test]
fn invalid_routes_are_refused_before_a_port_is_bound() {
    let refused = |routes: &str, addresses: &BTreeMap<String, String>| {
        GatewayConfig::with_routes(routes, addresses).err().map(|error| error.chain())
    };
    let catalog = r#"[{"prefix":"/v1/catalog","service":"catalog"}]"#;
    assert_eq!(refused(catalog, &addresses()), None);
    for (routes, says) in [
        (r#"[{"prefix":"v1/catalog","service":"catalog"}]"#, "begin with a slash"),
        (r#"[{"prefix":"/v1/catalog/","service":"catalog"}]"#, "not usable"),
        (r#"[{"prefix":"/v1/a","service":"catalog","timeout_ms":0}]"#, "not usable"),
        (r#"[{"prefix":"/v1/a","service":"catalog"},{"prefix":"/v1/a","service":"cart"}]"#, "not usable"),
        (r#"[{"prefix":"/v1/a","service":"nobody"}]"#, "whose address is not configured"),
        (r#"[{"prefix":"/v1/a","service":"catalog","anonymus":true}]"#, "unknown field"),
        ("{", "not readable"),
    ] {
        let said = refused(routes, &addresses()).unwrap_or_default();
        assert!(said.contains(says), "{routes}: {said}");
    }
    let nonsense = BTreeMap::from([("catalog".to_owned(), "not an address".to_owned())]);
    assert!(refused(catalog, &nonsense).is_some_and(|said| said.contains("is not an address")));
}

#[test]
fn only_plain_paths_are_accepted() {
    for good in ["/", "/v1/catalog/products", "/v1/orders/ord_06a", "/v1/x/caf%C3%A9", "/v1/a.b/c..d"] {
        assert!(path::check(good).is_ok(), "{good}");
    }
    for bad in [
        "//",
        "/v1//x",
        "/v1/../x",
        "/v1/.",
        "/a/%2e%2E/b",
        "/a%2Fb",
        "/a%5cb",
        "/a\\b",
        "/a%00",
        "/a%0d%0a",
        "/a%25%32%65",
        "/a%",
        "/a%4",
        "/a%zz",
        "/a\u{7f}",
    ] {
        let fault = path::check(bad).expect_err(bad);
        assert_eq!(fault.reason, "path_invalid", "{bad}");
    }
    assert!(path::check(&format!("/{}", "a".repeat(2_048))).is_err());
}

#[test]
fn an_unknown_version_is_refused_with_the_list() {
    let asked = |text: &'static str| {
        HeaderMap::from_iter([(http::HeaderName::from_static("bloom-version"), HeaderValue::from_static(text))])
    };
    let newest = version::negotiate(&HeaderMap::new()).expect("the newest");
    assert_eq!(version::negotiate(&asked(version::VERSIONS[0])).expect("known"), newest);
    for unknown in ["2019-01-01", "tomorrow", ""] {
        let fault = version::negotiate(&asked(unknown)).expect_err("unknown");
        assert_eq!(fault.reason, "version_unknown");
        assert!(fault.detail.contains(version::VERSIONS[0]));
    }
}

#[test]
fn an_address_that_guesses_keys_is_limited() {
    let host = host();
    let few = Rate { per_second: 1, burst: 3 };
    let config = GatewayConfig { per_address: few, ..GatewayConfig::new(&addresses()).expect("the routes are valid") };
    let limiter = Limiter::new(&config, &host).expect("no Redis is configured");
    let [guesser, other] = [1, 2].map(|last| IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)));
    for _ in 0..3 {
        limiter.check_guesser(guesser).expect("identity may be asked");
        limiter.count_guess(guesser);
    }
    limiter.check_guesser(guesser).expect("the burst is spent, and not more");
    limiter.count_guess(guesser);
    let refused = limiter.check_guesser(guesser).expect_err("one too many");
    assert_eq!((refused.reason.as_ref(), refused.retry_after_s.is_some()), ("rate_limited", true));
    limiter.check_guesser(other).expect("another client");
    limiter.check_anonymous(other).expect("another client");
    assert_eq!(limiter.check_anonymous(guesser).expect_err("the same measure").reason, "rate_limited");
}

#[test]
fn addresses_of_one_network_share_a_limit() {
    let host = host();
    let one = Rate { per_second: 1, burst: 1 };
    let config = GatewayConfig { per_address: one, ..GatewayConfig::new(&addresses()).expect("the routes are valid") };
    let limiter = Limiter::new(&config, &host).expect("no Redis is configured");
    let address = |text: &str| text.parse::<IpAddr>().expect("an address");
    for (first, again, other) in
        [("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", "2001:db8:0:2::1"), ("192.0.2.1", "::ffff:192.0.2.1", "::ffff:192.0.2.2")]
    {
        limiter.check_anonymous(address(first)).expect("the first");
        assert_eq!(limiter.check_anonymous(address(again)).expect_err("the same sender").reason, "rate_limited", "{again}");
        limiter.check_anonymous(address(other)).expect("another client");
    }
    let guesser = address("2001:db8:0:3::1");
    limiter.count_guess(guesser);
    limiter.count_guess(guesser);
    assert!(limiter.check_guesser(address("2001:db8:0:3::2")).is_err(), "it cannot guess on from the next address");
}
