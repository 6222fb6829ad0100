//! What is counted. Labels are queues and kinds that the code knows, never ids.

use metrics::{
    Counter, Gauge, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram,
    gauge, histogram,
};
use std::time::Duration;

use crate::store::{QueueFigures, State};
use crate::{Depth, Outcome};
use time::OffsetDateTime;

const ENQUEUED: &str = "queue_jobs_enqueued_total";
const FINISHED: &str = "queue_jobs_finished_total";
const DURATION: &str = "queue_job_duration_seconds";
const WAIT: &str = "queue_job_wait_seconds";
const RUNNING: &str = "queue_jobs_running";
const READY: &str = "queue_jobs_ready";
const DELAYED: &str = "queue_jobs_delayed";
const DEAD: &str = "queue_jobs_dead";
const LOST: &str = "queue_leases_lost_total";
const REDELIVERED: &str = "queue_redeliveries_total";
const READ_ERRORS: &str = "queue_read_errors_total";
const DISPATCHED: &str = "queue_jobs_dispatched_total";
const DISPATCH_ERRORS: &str = "queue_dispatch_errors_total";
const STORED: &str = "queue_jobs_stored";
const OLDEST: &str = "queue_oldest_seconds";
const PAUSED: &str = "queue_paused";

/// How an attempt can end, as the label says it.
const OUTCOMES: [&str; 5] = ["ok", "retry", "dead", "released", "cancelled"];

fn place(outcome: &Outcome) -> usize {
    match outcome {
        Outcome::Succeeded => 0,
        Outcome::Retried { .. } => 1,
        Outcome::Dead { .. } => 2,
        Outcome::Released => 3,
        Outcome::Cancelled => 4,
    }
}

/// How an attempt has ended, as metrics and spans say it.
pub(crate) fn label(outcome: &Outcome) -> &'static str {
    OUTCOMES[place(outcome)]
}

/// Says what each metric means.
pub(crate) fn describe() {
    describe_counter!(ENQUEUED, Unit::Count, "Jobs that the broker has taken.");
    describe_counter!(
        FINISHED,
        Unit::Count,
        "Attempts that have ended, by outcome."
    );
    describe_histogram!(DURATION, Unit::Seconds, "How long attempts took.");
    describe_histogram!(
        WAIT,
        Unit::Seconds,
        "How long jobs waited for their first start."
    );
    describe_gauge!(RUNNING, Unit::Count, "Jobs that run in this process.");
    describe_gauge!(READY, Unit::Count, "Jobs that wait for a worker.");
    describe_gauge!(DELAYED, Unit::Count, "Jobs that wait for their time.");
    describe_gauge!(DEAD, Unit::Count, "Jobs that are parked as dead letters.");
    describe_counter!(
        LOST,
        Unit::Count,
        "Jobs that went to another worker while they ran here."
    );
    describe_counter!(
        REDELIVERED,
        Unit::Count,
        "Jobs that came again after their worker died."
    );
    describe_counter!(READ_ERRORS, Unit::Count, "Failed reads from the broker.");
    describe_counter!(
        DISPATCHED,
        Unit::Count,
        "Jobs of the record that were sent."
    );
    describe_counter!(DISPATCH_ERRORS, Unit::Count, "Failures to send jobs.");
    describe_gauge!(STORED, Unit::Count, "Jobs in the record, by state.");
    describe_gauge!(
        OLDEST,
        Unit::Seconds,
        "Age of the oldest job that waits for its turn."
    );
    describe_gauge!(PAUSED, Unit::Count, "1 if the queue is paused.");
}

/// The series of one kind of job, there from the start, and looked up once: by name they cost more than a small job.
pub(crate) struct Series {
    running: Gauge,
    wait: Histogram,
    duration: Histogram,
    /// In the order of [`OUTCOMES`].
    finished: [Counter; 5],
}

impl Series {
    pub(crate) fn new(queue: &'static str, kind: &'static str) -> Self {
        for name in [LOST, REDELIVERED, READ_ERRORS] {
            counter!(name, "queue" => queue).absolute(0);
        }
        let finished = OUTCOMES.map(|outcome| {
            let counter =
                counter!(FINISHED, "queue" => queue, "kind" => kind, "outcome" => outcome);
            counter.absolute(0);
            counter
        });
        let running = gauge!(RUNNING, "queue" => queue);
        running.set(0);
        Self {
            running,
            wait: histogram!(WAIT, "queue" => queue),
            duration: histogram!(DURATION, "queue" => queue, "kind" => kind),
            finished,
        }
    }

    /// Counts a job that runs until this is dropped.
    pub(crate) fn running(&self) -> Running<'_> {
        self.running.increment(1);
        Running(&self.running)
    }

    pub(crate) fn waited(&self, wait: Duration) {
        self.wait.record(wait);
    }

    pub(crate) fn finished(&self, outcome: &Outcome, took: Duration) {
        self.finished[place(outcome)].increment(1);
        self.duration.record(took);
    }
}

/// A running job.
pub(crate) struct Running<'a>(&'a Gauge);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}

pub(crate) fn enqueued(queue: &'static str, kind: &'static str, jobs: usize) {
    counter!(ENQUEUED, "queue" => queue, "kind" => kind).increment(jobs as u64);
}

pub(crate) fn leases_lost(queue: &'static str, leases: u64) {
    counter!(LOST, "queue" => queue).increment(leases);
}

pub(crate) fn redelivered(queue: &'static str) {
    counter!(REDELIVERED, "queue" => queue).increment(1);
}

pub(crate) fn read_failed(queue: &'static str) {
    counter!(READ_ERRORS, "queue" => queue).increment(1);
}

pub(crate) fn dispatched(queue: &str, jobs: u64) {
    counter!(DISPATCHED, "queue" => queue.to_owned()).increment(jobs);
}

/// `queue` is empty for what concerns all of them.
pub(crate) fn dispatch_failed(queue: &str) {
    counter!(DISPATCH_ERRORS, "queue" => queue.to_owned()).increment(1);
}

/// What the record has of a queue.
#[expect(
    clippy::cast_precision_loss,
    reason = "a gauge is a float; 2^53 jobs do not fit a table"
)]
pub(crate) fn stored(name: &str, figures: &QueueFigures) {
    for state in State::ALL {
        if matches!(state, State::Succeeded | State::Cancelled) {
            continue;
        }
        let count = figures.counts.get(&state).copied().unwrap_or_default();
        gauge!(STORED, "queue" => name.to_owned(), "state" => state.as_str()).set(count as f64);
    }
    let age = figures
        .oldest
        .map(|oldest| OffsetDateTime::now_utc() - oldest);
    let age = age.map_or(0.0, time::Duration::as_seconds_f64);
    gauge!(OLDEST, "queue" => name.to_owned()).set(age.max(0.0));
    let is_paused = f64::from(u8::from(figures.paused_at.is_some()));
    gauge!(PAUSED, "queue" => name.to_owned()).set(is_paused);
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a gauge is a float; 2^53 jobs do not fit a broker"
)]
pub(crate) fn depth(queue: &'static str, depth: &Depth) {
    gauge!(READY, "queue" => queue).set(depth.ready as f64);
    gauge!(DEAD, "queue" => queue).set(depth.dead as f64);
    if let Some(delayed) = depth.delayed {
        gauge!(DELAYED, "queue" => queue).set(delayed as f64);
    }
}
