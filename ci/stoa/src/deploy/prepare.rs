//! What is found out before anything is touched: commit, digests, and whether this may follow what runs.

use anyhow::{Context as _, bail, ensure};
use bollard::errors::Error as EngineError;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::process::Command;

use super::site::Site;
use crate::cluster::Logins;
use crate::release::Release;
use crate::render::Migration;

/// How many images are asked for at a time.
const CONCURRENCY: usize = 8;

/// A version as it was asked for, and what Git knows of it.
#[derive(Clone, Debug)]
pub(super) struct Commit {
    pub(super) id: String,
    pub(super) at: Option<OffsetDateTime>,
}

/// Looks a version up in the workspace's Git; where that does not know it, its name is all there is.
pub(super) async fn commit(root: &Path, version: &str) -> anyhow::Result<Commit> {
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte);
    ensure!(
        !version.is_empty() && !version.starts_with('-') && version.bytes().all(valid),
        "`{version}` is no version: a commit is expected"
    );
    let revision = format!("{version}^{{commit}}");
    let Some(id) = git(root, &["rev-parse", "--verify", "--quiet", &revision]).await else {
        return Ok(Commit {
            id: version.to_owned(),
            at: None,
        });
    };
    let at = git(root, &["show", "--no-patch", "--format=%cI", &id]).await;
    let at = at.and_then(|at| OffsetDateTime::parse(&at, &Rfc3339).ok());
    Ok(Commit { id, at })
}

/// What a Git command prints, if it succeeds.
async fn git(root: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .arg("-C")
        .arg(root)
        .args(arguments)
        .output()
        .await
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

/// Refuses a commit that is older than the one that runs.
pub(super) async fn refuse_older(
    root: &Path,
    commit: &Commit,
    live: &Release,
) -> anyhow::Result<()> {
    if commit.id == live.version {
        return Ok(());
    }
    let contains = |older: &str, newer: &str| {
        let (older, newer) = (older.to_owned(), newer.to_owned());
        async move {
            git(root, &["merge-base", "--is-ancestor", &older, &newer])
                .await
                .is_some()
        }
    };
    if contains(&live.version, &commit.id).await {
        return Ok(());
    }
    let earlier = matches!((commit.at, live.committed_at), (Some(new), Some(live)) if new < live);
    if contains(&commit.id, &live.version).await || earlier {
        bail!(
            "{} is older than {}, which release {} runs; to go back, `stoa rollback --to N` (`stoa history` lists them)",
            short(&commit.id),
            short(&live.version),
            live.number
        );
    }
    Ok(())
}

/// Refuses a release whose migrations would leave nothing to go back to.
pub(super) fn refuse_without_return(
    migrations: &BTreeMap<String, Migration>,
    live: &Release,
) -> anyhow::Result<()> {
    match stranded(migrations, live) {
        None => Ok(()),
        Some(service) => bail!(
            "a migration of `{service}` takes away what release {} still uses, so that it could not be put back; \
             deploy a version between the two first",
            live.number
        ),
    }
}

/// The service whose code in `release` cannot run on a schema after `migrations`.
pub(super) fn stranded<'m>(
    migrations: &'m BTreeMap<String, Migration>,
    release: &Release,
) -> Option<&'m str> {
    let mut levels = migrations.iter();
    let stranded = levels.find(|(service, after)| {
        let code = release.migrations.get(*service);
        code.is_some_and(|code| code.level < after.runs_on_from)
    });
    stranded.map(|(service, _)| service.as_str())
}

/// The digest of every image, as the registry tells the manager. All that cannot be had are named at once.
pub(super) async fn digests(
    site: &Site,
    images: &BTreeSet<String>,
) -> anyhow::Result<BTreeMap<String, String>> {
    let logins = Logins::load()?;
    let engine = site.engine();
    let asked = stream::iter(images)
        .map(|image| {
            let (engine, logins) = (&engine, &logins);
            async move {
                let login = logins.of(image)?;
                let found = engine.docker.inspect_registry_image(image, login).await;
                anyhow::Ok((image.clone(), found))
            }
        })
        .buffer_unordered(CONCURRENCY)
        .try_collect::<Vec<_>>()
        .await?;
    let mut digests = BTreeMap::new();
    let mut refusals = Vec::new();
    for (image, found) in asked {
        match found {
            Ok(found) => {
                let digest = found.descriptor.digest;
                let digest = digest.with_context(|| format!("{image} has no digest"))?;
                digests.insert(image, digest);
            }
            Err(error) => refusals.push(format!("  {image}: {}", refusal(&error))),
        }
    }
    refusals.sort();
    ensure!(
        refusals.is_empty(),
        "images cannot be resolved, so nothing was touched:\n{}",
        refusals.join("\n")
    );
    Ok(digests)
}

/// What it means that the registry did not name a digest.
fn refusal(error: &EngineError) -> String {
    let message = error.to_string();
    let lower = message.to_lowercase();
    let says = |signs: &[&str]| signs.iter().any(|sign| lower.contains(sign));
    let meaning = if says(&["unauthorized", "no basic auth", "denied", "authentication"]) {
        "no permission (is the login right? `docker login`)"
    } else if says(&["manifest unknown", "not found", "name unknown", "404"]) {
        "image missing (does this version exist, and was it pushed?)"
    } else {
        "registry down"
    };
    format!("{meaning}: {message}")
}

/// Enough of a commit to know it by.
pub(crate) fn short(version: &str) -> &str {
    let is_hash = version.len() == 40 && version.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hash { &version[..12] } else { version }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_version_with_a_space_or_a_dash_in_front_is_refused() {
        for version in ["", "--help", "a b", "a;b"] {
            let refused = commit(Path::new("/"), version).await;
            assert!(refused.is_err(), "{version}");
        }
    }

    #[tokio::test]
    async fn a_version_that_git_does_not_know_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let found = commit(folder.path(), "v1").await.unwrap();
        assert_eq!((found.id.as_str(), found.at), ("v1", None));
    }

    #[test]
    fn only_a_commit_is_shortened() {
        assert_eq!(short(&"a".repeat(40)), "aaaaaaaaaaaa");
        assert_eq!(short("release-2026"), "release-2026");
    }
}
