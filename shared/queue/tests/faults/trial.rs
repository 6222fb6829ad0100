//! A trial from its start to its end.

use crate::check;
use crate::process::{Role, Setup};
use crate::processes::Processes;
use crate::world::{Broker, World};
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use rustix::process::{Pid, Signal, kill_process};
use std::env;
use std::time::{Duration, Instant};
use tokio::process::Child;
use tokio::time::sleep;

/// Jobs of a trial, unless it is said.
const JOBS: i64 = 2000;
/// From here on a trial is long, and may wait for servers that start slowly.
pub(crate) const LONG: i64 = 20_000;
const WORKERS: usize = 3;
/// Between two batches: about two hundred jobs a second.
const PAUSE: Duration = Duration::from_millis(40);
/// From one fault to the next.
const CALM: std::ops::Range<u64> = 50..600;
/// How long a connection is held, in milliseconds: longer than a lease, and than a command may take.
const HELD: std::ops::Range<u64> = 200..7000;
/// How long it may take until the next job ends when everything runs again. A process that died without a trace is
/// noticed after a minute.
const REST: Duration = Duration::from_mins(2);
/// How often workers may end until the broker holds nothing.
const FAREWELLS: usize = 3;
/// Jobs for which it is enough to go through all faults once.
const ROUND: i64 = 3000;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    WorkerKilled,
    WorkerEnded,
    ProducerKilled,
    BrokerCut,
    BrokerHeld,
    BrokerWiped,
    BrokerKilled,
    BrokerRestarted,
    RecordCut,
    RecordHeld,
    RecordKilled,
    PartsCut,
    PartsHeld,
}

/// Every fault, as often as it comes in one round.
const FAULTS: [(Fault, usize); 13] = [
    (Fault::WorkerKilled, 5),
    (Fault::WorkerEnded, 2),
    (Fault::ProducerKilled, 3),
    (Fault::BrokerCut, 3),
    (Fault::BrokerHeld, 1),
    (Fault::BrokerWiped, 1),
    (Fault::BrokerKilled, 1),
    (Fault::BrokerRestarted, 1),
    (Fault::RecordCut, 3),
    (Fault::RecordHeld, 1),
    (Fault::RecordKilled, 1),
    (Fault::PartsCut, 1),
    (Fault::PartsHeld, 1),
];

/// Orders, breaks, waits, and looks at what has come of it.
pub(crate) async fn run(broker: Broker) {
    let seed = number("STOA_FAULTS_SEED").unwrap_or_else(|| rand::random::<u32>().into());
    let jobs = number("STOA_FAULTS_JOBS").map_or(JOBS, |jobs| i64::try_from(jobs).unwrap_or(JOBS));
    println!("STOA_FAULTS_SEED={seed} STOA_FAULTS_JOBS={jobs}, over {broker:?}");
    let world = World::start(broker, jobs >= LONG).await;
    let mut trial = Trial::start(world, seed, jobs);
    let begun = Instant::now();
    let faults = trial.break_things().await;
    println!("after {:?}: {faults:?}", begun.elapsed());
    trial.rest().await;
    println!("after {:?}: everything has ended", begun.elapsed());
    trial.leave().await;
    let report = check::look(&trial.world).await;
    println!("{report}");
    trial.world.end().await;
    std::fs::remove_dir_all(trial.processes.logs()).expect("the logs of a trial that went well go");
}

fn number(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    let number = text.parse();
    Some(number.unwrap_or_else(|_| panic!("{variable} must be a number, and is `{text}`")))
}

struct Trial {
    world: World,
    random: StdRng,
    workers: Vec<Child>,
    producer: Child,
    processes: Processes,
}

impl Trial {
    fn start(world: World, seed: u64, jobs: i64) -> Self {
        let setup = Setup {
            role: Role::Producer,
            record: world.record.url().to_owned(),
            parts: world.parts.url().to_owned(),
            broker: world.broker.url().to_owned(),
            namespace: world.namespace.clone(),
            seed,
            jobs,
            pause: PAUSE,
        };
        let mut processes = Processes::new(setup);
        let workers = (0..WORKERS)
            .map(|_| processes.start(Role::Worker))
            .collect();
        let producer = processes.start(Role::Producer);
        Self {
            world,
            random: StdRng::seed_from_u64(seed),
            workers,
            producer,
            processes,
        }
    }

