//! What the active dispatcher does once a second.

use super::{QueueFigures, Store};
use crate::{Queue, QueueError, metrics};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How often the queues are counted; a backlog of a million takes its time, of which this is the most that goes into it:
/// one part in so many.
const TOLD: Duration = Duration::from_secs(1);
const TOLD_SHARE: u32 = 50;
/// Workers that were not heard of for so long are forgotten.
const FORGOTTEN: &str = "1 hour";
/// Records that one statement removes, so that none holds many locks.
const REMOVED_AT_ONCE: i64 = 1000;

/// The queues whose gauges say something. They say nothing once this is dropped: another dispatcher tells from then on,
/// and what this one has last seen would stand beside it for ever.
#[derive(Default)]
struct Told {
    names: BTreeSet<String>,
}

impl Told {
    fn tell(&mut self, all: BTreeMap<String, QueueFigures>) {
        let mut gone = std::mem::take(&mut self.names);
        for (name, figures) in all {
            metrics::stored(&name, &figures);
            gone.remove(&name);
            self.names.insert(name);
        }
        // Whose gauges fall silent with it.
        drop(Self { names: gone });
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        for name in &self.names {
            metrics::stored(name, &QueueFigures::default());
        }
    }
}

impl Store {
    /// Looks after what is not about the next job; says for how long the record has answered its dispatcher.
    pub(super) async fn keep_up(&self, queue: &Queue, answers: Duration) -> Result<(), QueueError> {
        self.notice_loss(queue).await?;
        self.notice_overtaken().await?;
        self.notice_silent(answers).await?;
        self.run_schedules().await?;
        sqlx::query!(
            "DELETE FROM queue_workers WHERE seen_at < clock_timestamp() - $1::text::interval",
            FORGOTTEN,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Keeps the gauges of the queues up to date, for as long as it is polled.
    pub(super) async fn tell_status(self) {
        let mut told = Told::default();
        loop {
            let begun = Instant::now();
            match self.queues(None).await {
                Ok(all) => told.tell(all),
                Err(error) => tracing::debug!(%error, "the gauges keep their last value"),
            }
            sleep(TOLD.max(begun.elapsed() * TOLD_SHARE)).await;
        }
    }

    /// Removes a batch of the records of jobs that ended longer than `age` ago; how many. What others still wait for, or
    /// for what it gave, stays.
    pub async fn remove_ended(&self, age: Duration) -> Result<u64, QueueError> {
        let removed = sqlx::query!(
            // Once more outside: one that is replayed at this moment is locked, and has not ended when it is looked at again.
            "DELETE FROM queue_jobs WHERE finished_at IS NOT NULL AND id IN
                 (SELECT id FROM queue_jobs j WHERE finished_at < clock_timestamp() - $1::float8 * interval '1 second'
                    AND NOT EXISTS (SELECT FROM queue_edges JOIN queue_jobs a ON a.id = after_id
                                    WHERE before_id = j.id AND a.finished_at IS NULL)
                  ORDER BY finished_at LIMIT $2)",
            age.as_secs_f64(),
            REMOVED_AT_ONCE,
        )
        .execute(&self.pool)
        .await?;
        Ok(removed.rows_affected())
    }

    /// Removes what ended jobs have given, longer than `age` ago, unless others still wait for it; how many.
    pub async fn remove_results(&self, age: Duration) -> Result<u64, QueueError> {
        let removed = sqlx::query!(
            "UPDATE queue_jobs SET result = NULL WHERE id IN
                 (SELECT id FROM queue_jobs j WHERE finished_at < clock_timestamp() - $1::float8 * interval '1 second'
                    AND result IS NOT NULL
                    AND NOT EXISTS (SELECT FROM queue_edges JOIN queue_jobs a ON a.id = after_id
                                    WHERE before_id = j.id AND a.finished_at IS NULL)
                  ORDER BY finished_at LIMIT $2)",
            age.as_secs_f64(),
            REMOVED_AT_ONCE,
        )
        .execute(&self.pool)
        .await?;
        Ok(removed.rows_affected())
    }
}
