//! Jobs that wait for each other: chains, groups and chords.

use super::{NewJob, Store, begin};
use crate::QueueError;
use sqlx::PgConnection;
use std::collections::HashSet;
use uuid::Uuid;

/// Jobs that are enqueued together, with what waits for what. If one does not succeed, what waits for it is cancelled.
#[derive(Debug)]
pub struct Flow {
    id: Uuid,
    jobs: Vec<NewJob>,
    /// Pairs of a job and one that waits for it.
    edges: Vec<(Uuid, Uuid)>,
}

impl Flow {
    /// One after the other.
    pub fn chain(jobs: Vec<NewJob>) -> Self {
        let pairs = jobs.windows(2);
        let edges = pairs.map(|pair| (pair[0].id, pair[1].id)).collect();
        Self::new(jobs, edges)
    }

    /// All at once.
    pub fn group(jobs: Vec<NewJob>) -> Self {
        Self::new(jobs, Vec::new())
    }

    /// All at once, and when all have succeeded `last`, which can read their [results](Store::results_before).
    pub fn chord(jobs: Vec<NewJob>, last: NewJob) -> Self {
        let edges = jobs.iter().map(|job| (job.id, last.id)).collect();
        let jobs = jobs.into_iter().chain([last]).collect();
        Self::new(jobs, edges)
    }

    fn new(jobs: Vec<NewJob>, edges: Vec<(Uuid, Uuid)>) -> Self {
        Self {
            id: Uuid::now_v7(),
            jobs,
            edges,
        }
    }

    /// What its jobs have in common.
    pub fn id(&self) -> Uuid {
        self.id
    }
}

impl Store {
    /// Puts a flow in, with the caller's transaction.
    ///
    /// # Errors
    ///
    /// [`QueueError::KeyTaken`] if a job that is to wait, or to be waited for, has a unique key that another one holds: roll
    /// back.
    pub async fn enqueue_flow_in(
        &self,
        transaction: &mut PgConnection,
        mut flow: Flow,
    ) -> Result<Uuid, QueueError> {
        for job in &mut flow.jobs {
            let before = flow.edges.iter().filter(|edge| edge.1 == job.id).count();
            job.flow = Some(flow.id);
            job.waits_for = i32::try_from(before).unwrap_or(i32::MAX);
        }
        let bound: HashSet<_> = flow.edges.iter().flat_map(|e| [e.0, e.1]).collect();
        let keys: Vec<_> = flow
            .jobs
            .iter()
            .map(|job| (job.id, job.unique_key.clone()))
            .collect();
        let enqueued = self.enqueue_in(transaction, flow.jobs).await?;
        for ((id, key), enqueued) in keys.into_iter().zip(enqueued) {
            // Another job has it, which nobody here can wait for: it may be at its end already.
            if enqueued.id() != id && bound.contains(&id) {
                let key = key.unwrap_or_default();
                return Err(QueueError::KeyTaken { key });
            }
        }
        let (before, after): (Vec<_>, Vec<_>) = flow.edges.into_iter().unzip();
        sqlx::query!(
            "INSERT INTO queue_edges (before_id, after_id)
             SELECT * FROM unnest($1::uuid[], $2::uuid[]) ON CONFLICT DO NOTHING",
            &before,
            &after,
        )
        .execute(transaction)
        .await?;
        Ok(flow.id)
    }

    /// Puts a flow in.
    pub async fn enqueue_flow(&self, flow: Flow) -> Result<Uuid, QueueError> {
        let mut transaction = begin(&self.pool).await?;
        let id = self.enqueue_flow_in(&mut transaction, flow).await?;
        transaction.commit().await?;
        self.wake.notify_one();
        Ok(id)
    }

