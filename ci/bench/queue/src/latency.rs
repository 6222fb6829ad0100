//! From enqueue to start, when a worker has nothing else to do.

use crate::bench::Bench;
use crate::job::read_journal;
use crate::orders::Order;
use crate::peer::{Peer, Work};
use crate::system::System;
use anyhow::ensure;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// Jobs per second: a worker is idle between two.
const RATE: u32 = 20;
/// How long a worker may take to start its first job, and its last: apalis looks every 30 s.
const LIMIT: Duration = Duration::from_secs(75);

/// Half of the jobs start within the first, 99 of 100 within the second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Latency {
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
}

/// Enqueues jobs at a steady rate and reads from the worker's journal how long each has waited.
pub(crate) async fn measure(bench: &Bench, system: System) -> anyhow::Result<Latency> {
    bench.clear().await?;
    let journal = bench.folder.path().join(format!("{system:?}-latency"));
    let mut producer = Peer::producer(bench, system).await?;
    let work = Work {
        journal: Some(journal.clone()),
        ..Work::default()
    };
    let mut worker = Peer::worker(bench, system, &work)?;
    // The worker has started, and all that is made at first use is made.
    let first = Order::Burst {
        count: 10,
        sleep: 0,
    };
    producer.obey(first, LIMIT).await?;
    wait_for(&mut worker, &journal, 10).await?;
    let count = bench.options.paced;
    let seconds = Duration::from_secs(count / u64::from(RATE));
    producer
        .obey(Order::Pace { count, rate: RATE }, seconds + LIMIT)
        .await?;
    wait_for(&mut worker, &journal, 10 + count).await?;

    let entries = read_journal(&journal)?;
    let mut waits: Vec<_> = entries
        .iter()
        .filter(|(id, _)| **id >= 10)
        .map(|(_, entry)| entry.wait)
        .collect();
    waits.sort_unstable();
    producer.stop().await?;
    worker.stop().await?;
    let at = |percent: usize| waits[(waits.len() * percent / 100).min(waits.len() - 1)];
    Ok(Latency {
        p50: at(50),
        p99: at(99),
    })
}

async fn wait_for(worker: &mut Peer, journal: &Path, jobs: u64) -> anyhow::Result<()> {
    let start = Instant::now();
    loop {
        let started = u64::try_from(read_journal(journal)?.len())?;
        if started >= jobs {
            return Ok(());
        }
        worker.ensure_alive()?;
        ensure!(
            start.elapsed() < LIMIT,
            "{started} of {jobs} jobs started within {LIMIT:?}"
        );
        sleep(Duration::from_millis(50)).await;
    }
}
