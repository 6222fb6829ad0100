//! The images of the trials, built here and pushed to the registry of the local clusters.

use anyhow::Result;

use crate::repository;
use crate::swarm::docker_here;

/// Where this machine pushes to, and what the nodes call it.
const PUSH: &str = "127.0.0.1:5055/trial";

/// How well a service is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It becomes healthy and stays so.
    Good,
    /// It exits at its start.
    Crash,
    /// It runs and never becomes healthy.
    Sick,
    /// It is well, and its migration fails.
    BadMigration,
}

impl Mode {
    fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Crash => "crash",
            Self::Sick => "sick",
            Self::BadMigration => "bad-migration",
        }
    }
}

/// Builds and pushes the image of a service.
pub(crate) fn push(service: &str, version: &str, mode: Mode) -> Result<()> {
    build_and_push(&format!("{PUSH}/{service}:{version}"), version, mode)
}

/// Whether the registry has a version of a service.
pub fn in_registry(service: &str, version: &str) -> Result<bool> {
    let image = format!("{PUSH}/{service}:{version}");
    match docker_here(&["manifest", "inspect", &image]) {
        Ok(_) => Ok(true),
        Err(error) if error.to_string().contains("no such manifest") => Ok(false),
        Err(error) => Err(error),
    }
}

/// The image of everything that is no service.
pub(crate) fn push_sleeper() -> Result<()> {
    build_and_push(&format!("{PUSH}/sleeper:1"), "1", Mode::Good)
}

fn build_and_push(tag: &str, version: &str, mode: Mode) -> Result<()> {
    let folder = repository().join("ci/delivery/image");
    let version = format!("VERSION={version}");
    let mode = format!("MODE={}", mode.name());
    docker_here(&[
        "build",
        "--quiet",
        "--provenance=false",
        "--build-arg",
        &version,
        "--build-arg",
        &mode,
        "--tag",
        tag,
        &folder.to_string_lossy(),
    ])?;
    docker_here(&["push", "--quiet", tag])?;
    Ok(())
}
