//! `stoa secrets`: prints where the secrets of a cluster are, for who puts them there.

use std::path::Path;

use crate::cluster::Cluster;

/// Whose secrets.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct SecretsOptions {
    /// One of `stacks/clusters/`.
    #[arg(long)]
    pub(crate) cluster: String,
}

/// Prints the folder where a deploy looks for them.
#[expect(
    clippy::print_stdout,
    reason = "the folder is what standard output is for"
)]
pub(crate) fn run(options: &SecretsOptions, root: &Path) -> anyhow::Result<()> {
    let cluster = Cluster::load(root, &options.cluster)?;
    println!("{}", cluster.secrets.display());
    Ok(())
}
