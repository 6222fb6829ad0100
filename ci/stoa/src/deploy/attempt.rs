//! An attempt, from its record to its result: carried out, and put back if it fails.

use anyhow::{Context as _, anyhow, bail};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, sleep, timeout};

use super::cause::{Cause, CauseKind};
use super::judge::Baseline;
use super::lock::Lock;
use super::site::Site;
use super::submit::{self, Others, submit};
use super::watch::{self, HOLD};
use super::{jobs, migrate, objects, probe, report, restore, verify};
use crate::release::{History, Kind, Outcome, Release, ResultKind, SCHEMA, StackRecord, Summary};
use crate::render::{File, Network};

/// The stack that everything else stands on: it runs before the next one is touched.
const FOUNDATION: &str = "data";
/// How long the end of an attempt is tried to be recorded: managers take up to 20 s to elect a leader.
const RECORDING: Duration = Duration::from_secs(30);
/// A manager that takes longer for one of these tries is not there.
const ANSWER: Duration = Duration::from_secs(10);
/// The time between two tries.
const PAUSE: Duration = Duration::from_secs(1);

/// What is to be made of a cluster.
pub(super) struct Attempt {
    pub(super) release: Release,
    /// What its stacks need, where it may be missing.
    pub(super) networks: BTreeMap<String, Network>,
    pub(super) files: Vec<File>,
    /// What runs, and runs again if this fails.
    pub(super) live: Option<Release>,
    pub(super) within: Duration,
}

/// Records the attempt, carries it out, and puts everything back if it fails.
pub(super) async fn carry_out(site: &Site, lock: &Lock, attempt: &Attempt) -> anyhow::Result<()> {
    let release = &attempt.release;
    let title = report::title(site, release);
    site.progress.line(&title);
    for change in &release.changes {
        site.progress.line(&format!("  {change}"));
    }
    let created = absent(site, attempt).await?;
    let mut interrupts = Interrupts::listen()?;
    History::new(&site.engine()).begin(release).await?;
    lock.announce(release.number);
    let started = Instant::now();
    let tried = tokio::select! {
        tried = steps(site, attempt) => tried,
        cause = interrupts.next() => Err(cause),
        () = lost(lock) => Err(Cause::new(CauseKind::LockLost, "the lock is not ours any more")),
    };
    site.progress.clear();
    let outcome = match tried {
        Ok(()) => outcome(ResultKind::Succeeded, None),
        Err(cause) => {
            report::failure(site, release, &cause).await;
            if cause.kind == CauseKind::LockLost {
                // Whoever has the lock now decides what runs.
                bail!("{title} failed: {cause}");
            }
            tokio::select! {
                biased;
                () = lost(lock) => bail!("{title} failed: {cause}; the lock was lost while it was put back, and whoever has it now decides what runs"),
                second = interrupts.next() => outcome(ResultKind::Failed, Some(format!("{cause}; {second} while it was put back"))),
                outcome = go_back(site, attempt, &created, &cause) => outcome,
            }
        }
    };
    let outcome = Outcome {
        seconds: started.elapsed().as_secs(),
        ..outcome
    };
    let recorded = record(site, release.number, &outcome).await;
    recorded.with_context(|| unrecorded(&title, &outcome))?;
    conclude(site, &title, &outcome)
}

/// Records the end of an attempt, by whichever manager takes it. Without it the next deploy would take this one for
/// abandoned, and put back what ran before it.
async fn record(site: &Site, number: u64, outcome: &Outcome) -> anyhow::Result<()> {
    let deadline = Instant::now() + RECORDING;
    loop {
        let history = History::new(&site.engine());
        let trouble = match timeout(ANSWER, history.end(number, outcome)).await {
            Ok(Ok(true)) => return Ok(()),
            Ok(Ok(false)) => bail!("somebody else has recorded another end of it"),
            Ok(Err(error)) => error,
            Err(_) => anyhow!("the manager does not answer"),
        };
        if Instant::now() >= deadline {
            return Err(trouble);
        }
        sleep(PAUSE).await;
        // Where no manager answers now, one may the next time.
        drop(timeout(ANSWER, site.reconnect()).await);
    }
}

/// How an attempt ended of whose end the cluster knows nothing.
fn unrecorded(title: &str, outcome: &Outcome) -> String {
    let result = outcome.result.name();
    let seconds = outcome.seconds;
    format!(
        "{title}: {result} after {seconds} s, which could not be recorded, so the next deploy takes it for abandoned; \
         look at `stoa status`, and deploy again"
    )
}

