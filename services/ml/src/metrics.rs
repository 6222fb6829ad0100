//! What an operator sees of this service beside requests and queries.

use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use std::time::Duration;

const LOADS: &str = "ml_model_loads_total";
const LOOKUPS: &str = "ml_model_lookups_total";
const LOOKUP_OUTCOMES: [&str; 2] = ["hit", "miss"];
const EVICTIONS: &str = "ml_model_evictions_total";
const CACHED: &str = "ml_models_cached_bytes";

/// A kind of run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Makes a model.
    Training,
    /// Measures.
    Evaluation,
}

impl Kind {
    const ALL: [Self; 2] = [Self::Training, Self::Evaluation];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Training => "training",
            Self::Evaluation => "evaluation",
        }
    }

    const fn total(self) -> &'static str {
        match self {
            Self::Training => "ml_trainings_total",
            Self::Evaluation => "ml_evaluations_total",
        }
    }

    const fn duration(self) -> &'static str {
        match self {
            Self::Training => "ml_training_duration_seconds",
            Self::Evaluation => "ml_evaluation_duration_seconds",
        }
    }

    const fn running(self) -> &'static str {
        match self {
            Self::Training => "ml_trainings_running",
            Self::Evaluation => "ml_evaluations_running",
        }
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// With what it gives.
    Succeeded,
    /// With a reason that the designer can act on.
    Failed,
    /// Nobody wanted it any more.
    Cancelled,
    /// Without an end: the process stops, or another attempt has taken over.
    Abandoned,
}

impl Outcome {
    const ALL: [Self; 4] = [
        Self::Succeeded,
        Self::Failed,
        Self::Cancelled,
        Self::Abandoned,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Abandoned => "abandoned",
        }
    }
}

/// Describes every series and makes it exist at 0.
pub(crate) fn describe() {
    for kind in Kind::ALL {
        let (total, running) = (kind.total(), kind.running());
        describe_counter!(total, Unit::Count, "Runs of this kind that ended.");
        describe_histogram!(kind.duration(), Unit::Seconds, "How long they took.");
        describe_gauge!(running, Unit::Count, "Those at work in this process.");
        for outcome in Outcome::ALL {
            counter!(total, "outcome" => outcome.as_str()).absolute(0);
        }
        gauge!(running).set(0.0);
    }
    describe_counter!(
        LOADS,
        Unit::Count,
        "Models that were read from the database."
    );
    describe_gauge!(
        CACHED,
        Unit::Bytes,
        "Memory that models take in this process."
    );
    let help = "Models that were looked for in memory.";
    describe_counter!(LOOKUPS, Unit::Count, help);
    for outcome in LOOKUP_OUTCOMES {
        counter!(LOOKUPS, "outcome" => outcome).absolute(0);
    }
    let help = "Models that were dropped from memory to make room.";
    describe_counter!(EVICTIONS, Unit::Count, help);
    counter!(EVICTIONS).absolute(0);
    counter!(LOADS).absolute(0);
    gauge!(CACHED).set(0.0);
}

/// Counts a run as being at work until it is dropped.
pub(crate) struct Running(Kind);

impl Running {
    pub(crate) fn start(kind: Kind) -> Self {
        gauge!(kind.running()).increment(1.0);
        Self(kind)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        gauge!(self.0.running()).decrement(1.0);
    }
}

/// Counts a run that ended.
pub(crate) fn ended(kind: Kind, outcome: Outcome, took: Duration) {
    counter!(kind.total(), "outcome" => outcome.as_str()).increment(1);
    histogram!(kind.duration()).record(took.as_secs_f64());
}

/// Counts a model that was read from the database.
pub(crate) fn loaded() {
    counter!(LOADS).increment(1);
}

/// Counts a model that was looked for in memory.
pub(crate) fn looked_up(is_there: bool) {
    let outcome = LOOKUP_OUTCOMES[usize::from(!is_there)];
    counter!(LOOKUPS, "outcome" => outcome).increment(1);
}

/// Counts a model that was dropped to make room.
pub(crate) fn evicted() {
    counter!(EVICTIONS).increment(1);
}

/// Tells how much memory models take.
pub(crate) fn cached(bytes: u64) {
    #[expect(clippy::cast_precision_loss, reason = "a gauge needs no 53 bits")]
    gauge!(CACHED).set(bytes as f64);
}
