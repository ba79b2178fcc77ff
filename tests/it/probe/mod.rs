//! The tenant probe: in every place of every route, another tenant's id is answered exactly like an id that does not exist.
//!
//! It reads the routes from the API description and makes bodies from their schemas, so it covers a simple new resource by
//! itself. Where such a body is invalid, or no `POST` creates an id of some kind, it fails until bodies.rs or world.rs is extended.

mod bodies;
mod routes;
mod strict;
mod world;

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use reqwest::Method;
use serde_json::Value;

use self::routes::{Operation, operations};
use self::world::{World, ids_in, unknown};
use crate::fleet;
use crate::shop::{Answer, eventually, forget_use, send};

/// Operations that are refused although every id is valid: the object exists already, or the change would make a cycle.
const REFUSED_WITH_VALID_IDS: [(&str, &str); 3] =
    [("category_update", "category_cycle"), ("item_create", "item_exists"), ("variant_create", "invalid_request")];

/// Filters that require a second filter.
const COMPANIONS: [(&str, &str, &str); 1] = [("movement_list", "location_id", "variant_id")];

/// Fields whose service has no copy of the object that the id names. Any id is accepted and used in the caller's tenant only.
const ANY_ID: [(&str, &str); 6] = [
    ("adjustment_create", "/lines/0/variant_id"),
    ("hold_create", "/lines/0/variant_id"),
    ("item_create", "/variant_id"),
    ("price_create", "/variant_id"),
    ("prices_set", "/prices/0/variant_id"),
    ("quote_create", "/lines/0/variant_id"),
];

#[test]
fn ids_of_another_tenant_answer_as_unknown() {
    fleet::test(async |fleet| {
        let (mut other, mut own) = (World::build(fleet, "CANARY-41").await, World::build(fleet, "OWN-1").await);
        let api = send(own.trade.anonymous(Method::GET, "/openapi.json")).await.expect(200).body;
        let operations = operations(&api);
        assert!(operations.len() > 100, "{} operations", operations.len());
        other.complete(&api, &operations).await;
        own.complete(&api, &operations).await;
        let probe = Probe { api, own, other, count: AtomicUsize::new(0), stored_ids: Mutex::default(), wrong: Mutex::default() };
        let before = probe.belongings(&operations).await;
        for operation in &operations {
            probe.path(operation).await;
            probe.query(operation).await;
        }
        for operation in &operations {
            probe.body(operation).await;
        }
        for operation in operations.iter().filter(|operation| operation.is_read() && operation.in_path.is_empty()) {
            probe.list(operation).await;
        }
        let wrong = probe.wrong.lock().expect("nobody panicked").clone();
        assert!(wrong.is_empty(), "{} places: {wrong:#?}", wrong.len());
        assert_eq!(before, probe.belongings(&operations).await, "the other tenant's objects are unchanged");
    });
}

struct Probe {
    /// The API description.
    api: Value,
    own: World,
    other: World,
    count: AtomicUsize,
    /// Ids of the other tenant that the prober has stored in its own objects.
    stored_ids: Mutex<BTreeSet<String>>,
    /// All failures, so that one run reports every one of them.
    wrong: Mutex<Vec<String>>,
}

/// A request that contains an id. It is compared with the same request for another id.
struct Case<'p> {
    operation: &'p Operation,
    path: String,
    body: Option<Value>,
    /// The version of the prober's own object.
    if_match: String,
    /// The ids that differ between the two compared requests.
    ids: Vec<String>,
}

impl Probe {
    fn number(&self) -> usize {
        self.count.fetch_add(1, Ordering::Relaxed)
    }

    fn expect(&self, right: bool, message: impl FnOnce() -> String) {
        if !right {
            self.wrong.lock().expect("nobody panicked").push(message());
        }
    }

