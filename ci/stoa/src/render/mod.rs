//! What a release is made of: stacks, overlay and secrets in, documents for `docker stack deploy` out. Asks no engine.

mod alerts;
mod files;
mod https;
mod images;
mod merge;
mod migrations;
mod overlay;
mod print;
mod services;

pub(crate) use https::{CERTIFICATE, KEY};
pub(crate) use migrations::{CONTRACT, Migration, RETIRES};
pub(crate) use overlay::{allowed as overlay_keys, may_differ};
pub(crate) use print::{RenderOptions, run};

use anyhow::{Context as _, bail};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::cluster::Cluster;
use crate::yaml;

/// The stacks, in the order in which they are deployed.
pub(crate) const STACKS: [&str; 4] = ["data", "platform", "edge", "monitoring"];
/// In a stack's document: the paths that clients must be served. Every other `x-` is only for whoever writes the file.
pub(crate) const PROBES: &str = "x-probes";
/// What the names of all networks begin with.
const NETWORK_PREFIX: &str = "stoa_";

/// A stack as `docker stack deploy` takes it.
#[derive(Clone, Debug)]
pub(crate) struct Stack {
    /// `data`, `platform`, `edge` or `monitoring`.
    pub(crate) name: String,
    /// A Compose document; images without digests until `pin`.
    pub(crate) document: Value,
}

/// An overlay network that stacks share.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Network {
    /// Whether there is no way out.
    #[serde(default)]
    pub(crate) internal: bool,
    /// Its addresses, where somebody must know them.
    pub(crate) subnet: Option<String>,
}

/// Whether others may read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileKind {
    /// Readable by whoever may ask the engine.
    Config,
    /// Readable by the tasks that use it alone.
    Secret,
}

/// A config or a secret.
#[derive(Clone)]
pub(crate) struct File {
    pub(crate) kind: FileKind,
    /// What stacks call it.
    pub(crate) source: String,
    /// What the cluster calls it: `source` and a hash of the content.
    pub(crate) name: String,
    pub(crate) content: Vec<u8>,
}

/// A release that has not been deployed yet.
#[derive(Clone)]
pub(crate) struct Rendered {
    /// The commit.
    pub(crate) version: String,
    /// By their names on the cluster.
    pub(crate) networks: BTreeMap<String, Network>,
    /// In the order of deployment.
    pub(crate) stacks: Vec<Stack>,
    pub(crate) files: Vec<File>,
    /// By service.
    pub(crate) migrations: BTreeMap<String, Migration>,
}

/// Renders the release `version` of the workspace at `root` for a cluster. `key` keys the hashes of the secrets;
/// without one no secret is read, and their names are not those of a deploy.
pub(crate) fn render(
    root: &Path,
    cluster: &Cluster,
    version: &str,
    key: Option<&[u8]>,
) -> anyhow::Result<Rendered> {
    let networks: BTreeMap<String, Network> = yaml::read(&root.join("stacks/networks.yml"))?;
    let mut stacks = assemble(root, cluster, version)?;
    let mut files: Vec<File> = Vec::new();
    for stack in &mut stacks {
        let sources = files::Sources {
            stack: &root.join("stacks").join(&stack.name),
            secrets: &cluster.secrets,
            key,
        };
        let document = stack.document.as_object_mut().context("a stack is a map")?;
        let found =
            files::name(document, &sources).with_context(|| format!("stack `{}`", stack.name))?;
        files.extend(found);
        name_networks(document, &networks).with_context(|| format!("stack `{}`", stack.name))?;
    }
    // Two stacks may use the same secret.
    files.sort_by(|a, b| a.name.cmp(&b.name));
    files.dedup_by(|a, b| a.name == b.name && a.kind == b.kind);
    let named = networks.into_iter();
    Ok(Rendered {
        version: version.to_owned(),
        networks: named
            .map(|(name, network)| (format!("{NETWORK_PREFIX}{name}"), network))
            .collect(),
        stacks,
        files,
        migrations: migrations::levels(root)?,
    })
}

