//! What there is on a cluster and in its registry, and who needs it.

use anyhow::{Context as _, ensure};
use bollard::query_parameters::{ListConfigsOptions, ListSecretsOptions};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use tokio::process::Command;

use super::image::Image;
use super::plan::{Manifest, Manifests, Needs, OwnFile};
use super::registry::Registry;
use crate::cluster::Engine;
use crate::release::{History, Release};
use crate::render::FileKind;

/// The label of every config and secret that a deploy made.
const SOURCE: &str = "dev.stoa.source";

/// The configs and secrets that deploys made.
pub(super) async fn own_files(engine: &Engine) -> anyhow::Result<Vec<OwnFile>> {
    let filters = || {
        Some(HashMap::from([(
            "label".to_owned(),
            vec![SOURCE.to_owned()],
        )]))
    };
    let configs = engine
        .docker
        .list_configs(Some(ListConfigsOptions { filters: filters() }))
        .await;
    let secrets = engine
        .docker
        .list_secrets(Some(ListSecretsOptions { filters: filters() }))
        .await;
    let configs = configs.context("cannot list the configs")?.into_iter();
    let secrets = secrets.context("cannot list the secrets")?.into_iter();
    let configs = configs.filter_map(|config| Some((FileKind::Config, config.spec?.name?)));
    let secrets = secrets.filter_map(|secret| Some((FileKind::Secret, secret.spec?.name?)));
    Ok(configs
        .chain(secrets)
        .map(|(kind, name)| OwnFile { kind, name })
        .collect())
}

/// Adds what the services need, what they would go back to, and what their tasks use. `who` names the cluster.
pub(super) async fn add_services(
    engine: &Engine,
    needs: &mut Needs,
    who: &str,
    namespace: &str,
) -> anyhow::Result<()> {
    let services = engine
        .docker
        .list_services(None)
        .await
        .context("cannot list the services")?;
    let ids: Vec<String> = services
        .into_iter()
        .filter_map(|service| service.id)
        .collect();
    for service in inspect(engine, &ids).await? {
        let name = service["Spec"]["Name"].as_str().unwrap_or_default();
        for (spec, suffix) in [("Spec", ""), ("PreviousSpec", ", to go back")] {
            let container = &service[spec]["TaskTemplate"]["ContainerSpec"];
            needs.add_container(
                container,
                &format!("{who}service {name}{suffix}"),
                namespace,
            );
        }
    }
    for task in engine
        .docker
        .list_tasks(None)
        .await
        .context("cannot list the tasks")?
    {
        let container = task.spec.and_then(|spec| spec.container_spec);
        let who = format!("{who}task {}", task.id.unwrap_or_default());
        needs.add_container(&serde_json::to_value(container)?, &who, namespace);
    }
    Ok(())
}

/// The services as the engine tells them: the client's own type leaves out what they would go back to.
async fn inspect(engine: &Engine, ids: &[String]) -> anyhow::Result<Vec<Value>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut docker = Command::new("docker");
    docker
        .args(["--host", &engine.host, "service", "inspect"])
        .args(ids);
    let output = docker.output().await.context("cannot run docker")?;
    ensure!(
        output.status.success(),
        "cannot inspect the services: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// The records of some releases; every one must be readable, since what it needs must be known.
pub(super) async fn records(
    history: &History,
    numbers: impl IntoIterator<Item = u64>,
) -> anyhow::Result<Vec<Release>> {
    let mut releases = Vec::new();
    for number in numbers {
        releases.push(history.get(number).await?.0);
    }
    Ok(releases)
}

/// Every manifest of the repositories that the images name: what tags point to, and what releases named.
pub(super) async fn manifests(
    registry: &Registry,
    images: &BTreeSet<Image>,
) -> anyhow::Result<Manifests> {
    let mut found: Manifests = BTreeMap::new();
    let repositories: BTreeSet<&String> = images.iter().map(|image| &image.repository).collect();
    for repository in repositories {
        for tag in registry.tags(repository).await? {
            if let Some(digest) = registry.digest(repository, &tag).await? {
                found
                    .entry(manifest(repository, digest))
                    .or_default()
                    .insert(tag);
            }
        }
    }
    for image in images {
        let Some(digest) = &image.digest else {
            continue;
        };
        let named = manifest(&image.repository, digest.clone());
        if !found.contains_key(&named)
            && registry.digest(&image.repository, digest).await?.is_some()
        {
            found.insert(named, BTreeSet::new());
        }
    }
    Ok(found)
}

/// Adds the manifests that needed ones consist of.
pub(super) async fn add_parts(registry: &Registry, needs: &mut Needs) -> anyhow::Result<()> {
    let whole: Vec<(Image, String)> = needs.images.clone().into_iter().collect();
    for (image, who) in whole {
        let reference = image.digest.as_ref().or(image.tag.as_ref());
        let Some(reference) = reference else {
            continue;
        };
        for part in registry.parts(&image.repository, reference).await? {
            let part = Image {
                repository: image.repository.clone(),
                tag: None,
                digest: Some(part),
            };
            needs.images.entry(part).or_insert_with(|| who.clone());
        }
    }
    Ok(())
}

fn manifest(repository: &str, digest: String) -> Manifest {
    Manifest {
        repository: repository.to_owned(),
        digest,
    }
}
