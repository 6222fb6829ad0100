//! What an operator sees of this service beside requests and queries.

use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use std::time::Duration;

const TRAININGS: &str = "ml_trainings_total";
const TRAINING_DURATION: &str = "ml_training_duration_seconds";
const RUNNING: &str = "ml_trainings_running";
const LOADS: &str = "ml_model_loads_total";
const CACHED: &str = "ml_models_cached_bytes";

/// How a training ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// With a model.
    Succeeded,
    /// With a reason that the designer can act on.
    Failed,
    /// Without an end: the process stops, or another attempt has taken over.
    Abandoned,
}

impl Outcome {
    const ALL: [Self; 3] = [Self::Succeeded, Self::Failed, Self::Abandoned];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Abandoned => "abandoned",
        }
    }
}

/// Describes every series and makes it exist at 0.
pub(crate) fn describe() {
    describe_counter!(TRAININGS, Unit::Count, "Trainings that ended.");
    describe_histogram!(TRAINING_DURATION, Unit::Seconds, "How long trainings took.");
    describe_gauge!(RUNNING, Unit::Count, "Trainings that run in this process.");
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
    for outcome in Outcome::ALL {
        counter!(TRAININGS, "outcome" => outcome.as_str()).absolute(0);
    }
    gauge!(RUNNING).set(0.0);
    counter!(LOADS).absolute(0);
    gauge!(CACHED).set(0.0);
}

/// Counts a training as running until it is dropped.
pub(crate) struct Running;

impl Running {
    pub(crate) fn start() -> Self {
        gauge!(RUNNING).increment(1.0);
        Self
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        gauge!(RUNNING).decrement(1.0);
    }
}

/// Counts a training that ended.
pub(crate) fn trained(outcome: Outcome, took: Duration) {
    counter!(TRAININGS, "outcome" => outcome.as_str()).increment(1);
    histogram!(TRAINING_DURATION).record(took.as_secs_f64());
}

/// Counts a model that was read from the database.
pub(crate) fn loaded() {
    counter!(LOADS).increment(1);
}

/// Tells how much memory models take.
pub(crate) fn cached(bytes: u64) {
    #[expect(clippy::cast_precision_loss, reason = "a gauge needs no 53 bits")]
    gauge!(CACHED).set(bytes as f64);
}
