//! Invariants of the objects in every environment.

use std::collections::BTreeMap;
use std::fs;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{ConfigMap, Container, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy, NetworkPolicyPeer};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};

use super::Environment;
use crate::fleet::Fleet;
use crate::workspace::Workspace;

type Labels = BTreeMap<String, String>;

fn fleet() -> Fleet {
    Fleet::load(&Workspace::here()).expect("fleet.toml is readable")
}

/// The services and the gateway.
fn servers(fleet: &Fleet) -> Vec<&str> {
    fleet.names().chain(["gateway"]).collect()
}

fn name(metadata: ObjectMeta) -> String {
    metadata.name.expect("a name")
}

/// All containers of a pod, init containers included.
fn containers(pod: &k8s_openapi::api::core::v1::PodTemplateSpec) -> Vec<Container> {
    let spec = pod.spec.clone().expect("a pod");
    spec.init_containers.unwrap_or_default().into_iter().chain(spec.containers).collect()
}

fn selects(selector: &LabelSelector, labels: &Labels) -> bool {
    let wanted = selector.match_labels.iter().flatten().all(|(label, value)| labels.get(label) == Some(value));
    let expressions = selector.match_expressions.iter().flatten();
    wanted
        && expressions.into_iter().all(|expression| {
            assert_eq!(expression.operator, "In", "this test knows no other operator");
            labels.get(&expression.key).is_some_and(|value| expression.values.iter().flatten().any(|wanted| wanted == value))
        })
}

#[test]
fn every_service_is_deployed_guarded_and_scaled() {
    let fleet = fleet();
    for environment in Environment::all() {
        let named = |found: Vec<ObjectMeta>| found.into_iter().map(name).collect::<Vec<_>>();
        let kinds = [
            ("Deployment", named(environment.of::<Deployment>().into_iter().map(|object| object.metadata).collect())),
            ("Service", named(environment.of::<Service>().into_iter().map(|object| object.metadata).collect())),
            ("ServiceAccount", named(environment.of::<ServiceAccount>().into_iter().map(|object| object.metadata).collect())),
            ("budget", named(environment.of::<PodDisruptionBudget>().into_iter().map(|object| object.metadata).collect())),
            (
                "autoscaler",
                named(environment.of::<HorizontalPodAutoscaler>().into_iter().map(|object| object.metadata).collect()),
            ),
            ("policy", named(environment.of::<NetworkPolicy>().into_iter().map(|object| object.metadata).collect())),
        ];
        for service in servers(&fleet) {
            for (kind, names) in &kinds {
                assert!(names.iter().any(|name| name == service), "{}: {service} has no {kind}", environment.name);
            }
        }
    }
}

#[test]
fn every_container_is_confined() {
    for environment in Environment::all() {
        for (name, pod) in environment.pods() {
            let spec = pod.spec.clone().expect("a pod");
            let security = spec.security_context.expect("a security context");
            assert_eq!(security.run_as_non_root, Some(true), "{name} may run as root");
            assert_eq!(security.seccomp_profile.map(|profile| profile.type_).as_deref(), Some("RuntimeDefault"), "{name}");
            assert_eq!(spec.automount_service_account_token, Some(false), "{name} mounts a token that it does not need");
            for container in containers(&pod) {
                let security = container.security_context.expect("a security context");
                assert_eq!(security.read_only_root_filesystem, Some(true), "{name} has a writable root file system");
                assert_eq!(security.allow_privilege_escalation, Some(false), "{name} may gain privileges");
                let dropped = security.capabilities.and_then(|capabilities| capabilities.drop).unwrap_or_default();
                assert!(dropped.iter().any(|capability| capability == "ALL"), "{name} keeps capabilities");
                let resources = container.resources.expect("resources");
                let set = |map: &Option<BTreeMap<String, Quantity>>, key: &str| {
                    map.as_ref()
                        .and_then(|map| map.get(key))
                        .is_some_and(|Quantity(text)| !text.is_empty() && !text.starts_with('0'))
                };
                assert!(set(&resources.limits, "memory"), "{name} has no memory limit");
                assert!(set(&resources.requests, "memory") && set(&resources.requests, "cpu"), "{name} requests nothing");
                let tag = container.image.as_deref().and_then(|image| image.rsplit_once(':')).map(|(_, tag)| tag);
                assert!(tag.is_some_and(|tag| tag != "latest"), "{name}: the image {:?} names no version", container.image);
            }
        }
    }
}