/// The stacks with the cluster's overlay and its images, before anything gets the name of its content.
pub(crate) fn assemble(
    root: &Path,
    cluster: &Cluster,
    version: &str,
) -> anyhow::Result<Vec<Stack>> {
    if let Some(unknown) = cluster
        .overlay
        .keys()
        .find(|name| !STACKS.contains(&name.as_str()))
    {
        bail!(
            "overlay of `{unknown}`: there is no such stack, only {}",
            STACKS.join(", ")
        );
    }
    let mut stacks = Vec::new();
    for name in STACKS {
        let path = root.join("stacks").join(name).join("stack.yml");
        let mut document: Map<String, Value> = yaml::read(&path)?;
        let place = || path.display().to_string();
        if name == "platform" {
            services::add(root, &mut document).with_context(place)?;
        }
        alerts::add(root, &mut document).with_context(place)?;
        https::add(&mut document, cluster.https.as_ref()).with_context(place)?;
        document.retain(|key, _| key == PROBES || !key.starts_with("x-"));
        if let Some(overlay) = cluster.overlay.get(name) {
            overlay::apply(name, &mut document, overlay)?;
        }
        images::name(root, &mut document, &cluster.registry, version).with_context(place)?;
        set_tmpfs(&mut document).with_context(place)?;
        let document = Value::Object(document);
        stacks.push(Stack {
            name: name.to_owned(),
            document,
        });
    }
    Ok(stacks)
}

impl Rendered {
    /// Every image that a service names.
    pub(crate) fn images(&self) -> BTreeSet<String> {
        let documents = self
            .stacks
            .iter()
            .filter_map(|stack| stack.document["services"].as_object());
        let images = documents
            .flat_map(Map::values)
            .filter_map(|service| service["image"].as_str());
        images.map(str::to_owned).collect()
    }

    /// Adds its digest to every image; one without is left alone.
    pub(crate) fn pin(&mut self, digests: &BTreeMap<String, String>) {
        for stack in &mut self.stacks {
            let Some(services) = stack.document["services"].as_object_mut() else {
                continue;
            };
            for service in services.values_mut() {
                let digest = service["image"]
                    .as_str()
                    .and_then(|image| Some((image, digests.get(image)?)));
                if let Some(pinned) = digest.map(|(image, digest)| format!("{image}@{digest}")) {
                    service["image"] = pinned.into();
                }
            }
        }
    }
}

/// The Compose files of the services, in the order of their names.
fn compose_files(root: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let folder = root.join("services");
    let entries =
        std::fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let file = entry?.path().join("compose.yml");
        if file.is_file() {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

/// `docker stack deploy` passes over `tmpfs` without a word, and takes it as a volume.
fn set_tmpfs(stack: &mut Map<String, Value>) -> anyhow::Result<()> {
    let services = stack.get_mut("services").and_then(Value::as_object_mut);
    for (name, service) in services.into_iter().flatten() {
        let service = service.as_object_mut();
        let service = service.with_context(|| format!("`{name}` is no map"))?;
        let paths = match service.remove("tmpfs") {
            None => continue,
            Some(Value::Array(paths)) => paths,
            Some(path) => vec![path],
        };
        let mut volumes = Vec::new();
        for path in paths {
            match path.as_str() {
                Some(path) if !path.contains(':') => {
                    volumes.push(json!({ "type": "tmpfs", "target": path }));
                }
                _ => bail!("`{name}`: a cluster takes a `tmpfs` with options as a volume: {path}"),
            }
        }
        let known = service.entry("volumes").or_insert_with(|| json!([]));
        let known = known.as_array_mut();
        known
            .with_context(|| format!("`{name}`: `volumes` is no list"))?
            .extend(volumes);
    }
    Ok(())
}

/// The networks that the services join become external, under their names on the cluster.
fn name_networks(
    stack: &mut Map<String, Value>,
    known: &BTreeMap<String, Network>,
) -> anyhow::Result<()> {
    let services = stack.get("services").and_then(Value::as_object);
    let mut joined = BTreeSet::new();
    for (service, entry) in services.into_iter().flatten() {
        match &entry["networks"] {
            Value::Array(names) => joined.extend(names.iter().filter_map(Value::as_str)),
            Value::Object(names) => joined.extend(names.keys().map(String::as_str)),
            _ => bail!("`{service}` joins no network"),
        }
    }
    let mut section = Map::new();
    for name in joined {
        if !known.contains_key(name) {
            bail!("there is no network `{name}` in stacks/networks.yml");
        }
        section.insert(
            name.to_owned(),
            json!({ "external": true, "name": format!("{NETWORK_PREFIX}{name}") }),
        );
    }
    stack.insert("networks".into(), Value::Object(section));
    Ok(())
}

#[cfg(test)]
mod repository_tests;
#[cfg(test)]
mod tests;
