//! What a cluster may say differently: how many, how large, where. Nothing else, so that what was proven on one
//! cluster holds on the other.

use anyhow::{bail, ensure};
use serde_json::{Map, Value};

use super::merge::merge;

/// The keys below `deploy` that an overlay may set.
pub(crate) const ALLOWED: [&str; 3] = ["placement", "replicas", "resources"];

/// Lays a cluster's overlay of the stack `name` over it.
pub(super) fn apply(
    name: &str,
    stack: &mut Map<String, Value>,
    overlay: &Value,
) -> anyhow::Result<()> {
    let place = format!("overlay of `{name}`");
    for (key, services) in map(&place, overlay)? {
        ensure!(
            key == "services",
            "{place}: `{key}` may not differ between clusters"
        );
        for (service, entry) in map(&place, services)? {
            check(&format!("{place}: `{service}`"), entry)?;
            let known = stack.get_mut("services").and_then(|s| s.get_mut(service));
            let Some(known) = known else {
                bail!("{place}: there is no service `{service}`");
            };
            merge(known, entry.clone());
        }
    }
    Ok(())
}

fn check(place: &str, entry: &Value) -> anyhow::Result<()> {
    for (key, deploy) in map(place, entry)? {
        ensure!(
            key == "deploy",
            "{place}: `{key}` may not differ between clusters"
        );
        for key in map(place, deploy)?.keys() {
            ensure!(
                ALLOWED.contains(&key.as_str()),
                "{place}: `deploy.{key}` may not differ between clusters; only {} may",
                ALLOWED.join(", ")
            );
        }
    }
    Ok(())
}

fn map<'v>(place: &str, value: &'v Value) -> anyhow::Result<&'v Map<String, Value>> {
    match value.as_object() {
        Some(map) => Ok(map),
        None => bail!("{place}: a map is expected, not {value}"),
    }
}