#[test]
fn every_server_is_probed_spread_and_drained() {
    let fleet = fleet();
    for environment in Environment::all() {
        for (name, pod) in environment.pods() {
            if !name.strip_prefix("Deployment/").is_some_and(|name| servers(&fleet).contains(&name)) {
                continue;
            }
            let spec = pod.spec.expect("a pod");
            let container = spec.containers.into_iter().next().expect("a container");
            for (path, probe) in [("/livez", container.liveness_probe), ("/readyz", container.readiness_probe)] {
                let probed = probe.and_then(|probe| probe.http_get).and_then(|probe| probe.path);
                assert_eq!(probed.as_deref(), Some(path), "{name}");
            }
            assert!(container.startup_probe.is_some(), "{name} has no startup probe");
            let sleep = container.lifecycle.and_then(|lifecycle| lifecycle.pre_stop).and_then(|hook| hook.sleep);
            let sleep = sleep.unwrap_or_else(|| panic!("{name} stops while endpoint lists still name it")).seconds;
            assert!(spec.termination_grace_period_seconds >= Some(sleep + 20), "{name} is killed before it has drained");
            assert!(2 <= spec.topology_spread_constraints.unwrap_or_default().len(), "{name}: not spread over zones and nodes");
        }
    }
}

/// A Service, disruption budget, policy or autoscaler that selects nothing has no effect and reports no error.
#[test]
fn selectors_select() {
    for environment in Environment::all() {
        let pods = environment.pods();
        let labels: Vec<Labels> = pods.iter().filter_map(|(_, pod)| pod.metadata.clone()?.labels).collect();
        let check = |what: String, selector: &LabelSelector| {
            assert!(labels.iter().any(|labels| selects(selector, labels)), "{}: {what} selects no pod", environment.name);
        };
        for service in environment.of::<Service>() {
            let match_labels = service.spec.and_then(|spec| spec.selector);
            check(format!("Service/{}", name(service.metadata)), &LabelSelector { match_labels, ..LabelSelector::default() });
        }
        for budget in environment.of::<PodDisruptionBudget>() {
            let selector = budget.spec.and_then(|spec| spec.selector).expect("a selector");
            check(format!("PodDisruptionBudget/{}", name(budget.metadata)), &selector);
        }
        for policy in environment.of::<NetworkPolicy>() {
            let what = format!("NetworkPolicy/{}", name(policy.metadata));
            let spec = policy.spec.expect("a policy");
            check(what.clone(), &spec.pod_selector.unwrap_or_default());
            for peer in peers_of(&spec.ingress.unwrap_or_default().into_iter().filter_map(|rule| rule.from).collect::<Vec<_>>())
                .chain(peers_of(&spec.egress.unwrap_or_default().into_iter().filter_map(|rule| rule.to).collect::<Vec<_>>()))
            {
                check(what.clone(), &peer);
            }
        }
        for scaler in environment.of::<HorizontalPodAutoscaler>() {
            let target = format!("Deployment/{}", scaler.spec.expect("a target").scale_target_ref.name);
            assert!(pods.iter().any(|(name, _)| *name == target), "{}: nothing to scale at {target}", environment.name);
        }
    }
}

/// The pods of the same namespace that a policy names.
fn peers_of(rules: &[Vec<NetworkPolicyPeer>]) -> impl Iterator<Item = LabelSelector> {
    let own = rules.iter().flatten().filter(|peer| peer.namespace_selector.is_none()).cloned();
    own.filter_map(|peer| peer.pod_selector).collect::<Vec<_>>().into_iter()
}