    fn case<'p>(&self, operation: &'p Operation, ids: &[String]) -> Case<'p> {
        let body = operation.body.as_ref().map(|_| self.body_of(operation));
        let ids = ids.to_vec();
        Case { path: operation.path(&ids), operation, body, if_match: "\"1\"".to_owned(), ids }
    }

    fn body_of(&self, operation: &Operation) -> Value {
        let body = bodies::body(&operation.name, &self.own, self.number());
        body.unwrap_or_else(|| bodies::from_schema(&self.api, &operation.schema, &self.own, self.number()))
    }

    fn own_ids(&self, operation: &Operation) -> Vec<String> {
        operation.in_path.iter().map(|(_, kind)| self.own.id(kind).to_owned()).collect()
    }

    async fn send(&self, case: &Case<'_>) -> Answer {
        let method = Method::from_bytes(case.operation.method.as_bytes()).expect("a method");
        let mut request = self.own.trade.secret(method, &case.path);
        if !case.operation.is_read() {
            request = request.header("if-match", &case.if_match).header("idempotency-key", format!("probe {}", self.number()));
        }
        if let (Some(kind), Some(body)) = (&case.operation.body, &case.body) {
            request = request.header("content-type", kind).body(body.to_string());
        }
        let answer = send(request).await;
        self.assert_no_leak(case, &answer);
        answer
    }

    /// No answer contains data of the other tenant that the request did not contain.
    fn assert_no_leak(&self, case: &Case<'_>, answer: &Answer) {
        let (text, name) = (answer.body.to_string(), &case.operation.name);
        assert!(!text.contains(&self.other.mark), "{name} shows the other tenant's texts: {text}");
        for id in ids_in(&text) {
            let own = case.ids.iter().any(|sent| sent == id) || self.stored_ids.lock().expect("nobody panicked").contains(id);
            let leaked = self.other.has(id) && !own;
            assert!(!leaked, "{name} shows the other tenant's {id}: {text}");
        }
        assert!(answer.status < 500, "{name}: {text}");
    }

    /// Both answers are equal except for the id in the request.
    async fn same(&self, what: &str, foreign: &Case<'_>, unknown: &Case<'_>) -> Answer {
        let (first, second) = (self.send(foreign).await, self.send(unknown).await);
        let name = &foreign.operation.name;
        let (first_reply, second_reply) = (plain(&first, &foreign.ids), plain(&second, &unknown.ids));
        self.expect(first_reply == second_reply, || {
            format!("{name} tells another tenant's {what} from an unknown one: {first_reply:?} {second_reply:?}")
        });
        first
    }

    /// Every combination of the other tenant's ids in the path, and of malformed ids, answers 404.
    async fn path(&self, operation: &Operation) {
        let own = self.own_ids(operation);
        for places in 1_usize..1 << own.len() {
            let swap = |with: &dyn Fn(&str) -> String| -> Vec<String> {
                let kinds = operation.in_path.iter().zip(&own).enumerate();
                kinds.map(|(at, ((_, kind), own))| if places >> at & 1 == 1 { with(kind) } else { own.clone() }).collect()
            };
            let etag = self.own.etag(&operation.path(&own)).await;
            let case = |ids: Vec<String>| Case { if_match: etag.clone(), ..self.case(operation, &ids) };
            let foreign = case(swap(&|kind| self.other.id(kind).to_owned()));
            let absent = case(swap(&|kind| unknown(self.other.id(kind))));
            let malformed = case(swap(&|kind| format!("{kind}_x")));
            let answer = self.same("path id", &foreign, &absent).await;
            self.expect(answer.status == 404, || format!("{}: {:#}", operation.name, answer.body));
            self.same("path id", &foreign, &malformed).await;
        }
    }

    /// A filter by another tenant's id gives the same result as one by an unknown id.
    async fn query(&self, operation: &Operation) {
        for (name, kind) in &operation.in_query {
            let case = |id: String| {
                let mut case = self.case(operation, &self.own_ids(operation));
                case.path = format!("{}?{name}={id}", case.path);
                for (_, _, companion) in COMPANIONS.iter().filter(|known| (known.0, known.1) == (&operation.name, name)) {
                    let kind = &operation.in_query.iter().find(|known| known.0 == *companion).expect("a filter").1;
                    case.path = format!("{}&{companion}={}", case.path, self.own.id(kind));
                }
                case.ids = vec![id];
                case
            };
            let foreign = case(self.other.id(kind).to_owned());
            let answer = self.same("filter", &foreign, &case(unknown(self.other.id(kind)))).await;
            let empty = answer.body["data"].as_array().is_some_and(Vec::is_empty);
            let refused = matches!(answer.status, 400 | 404 | 422);
            self.expect(empty || refused, || format!("{} {name}: {:#}", operation.name, answer.body));
            let own = self.send(&case(self.own.id(kind).to_owned())).await;
            self.expect(own.status == 200, || format!("{} {name}: {:#}", operation.name, own.body));
        }
    }

    /// Replaces every id in the body, one at a time. Then sends the body unchanged; it must be accepted, or the test proves nothing.
    async fn body(&self, operation: &Operation) {
        if operation.in_body.is_empty() {
            return;
        }
        for (pointer, kind) in &operation.in_body {
            let foreign = self.with_id(operation, pointer, self.other.id(kind)).await;
            let absent = self.with_id(operation, pointer, &unknown(self.other.id(kind))).await;
            let answer = if operation.name == "import_create" {
                self.same_report(&foreign, &absent).await;
                continue;
            } else if ANY_ID.contains(&(operation.name.as_str(), pointer.as_str())) {
                let (first, second) = (self.send(&foreign).await, self.send(&absent).await);
                self.stored_ids.lock().expect("nobody panicked").extend(foreign.ids.iter().cloned());
                self.expect(first.status == second.status, || format!("{} {pointer}", operation.name));
                continue;
            } else {
                self.same(pointer, &foreign, &absent).await
            };
            let refused = matches!(answer.status, 400 | 404 | 409 | 422);
            let message = || format!("{} takes another tenant's {pointer}: {} {:#}", operation.name, answer.status, answer.body);
            self.expect(refused, message);
        }
        let mut good = self.case(operation, &self.own_ids(operation));
        good.if_match = self.own.etag(&good.path).await;
        let answer = self.send(&good).await;
        let known = REFUSED_WITH_VALID_IDS.contains(&(operation.name.as_str(), answer.code()));
        let message = || format!("the probe's own {} is refused, see bodies.rs: {:#}", operation.name, answer.body);
        self.expect(answer.status < 300 || known, message);
    }

    async fn with_id<'p>(&self, operation: &'p Operation, pointer: &str, id: &str) -> Case<'p> {
        let mut case = self.case(operation, &self.own_ids(operation));
        let place = case.body.as_mut().and_then(|body| body.pointer_mut(pointer));
        let place = place.unwrap_or_else(|| panic!("the probe fills no {pointer} in {}: see bodies.rs", operation.name));
        *place = id.into();
        case.if_match = self.own.etag(&case.path).await;
        case.ids = vec![id.to_owned()];
        case
    }

    /// An import does not refuse the id; its report contains the error.
    async fn same_report(&self, foreign: &Case<'_>, unknown: &Case<'_>) {
        let mut reports = Vec::new();
        for case in [foreign, unknown] {
            let job = self.send(case).await.expect(202);
            let path = format!("/v1/catalog/imports/{}", job.id());
            eventually("the import ends", async || (self.own.trade.get(&path).await.body["status"] == "completed").then_some(()))
                .await;
            let report = self.own.trade.get(&format!("{path}/report")).await.expect(200);
            reports.push(report.body.to_string().replace(&case.ids[0], "<id>"));
        }
        assert_eq!(reports[0], reports[1]);
        assert!(reports[0].contains("tax_class_id"), "the line is refused: {reports:?}");
    }

    /// A list without filters, and a list through another tenant's channel.
    async fn list(&self, operation: &Operation) {
        let case = self.case(operation, &[]);
        let answer = self.send(&case).await.expect(200);
        let long = answer.body["page"].is_object();
        if long {
            let path = format!("{}?limit=100", case.path);
            self.send(&Case { path, ..self.case(operation, &[]) }).await.expect(200);
        }
        let mut answers = Vec::new();
        for id in [self.other.id("chan").to_owned(), unknown(self.other.id("chan"))] {
            let answer = send(self.own.trade.secret(Method::GET, &case.path).header("bloom-channel", &id)).await;
            answers.push(plain(&answer, &[id]));
        }
        assert_eq!(answers[0], answers[1], "{} tells another tenant's channel from an unknown one", operation.name);
    }

    /// Every readable object of the other tenant.
    async fn belongings(&self, operations: &[Operation]) -> Vec<(String, Value)> {
        let mut all = Vec::new();
        for operation in operations.iter().filter(|operation| operation.is_read()) {
            let ids: Vec<String> = operation.in_path.iter().map(|(_, kind)| self.other.id(kind).to_owned()).collect();
            let path = operation.path(&ids);
            let mut body = self.other.trade.get(&path).await.expect(200).body;
            forget_use(&mut body);
            all.push((path, body));
        }
        all
    }
}

/// Status, content type and body, without the values that differ between requests.
fn plain(answer: &Answer, ids: &[String]) -> (u16, String, String) {
    let mut body = answer.body.clone();
    if let Value::Object(fields) = &mut body
        && answer.status >= 400
    {
        fields.remove("request_id");
        fields.remove("instance");
    }
    let text = ids.iter().fold(body.to_string(), |text, id| text.replace(id, "<id>"));
    (answer.status, answer.header("content-type").to_owned(), text)
}
