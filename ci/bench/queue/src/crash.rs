//! A worker is killed with all of its processes in the middle of its jobs, and started again.

use crate::bench::Bench;
use crate::job::{Entry, read_journal};
use crate::orders::Order;
use crate::peer::{Peer, Work};
use crate::system::System;
use anyhow::ensure;
use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// Jobs, milliseconds of each, and how many run at a time: ten seconds of work.
const JOBS: u64 = 2000;
const SLEEP: u64 = 50;
const CONCURRENCY: usize = 10;
/// How long the worker stays away.
const AWAY: Duration = Duration::from_secs(1);
/// How long the first third may take, start of an interpreter and a poller's rest included.
const FIRST_THIRD: Duration = Duration::from_secs(90);

/// How a system came over it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recovery {
    /// Jobs that were running when the worker was killed.
    pub(crate) running: usize,
    /// Jobs that were started more than once, and ended more than once.
    pub(crate) started_twice: usize,
    pub(crate) ended_twice: usize,
    /// Jobs that never ended within the limit.
    pub(crate) lost: u64,
    /// From the kill to the end of the last job; the limit where some are lost.
    pub(crate) took: Duration,
}

/// Kills after a third of the jobs; `limit` is for the rest.
pub(crate) async fn measure(
    bench: &Bench,
    system: System,
    limit: Duration,
) -> anyhow::Result<Recovery> {
    bench.clear().await?;
    let journal = bench.folder.path().join(format!("{system:?}-crash"));
    let order = Order::Burst {
        count: JOBS,
        sleep: SLEEP,
    };
    let mut producer = Peer::producer(bench, system).await?;
    producer.obey(order, FIRST_THIRD).await?;
    producer.stop().await?;
    let work = Work {
        concurrency: Some(CONCURRENCY),
        journal: Some(journal.clone()),
    };
    let mut worker = Peer::worker(bench, system, &work)?;
    let reached = wait_for(&mut worker, &journal, JOBS / 3, FIRST_THIRD).await?;
    ensure!(reached, "a third was not done within {FIRST_THIRD:?}");
    worker.kill();
    let killed = Instant::now();
    let running = count(&read_journal(&journal)?, |job| job.starts > job.ends);
    sleep(AWAY).await;
    let mut worker = Peer::worker(bench, system, &work)?;
    wait_for(&mut worker, &journal, JOBS, limit).await?;
    let took = killed.elapsed();
    let jobs = read_journal(&journal)?;
    worker.stop().await?;
    Ok(Recovery {
        running,
        started_twice: count(&jobs, |job| job.starts > 1),
        ended_twice: count(&jobs, |job| job.ends > 1),
        lost: JOBS - ended(&jobs),
        took,
    })
}

/// Waits until so many jobs have ended; whether they did within the limit.
async fn wait_for(
    worker: &mut Peer,
    journal: &Path,
    jobs: u64,
    limit: Duration,
) -> anyhow::Result<bool> {
    let start = Instant::now();
    while ended(&read_journal(journal)?) < jobs {
        worker.ensure_alive()?;
        if start.elapsed() > limit {
            return Ok(false);
        }
        sleep(Duration::from_millis(50)).await;
    }
    Ok(true)
}

fn ended(jobs: &HashMap<u64, Entry>) -> u64 {
    count(jobs, |job| job.ends > 0)
        .try_into()
        .unwrap_or(u64::MAX)
}

fn count(jobs: &HashMap<u64, Entry>, which: impl Fn(&Entry) -> bool) -> usize {
    jobs.values().filter(|job| which(job)).count()
}
