//! Telemetry: a purchase is one trace, metrics are labelled with route templates and not with ids, and no secret or personal
//! data is exported.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use bloom::state::{DevState, StateDir};
use bloom_process::Settings;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::{AggregationTemporality, HistogramDataPoint, Metric, metric};
use opentelemetry_proto::tonic::trace::v1::{Span, span::SpanKind};
use reqwest::Method;
use serde_json::json;

use crate::collector::{Arrived, Collector, attribute};
use crate::fleet::{self, Running};
use crate::shop::{eventually, send, within};
use crate::trade::{Trade, address, text};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";
/// The libraries below the exporters log at debug level. That none of their records reaches the collector then proves that
/// they are filtered out.
const LOG: &str = "info,bloom_web=debug,bloom_gateway=debug,h2=debug,hyper=debug,hyper_util=trace,tonic=debug,tower=debug";

#[test]
fn a_purchase_is_one_trace_without_secrets() {
    fleet::alone(async {
        let collector = Collector::default();
        let (endpoint, _serving) = collector.listen().await;
        let settings = fleet::settings("observe").await;
        let folder = fleet::folder("observe");
        let mut platform = Platform::start(&settings, &folder, &endpoint);
        let state = within(120, "the platform is up", async || platform.state()).await;
        let running = Running::at(&state.gateway_url, &state.services, settings);
        let trade = Trade::open(&running, &[("A", 1_000, 10)]).await;
        let basket = trade.basket(&[("A", 1)]).await;

        let request =
            trade.storefront(Method::POST, "/v1/checkouts?email=asha@example.com").header("bloom-cart-token", &basket.token);
        let request = request.header("idempotency-key", "observed").header("traceparent", format!("00-{TRACE}-{CALLER}-01"));
        let body = json!({ "cart_id": basket.id, "payment": { "token": "tok_success" } });
        let bought = send(request.json(&body)).await.expect(201).body;
        let order = text(&bought["order"]["id"]);
        trade.order_now(&bought["order"]).await;
        let forged = trade.secret(Method::GET, "/v1/orders").header("traceparent", "00-asha@example.com-01");
        send(forged).await;
        let lost = send(trade.secret(Method::GET, &format!("/v1/orders/{order}/unheard-of"))).await;
        assert_eq!(lost.header("bloom-reason"), "", "the reason is logged and not sent");
        eventually("a consumer has taken part in the trace", async || {
            let arrived = collector.arrived();
            arrived.spans.iter().any(|span| hex(&span.trace_id) == TRACE && is_consumer(span)).then_some(())
        })
        .await;
        platform.stop().await;

        let arrived = collector.arrived();
        one_trace(&arrived);
        requests_by_route(&arrived);
        records(&arrived);
        let lines = platform.lines();
        assert!(lines.contains(&format!("\"trace_id\":\"{TRACE}\"")), "the access log names the trace");
        assert!(lines.contains("\"target\":\"h2::"), "the exporters' transport has talked");
        let exported = format!("{lines}\n{:?}\n{:?}\n{:?}", arrived.spans, arrived.records, arrived.pushes);
        let key = |key: &str| key.rsplit('_').next().expect("a key has parts").to_owned();
        let mut secrets = vec![key(&trade.secret_key), key(&trade.publishable_key), basket.token.clone()];
        secrets.extend(["asha@example.com", "tok_success"].map(str::to_owned));
        secrets.extend(["name", "line1", "postal_code"].map(|field| text(&address()[field])));
        secrets.extend(fleet::environment(&running.settings).remove("BLOOM_MASTER_KEY"));
        for secret in secrets {
            assert!(secret.len() > 5, "`{secret}` could be anywhere");
            let place = exported.find(&secret).map(|place| &exported[place.saturating_sub(400)..place]);
            assert_eq!(place, None, "`{secret}` is exported");
        }
    });
}

