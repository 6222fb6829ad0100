//! Configs and secrets, named by their content: Swarm never changes one, so a new content is a new name.

use anyhow::{Context as _, bail};
use ring::{digest, hmac};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use super::{File, FileKind};

/// Digits of the hash that a name carries: 48 bits tell all contents of one name apart.
const HASH_DIGITS: usize = 12;
/// Where it stands how a secret comes to a cluster.
const GUIDE: &str = "docs/guides/build-a-service.md#on-a-cluster";

/// By the name of a secret: the services that use it.
type Users = BTreeMap<String, Vec<String>>;

/// Where contents come from.
pub(super) struct Sources<'a> {
    /// The folder of the stack, which config files are relative to.
    pub(super) stack: &'a Path,
    /// The folder of the secrets.
    pub(super) secrets: &'a Path,
    /// Keys the hash of a secret, so that a name tells nothing of its content. Without one no secret is read.
    pub(super) key: Option<&'a [u8]>,
}

/// Makes every config and secret that the services use external under its final name, and returns the contents.
pub(super) fn name(
    stack: &mut Map<String, Value>,
    sources: &Sources<'_>,
) -> anyhow::Result<Vec<File>> {
    let mut files = configs(stack, sources.stack)?;
    let secrets = secrets(used_secrets(stack), sources)?;
    if !secrets.is_empty() {
        let entry = |file: &File| (file.source.clone(), external(&file.name));
        let section = secrets.iter().map(entry).collect();
        stack.insert("secrets".into(), Value::Object(section));
    }
    files.extend(secrets);
    Ok(files)
}

fn secrets(used: Users, sources: &Sources<'_>) -> anyhow::Result<Vec<File>> {
    let path = |name: &String| sources.secrets.join(name);
    let missing = used.iter().filter(|(name, _)| !path(name).is_file());
    let missing: Vec<_> = missing
        .map(|(name, services)| format!("{name} (of {})", services.join(", ")))
        .collect();
    if sources.key.is_some() && !missing.is_empty() {
        bail!(
            "secrets are missing: {}; each is a file of that name in {}, the folder that the cluster's file names. \
             `ci/compose/secrets FOLDER` draws it where the platform alone must know it; what comes from elsewhere, \
             write yourself. Where a pipeline deploys, CLUSTER_SECRETS needs it too: {GUIDE}",
            missing.join("; "),
            sources.secrets.display()
        );
    }
    let read = |source: String| {
        let (name, content) = match sources.key {
            None => (hashed(&source, &[0; HASH_DIGITS]), Vec::new()),
            Some(key) => {
                let path = path(&source);
                let content = std::fs::read(&path).with_context(|| path.display().to_string())?;
                let key = hmac::Key::new(hmac::HMAC_SHA256, key);
                (
                    hashed(&source, hmac::sign(&key, &content).as_ref()),
                    content,
                )
            }
        };
        Ok(File {
            kind: FileKind::Secret,
            source,
            name,
            content,
        })
    };
    used.into_keys().map(read).collect()
}

fn configs(stack: &mut Map<String, Value>, folder: &Path) -> anyhow::Result<Vec<File>> {
    let mut files = Vec::new();
    let Some(section) = stack.get_mut("configs").and_then(Value::as_object_mut) else {
        return Ok(files);
    };
    for (source, entry) in section.iter_mut() {
        let file = entry["file"].as_str();
        let file = file.with_context(|| format!("config `{source}` names no file"))?;
        let path = folder.join(file);
        let content = std::fs::read(&path)
            .with_context(|| format!("config `{source}`: cannot read {}", path.display()))?;
        let name = hashed(source, digest::digest(&digest::SHA256, &content).as_ref());
        *entry = external(&name);
        files.push(File {
            kind: FileKind::Config,
            source: source.clone(),
            name,
            content,
        });
    }
    Ok(files)
}

/// The secrets that the services of a stack name, each with who names it.
fn used_secrets(stack: &Map<String, Value>) -> Users {
    let services = stack.get("services").and_then(Value::as_object);
    let mut users = Users::new();
    for (service, entry) in services.into_iter().flatten() {
        let secrets = entry["secrets"].as_array().into_iter().flatten();
        for name in secrets.filter_map(|secret| secret.as_str().or(secret["source"].as_str())) {
            let named = users.entry(name.to_owned()).or_default();
            named.push(service.clone());
        }
    }
    users
}

fn external(name: &str) -> Value {
    json!({ "external": true, "name": name })
}

fn hashed(source: &str, hash: &[u8]) -> String {
    format!("{source}-{}", digits(hash))
}

/// The first twelve digits of a hash.
pub(super) fn digits(hash: &[u8]) -> String {
    let mut digits = String::new();
    for byte in &hash[..HASH_DIGITS / 2] {
        write!(digits, "{byte:02x}").expect("a String takes everything");
    }
    digits
}
