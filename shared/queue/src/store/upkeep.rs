//! What the active dispatcher does once a second.

use super::Store;
use crate::{Queue, QueueError, metrics};
use std::time::Duration;

/// Workers that were not heard of for so long are forgotten.
const FORGOTTEN: &str = "1 hour";
/// Records that one statement removes, so that none holds many locks.
const REMOVED_AT_ONCE: i64 = 1000;

impl Store {
    pub(super) async fn keep_up(&self, queue: &Queue) -> Result<(), QueueError> {
        self.notice_loss(queue).await?;
        self.notice_stranded(queue).await?;
        self.notice_silent().await?;
        self.run_schedules().await?;
        sqlx::query!(
            "DELETE FROM queue_workers WHERE seen_at < clock_timestamp() - $1::text::interval",
            FORGOTTEN,
        )
        .execute(&self.pool)
        .await?;
        for status in self.queues().await? {
            metrics::stored(&status);
        }
        Ok(())
    }

    /// Removes a batch of the records of jobs that ended longer than `age` ago; how many.
    pub async fn remove_ended(&self, age: Duration) -> Result<u64, QueueError> {
        let removed = sqlx::query!(
            "DELETE FROM queue_jobs WHERE id IN
                 (SELECT id FROM queue_jobs WHERE finished_at < clock_timestamp() - $1::float8 * interval '1 second'
                  ORDER BY finished_at LIMIT $2)",
            age.as_secs_f64(),
            REMOVED_AT_ONCE,
        )
        .execute(&self.pool)
        .await?;
        Ok(removed.rows_affected())
    }

    /// Removes what ended jobs have given, longer than `age` ago; how many.
    pub async fn remove_results(&self, age: Duration) -> Result<u64, QueueError> {
        let removed = sqlx::query!(
            "UPDATE queue_jobs SET result = NULL WHERE id IN
                 (SELECT id FROM queue_jobs WHERE finished_at < clock_timestamp() - $1::float8 * interval '1 second'
                    AND result IS NOT NULL ORDER BY finished_at LIMIT $2)",
            age.as_secs_f64(),
            REMOVED_AT_ONCE,
        )
        .execute(&self.pool)
        .await?;
        Ok(removed.rows_affected())
    }
}
