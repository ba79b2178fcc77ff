//! Rules and dashboards query existing metrics. `cargo xtask validate` checks their syntax with promtool.

use std::collections::BTreeSet;
use std::fs;

use serde::Deserialize;

use crate::validate;
use crate::workspace::Workspace;

/// Metrics that processes of the fleet export. The last two come from the cluster.
const PUBLISHED: &[&str] = &[
    "http_server_request_duration_seconds_bucket",
    "http_server_request_duration_seconds_count",
    "bloom_events_total",
    "bloom_state",
    "container_memory_working_set_bytes",
    "container_cpu_usage_seconds_total",
];

#[derive(Deserialize)]
struct Rules {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
struct Rule {
    record: Option<String>,
    alert: Option<String>,
    expr: String,
}

/// The metric names in an expression, and the values that it requires of the label `name`.
#[derive(Debug, Default, PartialEq)]
struct Queried {
    metrics: BTreeSet<String>,
    names: BTreeSet<String>,
}

fn queried(expression: &str) -> Queried {
    let mut found = Queried::default();
    let (mut rest, mut within_braces, mut before) = (expression, false, "");
    while let Some(first) = rest.chars().next() {
        let word = |rest: &str| rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':').unwrap_or(rest.len());
        let length = match first {
            '"' => rest[1..].find('"').map_or(rest.len(), |end| end + 2),
            '[' => rest.find(']').map_or(rest.len(), |end| end + 1),
            _ if first.is_ascii_alphanumeric() || first == '_' => word(rest),
            _ => first.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        let next = after.trim_start().chars().next();
        match first {
            '{' => within_braces = true,
            '}' => within_braces = false,
            '"' if before == "name" => _ = found.names.insert(token.trim_matches('"').to_owned()),
            _ => {}
        }
        let labels = ["by", "without", "on", "ignoring", "group_left", "group_right"].contains(&token);
        if labels && next == Some('(') {
            rest = after.split_once(')').map_or("", |(_, behind)| behind);
            continue;
        }
        let operator = ["and", "or", "unless", "bool", "offset"].contains(&token)
            || after.trim_start().split(' ').next().is_some_and(|next| ["by", "without"].contains(&next));
        if (first.is_ascii_alphabetic() || first == '_') && !within_braces && next != Some('(') && !operator {
            found.metrics.insert(token.to_owned());
        }
        if first.is_ascii_alphanumeric() {
            before = token;
        }
        rest = after;
    }
    found
}

fn check(place: &str, expression: &str, recorded: &[String], code: &str) {
    let Queried { metrics, names } = queried(expression);
    assert!(!metrics.is_empty(), "{place} queries nothing");
    for metric in metrics {
        assert!(PUBLISHED.contains(&metric.as_str()) || recorded.contains(&metric), "{place}: nothing publishes {metric}");
    }
    for name in names {
        assert!(code.contains(&format!("\"{name}\"")), "{place}: no code counts {name:?}");
    }
}

#[test]
fn metrics_of_an_expression_are_found() {
    let expression =
        r#"topk(10, sum by (le, x) (rate(a_count{name="lost",z=~"b:c"}[5m]))) / on (y) group_left (q) c:d > 1.5e3 and e"#;
    let set = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    assert_eq!(queried(expression), Queried { metrics: set(&["a_count", "c:d", "e"]), names: set(&["lost"]) });
}

#[test]
fn rules_query_metrics_that_exist() {
    let workspace = Workspace::here();
    let text = fs::read_to_string(workspace.path("deploy/prometheus/rules.yaml")).expect("readable");
    let rules: Rules = serde_yaml_ng::from_str(&text).expect("rules");
    let rules: Vec<Rule> = rules.groups.into_iter().flat_map(|group| group.rules).collect();
    let recorded: Vec<String> = rules.iter().filter_map(|rule| rule.record.clone()).collect();
    let code = super::code(&workspace);
    for rule in &rules {
        let place = rule.record.as_ref().or(rule.alert.as_ref()).expect("a name");
        check(place, &rule.expr, &recorded, &code);
    }
    let tested = fs::read_to_string(workspace.path("deploy/prometheus/rules.test.yaml")).expect("readable");
    for alert in rules.iter().filter_map(|rule| rule.alert.as_ref()) {
        assert!(tested.contains(&format!("alertname: {alert}\n")), "{alert} has no test in rules.test.yaml");
    }
}

#[test]
fn dashboards_query_metrics_that_exist() {
    let workspace = Workspace::here();
    let code = super::code(&workspace);
    for path in workspace.files("deploy/grafana", ".json").expect("readable") {
        for (title, expression) in validate::expressions(&path).expect("a dashboard") {
            check(&title, &expression, &[], &code);
        }
    }
}