    /// What the jobs have given that `job` waited for, by their ids, which sort by age.
    pub async fn results_before(
        &self,
        job: Uuid,
    ) -> Result<Vec<(Uuid, Option<serde_json::Value>)>, QueueError> {
        let rows = sqlx::query!(
            "SELECT id, result FROM queue_jobs JOIN queue_edges ON before_id = id WHERE after_id = $1 ORDER BY id",
            job,
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(|row| (row.id, row.result)).collect())
    }
}

/// Lets those go on that waited only for `succeeded`.
pub(super) async fn release_after(
    transaction: &mut PgConnection,
    succeeded: &[Uuid],
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE queue_jobs SET
             waits_for = waits_for - fewer,
             state = CASE WHEN waits_for > fewer THEN state
                          WHEN not_before > clock_timestamp() THEN 'scheduled' ELSE 'queued' END
         FROM (SELECT after_id, count(*)::int AS fewer FROM queue_edges WHERE before_id = ANY($1) GROUP BY after_id) AS e
         WHERE id = after_id AND state = 'waiting'",
        succeeded,
    )
    .execute(transaction)
    .await?;
    Ok(())
}

/// Cancels all that waited for `ended`, at whatever distance.
pub(super) async fn cancel_after(
    transaction: &mut PgConnection,
    ended: &[Uuid],
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "WITH RECURSIVE after AS (
             SELECT after_id AS id FROM queue_edges WHERE before_id = ANY($1)
             UNION SELECT after_id FROM queue_edges JOIN after ON before_id = after.id)
         UPDATE queue_jobs SET state = 'cancelled', finished_at = clock_timestamp(),
                               error = 'A job that it waited for did not succeed.'
         WHERE id IN (SELECT id FROM after) AND state = 'waiting'",
        ended,
    )
    .execute(transaction)
    .await?;
    Ok(())
}

/// Lets those wait again that were cancelled because one of `replayed` had not succeeded, at whatever distance, unless
/// they wait for another one that has not.
pub(super) async fn revive_after(
    transaction: &mut PgConnection,
    replayed: &[Uuid],
) -> Result<(), sqlx::Error> {
    let mut before = replayed.to_vec();
    while !before.is_empty() {
        // Who ends now, and does not see yet that these wait again, is waited for.
        sqlx::query!(
            "SELECT id FROM queue_jobs
             WHERE id IN (SELECT other.before_id FROM queue_edges e JOIN queue_edges other USING (after_id)
                          WHERE e.before_id = ANY($1))
             ORDER BY id FOR SHARE",
            &before,
        )
        .fetch_all(&mut *transaction)
        .await?;
        before = sqlx::query_scalar!(
            "UPDATE queue_jobs j SET state = 'waiting', error = NULL, finished_at = NULL, waits_for =
                 (SELECT count(*)::int FROM queue_edges JOIN queue_jobs b ON b.id = before_id
                  WHERE after_id = j.id AND b.state <> 'succeeded')
             WHERE id IN (SELECT after_id FROM queue_edges WHERE before_id = ANY($1))
               AND state = 'cancelled' AND NOT cancel_requested
               AND (unique_key IS NULL OR NOT EXISTS (
                   SELECT FROM queue_jobs o WHERE o.queue = j.queue AND o.unique_key = j.unique_key
                      AND (o.stage NOT IN ('failed', 'ended')
                           OR o.id < j.id AND o.state = 'cancelled' AND NOT o.cancel_requested
                              AND o.id IN (SELECT after_id FROM queue_edges WHERE before_id = ANY($1))
                              AND NOT EXISTS (SELECT FROM queue_edges JOIN queue_jobs b ON b.id = before_id
                                              WHERE after_id = o.id AND b.state IN ('failed', 'cancelled')))))
               AND NOT EXISTS (SELECT FROM queue_edges JOIN queue_jobs b ON b.id = before_id
                               WHERE after_id = j.id AND b.state IN ('failed', 'cancelled'))
             RETURNING id",
            &before,
        )
        .fetch_all(&mut *transaction)
        .await?;
    }
    Ok(())
}
