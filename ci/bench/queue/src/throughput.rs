//! What a job costs: CPU of client and broker, rates, memory.

use crate::bench::Bench;
use crate::drain;
use crate::orders::Order;
use crate::peer::{Peer, Work};
use crate::proc;
use crate::system::System;
use std::time::{Duration, Instant};

/// The longest that enqueueing or doing the jobs of one measurement may take.
const LIMIT: Duration = Duration::from_mins(3);
/// A worker has started once it has done this share of its jobs: a tenth.
const STARTED: u64 = 10;

/// What one side of a queue needs for a job.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    /// Microseconds of CPU in the client's processes.
    pub(crate) client: f64,
    /// Microseconds of CPU in the broker.
    pub(crate) broker: f64,
    /// Jobs per second.
    pub(crate) rate: f64,
}

impl Cost {
    pub(crate) fn cpu(self) -> f64 {
        self.client + self.broker
    }
}

/// What a system costs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Throughput {
    pub(crate) enqueue: Cost,
    pub(crate) process: Cost,
    /// Bytes that the worker's processes hold after its jobs.
    pub(crate) resident: u64,
}

impl Throughput {
    pub(crate) fn cpu(self) -> f64 {
        self.enqueue.cpu() + self.process.cpu()
    }
}

/// Enqueues the jobs, then does them: each side alone, after its start.
pub(crate) async fn measure(bench: &Bench, system: System) -> anyhow::Result<Throughput> {
    bench.clear().await?;
    let jobs = bench.jobs(system);
    let burst = |count| Order::Burst { count, sleep: 0 };
    let mut producer = Peer::producer(bench, system).await?;
    // Compiles what a just-in-time compiler compiles, and declares what is to be declared.
    producer.obey(burst(jobs / STARTED), LIMIT).await?;
    let meter = Meter::start(bench, system, &producer);
    producer.obey(burst(jobs), LIMIT).await?;
    let enqueue = meter.stop(jobs);
    producer.stop().await?;

    let waiting = bench.remaining(system, u64::MAX).await?;
    let mut worker = Peer::worker(bench, system, &Work::default())?;
    let first = waiting - waiting / STARTED;
    let from = drain::until(bench, system, &mut worker, first, LIMIT).await?;
    let meter = Meter::start(bench, system, &worker);
    let to = drain::until(bench, system, &mut worker, 0, LIMIT).await?;
    let process = meter.stop(from - to);
    let resident = proc::resident(&worker.processes());
    worker.stop().await?;
    Ok(Throughput {
        enqueue,
        process,
        resident,
    })
}

/// Reads clocks before and after.
struct Meter {
    leader: u32,
    brokers: Vec<u32>,
    begun: Instant,
    client: Duration,
    broker: Duration,
}

impl Meter {
    fn start(bench: &Bench, system: System, peer: &Peer) -> Self {
        let brokers = bench.broker(system);
        Self {
            leader: peer.leader(),
            client: proc::cpu(&proc::group(peer.leader())),
            broker: proc::cpu(&brokers),
            brokers,
            begun: Instant::now(),
        }
    }

    fn stop(self, jobs: u64) -> Cost {
        let took = self.begun.elapsed();
        let client = proc::cpu(&proc::group(self.leader)).saturating_sub(self.client);
        let broker = proc::cpu(&self.brokers).saturating_sub(self.broker);
        // Rates and costs have three digits; counts stay far below 2^52.
        let jobs = Duration::from_secs(jobs.max(1)).as_secs_f64();
        Cost {
            client: client.as_secs_f64() * 1e6 / jobs,
            broker: broker.as_secs_f64() * 1e6 / jobs,
            rate: jobs / took.as_secs_f64(),
        }
    }
}