    /// Until every fault was there, and all is ordered and most has ended; on a machine that is slow, it is enough
    /// earlier.
    async fn break_things(&mut self) -> Vec<(Fault, usize)> {
        let possible = FAULTS
            .iter()
            .filter(|(fault, _)| self.world.is_possible(*fault));
        let mut round: Vec<_> = possible
            .flat_map(|(fault, times)| vec![*fault; *times])
            .collect();
        let rounds = usize::try_from(1 + self.processes.jobs() / ROUND).unwrap_or(1);
        let mut all = Vec::new();
        loop {
            round.shuffle(&mut self.random);
            for fault in &round {
                let calm = self.random.random_range(CALM);
                sleep(Duration::from_millis(calm)).await;
                self.look_after().await;
                self.break_with(*fault).await;
                all.push(*fault);
                let is_enough = all.len() >= round.len() * rounds;
                if is_enough
                    || all.len() >= round.len()
                        && self.world.is_nearly_done(self.processes.jobs()).await
                {
                    let count = |fault| all.iter().filter(|one| **one == fault).count();
                    return FAULTS
                        .iter()
                        .map(|(fault, _)| (*fault, count(*fault)))
                        .collect();
                }
            }
        }
    }

    async fn break_with(&mut self, fault: Fault) {
        match fault {
            Fault::WorkerKilled | Fault::WorkerEnded => {
                let at = self.random.random_range(0..self.workers.len());
                let mut worker = self.processes.start(Role::Worker);
                std::mem::swap(&mut worker, &mut self.workers[at]);
                if fault == Fault::WorkerKilled {
                    worker.kill().await.expect("a process can be killed");
                } else {
                    self.end(worker).await;
                }
            }
            Fault::ProducerKilled => {
                // It may have ended.
                let _ = self.producer.kill().await;
                self.producer = self.processes.start(Role::Producer);
            }
            Fault::BrokerHeld | Fault::RecordHeld | Fault::PartsHeld => {
                let held = Duration::from_millis(self.random.random_range(HELD));
                let proxy = self.world.proxy(fault);
                proxy.hold();
                sleep(held).await;
                proxy.pass();
            }
            Fault::BrokerCut | Fault::RecordCut | Fault::PartsCut => {
                self.world.proxy(fault).cut();
            }
            Fault::BrokerWiped => self.world.wipe().await,
            Fault::BrokerKilled | Fault::BrokerRestarted | Fault::RecordKilled => {
                let away = Duration::from_millis(self.random.random_range(0..1000));
                self.world.restart(fault, away).await;
            }
        }
    }

    /// Ends a worker as a deploy does, which must come to an end by itself.
    async fn end(&self, mut worker: Child) {
        let pid = worker.id().and_then(|id| i32::try_from(id).ok());
        let pid = pid.and_then(Pid::from_raw).expect("the worker runs");
        kill_process(pid, Signal::TERM).expect("the worker runs");
        let ended = tokio::time::timeout(Duration::from_mins(1), worker.wait()).await;
        let ended = ended.unwrap_or_else(|_| panic!("a worker does not end; {}", self.told()));
        let ended = ended.expect("a process can be waited for");
        assert!(
            ended.success(),
            "a worker ended with {ended}; {}",
            self.told()
        );
    }

    /// A worker goes on whatever happens. A producer kills itself at times, and is started again.
    async fn look_after(&mut self) {
        let told = self.told();
        for worker in &mut self.workers {
            let ended = worker.try_wait().expect("a process can be looked at");
            assert!(
                ended.is_none(),
                "a worker ended by itself: {ended:?}; {told}"
            );
        }
        let ended = self.producer.try_wait();
        let ended = ended.expect("a process can be looked at");
        if ended.is_some_and(|ended| !ended.success()) {
            self.producer = self.processes.start(Role::Producer);
        }
        self.world.cancel_some().await;
    }

    /// Waits until everything has ended.
    async fn rest(&mut self) {
        let (mut ended, mut since) = (0, Instant::now());
        while !self.world.is_done(self.processes.jobs()).await {
            let now = self.world.count_ended().await;
            if now > ended {
                (ended, since) = (now, Instant::now());
            }
            assert!(
                since.elapsed() < REST,
                "jobs do not end: {}; {}",
                self.world.left().await,
                self.told()
            );
            self.look_after().await;
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Ends the workers, until the broker holds nothing. A copy of a job that has ended is a worker's to take; one that
    /// a worker has as it ends goes back, and is the next worker's.
    async fn leave(&mut self) {
        for _ in 0..FAREWELLS {
            check::taken(&self.world).await;
            for worker in std::mem::take(&mut self.workers) {
                self.end(worker).await;
            }
            // Nobody is left who could hold one unacknowledged, which RabbitMQ does not count.
            if self.world.on_broker().await == 0 {
                return;
            }
            self.workers.push(self.processes.start(Role::Worker));
        }
        panic!("the broker holds what no worker takes; {}", self.told());
    }

    fn told(&self) -> String {
        format!(
            "the processes' logs are in {}",
            self.processes.logs().display()
        )
    }
}
