//! Every request body is read strictly: each of its fields is sent with wrong values, one at a time.

use reqwest::Method;
use serde_json::{Value, json};

use super::bodies;
use super::routes::{Operation, operations};
use super::world::World;
use crate::fleet;
use crate::shop::{Answer, send};

/// Values that a field of this type cannot hold.
fn wrong_values(good: &Value) -> Vec<Value> {
    let over = serde_json::from_str("9223372036854775808").expect("a number");
    match good {
        Value::String(_) => vec![json!(12), json!({}), json!([]), json!("nul \u{0} inside"), json!("x".repeat(100_000))],
        Value::Number(_) => vec![json!("1"), json!(1.5), over, json!(1e300), json!([])],
        Value::Bool(_) => vec![json!("true"), json!(1)],
        Value::Array(_) => vec![json!("x"), json!({}), json!(1)],
        Value::Object(_) => vec![
            json!("x"),
            json!([]),
            json!(1),
            Value::Array(good.as_object().into_iter().flat_map(|fields| fields.values().cloned()).collect()),
        ],
        Value::Null => Vec::new(),
    }
}

/// JSON Pointers to every value in a body.
fn places(value: &Value, pointer: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                let pointer = format!("{pointer}/{name}");
                found.push(pointer.clone());
                places(field, &pointer, found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let pointer = format!("{pointer}/{index}");
                found.push(pointer.clone());
                places(item, &pointer, found);
            }
        }
        _ => {}
    }
}

#[test]
fn every_body_is_read_strictly() {
    fleet::test(async |fleet| {
        let mut world = World::build(fleet, "STRICT").await;
        let api = send(world.trade.anonymous(Method::GET, "/openapi.json")).await.expect(200).body;
        let operations = operations(&api);
        world.complete(&api, &operations).await;
        let mut strict = Strict { api, world, count: 0, wrong: Vec::new() };
        let before = strict.world.trade.everything().await;
        for operation in operations.iter().filter(|operation| operation.body.as_deref() == Some("application/json")) {
            strict.operation(operation).await;
        }
        assert!(strict.wrong.is_empty(), "{} of {}: {:#?}", strict.wrong.len(), strict.count, strict.wrong);
        assert!(strict.count > 1_000, "{} requests", strict.count);
        strict.world.trade.assert_unchanged(&before).await;
    });
}

struct Strict {
    /// The API description.
    api: Value,
    world: World,
    count: usize,
    wrong: Vec<String>,
}

impl Strict {
    async fn operation(&mut self, operation: &Operation) {
        let ids: Vec<String> = operation.in_path.iter().map(|(_, kind)| self.world.id(kind).to_owned()).collect();
        let path = operation.path(&ids);
        let version = self.world.etag(&path).await;
        let good = bodies::body(&operation.name, &self.world, self.count)
            .unwrap_or_else(|| bodies::from_schema(&self.api, &operation.schema, &self.world, self.count));
        for text in ["", "{", "[]", "null", "1", "\"x\"", "{\"a\": tru}"] {
            let answer = self.send(operation, &path, &version, text.to_owned()).await;
            self.expect(answer.status == 400, operation, text, "", &answer);
        }
        let mut more = good.clone();
        more.as_object_mut().expect("a body is an object").insert("surprise".to_owned(), json!(1));
        let answer = self.send(operation, &path, &version, more.to_string()).await;
        self.expect(answer.status == 400, operation, "an unknown field", "/surprise", &answer);

        self.requires_its_headers(operation, &path, &version, &good).await;
        let mut pointers = Vec::new();
        places(&good, "", &mut pointers);
        for pointer in pointers {
            for value in wrong_values(good.pointer(&pointer).unwrap_or(&Value::Null)) {
                let mut body = good.clone();
                *body.pointer_mut(&pointer).expect("it is there") = value.clone();
                let answer = self.send(operation, &path, &version, body.to_string()).await;
                // A search accepts any value and finds nothing.
                if operation.name == "order_search" && answer.status == 200 && answer.body["data"] == json!([]) {
                    continue;
                }
                let what: String = format!("{pointer} = {value}").chars().take(100).collect();
                self.expect(matches!(answer.status, 400 | 404 | 413 | 422), operation, &what, &pointer, &answer);
            }
        }
    }

    /// Every header that is described as required is required.
    async fn requires_its_headers(&mut self, operation: &Operation, path: &str, version: &str, good: &Value) {
        for header in &operation.needs {
            let code = format!("{}_required", header.to_lowercase().replace('-', "_"));
            let answer = self.send_without(Some(header), operation, path, version, good.to_string()).await;
            self.expect(answer.code() == code, operation, &format!("without {header}"), "", &answer);
        }
    }

    async fn send(&mut self, operation: &Operation, path: &str, version: &str, body: String) -> Answer {
        self.send_without(None, operation, path, version, body).await
    }

    async fn send_without(
        &mut self,
        header: Option<&str>,
        operation: &Operation,
        path: &str,
        version: &str,
        body: String,
    ) -> Answer {
        self.count += 1;
        let method = Method::from_bytes(operation.method.as_bytes()).expect("a method");
        let mut request = self.world.trade.secret(method, path).header("content-type", "application/json");
        let key = format!("strict {}", self.count);
        for (name, value) in [("If-Match", version), ("Idempotency-Key", key.as_str())] {
            if header != Some(name) {
                request = request.header(name, value);
            }
        }
        send(request.body(body)).await
    }

    /// Expects a problem that names the field, or a field within or around it.
    fn expect(&mut self, right: bool, operation: &Operation, what: &str, pointer: &str, answer: &Answer) {
        let named = answer.body["errors"].as_array().into_iter().flatten().filter_map(|error| error["pointer"].as_str());
        let named = pointer.is_empty()
            || named.into_iter().any(|place| !place.is_empty() && (pointer.starts_with(place) || place.starts_with(pointer)));
        if !right || !named || answer.header("content-type") != "application/problem+json" {
            let text = answer.body.to_string().chars().take(300).collect::<String>();
            self.wrong.push(format!("{} {what}: {} {text}", operation.name, answer.status));
        }
    }
}
