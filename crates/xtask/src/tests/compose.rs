//! Reads docker-compose.yml into types that know its allowed keys, so that a mistyped key is an error.

use std::collections::BTreeMap;
use std::fs;

use serde::Deserialize;
use serde_yaml_ng::Value;

use crate::fleet::Fleet;
use crate::workspace::Workspace;

#[derive(Deserialize)]
struct Project {
    services: BTreeMap<String, Container>,
    volumes: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "keys that Docker knows")]
struct Container {
    build: Option<Build>,
    image: Option<String>,
    #[serde(default)]
    command: Vec<Value>,
    #[serde(default)]
    environment: BTreeMap<String, Option<Value>>,
    #[serde(default)]
    ports: Vec<String>,
    #[serde(default)]
    volumes: Vec<String>,
    #[serde(default)]
    profiles: Vec<String>,
    #[serde(default)]
    depends_on: BTreeMap<String, Dependency>,
    healthcheck: Option<HealthCheck>,
    restart: Option<String>,
    stop_grace_period: Option<String>,
    #[serde(default)]
    read_only: bool,
    #[serde(default)]
    tmpfs: Vec<String>,
    #[serde(default)]
    cap_drop: Vec<String>,
    #[serde(default)]
    security_opt: Vec<String>,
    mem_limit: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "keys that Docker knows")]
struct Build {
    context: String,
    dockerfile: String,
    args: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Dependency {
    condition: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "keys that Docker knows")]
struct HealthCheck {
    test: Vec<String>,
    interval: String,
    timeout: String,
    retries: u32,
    start_period: Option<String>,
    start_interval: Option<String>,
}

fn project() -> Project {
    let text = fs::read_to_string(Workspace::here().path("docker-compose.yml")).expect("readable");
    let mut document: Value = serde_yaml_ng::from_str(&text).expect("YAML without doubled keys");
    // A merged mapping may contain a merge key itself.
    for _ in 0..3 {
        document.apply_merge().expect("merges are of mappings");
    }
    serde_yaml_ng::from_value(document).expect("keys that Docker knows")
}

fn servers() -> Vec<String> {
    let fleet = Fleet::load(&Workspace::here()).expect("fleet.toml is readable");
    fleet.names().chain(["gateway"]).map(str::to_owned).collect()
}

#[test]
fn compose_runs_every_service() {
    let project = project();
    for server in &servers() {
        let build = project.services[server].build.as_ref().expect("is built here");
        assert_eq!(build.args["BINARY"], format!("bloom-{server}"));
    }
    for name in ["postgres", "redis", "kafka", "otel-collector", "migrate"] {
        assert!(project.services.contains_key(name), "{name} is not run");
    }
}

#[test]
fn references_in_compose_resolve() {
    let project = project();
    for (name, container) in &project.services {
        assert!(container.build.is_some() != container.image.is_some(), "{name} is built or pulled");
        for (other, Dependency { condition }) in &container.depends_on {
            let waited_for = &project.services[other];
            let known = match condition.as_str() {
                "service_healthy" => waited_for.healthcheck.is_some(),
                condition => condition == "service_completed_successfully" && waited_for.restart.is_none(),
            };
            assert!(known, "{name} waits for {other}: {condition}");
        }
        for volume in &container.volumes {
            let source = volume.split(':').next().unwrap_or_default();
            let there = project.volumes.contains_key(source)
                || source.strip_prefix("./").is_some_and(|path| Workspace::here().path(path).exists());
            assert!(there, "{name} mounts {volume}");
        }
    }
}

#[test]
fn compose_services_are_confined_and_checked() {
    let project = project();
    for name in servers().iter().map(String::as_str).chain(["migrate", "seed"]) {
        let container = &project.services[name];
        let dropped = container.cap_drop.iter().any(|capability| capability == "ALL");
        assert!(container.read_only && dropped && !container.security_opt.is_empty() && container.mem_limit.is_some(), "{name}");
    }
    let seed = &project.services["seed"];
    assert_eq!(seed.profiles, ["demo"]);
    for name in &servers() {
        assert!(project.services[name].healthcheck.is_some(), "{name} has no health check");
        assert_eq!(seed.depends_on[name].condition, "service_healthy", "the demo shop is loaded before {name} is ready");
    }
    let state = seed.environment["BLOOM_STATE_DIR"].as_ref().and_then(Value::as_str).expect("where it writes its keys");
    assert!(seed.environment.contains_key("BLOOM_URL") && state.starts_with(&format!("{}/", seed.tmpfs[0])), "{state}");
}

#[test]
fn compose_variables_are_read() {
    let code = super::code(&Workspace::here());
    for (name, container) in project().services {
        for variable in container.environment.keys().filter(|name| name.starts_with("BLOOM_")) {
            assert!(code.contains(&format!("\"{variable}\"")), "{name}: no code reads {variable}");
        }
    }
}

#[test]
fn compose_notices_of_the_test_provider_arrive() {
    let project = project();
    let address = project.services["payments"].environment["BLOOM_PAYMENTS_WEBHOOK_URL"].as_ref().and_then(Value::as_str);
    assert_eq!(address, Some("http://payments:8080"));
}
