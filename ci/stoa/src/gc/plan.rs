//! What goes and what stays. Decides alone; asks nobody.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::image::Image;
use crate::release::{Release, ResultKind, Summary, live_number};
use crate::render::FileKind;

/// What somebody needs, and who.
#[derive(Default)]
pub(super) struct Needs {
    pub(super) configs: BTreeMap<String, String>,
    pub(super) secrets: BTreeMap<String, String>,
    pub(super) images: BTreeMap<Image, String>,
}

/// A config or a secret of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OwnFile {
    pub(super) kind: FileKind,
    pub(super) name: String,
}

/// A manifest in the registry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Manifest {
    pub(super) repository: String,
    pub(super) digest: String,
}

/// The manifests of the registry and the tags that point to them.
pub(super) type Manifests = BTreeMap<Manifest, BTreeSet<String>>;

/// What is done about one thing, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict<T> {
    pub(super) thing: T,
    pub(super) is_removed: bool,
    pub(super) why: String,
}

/// The releases that stay: the newest `keep`, the live one and the one that was live before it.
pub(super) fn kept_numbers(newest_first: &[Summary], keep: usize) -> BTreeSet<u64> {
    let succeeded = newest_first
        .iter()
        .filter(|summary| summary.result == Some(ResultKind::Succeeded));
    let newest = newest_first.iter().take(keep);
    newest
        .chain(succeeded.take(2))
        .map(|summary| summary.number)
        .collect()
}

/// What is done about every release.
pub(super) fn releases(newest_first: &[Summary], keep: usize) -> Vec<Verdict<u64>> {
    let kept = kept_numbers(newest_first, keep);
    let live = live_number(newest_first);
    let verdict = |(place, summary): (usize, &Summary)| {
        let number = summary.number;
        let why = match () {
            () if live == Some(number) => "live".to_owned(),
            () if place < keep => format!("of the newest {keep}"),
            () if kept.contains(&number) => "live before".to_owned(),
            () => format!("older than the newest {keep}"),
        };
        Verdict {
            thing: number,
            is_removed: !kept.contains(&number),
            why,
        }
    };
    newest_first.iter().enumerate().map(verdict).collect()
}

/// What is done about every config and secret.
pub(super) fn files(own: &[OwnFile], needs: &Needs) -> Vec<Verdict<OwnFile>> {
    let verdict = |file: &OwnFile| {
        let needed = match file.kind {
            FileKind::Config => needs.configs.get(&file.name),
            FileKind::Secret => needs.secrets.get(&file.name),
        };
        Verdict {
            thing: file.clone(),
            is_removed: needed.is_none(),
            why: why(needed),
        }
    };
    own.iter().map(verdict).collect()
}

/// What is done about every manifest that a release that goes, `going`, names. One that carries a tag that no such
/// release names stays: it may be about to be deployed.
pub(super) fn manifests(
    found: &Manifests,
    going: &BTreeSet<Image>,
    needs: &Needs,
) -> Vec<Verdict<Manifest>> {
    let mut verdicts = Vec::new();
    for (manifest, tags) in found {
        let of_repository = |image: &&Image| image.repository == manifest.repository;
        let is_it = |image: &&Image| match &image.digest {
            Some(digest) => *digest == manifest.digest,
            None => image.tag.as_ref().is_some_and(|tag| tags.contains(tag)),
        };
        let needed = needs
            .images
            .iter()
            .find(|(image, _)| of_repository(image) && is_it(image));
        let named: Vec<&Image> = going.iter().filter(of_repository).collect();
        let unknown = tags
            .iter()
            .find(|tag| named.iter().all(|image| image.tag.as_ref() != Some(*tag)));
        let was_deployed = named.iter().any(is_it);
        let (is_removed, why) = match (needed, unknown) {
            (Some((_, who)), _) => (false, why(Some(who))),
            (None, Some(tag)) => (false, format!("no release that goes names its tag {tag}")),
            (None, None) if was_deployed => (true, why(None)),
            (None, None) => (false, "no release that goes was made of it".to_owned()),
        };
        verdicts.push(Verdict {
            thing: manifest.clone(),
            is_removed,
            why,
        });
    }
    verdicts
}

fn why(needed: Option<&String>) -> String {
    match needed {
        Some(who) => format!("needed by {who}"),
        None => "no kept release and no service needs it".to_owned(),
    }
}

impl Needs {
    /// Adds what a release needs to be deployed again.
    pub(super) fn add_release(&mut self, release: &Release, who: &str, namespace: &str) {
        let who = format!("{who}release {}", release.number);
        for (names, needed) in [
            (&release.configs, &mut self.configs),
            (&release.secrets, &mut self.secrets),
        ] {
            for name in names {
                needed.entry(name.clone()).or_insert_with(|| who.clone());
            }
        }
        for image in images(release, namespace) {
            self.images.entry(image).or_insert_with(|| who.clone());
        }
    }

    /// Adds what a container of a service or a task uses: `ContainerSpec` of the Engine API.
    pub(super) fn add_container(&mut self, spec: &serde_json::Value, who: &str, namespace: &str) {
        let named = |list: &str, key: &str| -> Vec<String> {
            let entries = spec[list].as_array().into_iter().flatten();
            entries
                .filter_map(|entry| entry[key].as_str())
                .map(str::to_owned)
                .collect()
        };
        for name in named("Configs", "ConfigName") {
            self.configs.entry(name).or_insert_with(|| who.to_owned());
        }
        for name in named("Secrets", "SecretName") {
            self.secrets.entry(name).or_insert_with(|| who.to_owned());
        }
        let image = spec["Image"]
            .as_str()
            .and_then(|name| Image::parse(name, namespace));
        if let Some(image) = image {
            self.images.entry(image).or_insert_with(|| who.to_owned());
        }
    }
}

/// The images of the platform that a release names.
pub(super) fn images(release: &Release, namespace: &str) -> BTreeSet<Image> {
    let services = release
        .stacks
        .iter()
        .filter_map(|stack| stack.document["services"].as_object());
    let names = services
        .flat_map(serde_json::Map::values)
        .filter_map(|service| service["image"].as_str());
    names
        .filter_map(|name| Image::parse(name, namespace))
        .collect()
}

impl fmt::Display for OwnFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            FileKind::Config => "config",
            FileKind::Secret => "secret",
        };
        write!(formatter, "{kind} {}", self.name)
    }
}

impl fmt::Display for Manifest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "image {}@{}", self.repository, self.digest)
    }
}