/// The steps of an attempt, in order.
async fn steps(site: &Site, attempt: &Attempt) -> Result<(), Cause> {
    let deadline = Instant::now() + attempt.within;
    let mut baseline = Baseline::take(site).await?;
    let engine = site.engine();
    objects::networks(&engine, &attempt.networks).await?;
    objects::files(&engine, &attempt.files).await?;
    let stacks = &attempt.release.stacks;
    for stack in stacks {
        if attempt.release.kind == Kind::Deploy {
            migrate::run(site, &stack.name, &stack.document, deadline).await?;
        }
        site.progress.step(&format!("submit {}", stack.name));
        let document = jobs::without(&stack.document);
        submit(site, &stack.name, &document, Others::Remove).await?;
        if stack.name == FOUNDATION {
            let wanted = watch::wanted(std::slice::from_ref(stack));
            watch::settle(site, &mut baseline, &wanted, Duration::ZERO, deadline).await?;
        }
    }
    site.progress.step("watch all services");
    let wanted = watch::wanted(stacks);
    watch::settle(site, &mut baseline, &wanted, HOLD, deadline).await?;
    probe::clients_are_served(site, stacks).await?;
    verify::agrees(site, stacks).await
}

/// The stacks that are this attempt's own: where there is no release yet, those that were not there, and those that
/// failed attempts have left behind.
async fn absent(site: &Site, attempt: &Attempt) -> anyhow::Result<Vec<String>> {
    if attempt.live.is_some() {
        return Ok(Vec::new());
    }
    let is_rest = is_rest_of_failures(&History::new(&site.engine()).list().await?);
    let mut absent = Vec::new();
    for StackRecord { name, .. } in &attempt.release.stacks {
        if is_rest || submit::services_of(site, name).await?.is_empty() {
            absent.push(name.clone());
        }
    }
    Ok(absent)
}

/// Whether what stands where there is no release was left by attempts that failed. One that was abandoned may have
/// brought it all to run, and only not have recorded it.
fn is_rest_of_failures(attempts: &[Summary]) -> bool {
    let mut results = attempts.iter().map(|attempt| attempt.result);
    !attempts.is_empty() && results.all(|result| result == Some(ResultKind::Failed))
}

async fn go_back(site: &Site, attempt: &Attempt, created: &[String], cause: &Cause) -> Outcome {
    let Some(live) = &attempt.live else {
        let note = match restore::take_away(site, created).await {
            Ok(()) if created.is_empty() => {
                "nothing was removed, for it was there before".to_owned()
            }
            Ok(()) => "its stacks were removed".to_owned(),
            Err(error) => format!("its stacks could not be removed: {error:#}"),
        };
        return outcome(ResultKind::Failed, Some(format!("{cause}; {note}")));
    };
    let stacks = &attempt.release.stacks;
    match restore::put_back(site, live, stacks, attempt.within).await {
        Ok(()) => outcome(ResultKind::PutBack, Some(cause.to_string())),
        Err(second) => {
            report::failure(site, live, &second).await;
            let both = format!(
                "{cause}; release {} could not be put back: {second}",
                live.number
            );
            outcome(ResultKind::Failed, Some(both))
        }
    }
}

fn outcome(result: ResultKind, cause: Option<String>) -> Outcome {
    Outcome {
        schema: SCHEMA,
        result,
        cause,
        seconds: 0,
    }
}

/// Says how it ended, as text and as the exit code.
#[expect(
    clippy::print_stdout,
    reason = "the result is what standard output is for"
)]
fn conclude(site: &Site, title: &str, outcome: &Outcome) -> anyhow::Result<()> {
    site.progress.clear();
    let seconds = outcome.seconds;
    let cause = outcome.cause.as_deref().unwrap_or_default();
    match outcome.result {
        ResultKind::Succeeded => {
            println!("{title}: succeeded after {seconds} s");
            Ok(())
        }
        ResultKind::PutBack => {
            bail!("{title} failed and was put back after {seconds} s: {cause}")
        }
        ResultKind::Failed | ResultKind::Abandoned => {
            bail!("{title} failed after {seconds} s: {cause}")
        }
    }
}

async fn lost(lock: &Lock) {
    lock.lost().cancelled().await;
}

/// Ctrl-C, SIGTERM, and a terminal that is gone.
pub(super) struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Interrupts {
    pub(super) fn listen() -> anyhow::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    pub(super) async fn next(&mut self) -> Cause {
        let name = tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.hang_up.recv() => "SIGHUP",
        };
        Cause::new(CauseKind::Interrupted, format!("the deployer got {name}"))
    }
}

#[cfg(test)]
mod tests;
