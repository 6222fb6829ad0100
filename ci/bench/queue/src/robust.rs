//! Whether a worker goes on: over a large backlog, many jobs due at once, cut connections.

use crate::bench::Bench;
use crate::drain;
use crate::orders::Order;
use crate::peer::{Peer, Work};
use crate::system::System;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// The longest that a trial's enqueueing, and its work, may take.
const LIMIT: Duration = Duration::from_mins(15);
/// Connections that are cut, and the pause between two.
const CUTS: usize = 50;
const CUT_EVERY: Duration = Duration::from_millis(100);
/// Jobs that run while connections are cut; with 20 ms for each, ten at a time, they outlast the cuts.
/// A worker of apalis comes through so many at least.
const CUT_JOBS: u64 = 5000;
/// A little more than the 8000 or so at which its worker ends: a million would tell no more.
const APALIS_BACKLOG: u64 = 10_000;
/// Jobs per second at which delayed ones are surely enqueued before they are due.
const DELAYED_PER_SECOND: u64 = 2000;

/// A trial of a worker.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Trial {
    Backlog,
    Due,
    Cuts,
}

/// What a worker did.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Endured {
    pub(crate) jobs: u64,
    /// Until all of them were done, from when [`Trial::since`] says.
    pub(crate) took: Duration,
}

impl Trial {
    pub(crate) const ALL: [Self; 3] = [Self::Backlog, Self::Due, Self::Cuts];

    /// Every push of apalis is a delayed job that is due at once: its backlog is that trial already.
    pub(crate) fn fits(self, system: System) -> bool {
        match self {
            Self::Backlog | Self::Cuts => matches!(system, System::Ours | System::Apalis),
            Self::Due => system == System::Ours,
        }
    }

    pub(crate) fn title(self, bench: &Bench, system: System) -> String {
        match self {
            Self::Backlog => format!("{} jobs wait", waiting(bench, system)),
            Self::Due => format!("{} jobs due in one second", bench.options.due),
            Self::Cuts => format!("{CUTS} connections cut while {CUT_JOBS} jobs run"),
        }
    }

    pub(crate) fn since(self) -> &'static str {
        match self {
            Self::Backlog => "the worker started",
            Self::Due => "they were due",
            Self::Cuts => "the last cut",
        }
    }

    pub(crate) async fn run(self, bench: &Bench, system: System) -> anyhow::Result<Endured> {
        bench.clear().await?;
        match self {
            Self::Backlog => backlog(bench, system).await,
            Self::Due => due(bench, system).await,
            Self::Cuts => cuts(bench, system).await,
        }
    }
}

fn waiting(bench: &Bench, system: System) -> u64 {
    match system {
        System::Apalis => bench.options.backlog.min(APALIS_BACKLOG),
        _ => bench.options.backlog,
    }
}

async fn enqueue(bench: &Bench, system: System, order: Order) -> anyhow::Result<()> {
    let mut producer = Peer::producer(bench, system).await?;
    producer.obey(order, LIMIT).await?;
    producer.stop().await
}

async fn backlog(bench: &Bench, system: System) -> anyhow::Result<Endured> {
    let jobs = waiting(bench, system);
    enqueue(
        bench,
        system,
        Order::Burst {
            count: jobs,
            sleep: 0,
        },
    )
    .await?;
    let start = Instant::now();
    let mut worker = Peer::worker(bench, system, &Work::default())?;
    drain::until(bench, system, &mut worker, 0, LIMIT).await?;
    worker.stop().await?;
    let took = start.elapsed();
    Ok(Endured { jobs, took })
}

async fn due(bench: &Bench, system: System) -> anyhow::Result<Endured> {
    let jobs = bench.options.due;
    let seconds = 5 + jobs / DELAYED_PER_SECOND;
    let due = Instant::now() + Duration::from_secs(seconds);
    enqueue(
        bench,
        system,
        Order::Due {
            count: jobs,
            seconds,
        },
    )
    .await?;
    anyhow::ensure!(
        Instant::now() < due,
        "they were due before the last was enqueued"
    );
    let mut worker = Peer::worker(bench, system, &Work::default())?;
    sleep(due.saturating_duration_since(Instant::now())).await;
    drain::until(bench, system, &mut worker, 0, LIMIT).await?;
    worker.stop().await?;
    let took = due.elapsed();
    Ok(Endured { jobs, took })
}

async fn cuts(bench: &Bench, system: System) -> anyhow::Result<Endured> {
    let order = Order::Burst {
        count: CUT_JOBS,
        sleep: 20,
    };
    enqueue(bench, system, order).await?;
    let newest = bench.connections().await?.into_iter().max();
    let work = Work {
        concurrency: Some(10),
        journal: None,
    };
    let start = Instant::now();
    let mut worker = Peer::worker(bench, system, &work)?;
    drain::until(bench, system, &mut worker, CUT_JOBS - 1, LIMIT).await?;
    let mut cut = 0;
    while cut < CUTS {
        worker.ensure_alive()?;
        for connection in bench.connections().await? {
            if Some(connection) > newest && cut < CUTS && bench.cut(connection).await? {
                cut += 1;
            }
        }
        sleep(CUT_EVERY).await;
        anyhow::ensure!(
            start.elapsed() < LIMIT,
            "only {cut} connections in {LIMIT:?}"
        );
    }
    let last = Instant::now();
    drain::until(bench, system, &mut worker, 0, LIMIT).await?;
    worker.stop().await?;
    let took = last.elapsed();
    Ok(Endured {
        jobs: CUT_JOBS,
        took,
    })
}