/// The trace is one connected tree from the caller's span through every service to a consumer.
fn one_trace(arrived: &Arrived) {
    let spans: Vec<&Span> = arrived.spans.iter().filter(|span| hex(&span.trace_id) == TRACE).collect();
    let known: HashMap<String, &Span> = spans.iter().map(|span| (hex(&span.span_id), *span)).collect();
    let shown: Vec<String> = spans.iter().map(|span| format!("{} {}", service(span), span.name)).collect();
    let mut entries = Vec::new();
    for span in &spans {
        let parent = hex(&span.parent_span_id);
        if parent == CALLER {
            entries.push((service(span), span.name.as_str()));
        } else {
            assert!(known.contains_key(&parent), "{} {}: its parent is unknown\n{shown:#?}", service(span), span.name);
        }
    }
    assert_eq!(entries, [("gateway", "POST /v1/checkouts")], "{shown:#?}");
    let parent = |span: &Span| service(known[&hex(&span.parent_span_id)]).to_owned();
    let orders = spans.iter().find(|span| service(span) == "orders" && span.name == "POST /v1/checkouts");
    assert_eq!(parent(orders.expect("orders has answered")), "gateway");
    let called: BTreeSet<&str> = spans
        .iter()
        .filter(|span| attribute(&span.attributes, "method") == "grpc" && parent(span) == "orders")
        .map(|span| service(span))
        .collect();
    for name in ["cart", "inventory", "payments"] {
        assert!(called.contains(name), "orders asks {name} over gRPC in this trace\n{shown:#?}");
    }
    assert!(spans.iter().any(|span| is_consumer(span) && service(span) != parent(span)), "{shown:#?}");
    for span in &arrived.spans {
        let named_by = [span.name.as_str(), attribute(&span.attributes, "route")];
        assert!(named_by.iter().all(|text| !holds_an_id(text) && !text.contains('?')), "{span:?}");
    }
}

/// The metrics are cumulative, labelled with route templates, and count every request.
fn requests_by_route(arrived: &Arrived) {
    let mut last: HashMap<&str, &[Metric]> = HashMap::new();
    let mut starts: HashMap<&str, u64> = HashMap::new();
    for (process, push) in &arrived.pushes {
        assert!(!process.is_empty(), "sums name their process");
        last.insert(process, push);
        for point in histogram(push) {
            let start = *starts.entry(process).or_insert(point.start_time_unix_nano);
            assert_eq!(point.start_time_unix_nano, start, "every push goes on where the one before ended");
        }
    }
    let processes = if fleet::processes_wanted() { bloom::SERVICES.len() + 1 } else { 1 };
    assert_eq!(last.len(), processes, "figures arrive at the latest when the platform stops");
    let requests: Vec<&HistogramDataPoint> = last.values().flat_map(|push| histogram(push)).collect();
    let mut routes = BTreeSet::new();
    for point in &requests {
        assert!(point.start_time_unix_nano > 0 && point.start_time_unix_nano < point.time_unix_nano);
        assert_eq!(point.bucket_counts.iter().sum::<u64>(), point.count, "{point:?}");
        assert_eq!(point.bucket_counts.len(), point.explicit_bounds.len() + 1);
        routes.insert((attribute(&point.attributes, "service"), attribute(&point.attributes, "route")));
        for label in &point.attributes {
            assert!(!holds_an_id(attribute(&point.attributes, &label.key)), "{point:?}");
        }
    }
    for route in
        [("gateway", "/v1/orders"), ("orders", "/v1/orders/{order_id}"), ("orders", "/v1/checkouts"), ("orders", "unmatched")]
    {
        assert!(routes.contains(&route), "{route:?} in {routes:#?}");
    }
    assert!(routes.iter().any(|(service, route)| *service == "cart" && route.starts_with("/bloom.cart.v1.")), "{routes:#?}");
    let checkouts: Vec<&&HistogramDataPoint> =
        requests.iter().filter(|point| attribute(&point.attributes, "route") == "/v1/checkouts").collect();
    assert_eq!(checkouts.len(), 2, "the gateway's series and the service's: {checkouts:#?}");
    assert!(checkouts.iter().all(|point| point.count == 1), "{checkouts:#?}");
    let sum = |metric: &Metric| metric.name == "bloom_events_total" && matches!(metric.data, Some(metric::Data::Sum(_)));
    assert!(last.values().any(|push| push.iter().any(sum)));
}

fn histogram(push: &[Metric]) -> Vec<&HistogramDataPoint> {
    let mut points = Vec::new();
    for metric in push.iter().filter(|metric| metric.name == "http_server_request_duration_seconds") {
        let Some(metric::Data::Histogram(histogram)) = &metric.data else { panic!("{metric:?}") };
        assert_eq!(histogram.aggregation_temporality(), AggregationTemporality::Cumulative);
        points.extend(&histogram.data_points);
    }
    points
}

