//! What a cluster may say differently: how many, how large, where, and what it has drawn for itself. Nothing else, so
//! that what was proven on one cluster holds on the other.

use anyhow::{bail, ensure};
use serde_json::{Map, Value};

use super::merge::merge;

/// What an overlay may set of a service, by the part that it stands in.
const ALLOWED: [(&str, &str); 10] = [
    ("deploy", "placement"),
    ("deploy", "replicas"),
    ("deploy", "resources"),
    // The id of an account, which an installation that is older than the fixed one has drawn.
    ("environment", "OPERATOR_ACCOUNT"),
    // Who signs people in, which leads back to the address of the cluster. What proves who we are there is no setting
    // but a secret, and those are files of the cluster anyway.
    ("environment", "OIDC_ACCOUNT"),
    ("environment", "OIDC_CLIENT_ID"),
    ("environment", "OIDC_ISSUER"),
    ("environment", "OIDC_LINK_BY_EMAIL"),
    ("environment", "OIDC_NAME"),
    ("environment", "OIDC_REDIRECT_URL"),
];

/// Whether a service may have another `key` in its `part` on another cluster.
pub(crate) fn may_differ(part: &str, key: &str) -> bool {
    ALLOWED.contains(&(part, key))
}

/// All that may differ, as one reads it.
pub(crate) fn allowed() -> String {
    let names = ALLOWED.map(|(part, key)| format!("{part}.{key}"));
    names.join(", ")
}

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
    for (part, keys) in map(place, entry)? {
        ensure!(
            ALLOWED.iter().any(|(known, _)| known == part),
            "{place}: `{part}` may not differ between clusters"
        );
        for key in map(place, keys)?.keys() {
            ensure!(
                may_differ(part, key),
                "{place}: `{part}.{key}` may not differ between clusters; only {} may",
                allowed()
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
