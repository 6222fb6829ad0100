//! Records of jobs are kept for a time, not for ever.

use crate::records::Records;
use std::time::Duration;
use stoa_service::BoxError;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// How often old records are looked for.
const INTERVAL: Duration = Duration::from_mins(10);
const REMOVED: &str = "worker_records_removed_total";

/// Describes the metrics and lets them begin at 0.
pub(crate) fn describe_metrics() {
    metrics::describe_counter!(REMOVED, "Records of jobs that were kept long enough");
    metrics::counter!(REMOVED).absolute(0);
}

/// Removes old records until it is told to stop.
pub(crate) struct Retention {
    records: Records,
    keep: Duration,
}

impl Retention {
    pub(crate) fn new(records: Records, keep: Duration) -> Self {
        Self { records, keep }
    }

    pub(crate) async fn run(self, stop: CancellationToken) -> Result<(), BoxError> {
        let mut tick = interval(INTERVAL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                _ = tick.tick() => {},
            }
            match self.records.remove_old(self.keep).await {
                Ok(removed) => metrics::counter!(REMOVED).increment(removed),
                Err(error) => tracing::warn!(%error, "old records stay until the next look"),
            }
        }
    }
}
