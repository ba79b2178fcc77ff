//! Reads the Kubernetes manifests into the types of Kubernetes. `cargo xtask validate` also checks them against its JSON Schemas.

mod assertions;

use std::collections::BTreeSet;
use std::fs;

use k8s_openapi::Resource;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, PodTemplateSpec, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde::Deserialize as _;
use serde::de::DeserializeOwned;
use serde_yaml_ng::Value;

use crate::generate::kubernetes;
use crate::workspace::{self, Workspace};

/// All objects of one environment.
struct Environment {
    name: String,
    objects: Vec<Value>,
}

impl Environment {
    fn all() -> Vec<Self> {
        let workspace = Workspace::here();
        let folders = kubernetes::folders(&workspace).expect("environments.toml is readable");
        assert!(2 <= folders.len(), "{folders:?}");
        folders.iter().map(|folder| Self { name: folder.clone(), objects: objects(&workspace, folder) }).collect()
    }

    /// The objects of one kind. A field that the kind does not have is an error.
    fn of<T: Resource + DeserializeOwned>(&self) -> Vec<T> {
        let wanted = |object: &&Value| object["kind"] == T::KIND && object["apiVersion"] == T::API_VERSION;
        let read = |object: &Value| typed(object).unwrap_or_else(|error| panic!("{}: {}: {error}", self.name, title(object)));
        self.objects.iter().filter(wanted).map(read).collect()
    }

    /// The templates of all objects that run pods, by `Kind/name`.
    fn pods(&self) -> Vec<(String, PodTemplateSpec)> {
        let deployments =
            self.of::<Deployment>().into_iter().map(|object| (object.metadata, object.spec.map(|spec| spec.template)));
        let jobs = self.of::<Job>().into_iter().map(|object| (object.metadata, object.spec.map(|spec| spec.template)));
        let template = |spec: k8s_openapi::api::batch::v1::CronJobSpec| spec.job_template.spec.map(|spec| spec.template);
        let crons = self.of::<CronJob>().into_iter().map(|object| (object.metadata, object.spec.and_then(template)));
        let named = |kind: &'static str| {
            move |(metadata, pod): (k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta, Option<_>)| {
                (format!("{kind}/{}", metadata.name.unwrap_or_default()), pod.expect("a pod template"))
            }
        };
        deployments.map(named("Deployment")).chain(jobs.map(named("Job"))).chain(crons.map(named("CronJob"))).collect()
    }
}

/// Reads an object as its kind; a field that the kind does not have is an error.
fn typed<T: DeserializeOwned>(object: &Value) -> Result<T, String> {
    let mut unknown = Vec::new();
    let read = serde_ignored::deserialize(object, |path| unknown.push(path.to_string())).map_err(|error| error.to_string())?;
    if unknown.is_empty() { Ok(read) } else { Err(format!("unknown fields {unknown:?}")) }
}

fn title(object: &Value) -> String {
    format!("{}/{}", object["kind"].as_str().unwrap_or("?"), object["metadata"]["name"].as_str().unwrap_or("?"))
}

/// The objects listed in the kustomization of a folder, which must list every file.
fn objects(workspace: &Workspace, folder: &str) -> Vec<Value> {
    let text = fs::read_to_string(workspace.path(folder).join("kustomization.yaml")).expect("a kustomization");
    let kustomization: Value = serde_yaml_ng::from_str(&text).expect("YAML");
    let keys: Vec<&Value> = kustomization.as_mapping().expect("a mapping").keys().collect();
    assert_eq!(keys, ["apiVersion", "kind", "resources"], "a kustomization only lists files");
    let listed: BTreeSet<&str> =
        kustomization["resources"].as_sequence().expect("a list").iter().filter_map(Value::as_str).collect();
    let files = workspace.files(folder, ".yaml").expect("readable");
    let names: Vec<String> = files.iter().filter_map(|path| workspace::name(path)).collect();
    let names: BTreeSet<&str> = names.iter().map(String::as_str).filter(|name| *name != "kustomization.yaml").collect();
    assert_eq!(listed, names, "{folder}");
    let mut objects = Vec::new();
    for name in listed {
        let text = fs::read_to_string(workspace.path(folder).join(name)).expect("readable");
        for document in serde_yaml_ng::Deserializer::from_str(&text) {
            objects.push(Value::deserialize(document).unwrap_or_else(|error| panic!("{folder}/{name}: {error}")));
        }
    }
    objects
}

#[test]
fn every_manifest_is_of_a_kind_and_has_no_unknown_field() {
    for environment in Environment::all() {
        let read = environment.of::<ConfigMap>().len()
            + environment.of::<CronJob>().len()
            + environment.of::<Deployment>().len()
            + environment.of::<HorizontalPodAutoscaler>().len()
            + environment.of::<Ingress>().len()
            + environment.of::<Job>().len()
            + environment.of::<Namespace>().len()
            + environment.of::<NetworkPolicy>().len()
            + environment.of::<PodDisruptionBudget>().len()
            + environment.of::<Service>().len()
            + environment.of::<ServiceAccount>().len();
        assert_eq!(read, environment.objects.len(), "{}: a kind that this test does not know", environment.name);
        let titles: BTreeSet<String> = environment.objects.iter().map(title).collect();
        assert_eq!(titles.len(), environment.objects.len(), "{}: two objects have one name", environment.name);
    }
}

#[test]
fn a_mistyped_duplicate_or_wrong_field_is_an_error() {
    let read = |text: &str| {
        serde_yaml_ng::from_str(text).map_err(|error| error.to_string()).and_then(|object| typed::<Deployment>(&object))
    };
    let good = "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: x }\nspec:\n  replicas: 2\n";
    read(good).expect("is a Deployment");
    for (bad, reason) in [
        (format!("{good}  replica: 2\n"), "spec.?.replica"),
        (format!("{good}  replicas: 3\n"), "duplicate"),
        (good.replace('2', "two"), "invalid type"),
        (good.replace("apps/v1", "apps/v2"), "apps/v2"),
    ] {
        let error = read(&bad).expect_err("refused");
        assert!(error.contains(reason), "{error}");
    }
}

#[test]
fn objects_are_in_the_namespace_and_part_of_bloom() {
    for environment in Environment::all() {
        let namespace = environment.of::<Namespace>().first().and_then(|namespace| namespace.metadata.name.clone());
        for object in environment.objects.iter().filter(|object| object["kind"] != "Namespace") {
            assert_eq!(object["metadata"]["namespace"].as_str(), namespace.as_deref(), "{}", title(object));
            assert_eq!(object["metadata"]["labels"]["app.kubernetes.io/part-of"], "bloom", "{}", title(object));
        }
    }
}
