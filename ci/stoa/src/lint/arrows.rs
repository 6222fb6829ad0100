//! HOUSE rules 4 to 6: what may depend on what, read from `cargo metadata`.

use anyhow::{Context as _, bail};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// Names that say nothing, so everything ends up in them.
const FORBIDDEN_NAMES: [&str; 4] = ["utils", "common", "core", "helpers"];

/// The part of `cargo metadata` that the rule needs.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: std::path::PathBuf,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// `null` for an ordinary dependency, else `dev` or `build`.
    kind: Option<String>,
    /// Present for a member of the workspace.
    path: Option<String>,
}

/// Where a member stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layer {
    /// `config`, `contracts`: depend on no member.
    Ground,
    /// `client`, `queue`, `postgres`: know the ground only.
    Kit,
    /// `outbox`: brings `client` and `postgres` together.
    Outbox,
    /// `idempotency`: brings `service` and `postgres` together.
    Idempotency,
    /// `telemetry`: knows `config` only.
    Telemetry,
    /// `service`: starts telemetry.
    Service,
    /// `services/*` and the tools in `ci/*`; nobody depends on them.
    Top,
    /// `ci/delivery`: tries deliveries under load.
    Delivery,
    /// `ci/load`: only `ci/delivery` depends on it.
    Load,
    /// `testing`: depends on nothing of ours, and only tests depend on it.
    Testing,
}