#[test]
fn traffic_is_denied_by_default() {
    for environment in Environment::all() {
        let denies = |policy: &NetworkPolicy| {
            policy.spec.as_ref().is_some_and(|spec| {
                spec.pod_selector.as_ref().is_none_or(|selector| *selector == LabelSelector::default())
                    && spec.ingress.is_none()
                    && spec.egress.is_none()
                    && spec.policy_types.as_ref().is_some_and(|types| types.len() == 2)
            })
        };
        assert!(environment.of::<NetworkPolicy>().iter().any(denies), "{}: no policy denies all traffic", environment.name);
    }
}

#[test]
fn services_reach_what_they_call_and_nothing_else() {
    let fleet = fleet();
    for environment in Environment::all() {
        let policies: BTreeMap<String, NetworkPolicy> =
            environment.of::<NetworkPolicy>().into_iter().map(|policy| (name(policy.metadata.clone()), policy)).collect();
        let allowed = |from: &str, to: &str| {
            let spec = |name: &str| policies[name].spec.clone().expect("a policy");
            let names = |rules: Vec<Vec<NetworkPolicyPeer>>, wanted: &str| {
                let key = "app.kubernetes.io/name";
                peers_of(&rules).any(|peer| peer.match_labels.unwrap_or_default().get(key).is_some_and(|name| name == wanted))
            };
            let out = names(spec(from).egress.unwrap_or_default().into_iter().filter_map(|rule| rule.to).collect(), to);
            let into = names(spec(to).ingress.unwrap_or_default().into_iter().filter_map(|rule| rule.from).collect(), from);
            assert_eq!(out, into, "{}: {from} to {to}", environment.name);
            out
        };
        for (from, service) in &fleet.services {
            for to in fleet.names().filter(|to| to != from) {
                let calls = service.calls.iter().any(|called| called == to);
                assert_eq!(allowed(from, to), calls, "{}: {from} to {to}", environment.name);
            }
        }
    }
}

/// Every object that a pod refers to is in the same environment. The exception are Secrets, which are created by hand as the
/// guide describes.
#[test]
fn references_resolve() {
    for environment in Environment::all() {
        let maps: Vec<String> = environment.of::<ConfigMap>().into_iter().map(|map| name(map.metadata)).collect();
        let accounts: Vec<String> =
            environment.of::<ServiceAccount>().into_iter().map(|account| name(account.metadata)).collect();
        for (pod_name, pod) in environment.pods() {
            let spec = pod.spec.clone().expect("a pod");
            let account = spec.service_account_name.unwrap_or_default();
            assert!(accounts.contains(&account), "{}: {pod_name} has no account {account:?}", environment.name);
            let mounted = spec.volumes.into_iter().flatten().filter_map(|volume| volume.config_map).map(|map| map.name);
            let read = containers(&pod).into_iter().flat_map(|container| container.env_from.unwrap_or_default());
            let read = read.filter_map(|from| from.config_map_ref).map(|map| map.name);
            for map in mounted.chain(read) {
                assert!(maps.contains(&map), "{}: {pod_name} uses an unknown ConfigMap {map:?}", environment.name);
            }
        }
    }
}

/// A release sets one image tag. The migration Job has the tag in its name, because a Job cannot be changed.
#[test]
fn every_image_is_of_one_release() {
    let fleet = fleet();
    let ours = format!("{}/", fleet.images.registry);
    for environment in Environment::all() {
        for (name, pod) in environment.pods() {
            for image in containers(&pod).into_iter().filter_map(|container| container.image) {
                let released = image.rsplit_once(':').is_some_and(|(_, tag)| tag == fleet.images.release);
                assert!(!image.starts_with(&ours) || released, "{}: {name} runs {image}", environment.name);
            }
        }
        let job = format!("Job/migrate-{}", fleet.images.release);
        assert!(environment.pods().iter().any(|(name, _)| *name == job), "{}: there is no {job}", environment.name);
        for service in servers(&fleet) {
            let image = Some(format!("{ours}{service}:{}", fleet.images.release));
            let runs = environment.pods().iter().any(|(name, pod)| {
                *name == format!("Deployment/{service}") && containers(pod).iter().any(|container| container.image == image)
            });
            assert!(runs, "{}: {service} does not run its image", environment.name);
        }
    }
}

