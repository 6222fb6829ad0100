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
    /// Since when the job has waited for its turn that has waited longest, among the first of each account.
    pub oldest: Option<OffsetDateTime>,
    /// Jobs that have ended of late, by their end.
    pub ended: BTreeMap<State, u64>,
}

impl Store {
    /// The queues that have jobs, settings or workers, by name, with the jobs of `account`, or all. `recent` says for how
    /// long an end counts as one of late.
    pub async fn figures(
        &self,
        account: Option<Uuid>,
        recent: Duration,
    ) -> Result<BTreeMap<String, QueueFigures>, QueueError> {
        let mut queues = self.queues(account).await?;
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

    /// The same without what has ended of late.
    pub async fn queues(
        &self,
        account: Option<Uuid>,
    ) -> Result<BTreeMap<String, QueueFigures>, QueueError> {
        let mut queues = self.settings().await?;
        // From one account to another: all of them, or one to itself.
        let (from, to) = account.map_or((Uuid::nil(), Uuid::max()), |account| (account, account));
        self.count(from, to, &mut queues).await?;
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

    /// Counts what has not ended, and what has failed, each part from an index of its own: neither the ended jobs of a
    /// month nor the rows of a backlog are looked at. The bounds stand in queries of their own, because a planner that
    /// knew that they are those of all accounts would read the table.
    ///
    /// The oldest is looked for among the first ten jobs of each of a thousand accounts: that of an account is one of
    /// its first ones, unless ten before it have just been tried.
    async fn count(
        &self,
        from: Uuid,
        to: Uuid,
        queues: &mut BTreeMap<String, QueueFigures>,
    ) -> Result<(), QueueError> {
        let rows = sqlx::query!(
            r#"WITH RECURSIVE names AS (
                   (SELECT queue FROM queue_jobs WHERE stage = 'queued' ORDER BY queue LIMIT 1)
                   UNION ALL
                   SELECT (SELECT j.queue FROM queue_jobs j WHERE stage = 'queued' AND j.queue > names.queue
                           ORDER BY j.queue LIMIT 1)
                   FROM names WHERE names.queue IS NOT NULL)
               SELECT queue AS "queue!", 'queued' AS "state!", jobs AS "jobs!", oldest
               FROM names CROSS JOIN LATERAL (
                   SELECT count(*) AS jobs FROM queue_jobs j
                   WHERE stage = 'queued' AND j.queue = names.queue
                     AND account_id BETWEEN (SELECT $1::uuid) AND (SELECT $2::uuid)) AS queued
               CROSS JOIN LATERAL (
                   WITH RECURSIVE accounts AS (
                       (SELECT account_id FROM queue_jobs j WHERE stage = 'queued' AND j.queue = names.queue
                          AND account_id BETWEEN (SELECT $1) AND (SELECT $2) ORDER BY account_id LIMIT 1)
                       UNION ALL
                       SELECT (SELECT j.account_id FROM queue_jobs j WHERE stage = 'queued' AND j.queue = names.queue
                                 AND j.account_id > accounts.account_id AND j.account_id <= (SELECT $2)
                               ORDER BY account_id LIMIT 1)
                       FROM accounts WHERE account_id IS NOT NULL)
                   SELECT min(turn) AS oldest
                   FROM (SELECT account_id FROM accounts LIMIT 1000) AS account CROSS JOIN LATERAL (
                       SELECT greatest(enqueued_at, not_before, started_at) AS turn FROM queue_jobs j
                       WHERE stage = 'queued' AND j.queue = names.queue AND j.account_id = account.account_id
                       ORDER BY priority, id LIMIT 10) AS first) AS turns
               WHERE jobs > 0
               UNION ALL
               SELECT queue, state, count(*),
                      min(greatest(enqueued_at, not_before, started_at)) FILTER (WHERE state = 'sent')
               FROM queue_jobs
               WHERE stage = 'out' AND account_id BETWEEN (SELECT $1) AND (SELECT $2)
               GROUP BY queue, state
               UNION ALL
               SELECT queue, stage, count(*), NULL FROM queue_jobs
               WHERE stage IN ('waiting', 'scheduled', 'failed') AND account_id BETWEEN (SELECT $1) AND (SELECT $2)
               GROUP BY queue, stage"#,
            from,
            to,
        )
        .fetch_all(&self.pool)
        .await?;
        for row in rows {
            let figures = queues.entry(row.queue).or_default();
            let state = State::from_stored(&row.state);
            figures.counts.insert(state, number(row.jobs));
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
