//! How many jobs the queues have, and how quickly they end: for one account, or for all of them.

use super::{Limits, State, Store};
use crate::QueueError;
use std::collections::BTreeMap;
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

/// How a queue is.
#[derive(Clone, Debug, Default)]
pub struct QueueFigures {
    /// When it was paused, if it is.
    pub paused_at: Option<OffsetDateTime>,
    /// What holds for it.
    pub limits: Limits,
    /// Jobs in each state, but for those that succeeded or were cancelled.
    pub counts: BTreeMap<State, u64>,
    /// Since when the job has waited for its turn that has waited longest.
    pub oldest: Option<OffsetDateTime>,
    /// Jobs that have ended of late, by their end.
    pub ended: BTreeMap<State, u64>,
}

impl Store {
    /// The queues that have jobs, settings or workers, by name; their jobs are those of `account`, or all. `recent` says
    /// for how long an end counts as one of late.
    pub async fn figures(
        &self,
        account: Option<Uuid>,
        recent: Duration,
    ) -> Result<BTreeMap<String, QueueFigures>, QueueError> {
        let mut queues = self.settings().await?;
        self.count(account, &mut queues).await?;
        let rows = sqlx::query!(
            r#"SELECT queue, state, count(*) AS "count!" FROM queue_jobs
               WHERE finished_at > clock_timestamp() - $2 * interval '1 second'
                 AND ($1::uuid IS NULL OR account_id = $1)
               GROUP BY queue, state"#,
            account,
            recent.as_secs_f64(),
        )
        .fetch_all(&self.pool)
        .await?;
        for row in rows {
            let ended = &mut queues.entry(row.queue).or_default().ended;
            ended.insert(State::from_stored(&row.state), number(row.count));
        }
        Ok(queues)
    }

    /// Every queue that is known, with what holds for it.
    async fn settings(&self) -> Result<BTreeMap<String, QueueFigures>, QueueError> {
        let rows = sqlx::query!(
            r#"SELECT queue AS "queue!", paused_at AS "paused_at?", max_running AS "max_running?",
                      rate_jobs AS "rate_jobs?", rate_period AS "rate_period?"
               FROM queue_settings FULL JOIN (SELECT DISTINCT unnest(queues) AS queue FROM queue_workers) AS worked
                    USING (queue)"#
        )
        .fetch_all(&self.pool)
        .await?;
        let queues = rows.into_iter().map(|row| {
            let limits =
                Limits::from_stored(row.max_running, row.rate_jobs, row.rate_period.as_ref());
            let figures = QueueFigures {
                paused_at: row.paused_at,
                limits,
                ..QueueFigures::default()
            };
            (row.queue, figures)
        });
        Ok(queues.collect())
    }

    /// Counts what has not ended, and what has failed. Each part has an index of its own, so that the ended jobs of a
    /// month are not looked at.
    async fn count(
        &self,
        account: Option<Uuid>,
        queues: &mut BTreeMap<String, QueueFigures>,
    ) -> Result<(), QueueError> {
        let rows = sqlx::query!(
            r#"SELECT queue AS "queue!", state AS "state!", count(*) AS "count!",
                      min(greatest(enqueued_at, not_before, started_at)) FILTER (WHERE state IN ('queued', 'sent'))
                          AS oldest
               FROM (SELECT queue, state, account_id, enqueued_at, not_before, started_at FROM queue_jobs
                     WHERE state = 'queued'
                     UNION ALL
                     SELECT queue, state, account_id, enqueued_at, not_before, started_at FROM queue_jobs
                     WHERE state IN ('sent', 'running')
                     UNION ALL
                     SELECT queue, state, account_id, enqueued_at, not_before, started_at FROM queue_jobs
                     WHERE state = 'scheduled'
                     UNION ALL
                     SELECT queue, state, account_id, enqueued_at, not_before, started_at FROM queue_jobs
                     WHERE state = 'waiting' AND flow_id IS NOT NULL
                     UNION ALL
                     SELECT queue, state, account_id, enqueued_at, not_before, started_at FROM queue_jobs
                     WHERE state = 'failed') AS alive
               WHERE $1::uuid IS NULL OR account_id = $1
               GROUP BY queue, state"#,
            account,
        )
        .fetch_all(&self.pool)
        .await?;
        for row in rows {
            let figures = queues.entry(row.queue).or_default();
            let state = State::from_stored(&row.state);
            figures.counts.insert(state, number(row.count));
            figures.oldest = match (figures.oldest, row.oldest) {
                (Some(known), Some(other)) => Some(known.min(other)),
                (known, other) => known.or(other),
            };
        }
        Ok(())
    }
}

fn number(count: i64) -> u64 {
    u64::try_from(count).unwrap_or_default()
}
