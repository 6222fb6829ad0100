//! Secrets that were rotated do not come back: whoever deploys with a folder of before is refused.

use anyhow::{Context as _, bail};
use bollard::models::Secret;
use bollard::query_parameters::ListSecretsOptions;
use std::collections::HashMap;
use time::OffsetDateTime;

use super::objects::SOURCE;
use crate::cluster::Engine;
use crate::release::Release;
use crate::render::{File, FileKind};

/// A secret that the cluster has.
struct Known {
    source: String,
    /// When a deploy brought it for the first time.
    at: OffsetDateTime,
}

/// Refuses secrets that the cluster has had since before those of the same name that the live release uses. What a
/// rollback made live again is older than what was rolled back, so that the way forward stays open.
pub(super) async fn refuse_superseded(
    engine: &Engine,
    files: &[File],
    live: &Release,
) -> anyhow::Result<()> {
    let label = HashMap::from([("label".to_owned(), vec![SOURCE.to_owned()])]);
    let options = ListSecretsOptions {
        filters: Some(label),
    };
    let listed = engine.docker.list_secrets(Some(options)).await;
    let listed = listed.context("cannot list the secrets")?.into_iter();
    let known: HashMap<String, Known> = listed.filter_map(known).collect();
    let superseded = superseded(files, live, &known);
    if superseded.is_empty() {
        return Ok(());
    }
    bail!(
        "secrets that ran here before those of release {}: {}; whoever rotated them has the new ones \
         (the pipeline's are in CLUSTER_SECRETS); if the old ones are meant, `--old-secrets`",
        live.number,
        superseded.join(", ")
    )
}

fn known(secret: Secret) -> Option<(String, Known)> {
    let at = secret.created_at?;
    let spec = secret.spec?;
    let source = spec.labels?.remove(SOURCE)?;
    Some((spec.name?, Known { source, at }))
}

fn superseded<'f>(
    files: &'f [File],
    live: &Release,
    known: &HashMap<String, Known>,
) -> Vec<&'f str> {
    let live: HashMap<&str, OffsetDateTime> = live
        .secrets
        .iter()
        .filter_map(|name| known.get(name))
        .map(|secret| (secret.source.as_str(), secret.at))
        .collect();
    let secrets = files.iter().filter(|file| file.kind == FileKind::Secret);
    let superseded = secrets.filter(|file| {
        let ours = known.get(&file.name).map(|secret| secret.at);
        let lives = live.get(file.source.as_str()).copied();
        matches!((ours, lives), (Some(ours), Some(lives)) if ours < lives)
    });
    superseded.map(|file| file.source.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::fake::FakeManager;
    use crate::release::{Kind, sample};
    use serde_json::{Value, json};
    use wiremock::{Mock, ResponseTemplate, matchers};

    fn file(source: &str, hash: &str) -> File {
        File {
            kind: FileKind::Secret,
            source: source.into(),
            name: format!("{source}-{hash}"),
            content: Vec::new(),
        }
    }

    fn made(source: &str, hash: &str, day: u8) -> Value {
        json!({
            "ID": hash,
            "CreatedAt": format!("2026-11-{day:02}T08:30:00.123456789Z"),
            "Spec": { "Name": format!("{source}-{hash}"), "Labels": { SOURCE: source } },
        })
    }

    /// Deploys `folder` to a cluster that has had two of each secret, of which `live` is the live one.
    async fn deployed(folder: [&str; 2], live: [&str; 2]) -> anyhow::Result<()> {
        let manager = FakeManager::start().await;
        let secrets = json!([
            made("key", "old", 1),
            made("key", "new", 3),
            made("url", "old", 1),
            made("url", "new", 2),
        ]);
        Mock::given(matchers::path_regex("/secrets$"))
            .respond_with(ResponseTemplate::new(200).set_body_json(secrets))
            .mount(&manager.server)
            .await;
        let engine = manager.cluster().connect().await?;
        let [key, url] = live;
        let live = Release {
            secrets: vec![format!("key-{key}"), format!("url-{url}")],
            ..sample(7, Kind::Deploy)
        };
        let [key, url] = folder;
        refuse_superseded(&engine, &[file("key", key), file("url", url)], &live).await
    }

    #[tokio::test]
    async fn a_folder_of_before_a_rotation_is_refused_and_names_what_was_rotated() {
        let refused = deployed(["old", "new"], ["new", "new"]).await.unwrap_err();
        let refused = refused.to_string();
        let names = "before those of release 7: key;";
        assert!(refused.contains(names), "{refused}");
    }

    #[tokio::test]
    async fn what_runs_what_is_newer_and_what_is_new_here_is_taken() {
        for folder in [["new", "new"], ["newest", "new"], ["newest", "newest"]] {
            deployed(folder, ["new", "new"]).await.unwrap();
        }
    }

    #[tokio::test]
    async fn after_a_rollback_the_secrets_that_were_rolled_back_are_taken_again() {
        deployed(["new", "new"], ["old", "old"]).await.unwrap();
    }
}