/// Metrics and probes are for the cluster only, so the ingress routes to the API and its documentation and to nothing else.
#[test]
fn the_ingress_leads_to_the_api_only() {
    let fleet = fleet();
    for environment in Environment::all() {
        let rules = environment.of::<Ingress>().into_iter().filter_map(|ingress| ingress.spec?.rules).flatten();
        let paths: Vec<String> =
            rules.filter_map(|rule| rule.http).flat_map(|http| http.paths).filter_map(|path| path.path).collect();
        for path in &paths {
            let leads = fleet.prefixes().any(|(_, prefix)| prefix.path == *path || prefix.path.starts_with(&format!("{path}/")));
            assert!(path != "/" && (leads || fleet.gateway.pages.contains(path)), "the ingress leads to {path}");
        }
        for private in ["/metrics", "/livez", "/readyz"] {
            assert!(!paths.iter().any(|path| private.starts_with(path.as_str())), "the ingress leads to {private}");
        }
        for (_, prefix) in fleet.prefixes().filter(|_| !paths.is_empty()) {
            let open = paths.iter().any(|path| prefix.path == *path || prefix.path.starts_with(&format!("{path}/")));
            assert!(open, "the ingress does not lead to {}", prefix.path);
        }
    }
}

/// The test provider sends its notices to a service that it may call, at the port of that Service.
#[test]
fn notices_of_the_test_provider_arrive() {
    let fleet = fleet();
    for environment in Environment::all() {
        let settings = environment.of::<ConfigMap>().into_iter().filter_map(|map| map.data).flatten().collect::<BTreeMap<_, _>>();
        let address = settings.get("BLOOM_PAYMENTS_WEBHOOK_URL").expect("is set");
        let receiver = environment.of::<Service>().into_iter().find(|service| {
            let port = service.spec.as_ref().and_then(|spec| spec.ports.as_ref()?.first()).map(|port| port.port);
            let name = service.metadata.name.as_deref().unwrap_or_default();
            port.is_some_and(|port| *address == format!("http://{name}:{port}"))
        });
        let receiver = receiver.map(|service| name(service.metadata)).unwrap_or_default();
        let calls = fleet.callers(&receiver).any(|caller| caller == "sandbox-provider");
        assert!(calls, "{}: notices go to {address}, where the test provider may not send them", environment.name);
    }
}

/// A variable that no code reads is a setting that has no effect.
#[test]
fn variables_are_read() {
    let code = crate::tests::code(&Workspace::here());
    for environment in Environment::all() {
        let settings = environment.of::<ConfigMap>().into_iter().filter_map(|map| map.data).flatten().map(|(name, _)| name);
        let variables = environment.pods().into_iter().flat_map(|(_, pod)| containers(&pod));
        let variables = variables.flat_map(|container| container.env.unwrap_or_default()).map(|variable| variable.name);
        for name in settings.chain(variables).filter(|name| name.starts_with("BLOOM_")) {
            assert!(code.contains(&format!("\"{name}\"")), "{}: no code reads {name}", environment.name);
        }
    }
}

#[test]
fn the_list_of_keys_names_every_key_that_a_pod_reads() {
    let listed = fs::read_to_string(Workspace::here().path("deploy/kubernetes/keys.txt")).expect("it is generated");
    for environment in Environment::all() {
        let variables = environment.pods().into_iter().flat_map(|(_, pod)| containers(&pod));
        let sources =
            variables.flat_map(|container| container.env.unwrap_or_default()).filter_map(|variable| variable.value_from);
        let keys =
            sources.filter_map(|from| from.secret_key_ref).filter(|secret| secret.name == "bloom-keys").map(|secret| secret.key);
        for key in keys.filter(|key| key != "context") {
            assert!(listed.lines().any(|line| line == key), "{key}");
        }
    }
}
