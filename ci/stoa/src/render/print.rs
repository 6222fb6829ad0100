//! `stoa render`: prints what a deploy would submit.

use std::path::Path;

use super::render;
use crate::cluster::Cluster;

/// What is rendered.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct RenderOptions {
    /// One of `stacks/clusters/`.
    #[arg(long)]
    pub(crate) cluster: String,
    /// The commit.
    #[arg(long, default_value = "HEAD")]
    pub(crate) version: String,
    /// Only this stack.
    #[arg(long)]
    pub(crate) stack: Option<String>,
    /// Ask no cluster and read no secret; the names of the secrets are then not those of a deploy.
    #[arg(long)]
    pub(crate) offline: bool,
}

/// Prints a document for each stack, as `docker stack deploy -c -` takes it. Images are without their digests.
#[expect(
    clippy::print_stdout,
    reason = "the documents are what standard output is for"
)]
pub(crate) async fn run(options: &RenderOptions, root: &Path) -> anyhow::Result<()> {
    let cluster = Cluster::load(root, &options.cluster)?;
    let key = if options.offline {
        None
    } else {
        Some(cluster.connect().await?.swarm)
    };
    let version = crate::deploy::version(root, &options.version).await?;
    let rendered = render(root, &cluster, &version, key.as_deref().map(str::as_bytes))?;
    for stack in rendered.stacks {
        if options
            .stack
            .as_ref()
            .is_none_or(|only| *only == stack.name)
        {
            println!("---\n# {}", stack.name);
            println!("{}", serde_json::to_string_pretty(&stack.document)?);
        }
    }
    Ok(())
}
