//! Jobs that have failed for good, as they are looked through before they start anew.

use super::Store;
use crate::QueueError;
use uuid::Uuid;

/// Which of the failed jobs.
#[derive(Clone, Debug, Default)]
pub struct DeadFilter {
    /// Of this account.
    pub account: Option<Uuid>,
    /// In this queue.
    pub queue: Option<String>,
    /// Of this kind.
    pub kind: Option<String>,
    /// Of these.
    pub ids: Option<Vec<Uuid>>,
    /// With this text in their error, in upper or lower case.
    pub error: Option<String>,
    /// Enqueued before this one.
    pub before: Option<Uuid>,
}

/// A job that has failed for good.
#[derive(Clone, Debug)]
pub struct DeadJob {
    /// Its id.
    pub id: Uuid,
    /// What kind of work it is.
    pub kind: String,
    /// The payload, as JSON.
    pub payload: Vec<u8>,
}

impl Store {
    /// Jobs that have failed for good, the newest first, at most `limit`.
    pub async fn dead(&self, filter: &DeadFilter, limit: i64) -> Result<Vec<DeadJob>, QueueError> {
        let jobs = sqlx::query_as!(
            DeadJob,
            "SELECT id, kind, payload FROM queue_jobs
             WHERE stage = 'failed'
               AND ($1::uuid IS NULL OR account_id = $1)
               AND ($2::text IS NULL OR queue = $2)
               AND ($3::text IS NULL OR kind = $3)
               AND ($4::uuid[] IS NULL OR id = ANY($4))
               AND ($5::text IS NULL OR position(lower($5) IN lower(error)) > 0)
               AND ($6::uuid IS NULL OR id < $6)
             ORDER BY id DESC LIMIT $7",
            filter.account,
            filter.queue,
            filter.kind,
            filter.ids.as_deref() as _,
            filter.error,
            filter.before,
            limit,
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(jobs)
    }
}
