//! What is submitted: every stack of this repository, for each of its clusters, as Docker itself reads it.

use anyhow::{Context as _, Result, ensure};
use delivery::{render_repository, stack_config};

const STACKS: [&str; 4] = ["data", "platform", "edge", "monitoring"];

#[test]
fn docker_takes_every_document_of_the_repository() -> Result<()> {
    for cluster in ["production", "staging"] {
        for stack in STACKS {
            let document = render_repository(cluster, stack)?;
            let read = stack_config(&document).with_context(|| format!("{cluster}: {stack}"))?;
            ensure!(
                read.contains("image:"),
                "{cluster}: {stack} has no service:\n{read}"
            );
        }
    }
    Ok(())
}
