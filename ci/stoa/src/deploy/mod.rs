//! `stoa deploy`: makes a cluster run a version, whole, or leaves it as it was and says why.

mod alerts;
mod attempt;
mod cause;
mod certificate;
mod facts;
mod jobs;
mod judge;
mod lease;
pub(crate) mod lock;
mod migrate;
mod objects;
mod prepare;
mod probe;
mod progress;
mod report;
mod restore;
mod rollback;
mod secrets;
mod site;
mod submit;
mod under;
mod verify;
mod watch;

pub(crate) use prepare::short;
pub(crate) use rollback::{RollbackOptions, rollback};
pub(crate) use under::{LockOptions, run as run_under_lock};

use anyhow::Context as _;
use std::path::Path;
use std::time::Duration;
use time::OffsetDateTime;

use self::attempt::Attempt;
use self::lock::Lock;
use self::prepare::Commit;
use self::site::Site;
use crate::cluster::Cluster;
use crate::release::{self, History, Kind, Outcome, Release, ResultKind, SCHEMA, StackRecord};
use crate::render::{self, FileKind, Rendered};

/// What is deployed where.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct DeployOptions {
    /// One of `stacks/clusters/`.
    #[arg(long)]
    pub(crate) cluster: String,
    /// The commit; its images must be in the registry.
    #[arg(long)]
    pub(crate) version: String,
    /// A version that is older than the one that runs, but has run here, is rolled back to: for jobs that are run again.
    #[arg(long)]
    pub(crate) again: bool,
    /// Take secrets that ran here before those that run now.
    #[arg(long)]
    pub(crate) old_secrets: bool,
    #[command(flatten)]
    pub(crate) patience: Patience,
}

/// How long things may take.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Patience {
    /// Until when everything must run; putting back has as long again.
    #[arg(long, default_value = "5m", value_parser = duration)]
    pub(crate) deadline: Duration,
    /// How long to wait for another deployer. Less than 40s never takes over from one that died.
    #[arg(long, default_value = "45s", value_parser = duration)]
    pub(crate) wait: Duration,
}

/// Deploys a version.
pub(crate) async fn run(options: &DeployOptions, root: &Path) -> anyhow::Result<()> {
    let cluster = Cluster::load(root, &options.cluster)?;
    let commit = prepare::commit(root, &options.version).await?;
    let site = Site::connect(cluster).await?;
    if options.again
        && let Some(to) = earlier(root, &commit, &History::new(&site.engine())).await?
    {
        let back = RollbackOptions {
            cluster: options.cluster.clone(),
            to,
            patience: options.patience,
        };
        return rollback(&back, root).await;
    }
    let key = site.engine().swarm;
    let mut rendered = render::render(root, &site.cluster, &commit.id, Some(key.as_bytes()))?;
    certificate::check(&rendered.files, now())?;
    let digests = prepare::digests(&site, &rendered.images()).await?;
    rendered.pin(&digests);

    let unheard = alerts::unheard(&rendered.files, &site.cluster.name);
    let lock = lock::acquire(&site.engine(), None, &who(), options.patience.wait).await?;
    let done = deploy(&site, &lock, (root, &commit), rendered, options).await;
    lock.free_after(done).await?;
    // The last line is the one that is read.
    if let Some(warning) = unheard {
        site.progress.line(&warning);
    }
    Ok(())
}

/// The name of a version in images and records.
pub(crate) async fn version(root: &Path, version: &str) -> anyhow::Result<String> {
    Ok(prepare::commit(root, version).await?.id)
}

/// The newest release that ran a commit older than the one that runs now.
async fn earlier(root: &Path, commit: &Commit, history: &History) -> anyhow::Result<Option<u64>> {
    let Some(live) = history.live().await? else {
        return Ok(None);
    };
    if prepare::refuse_older(root, commit, &live).await.is_ok() {
        return Ok(None);
    }
    let ran = |attempt: &release::Summary| {
        attempt.version == commit.id && attempt.result == Some(ResultKind::Succeeded)
    };
    let found = history.list().await?.into_iter().find(ran);
    Ok(found.map(|attempt| attempt.number))
}

