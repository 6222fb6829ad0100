//! Effects once, for who keeps them in another database than the record.

use crate::QueueError;
use sqlx::PgConnection;
use std::time::Duration;
use uuid::Uuid;

/// The jobs whose effects a consumer has committed. The row is written with the effects: both are there, or neither.
#[derive(Clone, Copy, Debug)]
pub struct Inbox {
    consumer: &'static str,
}

impl Inbox {
    /// The inbox of a consumer, by its name.
    pub const fn new(consumer: &'static str) -> Self {
        Self { consumer }
    }

    /// Whether the job's effects are still to be made, within the transaction that makes them. Two at a time: the
    /// second waits for the first, and is told that it is done.
    pub async fn is_new(
        &self,
        transaction: &mut PgConnection,
        job: Uuid,
    ) -> Result<bool, QueueError> {
        let written = sqlx::query!(
            "INSERT INTO queue_inbox (consumer, job_id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            self.consumer,
            job,
        )
        .execute(transaction)
        .await?;
        Ok(written.rows_affected() == 1)
    }

    /// Forgets jobs that were done longer than `age` ago; how many. Older ones must not be replayed.
    pub async fn forget(
        &self,
        connection: &mut PgConnection,
        age: Duration,
    ) -> Result<u64, QueueError> {
        let removed = sqlx::query!(
            "DELETE FROM queue_inbox WHERE consumer = $1
             AND done_at < clock_timestamp() - $2::float8 * interval '1 second'",
            self.consumer,
            age.as_secs_f64(),
        )
        .execute(connection)
        .await?;
        Ok(removed.rows_affected())
    }
}
