//! What the clients met, by phase.

use hdrhistogram::Histogram;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Failures whose text is kept; the count goes on.
const SAMPLES: usize = 20;
/// Milliseconds in which nothing can lie that is not a failure already.
const LONGEST: u64 = 60_000_000;

/// What happened, by phase, in order.
#[derive(Clone, Debug)]
pub struct Report {
    /// The phases.
    pub phases: Vec<Phase>,
}

/// What happened while one thing went on.
#[derive(Clone, Debug)]
pub struct Phase {
    /// What went on.
    pub name: String,
    /// Requests that were due, and messages that were said.
    pub requests: u64,
    /// Those that got no good answer in time.
    pub failed: u64,
    /// Conversations that could not go on, or lost or doubled an event.
    pub dropped: u64,
    /// Times that a WebSocket was closed and opened again.
    pub reconnects: u64,
    /// Jobs that were accepted and done.
    pub jobs: u64,
    /// Those that were accepted, and failed or never ended.
    pub jobs_lost: u64,
    /// The first failures, in words.
    pub samples: Vec<String>,
    /// Microseconds from the intended start to the whole answer.
    latencies: Histogram<u64>,
}

impl Phase {
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            requests: 0,
            failed: 0,
            dropped: 0,
            reconnects: 0,
            jobs: 0,
            jobs_lost: 0,
            samples: Vec::new(),
            latencies: Histogram::new_with_bounds(1, LONGEST, 3).expect("the bounds are constant"),
        }
    }

    /// The latency below which this share (0 to 1) of the answers came.
    pub fn quantile(&self, share: f64) -> Duration {
        Duration::from_micros(self.latencies.value_at_quantile(share))
    }
}

impl Report {
    /// Requests of all phases.
    pub fn requests(&self) -> u64 {
        self.phases.iter().map(|phase| phase.requests).sum()
    }

    /// Failures of all phases, dropped conversations and lost jobs among them.
    pub fn failures(&self) -> u64 {
        let phases = self.phases.iter();
        let failures = phases.map(|phase| phase.failed + phase.dropped + phase.jobs_lost);
        failures.sum()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "| phase | requests | failed | dropped conversations | reconnects | jobs | lost jobs | p50 ms | p99 ms | max ms |"
        )?;
        writeln!(f, "|---|---|---|---|---|---|---|---|---|---|")?;
        for phase in &self.phases {
            let ms = |share| phase.quantile(share).as_secs_f64() * 1e3;
            writeln!(
                f,
                "| {} | {} | {} | {} | {} | {} | {} | {:.1} | {:.1} | {:.1} |",
                phase.name,
                phase.requests,
                phase.failed,
                phase.dropped,
                phase.reconnects,
                phase.jobs,
                phase.jobs_lost,
                ms(0.5),
                ms(0.99),
                ms(1.0)
            )?;
        }
        for phase in &self.phases {
            for sample in &phase.samples {
                writeln!(f, "{}: {sample}", phase.name)?;
            }
        }
        Ok(())
    }
}

/// Takes down what happens, from every task.
pub(crate) struct Recorder {
    phases: Mutex<Vec<Phase>>,
}

impl Recorder {
    pub(crate) fn new() -> Self {
        Self {
            phases: Mutex::new(vec![Phase::new("start")]),
        }
    }

    pub(crate) fn phase(&self, name: &str) {
        let mut phases = self.phases();
        // The same thing again goes on where it was.
        match phases.iter().position(|phase| phase.name == name) {
            Some(index) => {
                let phase = phases.remove(index);
                phases.push(phase);
            }
            None => phases.push(Phase::new(name)),
        }
    }

    pub(crate) fn answered(&self, latency: Duration) {
        self.with(|phase| {
            phase.requests += 1;
            let micros = u64::try_from(latency.as_micros()).unwrap_or(LONGEST);
            phase.latencies.saturating_record(micros.min(LONGEST));
        });
    }

    pub(crate) fn failed(&self, why: String) {
        self.with(|phase| {
            phase.requests += 1;
            phase.failed += 1;
            phase.sample(why);
        });
    }

    pub(crate) fn dropped(&self, why: String) {
        self.with(|phase| {
            phase.dropped += 1;
            phase.sample(why);
        });
    }

    pub(crate) fn reconnected(&self) {
        self.with(|phase| phase.reconnects += 1);
    }

    pub(crate) fn job_ended(&self) {
        self.with(|phase| phase.jobs += 1);
    }

    pub(crate) fn job_lost(&self, why: String) {
        self.with(|phase| {
            phase.jobs_lost += 1;
            phase.sample(why);
        });
    }

    pub(crate) fn report(&self) -> Report {
        Report {
            phases: self.phases().clone(),
        }
    }

    fn with(&self, change: impl FnOnce(&mut Phase)) {
        if let Some(phase) = self.phases().last_mut() {
            change(phase);
        }
    }

    fn phases(&self) -> MutexGuard<'_, Vec<Phase>> {
        self.phases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Phase {
    fn sample(&mut self, why: String) {
        if self.samples.len() < SAMPLES {
            self.samples.push(why);
        }
    }
}