/// What is done under the lock.
async fn deploy(
    site: &Site,
    lock: &Lock,
    (root, commit): (&Path, &Commit),
    rendered: Rendered,
    options: &DeployOptions,
) -> anyhow::Result<()> {
    let history = History::new(&site.engine());
    bury(site, &history).await?;
    let live = history.live().await?;
    if let Some(live) = &live {
        prepare::refuse_older(root, commit, live).await?;
        prepare::refuse_without_return(&rendered.migrations, live)?;
        if !options.old_secrets {
            secrets::refuse_superseded(&site.engine(), &rendered.files, live).await?;
        }
    }
    let mut release = record(&rendered, commit, history.next_number().await?);
    release.previous = live.as_ref().map(|live| live.number);
    release.changes = release::changes(stacks_of(live.as_ref()), &release.stacks);
    let attempt = Attempt {
        release,
        networks: rendered.networks,
        files: rendered.files,
        live,
        within: options.patience.deadline,
    };
    attempt::carry_out(site, lock, &attempt).await
}

/// Writes the result of attempts whose deployer died: who holds the lock knows that they have ended.
async fn bury(site: &Site, history: &History) -> anyhow::Result<()> {
    for dead in history.list().await? {
        if dead.result.is_some() {
            continue;
        }
        let outcome = Outcome {
            schema: SCHEMA,
            result: ResultKind::Abandoned,
            cause: Some("its deployer died".into()),
            seconds: 0,
        };
        // One that has a result by now has told how it ended.
        if history.end(dead.number, &outcome).await? {
            site.progress.line(&format!(
                "release {} by {} has no result: its deployer died; recorded as abandoned",
                dead.number, dead.by
            ));
        }
    }
    Ok(())
}

/// The record of a rendered release.
fn record(rendered: &Rendered, commit: &Commit, number: u64) -> Release {
    let names = |kind: FileKind| {
        let files = rendered.files.iter().filter(move |file| file.kind == kind);
        files.map(|file| file.name.clone()).collect()
    };
    let stacks = rendered.stacks.iter().map(|stack| StackRecord {
        name: stack.name.clone(),
        document: stack.document.clone(),
    });
    Release {
        schema: SCHEMA,
        number,
        kind: Kind::Deploy,
        version: rendered.version.clone(),
        committed_at: commit.at,
        by: who(),
        pipeline: std::env::var("CI_PIPELINE_URL").ok(),
        at: now(),
        stacks: stacks.collect(),
        configs: names(FileKind::Config),
        secrets: names(FileKind::Secret),
        migrations: rendered.migrations.clone(),
        previous: None,
        changes: Vec::new(),
    }
}

/// No release has no stacks.
fn stacks_of(release: Option<&Release>) -> &[StackRecord] {
    release.map_or(&[], |release| &release.stacks)
}

/// To the second, as records show it.
fn now() -> OffsetDateTime {
    let now = OffsetDateTime::now_utc();
    now.replace_nanosecond(0).unwrap_or(now)
}

/// The user of the pipeline, or of this machine.
fn who() -> String {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let mut names = ["GITLAB_USER_LOGIN", "USER", "LOGNAME"].into_iter();
    names.find_map(variable).unwrap_or_else(|| "unknown".into())
}

/// `90s`, `5m`.
fn duration(text: &str) -> anyhow::Result<Duration> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let number: u64 = digits
        .parse()
        .with_context(|| format!("`{text}` is no duration such as 90s or 5m"))?;
    match &text[digits.len()..] {
        "s" => Ok(Duration::from_secs(number)),
        "m" => Ok(Duration::from_secs(number.saturating_mul(60))),
        unit => anyhow::bail!("`{unit}` is no unit: 90s or 5m"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_a_unit() {
        assert_eq!(duration("90s").unwrap(), Duration::from_secs(90));
        assert_eq!(duration("5m").unwrap(), Duration::from_mins(5));
        for wrong in ["", "5", "s", "5h", "-5s", "5.5s"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
