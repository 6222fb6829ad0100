//! A checkout of its own, in which guides are followed: a clone of this repository's commit. The clusters, and so their
//! secrets, are those of this machine.

use anyhow::{Context as _, Result, ensure};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

use crate::run::{Deployer, Run, output};
use crate::{clusters, repository};

/// Answers as an engine would that runs the local clusters, and notes what it was told.
const ENGINE: &str = r#"#!/bin/sh
echo "$*" >>"$CALLS"
case "$1 $2" in
  "ps --all") echo a-node ;;
  "volume ls") printf 'stoa-registry\nstoa-production-1\nstoa-staging-1-of-another\n' ;;
esac
"#;

/// What `run` is alone with: no engine can be reached, and the sockets of the clusters are not the real ones.
const ALONE: &str = r#"
mount -t tmpfs tmpfs /run
mkdir /run/stoa
touch /run/stoa/production-1.sock
exec bash -euo pipefail -c "$1"
"#;

/// A clone of this repository's commit.
pub struct Checkout {
    folder: TempDir,
}

impl Checkout {
    /// A clone that works on the local clusters.
    pub fn make() -> Result<Self> {
        let checkout = Self::without_clusters()?;
        let clusters = clusters();
        let clusters = clusters
            .canonicalize()
            .with_context(|| format!("{}: make clusters", clusters.display()))?;
        std::fs::create_dir(checkout.path().join(".stoa"))?;
        symlink(clusters, checkout.path().join(".stoa/clusters"))?;
        Ok(checkout)
    }

    fn without_clusters() -> Result<Self> {
        // Where scripts of ours put their folders too: an engine can mount what is in there.
        let state = repository().canonicalize()?.join(".stoa");
        std::fs::create_dir_all(&state)?;
        let folder = tempfile::Builder::new()
            .prefix("guide.")
            .tempdir_in(state)?;
        let commit = git(&repository(), &["rev-parse", "HEAD"])?;
        let checkout = Self { folder };
        let path = checkout.path().to_string_lossy();
        git(
            &repository(),
            &["clone", "--quiet", "--no-checkout", ".", &path],
        )?;
        git(
            checkout.path(),
            &["checkout", "--quiet", "--detach", &commit],
        )?;
        Ok(checkout)
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The commit.
    pub fn commit(&self) -> Result<String> {
        git(self.path(), &["rev-parse", "HEAD"])
    }

    /// Runs a script at its root and waits for the end. The first command that fails ends it.
    pub fn run(&self, script: &str) -> Result<Run> {
        let mut command = Command::new("bash");
        command.args(["-euo", "pipefail", "-c", script]);
        self.start(&mut command)?.wait()
    }

    /// A script that takes the clusters away, run where it cannot: on an engine that only notes what it is told, and
    /// in a mount namespace of its own. Returns the notes too.
    pub fn run_alone(script: &str) -> Result<(Run, String)> {
        let checkout = Self::without_clusters()?;
        let tools = checkout.path().join(".stoa/tools");
        std::fs::create_dir_all(&tools)?;
        std::fs::create_dir(checkout.path().join(".stoa/clusters"))?;
        let engine = tools.join("docker");
        std::fs::write(&engine, ENGINE)?;
        std::fs::set_permissions(&engine, std::fs::Permissions::from_mode(0o755))?;
        let calls = checkout.path().join(".stoa/calls");
        let path = std::env::var("PATH")?;
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "sh", "-euc", ALONE, "sh", script])
            .env("PATH", format!("{}:{path}", tools.display()))
            .env("CALLS", &calls);
        let run = checkout.start(&mut command)?.wait()?;
        let clusters = checkout.path().join(".stoa/clusters");
        ensure!(!clusters.exists(), "the secrets are left:\n{}", run.output);
        Ok((run, std::fs::read_to_string(calls)?))
    }

    fn start(&self, command: &mut Command) -> Result<Deployer> {
        // A cluster is meant by its name or its socket, and nothing else.
        Deployer::spawn(
            command
                .current_dir(self.path())
                .env_remove("DOCKER_CONFIG")
                .env_remove("DOCKER_HOST"),
        )
    }
}

fn git(folder: &Path, arguments: &[&str]) -> Result<String> {
    let text = output(Command::new("git").arg("-C").arg(folder).args(arguments))?;
    Ok(text.trim().to_owned())
}
