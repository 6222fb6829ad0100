//! Whether the specifications on the cluster say what a release says.

use bollard::models::{Service, ServiceSpec, TaskSpecContainerSpec};
use serde_json::Value;
use std::collections::BTreeSet;

use super::cause::{Cause, CauseKind};
use super::facts::image_of;
use super::jobs;
use super::site::Site;
use super::submit::services_of;
use crate::release::StackRecord;

/// Fails with everything that differs between the running specifications and the stacks of a release.
pub(super) async fn agrees(site: &Site, stacks: &[StackRecord]) -> Result<(), Cause> {
    let mut found = Vec::new();
    for stack in stacks {
        let services = services_of(site, &stack.name).await?;
        found.extend(compare(stack, &services));
    }
    if found.is_empty() {
        return Ok(());
    }
    Err(Cause::new(CauseKind::WrongDigest, found.join("; ")))
}

fn compare(stack: &StackRecord, running: &[Service]) -> Vec<String> {
    let mut found = Vec::new();
    let entries = stack.document["services"].as_object();
    let entries = entries.into_iter().flatten();
    let mut expected = BTreeSet::new();
    for (name, entry) in entries.filter(|(_, entry)| !jobs::is_job(entry)) {
        let name = format!("{}_{name}", stack.name);
        match running.iter().find(|service| name_of(service) == name) {
            None => found.push(format!("{name} is missing")),
            Some(service) => found.extend(compare_service(&name, entry, stack, service)),
        }
        expected.insert(name);
    }
    let extra = running.iter().map(name_of);
    let extra = extra.filter(|name| !expected.contains(*name));
    found.extend(extra.map(|name| format!("{name} is no part of the release")));
    found
}

fn compare_service(
    name: &str,
    entry: &Value,
    stack: &StackRecord,
    service: &Service,
) -> Vec<String> {
    let mut found = Vec::new();
    let mut expect = |what: &str, wanted: String, running: String| {
        if wanted != running {
            found.push(format!(
                "{name}: {what} is {running}, and the release says {wanted}"
            ));
        }
    };
    let wanted = entry["image"].as_str().unwrap_or_default().to_owned();
    expect("image", wanted, image_of(service).to_owned());
    let spec = service.spec.clone().unwrap_or_default();
    if entry["deploy"]["mode"].as_str() != Some("global") {
        let wanted = entry["deploy"]["replicas"].as_i64().unwrap_or(1);
        expect("replicas", wanted.to_string(), replicas(&spec).to_string());
    }
    let template = spec.task_template.unwrap_or_default();
    let container = template.container_spec.unwrap_or_default();
    let (configs, secrets) = files(&container);
    let wanted = |section: &str| file_names(entry, stack, section);
    expect("configs", join(&wanted("configs")), join(&configs));
    expect("secrets", join(&wanted("secrets")), join(&secrets));
    let running: BTreeSet<_> = container.env.unwrap_or_default().into_iter().collect();
    let wanted = environment(entry);
    expect("environment", join(&wanted), join(&running));
    found
}

fn join(names: &BTreeSet<String>) -> String {
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    format!("[{}]", names.join(", "))
}

fn files(container: &TaskSpecContainerSpec) -> (BTreeSet<String>, BTreeSet<String>) {
    let configs = container.configs.iter().flatten();
    let secrets = container.secrets.iter().flatten();
    (
        configs.filter_map(|c| c.config_name.clone()).collect(),
        secrets.filter_map(|s| s.secret_name.clone()).collect(),
    )
}

/// The names on the cluster of what a service uses of a section.
fn file_names(entry: &Value, stack: &StackRecord, section: &str) -> BTreeSet<String> {
    let used = entry[section].as_array().into_iter().flatten();
    let sources = used.filter_map(|used| used.as_str().or_else(|| used["source"].as_str()));
    let names = sources.map(|source| {
        let name = stack.document[section][source]["name"].as_str();
        name.unwrap_or(source).to_owned()
    });
    names.collect()
}

/// `NAME=value`, as Docker writes it.
fn environment(entry: &Value) -> BTreeSet<String> {
    match &entry["environment"] {
        Value::Object(map) => map
            .iter()
            .map(|(name, value)| variable(name, value))
            .collect(),
        Value::Array(lines) => lines
            .iter()
            .filter_map(|line| line.as_str().map(str::to_owned))
            .collect(),
        _ => BTreeSet::new(),
    }
}

fn variable(name: &str, value: &Value) -> String {
    match value {
        // The CLI replaces variables; what is meant as a dollar stands there twice.
        Value::String(text) => format!("{name}={}", text.replace("$$", "$")),
        other => format!("{name}={other}"),
    }
}

fn name_of(service: &Service) -> &str {
    let spec = service.spec.as_ref();
    spec.and_then(|spec| spec.name.as_deref())
        .unwrap_or_default()
}

fn replicas(spec: &ServiceSpec) -> i64 {
    let mode = spec.mode.as_ref();
    let replicated = mode.and_then(|mode| mode.replicated.as_ref());
    replicated.and_then(|r| r.replicas).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn stack() -> StackRecord {
        StackRecord {
            name: "platform".into(),
            document: json!({
                "services": {
                    "api": {
                        "image": "r/api:1@sha256:aa",
                        "environment": {"LEVEL": "info", "PORT": 8080},
                        "secrets": ["key"],
                        "deploy": {"replicas": 2},
                    },
                    "api-migrate": {"image": "r/api:1@sha256:aa", "deploy": {"mode": "replicated-job"}},
                },
                "secrets": {"key": {"external": true, "name": "key-1"}},
            }),
        }
    }

    fn service(image: &str, secret: &str) -> Service {
        serde_json::from_value(json!({"Spec": {
            "Name": "platform_api",
            "Mode": {"Replicated": {"Replicas": 2}},
            "TaskTemplate": {"ContainerSpec": {
                "Image": image,
                "Env": ["PORT=8080", "LEVEL=info"],
                "Secrets": [{"SecretName": secret, "SecretID": "x"}],
            }},
        }}))
        .unwrap()
    }

    #[test]
    fn a_service_that_is_as_recorded_does_not_differ_and_its_job_is_not_missed() {
        assert!(compare(&stack(), &[service("r/api:1@sha256:aa", "key-1")]).is_empty());
    }

    #[test]
    fn another_digest_secret_or_service_differs() {
        let mut extra = service("x", "y");
        extra.spec.as_mut().unwrap().name = Some("platform_old".into());
        let found = compare(&stack(), &[service("r/api:1@sha256:bb", "key-2"), extra]);
        let all = found.join("\n");
        assert_eq!(found.len(), 3, "{all}");
        assert!(all.contains("sha256:bb") && all.contains("key-2") && all.contains("platform_old"));
    }

    #[test]
    fn a_service_that_is_not_there_differs() {
        assert_eq!(compare(&stack(), &[]), ["platform_api is missing"]);
    }
}
