//! Networks, configs and secrets: what is missing is made, what is there is left alone.

use anyhow::{Context as _, bail};
use base64::Engine as _;
use bollard::models::{ConfigSpec, Ipam, IpamConfig, NetworkCreateRequest, SecretSpec};
use bollard::query_parameters::{ListConfigsOptions, ListNetworksOptions, ListSecretsOptions};
use std::collections::{BTreeMap, HashMap, HashSet};

use crate::cluster::Engine;
use crate::release::Release;
use crate::render::{File, FileKind, Network};

/// What stacks call a config or a secret, whose name carries a hash.
pub(super) const SOURCE: &str = "dev.stoa.source";

/// Makes the networks that are missing; one that is there and is another one is an error.
pub(super) async fn networks(
    engine: &Engine,
    wanted: &BTreeMap<String, Network>,
) -> anyhow::Result<()> {
    let docker = &engine.docker;
    let known = docker.list_networks(None::<ListNetworksOptions>).await?;
    for (name, network) in wanted {
        let found = known
            .iter()
            .find(|known| known.name.as_deref() == Some(name));
        let Some(found) = found else {
            docker.create_network(definition(name, network)).await?;
            continue;
        };
        let subnets = found.ipam.as_ref().and_then(|ipam| ipam.config.as_ref());
        let mut subnets = subnets.into_iter().flatten();
        let same_subnet =
            network.subnet.is_none() || subnets.any(|subnet| subnet.subnet == network.subnet);
        if found.internal.unwrap_or_default() != network.internal || !same_subnet {
            bail!(
                "the network {name} is there with another definition than stacks/networks.yml says; \
                 remove what uses it, then the network (`docker network rm {name}`)"
            );
        }
    }
    Ok(())
}

fn definition(name: &str, network: &Network) -> NetworkCreateRequest {
    let subnet = |subnet: &String| Ipam {
        config: Some(vec![IpamConfig {
            subnet: Some(subnet.clone()),
            ..IpamConfig::default()
        }]),
        ..Ipam::default()
    };
    NetworkCreateRequest {
        name: name.to_owned(),
        driver: Some("overlay".into()),
        internal: Some(network.internal),
        ipam: network.subnet.as_ref().map(subnet),
        labels: Some(HashMap::from([("dev.stoa.kind".into(), "network".into())])),
        ..NetworkCreateRequest::default()
    }
}

/// Makes the configs and secrets that are missing.
pub(super) async fn files(engine: &Engine, files: &[File]) -> anyhow::Result<()> {
    let known = Known::ask(engine).await?;
    for file in files {
        let name = &file.name;
        let data = Some(base64::engine::general_purpose::STANDARD.encode(&file.content));
        let labels = Some(HashMap::from([(SOURCE.to_owned(), file.source.clone())]));
        let name = Some(name.clone());
        match file.kind {
            FileKind::Config if !known.configs.contains(&file.name) => {
                let spec = ConfigSpec {
                    name,
                    data,
                    labels,
                    ..ConfigSpec::default()
                };
                let made = engine.docker.create_config(spec).await;
                made.with_context(|| format!("config {}", file.name))?;
            }
            FileKind::Secret if !known.secrets.contains(&file.name) => {
                let spec = SecretSpec {
                    name,
                    data,
                    labels,
                    ..SecretSpec::default()
                };
                let made = engine.docker.create_secret(spec).await;
                made.with_context(|| format!("secret {}", file.name))?;
            }
            FileKind::Config | FileKind::Secret => {}
        }
    }
    Ok(())
}

/// The configs and secrets of a release that the cluster does not have any more.
pub(super) async fn missing(engine: &Engine, release: &Release) -> anyhow::Result<Vec<String>> {
    let known = Known::ask(engine).await?;
    let configs = release.configs.iter();
    let configs = configs.filter(|name| !known.configs.contains(*name));
    let secrets = release.secrets.iter();
    let secrets = secrets.filter(|name| !known.secrets.contains(*name));
    Ok(configs
        .map(|name| format!("config {name}"))
        .chain(secrets.map(|name| format!("secret {name}")))
        .collect())
}

struct Known {
    configs: HashSet<String>,
    secrets: HashSet<String>,
}

impl Known {
    async fn ask(engine: &Engine) -> anyhow::Result<Self> {
        let docker = &engine.docker;
        let (configs, secrets) = tokio::try_join!(
            docker.list_configs(None::<ListConfigsOptions>),
            docker.list_secrets(None::<ListSecretsOptions>),
        )?;
        let configs = configs.into_iter().filter_map(|config| config.spec?.name);
        let secrets = secrets.into_iter().filter_map(|secret| secret.spec?.name);
        Ok(Self {
            configs: configs.collect(),
            secrets: secrets.collect(),
        })
    }
}
