//! Puts the whole platform back to the release that ran before an attempt failed.

use std::time::Duration;
use tokio::time::Instant;

use super::cause::Cause;
use super::jobs;
use super::judge::Baseline;
use super::site::Site;
use super::submit::{self, Others, submit};
use super::verify;
use super::watch::{self, HOLD};
use crate::release::{Release, StackRecord};

/// Puts `live` back, whose stacks are to run instead of those of the failed attempt. Its schema is the one that
/// there is: migrations are not undone.
pub(super) async fn put_back(
    site: &Site,
    live: &Release,
    attempted: &[StackRecord],
    within: Duration,
) -> Result<(), Cause> {
    let deadline = Instant::now() + within;
    site.progress
        .step(&format!("put release {} back", live.number));
    for stack in &live.stacks {
        let document = jobs::without(&stack.document);
        submit(site, &stack.name, &document, Others::Remove).await?;
    }
    for stack in attempted {
        if !live.stacks.iter().any(|kept| kept.name == stack.name) {
            submit::remove(site, &stack.name).await?;
        }
    }
    let wanted = watch::wanted(&live.stacks);
    watch::settle(site, &mut Baseline::patient(), &wanted, HOLD, deadline).await?;
    verify::agrees(site, &live.stacks).await
}

/// Removes the stacks of a first release that failed. Volumes stay.
pub(super) async fn take_away(site: &Site, created: &[String]) -> anyhow::Result<()> {
    site.progress
        .step("there is no release to put back: remove what this attempt made");
    for name in created {
        submit::remove(site, name).await?;
    }
    Ok(())
}
