//! Rules of the house that a machine can check.

mod arrows;
mod documents;
mod migrations;
mod operations;
mod outbound;
mod promql;
mod runbook;
mod services;
mod silences;

use anyhow::{Context as _, bail};
use std::path::Path;

/// Which rule to check.
#[derive(Clone, Copy, Debug, clap::Subcommand)]
pub(crate) enum Lint {
    /// Dependencies between members point one way; nothing is called `utils`.
    Arrows,
    /// What the documents point to is there, and what they say to `make` can be made.
    Documents,
    /// Migrations take nothing away that the previous release uses.
    Migrations,
    /// Every service folder has what the platform finds by convention; alerts, runbook and dashboards
    /// fit each other and the code.
    Services,
}

/// Checks a rule over the workspace at `root`; every breach is printed, and one is a failure.
pub(crate) fn run(lint: Lint, root: &Path) -> anyhow::Result<()> {
    let (what, breaches) = match lint {
        Lint::Arrows => (
            "arrows",
            arrows::check(root).context("cannot check the arrows")?,
        ),
        Lint::Documents => (
            "documents",
            documents::check(root).context("cannot check the documents")?,
        ),
        Lint::Migrations => (
            "migrations",
            migrations::check(root).context("cannot check the migrations")?,
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
