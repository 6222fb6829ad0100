//! Who asks strangers can reach them: on a cluster every other network of the services has no way out, in Compose
//! some have, so that a service without this one lacks it only there.

use crate::yaml;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

/// The network with a way out.
const OUTBOUND: &str = "outbound";
/// Neighbours are asked by `stoa-client`; who has the client itself asks strangers.
const HTTP_CLIENT: &str = "reqwest";

#[derive(Deserialize)]
struct Compose {
    services: BTreeMap<String, Service>,
}

#[derive(Deserialize)]
struct Service {
    #[serde(default)]
    networks: Vec<String>,
}

/// What is wrong with the networks of a service, whose folder has a `Cargo.toml` that says `manifest`.
pub(super) fn check(folder: &Path, name: &str, manifest: &str) -> Option<String> {
    let compose = folder.join("compose.yml");
    if !asks_strangers(manifest) || !compose.exists() {
        return None;
    }
    let networks = match yaml::read::<Compose>(&compose) {
        Ok(Compose { mut services }) => services.remove(name).map(|service| service.networks),
        Err(error) => return Some(error.to_string()),
    };
    let has_way_out = networks.is_some_and(|networks| networks.iter().any(|n| n == OUTBOUND));
    (!has_way_out).then(|| {
        format!(
            "compose.yml: {name} depends on {HTTP_CLIENT} and is not on the network `{OUTBOUND}`"
        )
    })
}

/// Whether the product itself, not its tests alone, depends on the client.
fn asks_strangers(manifest: &str) -> bool {
    let dependencies = manifest.split_once("\n[dependencies]\n");
    let dependencies = dependencies.map_or("", |(_, text)| text).lines();
    dependencies
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split(['.', ' ', '=']).next())
        .any(|dependency| dependency == HTTP_CLIENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_strangers_is_on_the_network_with_a_way_out() {
        let asks = "[package]\n\n[dependencies]\nreqwest.workspace = true\n";
        let tests_ask = "[package]\n\n[dependencies]\n\n[dev-dependencies]\nreqwest = \"1\"\n";
        let folder = tempfile::tempdir().unwrap();
        for (manifest, networks, passes) in [
            (asks, "[redis]", false),
            (asks, "[redis, outbound]", true),
            (tests_ask, "[redis]", true),
        ] {
            let compose = format!("services:\n  billing: {{networks: {networks}}}\n");
            std::fs::write(folder.path().join("compose.yml"), compose).unwrap();
            let breach = check(folder.path(), "billing", manifest);
            assert_eq!(breach.is_none(), passes, "{breach:?}");
        }
    }
}
