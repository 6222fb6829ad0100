//! Building the services and the console, and telling what came out different.

use super::layout::Layout;
use super::supervisor::{Spec, say};
use anyhow::{Context as _, ensure};
use rustix::process::Signal;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Builds every service's binary.
pub(super) async fn build(root: &Path, release: bool) -> anyhow::Result<()> {
    // The CLI too, as `ci/stoa/run` does: without it dependencies would have other features and be
    // compiled again.
    let mut arguments = vec!["build", "--workspace", "--bins"];
    if release {
        arguments.push("--release");
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    command("build", cargo, &arguments, root).run_once().await
}

/// Installs the console's packages where that is due, and gives its development server, or a server
/// of the built console.
pub(super) async fn console(layout: &Layout, built: bool) -> anyhow::Result<Spec> {
    let folder = layout.root.join("services/web");
    let installed = folder.join("node_modules/.package-lock.json");
    if modified(&installed).ok() < modified(&folder.join("package-lock.json")).ok() {
        say("stoa", "installing the console's packages");
        command(
            "npm",
            "npm".into(),
            &["ci", "--no-audit", "--no-fund"],
            &folder,
        )
        .run_once()
        .await?;
    }
    // Not through npm, which would stand between the signal and the server.
    let port = format!("--port={}", layout.web_port);
    let mut arguments = vec![
        "--host=127.0.0.1",
        &port,
        "--strictPort",
        "--clearScreen=false",
    ];
    if built {
        say("stoa", "building the console");
        command("npm", "npm".into(), &["run", "build"], &folder)
            .run_once()
            .await?;
        arguments.insert(0, "preview");
    }
    let vite = folder.join("node_modules/.bin/vite");
    let mut spec = command("web", vite.into(), &arguments, &folder);
    // For whoever opens the console at its own port.
    spec.environment.push(("STOA_URL".into(), layout.url()));
    Ok(spec)
}

fn command(name: &str, program: OsString, arguments: &[&str], folder: &Path) -> Spec {
    Spec {
        name: name.into(),
        program: program.into(),
        arguments: arguments.iter().map(Into::into).collect(),
        environment: Vec::new(),
        folder: folder.to_owned(),
        user: None,
        stop: Signal::TERM,
    }
}

/// The services' binaries, as they were when looked at.
#[derive(Clone, Debug)]
pub(super) struct Binaries {
    folder: PathBuf,
    built: BTreeMap<String, SystemTime>,
}

impl Binaries {
    /// Looks at every binary.
    pub(super) fn look(layout: &Layout, release: bool) -> anyhow::Result<Self> {
        let folder = target(&layout.root)?.join(if release { "release" } else { "debug" });
        let mut built = BTreeMap::new();
        for service in &layout.services {
            built.insert(service.name.clone(), modified(&folder.join(&service.name))?);
        }
        Ok(Self { folder, built })
    }

    /// Where a service's binary is.
    pub(super) fn path(&self, service: &str) -> PathBuf {
        self.folder.join(service)
    }

    /// Whether a service's binary was written since `before`.
    pub(super) fn differs(&self, before: &Self, service: &str) -> bool {
        self.built.get(service) != before.built.get(service)
    }
}

fn modified(path: &Path) -> anyhow::Result<SystemTime> {
    let read = path.metadata().and_then(|meta| meta.modified());
    read.with_context(|| format!("cannot read {}", path.display()))
}

/// Cargo's target folder, wherever its settings put it.
fn target(root: &Path) -> anyhow::Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = std::process::Command::new(cargo)
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(root)
        .output()?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let folder = metadata["target_directory"]
        .as_str()
        .context("cargo names no target folder")?;
    Ok(folder.into())
}
