//! The services of the platform as a cluster runs them: what their Compose entries say of settings, memory, secrets
//! and networks, over what `stacks/platform/stack.yml` says of every service.

use anyhow::{Context as _, bail};
use serde_json::{Map, Value, json};
use std::path::Path;

use super::merge::merge;
use crate::yaml;

/// What an entry says that holds on a cluster too. The rest is Compose's own: build, start order, ports, restarts.
const KEPT: [&str; 8] = [
    "command",
    "entrypoint",
    "environment",
    "image",
    "networks",
    "secrets",
    "tmpfs",
    "user",
];

/// Adds an entry for every service and migration of `services/*/compose.yml` to the `services` of `stack`.
pub(super) fn add(root: &Path, stack: &mut Map<String, Value>) -> anyhow::Result<()> {
    let service = stack.remove("x-service").context("no `x-service`")?;
    let migration = stack.remove("x-migration").context("no `x-migration`")?;
    let services = stack
        .entry("services")
        .or_insert_with(|| Value::Object(Map::new()));
    let services = services.as_object_mut().context("`services` is no map")?;
    for path in super::compose_files(root)? {
        let document: Value = yaml::read(&path)?;
        let entries = document["services"].as_object();
        let entries = entries.with_context(|| format!("{}: no services", path.display()))?;
        for (name, entry) in entries {
            let place = || format!("{}: `{name}`", path.display());
            let resolved = resolve(root, entry).with_context(place)?;
            let known = services.get(name).cloned();
            let mut whole = match (&known, entry["extends"]["service"].as_str()) {
                // The stack says all of it, and gets what the services add.
                (Some(known), _) if known.get("image").is_some() => known.clone(),
                (_, Some("migrate")) => migration.clone(),
                _ => service.clone(),
            };
            merge(&mut whole, resolved);
            if let Some(known) = known {
                merge(&mut whole, known);
            }
            services.insert(name.clone(), whole);
        }
    }
    Ok(())
}

/// The kept part of an entry, over that of the entry that it extends.
fn resolve(root: &Path, entry: &Value) -> anyhow::Result<Value> {
    let mut base = match entry.get("extends") {
        None => Value::Object(Map::new()),
        Some(extends) => {
            let service = extends["service"]
                .as_str()
                .context("`extends` without `service`")?;
            let file = extends["file"].as_str().unwrap_or("ci/compose/service.yml");
            let document: Value = yaml::read(&root.join(file))?;
            let extended = document["services"].get(service);
            let extended = extended.with_context(|| format!("{file} has no `{service}`"))?;
            resolve(root, extended)?
        }
    };
    let entry = entry.as_object().context("is no map")?;
    let mut kept = Map::new();
    for (key, value) in entry.iter().filter(|(key, _)| KEPT.contains(&key.as_str())) {
        if value.to_string().contains("${") {
            bail!("`{key}` holds a variable, and a cluster has no shell to fill it in");
        }
        kept.insert(key.clone(), value.clone());
    }
    // What one task may hold is the same everywhere; on a cluster it has another name.
    if let Some(memory) = entry.get("mem_limit") {
        let limits = json!({ "resources": { "limits": { "memory": memory } } });
        kept.insert("deploy".into(), limits);
    }
    // Without a value Compose takes the shell's, where there is one.
    if let Some(environment) = kept.get_mut("environment").and_then(Value::as_object_mut) {
        environment.retain(|_, value| !value.is_null());
    }
    merge(&mut base, Value::Object(kept));
    Ok(base)
}
