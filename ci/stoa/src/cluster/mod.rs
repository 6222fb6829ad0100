//! A cluster: where it is and how it differs from the others, as its one file says.

mod engine;
#[cfg(test)]
pub(crate) mod fake;
mod registry;
pub(crate) mod status;

pub(crate) use engine::Engine;
#[cfg(test)]
pub(crate) use engine::engine_for_tests;
pub(crate) use registry::Logins;

use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::yaml;

/// The folder of the cluster files.
const FOLDER: &str = "stacks/clusters";

/// A cluster that releases are deployed to.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cluster {
    /// Its name: that of its file.
    #[serde(skip)]
    pub(crate) name: String,
    /// Where the engines of its managers answer: `unix://`, `tcp://` or `ssh://`.
    pub(crate) managers: Vec<String>,
    /// The registry and the namespace that its nodes pull from.
    pub(crate) registry: String,
    /// The folder with one file per secret.
    pub(crate) secrets: PathBuf,
    /// Where clients reach the edge.
    #[serde(default)]
    pub(crate) addresses: Vec<String>,
    /// Whose certificates are good there, besides those that this machine trusts: a file, PEM.
    pub(crate) authority: Option<PathBuf>,
    /// Whether the edge speaks HTTPS, and where.
    pub(crate) https: Option<Https>,
    /// How it differs, by stack.
    #[serde(default)]
    pub(crate) overlay: BTreeMap<String, Value>,
}

/// HTTPS at the edge, on ports of every node.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Https {
    /// Where it is spoken.
    pub(crate) port: u16,
    /// Where requests come without it, if that is another port than the stack says.
    pub(crate) plain_port: Option<u16>,
    /// What becomes of those.
    #[serde(default)]
    pub(crate) plain: Plain,
}

/// What becomes of a request that comes without TLS.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Plain {
    /// It is told where HTTPS is.
    #[default]
    Redirect,
    /// The same as by HTTPS.
    Serve,
}

impl Cluster {
    /// Reads `stacks/clusters/<name>.yml`.
    pub(crate) fn load(root: &Path, name: &str) -> anyhow::Result<Self> {
        let path = root.join(FOLDER).join(format!("{name}.yml"));
        if !path.is_file() || name.contains(['/', '.']) {
            let names = names(root)?.join(", ");
            bail!("there is no cluster `{name}`; {FOLDER} has {names}");
        }
        let cluster: Self = yaml::read(&path)?;
        ensure!(
            !cluster.managers.is_empty(),
            "{}: `managers` is empty",
            path.display()
        );
        let cluster = Self {
            name: name.to_owned(),
            secrets: root.join(&cluster.secrets),
            authority: cluster.authority.map(|file| root.join(file)),
            ..cluster
        };
        // Before a deploy, not at its end.
        cluster.authorities()?;
        Ok(cluster)
    }

    /// What `authority` holds.
    pub(crate) fn authorities(&self) -> anyhow::Result<Vec<reqwest::Certificate>> {
        let Some(file) = &self.authority else {
            return Ok(Vec::new());
        };
        let place = || format!("`authority`: {}", file.display());
        let bundle = std::fs::read(file).with_context(place)?;
        let found = reqwest::Certificate::from_pem_bundle(&bundle).with_context(place)?;
        ensure!(!found.is_empty(), "{}: no certificate in it", place());
        Ok(found)
    }
}

/// The clusters that there are.
pub(crate) fn names(root: &Path) -> anyhow::Result<Vec<String>> {
    let folder = root.join(FOLDER);
    let mut names = Vec::new();
    let entries =
        std::fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        if let (Some("yml"), Some(stem)) = (path.extension().and_then(|e| e.to_str()), stem) {
            names.push(stem.to_owned());
        }
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace(file: &str) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join(FOLDER)).unwrap();
        std::fs::write(root.path().join(FOLDER).join("staging.yml"), file).unwrap();
        root
    }

    #[test]
    fn a_cluster_is_read_from_its_file() {
        let root =
            workspace("managers: [\"ssh://deploy@one\"]\nregistry: r.test/stoa\nsecrets: s\n");
        let cluster = Cluster::load(root.path(), "staging").unwrap();
        assert_eq!(cluster.name, "staging");
        assert_eq!(cluster.secrets, root.path().join("s"));
    }

    #[test]
    fn https_is_a_port_and_what_comes_without_it_is_redirected_unless_the_file_says_otherwise() {
        let said = |https: &str| {
            let file = format!("managers: [a]\nregistry: r\nsecrets: s\n{https}\n");
            Cluster::load(workspace(&file).path(), "staging").map(|cluster| cluster.https)
        };
        assert_eq!(said("").unwrap(), None);
        let https = said("https: {port: 443}").unwrap().unwrap();
        assert_eq!((https.port, https.plain_port), (443, None));
        assert_eq!(https.plain, Plain::Redirect);
        let https = said("https: {port: 443, plain_port: 80, plain: serve}");
        let https = https.unwrap().unwrap();
        assert_eq!((https.plain_port, https.plain), (Some(80), Plain::Serve));
        for wrong in [
            "{}",
            "{port: 70000}",
            "{port: 443, plain: no}",
            "{port: 443, tls: 1}",
        ] {
            assert!(said(&format!("https: {wrong}")).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_authority_that_cannot_be_read_is_named_before_anything_is_done() {
        let root = workspace("managers: [a]\nregistry: r\nsecrets: s\nauthority: ca.pem\n");
        let load = || Cluster::load(root.path(), "staging");
        let write = |text: &str| std::fs::write(root.path().join("ca.pem"), text).unwrap();
        let refused = load().unwrap_err();
        assert!(refused.to_string().contains("ca.pem"), "{refused}");
        write("nothing\n");
        let refused = load().unwrap_err().to_string();
        assert!(refused.contains("no certificate"), "{refused}");
        let made = rcgen::generate_simple_self_signed(["stoa.test".to_owned()]);
        write(&made.unwrap().cert.pem());
        assert_eq!(load().unwrap().authorities().unwrap().len(), 1);
    }

    #[test]
    fn an_unknown_cluster_is_refused_with_those_there_are() {
        let error = Cluster::load(workspace("").path(), "prod").unwrap_err();
        assert!(error.to_string().contains("has staging"), "{error}");
    }

    #[test]
    fn a_malformed_file_is_refused_with_its_place() {
        let root = workspace("managers: [\"a\"]\nregistry: r\nsecrets: s\nregion: x\n");
        let error = Cluster::load(root.path(), "staging")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("staging.yml") && error.contains("region"),
            "{error}"
        );
        assert!(error.contains('4'), "no line: {error}");
    }
}
