//! Rules of the house that a machine can check.

mod arrows;
mod services;

use anyhow::{Context as _, bail};
use std::path::Path;

/// Which rule to check.
#[derive(Clone, Copy, Debug, clap::Subcommand)]
pub(crate) enum Lint {
    /// Dependencies between members point one way; nothing is called `utils`.
    Arrows,
    /// Every service folder has what the platform finds by convention.
    Services,
}

/// Checks a rule over the workspace at `root`; every breach is printed, and one is a failure.
pub(crate) fn run(lint: Lint, root: &Path) -> anyhow::Result<()> {
    let (what, breaches) = match lint {
        Lint::Arrows => (
            "arrows",
            arrows::check(root).context("cannot check the arrows")?,
        ),
        Lint::Services => (
            "services",
            services::check(root).context("cannot check the services")?,
        ),
    };
    for breach in &breaches {
        eprintln!("{what}: {breach}");
    }
    if !breaches.is_empty() {
        bail!("{what}: {} breach(es)", breaches.len());
    }
    eprintln!("{what}: ok");
    Ok(())
}
