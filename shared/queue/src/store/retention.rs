//! Records of jobs, and what jobs have given, are kept for a time, not for ever.

use super::Store;
use crate::{QueueError, RetentionSettings};
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// How often old records are looked for.
const INTERVAL: Duration = Duration::from_mins(1);
const REMOVED: &str = "queue_records_removed_total";

/// Removes old records until it is told to stop.
#[derive(Clone, Debug)]
pub struct Retention {
    store: Store,
    settings: RetentionSettings,
}

impl Retention {
    /// That of a record; every process of its service may have one.
    pub fn new(store: Store, settings: RetentionSettings) -> Self {
        Self { store, settings }
    }

    /// Works until `stop`. A database that is away is waited for.
    pub async fn run(self, stop: CancellationToken) -> Result<(), QueueError> {
        metrics::describe_counter!(REMOVED, "Records of jobs that were kept long enough");
        metrics::counter!(REMOVED).absolute(0);
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

    /// Neither of the two waits for the other to go well.
    async fn look(&self) -> Result<(), QueueError> {
        let results = self.remove_results().await;
        self.remove_records().await?;
        results
    }

    async fn remove_results(&self) -> Result<(), QueueError> {
        while self.store.remove_results(self.settings.results).await? > 0 {}
        Ok(())
    }

    async fn remove_records(&self) -> Result<(), QueueError> {
        loop {
            let removed = self.store.remove_ended(self.settings.records).await?;
            metrics::counter!(REMOVED).increment(removed);
            if removed == 0 {
                return Ok(());
            }
        }
    }
}