/// Every arrow and every name that the rules forbid.
pub(super) fn check(root: &Path) -> anyhow::Result<Vec<String>> {
    let output = Command::new("cargo")
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(root)
        .output()
        .context("cannot run cargo")?;
    if !output.status.success() {
        bail!(
            "cargo metadata: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    let metadata: Metadata = serde_json::from_slice(&output.stdout)?;
    let mut breaches = forbidden_arrows(&metadata, root)?;
    for package in &metadata.packages {
        let folder = package
            .manifest_path
            .parent()
            .context("a manifest without a folder")?;
        breaches.extend(forbidden_names(&package.name, folder)?);
    }
    Ok(breaches)
}

fn forbidden_arrows(metadata: &Metadata, root: &Path) -> anyhow::Result<Vec<String>> {
    let mut layers = BTreeMap::new();
    for package in &metadata.packages {
        let folder = package
            .manifest_path
            .parent()
            .context("a manifest without a folder")?;
        let folder = folder.strip_prefix(root).unwrap_or(folder);
        layers.insert(package.name.as_str(), layer(folder)?);
    }
    let mut breaches = Vec::new();
    for package in &metadata.packages {
        let from = layers[package.name.as_str()];
        for dependency in package.dependencies.iter().filter(|one| one.path.is_some()) {
            let Some(to) = layers.get(dependency.name.as_str()) else {
                continue;
            };
            let dev = dependency.kind.as_deref() == Some("dev");
            if let Some(why) = objection(from, *to, dev) {
                breaches.push(format!("{} -> {}: {why}", package.name, dependency.name));
            }
        }
    }
    Ok(breaches)
}

/// The layer of the member in this folder. A new kit takes its place here, on purpose.
fn layer(folder: &Path) -> anyhow::Result<Layer> {
    let mut parts = folder.iter().filter_map(|part| part.to_str());
    match (parts.next(), parts.next()) {
        (Some("ci"), Some("delivery")) => Ok(Layer::Delivery),
        (Some("ci"), Some("load")) => Ok(Layer::Load),
        (Some("services" | "ci"), Some(_)) => Ok(Layer::Top),
        (Some("shared"), Some("config" | "contracts")) => Ok(Layer::Ground),
        (Some("shared"), Some("telemetry")) => Ok(Layer::Telemetry),
        (Some("shared"), Some("testing")) => Ok(Layer::Testing),
        (Some("shared"), Some("service")) => Ok(Layer::Service),
        (Some("shared"), Some("client" | "queue" | "postgres")) => Ok(Layer::Kit),
        (Some("shared"), Some("outbox")) => Ok(Layer::Outbox),
        (Some("shared"), Some("idempotency")) => Ok(Layer::Idempotency),
        _ => bail!("{}: no layer is known for this member", folder.display()),
    }
}

fn objection(from: Layer, to: Layer, dev: bool) -> Option<&'static str> {
    match (from, to) {
        (Layer::Delivery, Layer::Load) => None,
        (_, Layer::Top | Layer::Delivery | Layer::Load) => {
            Some("services talk over HTTP or the queue, never by import")
        }
        (Layer::Testing, _) => Some("`testing` depends on nothing of ours"),
        // A test of a kit may start telemetry to see its spans.
        (_, Layer::Testing) | (Layer::Kit, Layer::Telemetry) if dev => None,
        (_, Layer::Testing) => Some("`testing` is a dev-dependency"),
        (Layer::Top | Layer::Delivery | Layer::Load, _)
        | (Layer::Outbox, Layer::Kit | Layer::Telemetry)
        | (Layer::Idempotency, Layer::Kit | Layer::Service) => None,
        (Layer::Service, Layer::Telemetry) | (_, Layer::Ground) if from != Layer::Ground => None,
        _ => Some("arrows: services -> kits -> config, contracts; service -> telemetry -> config"),
    }
}

fn forbidden_names(package: &str, folder: &Path) -> anyhow::Result<Vec<String>> {
    let mut breaches = Vec::new();
    let bare = package.strip_prefix("stoa-").unwrap_or(package);
    if FORBIDDEN_NAMES.contains(&bare) {
        breaches.push(format!("package {package}: a name that says nothing"));
    }
    let mut folders: Vec<_> = ["src", "tests"].map(|name| folder.join(name)).into();
    while let Some(folder) = folders.pop() {
        if !folder.is_dir() {
            continue;
        }
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            let stem = path
                .file_stem()
                .and_then(|stem| stem.to_str())
                .unwrap_or_default();
            if FORBIDDEN_NAMES.contains(&stem) {
                breaches.push(format!("{}: a name that says nothing", path.display()));
            }
            if path.is_dir() {
                folders.push(path);
            }
        }
    }
    Ok(breaches)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrows(packages: &serde_json::Value) -> Vec<String> {
        let metadata = serde_json::from_value(serde_json::json!({ "packages": packages })).unwrap();
        forbidden_arrows(&metadata, Path::new("/w")).unwrap()
    }

    fn package(folder: &str, name: &str, needs: &[(&str, Option<&str>)]) -> serde_json::Value {
        let dependencies: Vec<_> = needs
            .iter()
            .map(|(name, kind)| serde_json::json!({ "name": name, "kind": kind, "path": "x" }))
            .collect();
        let manifest_path = format!("/w/{folder}/Cargo.toml");
        serde_json::json!({ "name": name, "manifest_path": manifest_path, "dependencies": dependencies })
    }

    #[test]
    fn arrows_that_point_down_pass() {
        let found = arrows(&serde_json::json!([
            package(
                "services/nlu",
                "nlu",
                &[("stoa-service", None), ("stoa-config", None)]
            ),
            package(
                "shared/service",
                "stoa-service",
                &[("stoa-telemetry", None)]
            ),
            package(
                "shared/telemetry",
                "stoa-telemetry",
                &[("stoa-config", None), ("stoa-testing", Some("dev"))]
            ),
            package("shared/config", "stoa-config", &[]),
            package("shared/testing", "stoa-testing", &[]),
            package("ci/delivery", "delivery", &[("load", None)]),
            package("ci/load", "load", &[]),
            package(
                "shared/outbox",
                "stoa-outbox",
                &[("stoa-client", None), ("stoa-telemetry", None)]
            ),
            package("shared/client", "stoa-client", &[]),
            package(
                "shared/idempotency",
                "stoa-idempotency",
                &[("stoa-client", None), ("stoa-service", None)]
            ),
        ]));
        assert_eq!(found, Vec::<String>::new());
    }

    #[test]
    fn every_other_arrow_is_named() {
        let found = arrows(&serde_json::json!([
            package("services/nlu", "nlu", &[("ml", Some("dev"))]),
            package("services/worker", "worker", &[("load", None)]),
            package("ci/load", "load", &[]),
            package("services/ml", "ml", &[("stoa-testing", None)]),
            package("shared/config", "stoa-config", &[("stoa-service", None)]),
            package("shared/service", "stoa-service", &[("stoa-client", None)]),
            package("shared/client", "stoa-client", &[]),
            package(
                "shared/testing",
                "stoa-testing",
                &[("stoa-config", Some("dev"))]
            ),
        ]));
        let pairs: Vec<_> = found
            .iter()
            .filter_map(|line| line.split(':').next())
            .collect();
        let expected = [
            "nlu -> ml",
            "worker -> load",
            "ml -> stoa-testing",
            "stoa-config -> stoa-service",
            "stoa-service -> stoa-client",
            "stoa-testing -> stoa-config",
        ];
        assert_eq!(pairs, expected);
    }

    #[test]
    fn a_member_in_an_unknown_place_is_an_error() {
        assert!(layer(Path::new("shared/misc")).is_err());
    }

    #[test]
    fn a_module_called_utils_is_found_at_any_depth() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("src/a/helpers")).unwrap();
        std::fs::write(folder.path().join("src/a/utils.rs"), "").unwrap();
        assert_eq!(
            forbidden_names("stoa-core", folder.path()).unwrap().len(),
            3
        );
    }

    #[test]
    fn this_workspace_obeys() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .ancestors()
            .nth(2)
            .unwrap();
        assert_eq!(check(root).unwrap(), Vec::<String>::new());
    }
}
