//! Records of jobs, and what jobs have given, are kept for a time, not for ever.

use std::time::Duration;
use stoa_queue::QueueError;
use stoa_queue::store::Store;
use stoa_service::BoxError;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// How often old records are looked for.
const INTERVAL: Duration = Duration::from_mins(1);
const REMOVED: &str = "worker_records_removed_total";

/// Describes the metrics and lets them begin at 0.
pub(crate) fn describe_metrics() {
    metrics::describe_counter!(REMOVED, "Records of jobs that were kept long enough");
    metrics::counter!(REMOVED).absolute(0);
}

/// Removes old records until it is told to stop.
pub(crate) struct Retention {
    store: Store,
    records: Duration,
    results: Duration,
}

impl Retention {
    pub(crate) fn new(store: Store, records: Duration, results: Duration) -> Self {
        Self {
            store,
            records,
            results,
        }
    }

    pub(crate) async fn run(self, stop: CancellationToken) -> Result<(), BoxError> {
        let mut tick = interval(INTERVAL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                _ = tick.tick() => {},
            }
            if let Err(error) = self.look().await {
                tracing::warn!(%error, source = ?error, "old records stay until the next look");
            }
        }
    }

    async fn look(&self) -> Result<(), QueueError> {
        while self.store.remove_results(self.results).await? > 0 {}
        loop {
            let removed = self.store.remove_ended(self.records).await?;
            metrics::counter!(REMOVED).increment(removed);
            if removed == 0 {
                return Ok(());
            }
        }
    }
}
