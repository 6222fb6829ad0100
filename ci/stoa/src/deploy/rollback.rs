//! `stoa rollback`: makes a cluster run an earlier release again, exactly as recorded, by the same steps.

use anyhow::{bail, ensure};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use super::attempt::{self, Attempt};
use super::lock::{self, Lock};
use super::site::Site;
use super::{Patience, bury, jobs, now, objects, prepare, stacks_of, who};
use crate::cluster::Cluster;
use crate::release::{self, History, Kind, Release, ResultKind};

/// Where to, and to which release.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct RollbackOptions {
    /// One of `stacks/clusters/`.
    #[arg(long)]
    pub(crate) cluster: String,
    /// The number of a release that succeeded; `stoa history` lists them.
    #[arg(long)]
    pub(crate) to: u64,
    #[command(flatten)]
    pub(crate) patience: Patience,
}

/// Deploys an earlier release again.
pub(crate) async fn rollback(options: &RollbackOptions, root: &Path) -> anyhow::Result<()> {
    let cluster = Cluster::load(root, &options.cluster)?;
    let site = Site::connect(cluster).await?;
    let history = History::new(&site.engine());
    let (target, outcome) = history.get(options.to).await?;
    ensure!(
        outcome.is_some_and(|outcome| outcome.result == ResultKind::Succeeded),
        "release {} did not succeed: only what has run can run again",
        target.number
    );
    refuse_incomplete(&site, &target).await?;

    let lock = lock::acquire(&site.engine(), None, &who(), options.patience.wait).await?;
    let done = under_lock(&site, &lock, target, options.patience.deadline).await;
    lock.free_after(done).await
}

async fn under_lock(
    site: &Site,
    lock: &Lock,
    target: Release,
    within: Duration,
) -> anyhow::Result<()> {
    let history = History::new(&site.engine());
    bury(site, &history).await?;
    refuse_schema(&history, &target).await?;
    let live = history.live().await?;
    let mut release = Release {
        number: history.next_number().await?,
        kind: Kind::Rollback { to: target.number },
        by: who(),
        pipeline: std::env::var("CI_PIPELINE_URL").ok(),
        at: now(),
        previous: live.as_ref().map(|live| live.number),
        ..target
    };
    release.changes = release::changes(stacks_of(live.as_ref()), &release.stacks);
    let attempt = Attempt {
        release,
        networks: BTreeMap::new(),
        files: Vec::new(),
        live,
        within,
    };
    attempt::carry_out(site, lock, &attempt).await
}

/// Refuses a release of which something is gone.
async fn refuse_incomplete(site: &Site, target: &Release) -> anyhow::Result<()> {
    let gone = objects::missing(&site.engine(), target).await?;
    ensure!(
        gone.is_empty(),
        "release {} cannot run again: {} is gone",
        target.number,
        gone.join(", ")
    );
    let mut images = BTreeSet::new();
    for stack in &target.stacks {
        let document = jobs::without(&stack.document);
        let services = document["services"].as_object();
        let services = services.into_iter().flat_map(|services| services.values());
        images.extend(services.filter_map(|entry| entry["image"].as_str().map(str::to_owned)));
    }
    prepare::digests(site, &images).await.map(drop)
}

/// Refuses a release whose code cannot run on the schema of today: that of every attempt since, whatever became
/// of it, for a migration is not undone.
async fn refuse_schema(history: &History, target: &Release) -> anyhow::Result<()> {
    let later = history.list().await?.into_iter();
    let later = later.filter(|attempt| attempt.number > target.number && attempt.what == "deploy");
    for attempt in later {
        let (release, _) = history.get(attempt.number).await?;
        if let Some(service) = prepare::stranded(&release.migrations, target) {
            bail!(
                "release {} cannot run again: a migration of `{service}` in release {} took away what its code uses; \
                 go back to a later one, or forward",
                target.number,
                attempt.number
            );
        }
    }
    Ok(())
}