/// Log records carry the id of their trace, and none comes from the export itself.
fn records(arrived: &Arrived) {
    let field = |attributes: &[KeyValue], name: &str| attribute(attributes, name).to_owned();
    let access = arrived.records.iter().find(|(target, record)| {
        target == "access" && field(&record.attributes, "path") == "/v1/checkouts" && hex(&record.trace_id) == TRACE
    });
    let (_, access) = access.expect("the purchase is in the access log");
    assert_eq!(field(&access.attributes, "trace_id"), TRACE);
    let refused = arrived
        .records
        .iter()
        .find(|(target, record)| target == "access" && field(&record.attributes, "path").ends_with("/unheard-of"));
    let (_, refused) = refused.expect("so is what a service refused");
    assert_eq!(field(&refused.attributes, "reason"), "route_unknown", "as the service says");
    let sources: BTreeSet<&str> = arrived.records.iter().filter_map(|(target, _)| target.split("::").next()).collect();
    assert!(sources.contains("bloom_web"), "BLOOM_LOG asks for it: {sources:?}");
    for beneath in ["h2", "hyper", "hyper_util", "tonic", "tower", "opentelemetry_sdk", "opentelemetry_otlp"] {
        assert!(!sources.contains(beneath), "{sources:?}");
    }
    let debug =
        arrived.records.iter().filter(|(target, record)| record.severity_text == "DEBUG" && !target.starts_with("bloom_"));
    assert_eq!(debug.count(), 0, "BLOOM_LOG does not ask for it");
}

fn service(span: &Span) -> &str {
    attribute(&span.attributes, "service")
}

fn is_consumer(span: &Span) -> bool {
    span.kind() == SpanKind::Consumer
}

/// Ids end in 26 characters; the first of them encode the time.
fn holds_an_id(text: &str) -> bool {
    let long = |word: &str| word.len() >= 20 && word.contains(|letter: char| letter.is_ascii_digit());
    text.contains('@') || text.split(|letter: char| !letter.is_ascii_alphanumeric()).any(long)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

/// The platform in its own processes: telemetry is global to a process, and this process runs other tests too.
struct Platform {
    process: Child,
    state: StateDir,
}

impl Platform {
    fn start(settings: &Settings, folder: &Path, endpoint: &str) -> Self {
        let state = StateDir::open(folder).expect("the folder is made");
        // No demo shop: the test creates its own.
        state.write(&DevState { seeded: true, ..DevState::default() }).expect("the state is written");
        let lines = File::create(state.file("lines")).expect("the file is made");
        let process = Command::new(fleet::program())
            .arg("--state")
            .arg(folder)
            .args(["up", "--gateway", &fleet::free_address()])
            .args(fleet::processes_wanted().then_some("--fleet"))
            .envs(fleet::environment(settings))
            .env("BLOOM_LOG", LOG)
            .env("BLOOM_LOG_FORMAT", "json")
            .env("BLOOM_OTLP_ENDPOINT", endpoint)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(lines)
            .spawn()
            .expect("BLOOM_BIN names what `cargo build -p bloom` builds; ./dev test sets it");
        Self { process, state }
    }

    /// The log output of all processes.
    fn lines(&self) -> String {
        let logs = self.state.file("fleet/log");
        let services = bloom::SERVICES.iter().map(|service| service.name).chain(["gateway"]);
        let files = services.map(|name| logs.join(format!("{name}.log"))).chain([self.state.file("lines")]);
        files.filter_map(|file| std::fs::read_to_string(file).ok()).collect()
    }

    /// The written state of the platform, once it is ready.
    fn state(&self) -> Option<DevState> {
        self.state.read().filter(|state| !state.gateway_url.is_empty())
    }

    /// Sends SIGTERM and waits for the end, because buffered telemetry is exported at shutdown.
    async fn stop(&mut self) {
        let signal = Command::new("kill").args(["-TERM", &self.process.id().to_string()]).status();
        assert!(signal.expect("kill runs").success());
        let ended = std::cell::RefCell::new(&mut self.process);
        let status = within(60, "the platform stops", async || ended.borrow_mut().try_wait().expect("it is ours")).await;
        assert!(status.success(), "{status}");
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        // SIGTERM and not SIGKILL, so that it ends its child processes.
        let _ = Command::new("kill").args(["-TERM", &self.process.id().to_string()]).stderr(Stdio::null()).status();
        let _ = self.process.wait();
    }
}
