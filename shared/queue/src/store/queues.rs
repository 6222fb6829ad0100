//! Queues as a whole: how they are, and what holds for them.

use super::{State, Store, begin, pick};
use crate::QueueError;
use sqlx::postgres::types::PgInterval;
use std::time::Duration;
use time::OffsetDateTime;

/// What holds for a queue as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// The most jobs that run at a time, on all workers together.
    pub max_running: Option<u16>,
    /// The most that are started in a time.
    pub rate: Option<(u16, Duration)>,
}

impl Limits {
    /// As a row of `queue_settings` has them.
    pub(super) fn from_stored(
        max_running: Option<i32>,
        rate_jobs: Option<i32>,
        rate_period: Option<&PgInterval>,
    ) -> Self {
        let rate = rate_jobs.zip(rate_period);
        Self {
            max_running: max_running.and_then(|most| most.try_into().ok()),
            rate: rate
                .and_then(|(jobs, period)| Some((jobs.try_into().ok()?, pick::duration(period)))),
        }
    }
}

/// How a queue is.
#[derive(Clone, Debug)]
pub struct QueueStatus {
    /// Its name.
    pub name: String,
    /// When it was paused, if it is.
    pub paused_at: Option<OffsetDateTime>,
    /// What holds for it.
    pub limits: Limits,
    /// Jobs in each state, but for those that succeeded or were cancelled.
    pub counts: Vec<(State, u64)>,
    /// When the oldest was enqueued that waits for its turn.
    pub oldest: Option<OffsetDateTime>,
}

impl QueueStatus {
    /// One that nothing is known of.
    pub(super) fn empty(name: String) -> Self {
        Self {
            name,
            paused_at: None,
            limits: Limits::default(),
            counts: Vec::new(),
            oldest: None,
        }
    }
}

impl Store {
    /// Starts no more jobs of a queue; those that run go on. What the broker has waits for its turn again.
    pub async fn pause(&self, queue: &str) -> Result<(), QueueError> {
        let mut transaction = begin(&self.pool).await?;
        sqlx::query!(
            "INSERT INTO queue_settings (queue, paused_at) VALUES ($1, clock_timestamp())
             ON CONFLICT (queue) DO UPDATE SET paused_at = coalesce(queue_settings.paused_at, excluded.paused_at)",
            queue,
        )
        .execute(&mut *transaction)
        .await?;
        sqlx::query!(
            "UPDATE queue_jobs SET state = 'queued' WHERE queue = $1 AND state = 'sent'",
            queue,
        )
        .execute(&mut *transaction)
        .await?;
        Ok(transaction.commit().await?)
    }

    /// Starts jobs of a queue again.
    pub async fn resume(&self, queue: &str) -> Result<(), QueueError> {
        sqlx::query!(
            "UPDATE queue_settings SET paused_at = NULL WHERE queue = $1",
            queue
        )
        .execute(&self.pool)
        .await?;
        self.wake.notify_one();
        Ok(())
    }

    /// Sets what holds for a queue.
    pub async fn limit(&self, queue: &str, limits: Limits) -> Result<(), QueueError> {
        let period = limits.rate.map(|(_, period)| PgInterval {
            months: 0,
            days: 0,
            microseconds: i64::try_from(period.as_micros()).unwrap_or(i64::MAX),
        });
        sqlx::query!(
            "INSERT INTO queue_settings (queue, max_running, rate_jobs, rate_period) VALUES ($1, $2, $3, $4)
             ON CONFLICT (queue) DO UPDATE SET max_running = $2, rate_jobs = $3, rate_period = $4, rate_next = NULL",
            queue,
            limits.max_running.map(i32::from),
            limits.rate.map(|(jobs, _)| i32::from(jobs)),
            period,
        )
        .execute(&self.pool)
        .await?;
        self.wake.notify_one();
        Ok(())
    }

    /// How the queues are that have jobs or settings. State by state, because each has an index of its own: what has
    /// ended well, which is most, is not looked at.
    pub async fn queues(&self) -> Result<Vec<QueueStatus>, QueueError> {
        let rows = sqlx::query!(
            r#"SELECT queue AS "queue!", state AS "state?", count AS "count?", oldest AS "oldest?", paused_at AS "paused_at?",
                      max_running AS "max_running?", rate_jobs AS "rate_jobs?", rate_period AS "rate_period?"
               FROM (SELECT queue, state, count(*), min(enqueued_at) AS oldest
                     FROM queue_jobs WHERE state = 'queued' GROUP BY queue, state
                     UNION ALL SELECT queue, state, count(*), NULL
                     FROM queue_jobs WHERE state IN ('sent', 'running') GROUP BY queue, state
                     UNION ALL SELECT queue, state, count(*), NULL
                     FROM queue_jobs WHERE state = 'scheduled' GROUP BY queue, state
                     UNION ALL SELECT queue, state, count(*), NULL
                     FROM queue_jobs WHERE state = 'waiting' GROUP BY queue, state
                     UNION ALL SELECT queue, state, count(*), NULL
                     FROM queue_jobs WHERE state = 'failed' GROUP BY queue, state) AS counted
               FULL JOIN queue_settings USING (queue)
               ORDER BY queue"#
        )
        .fetch_all(&self.pool)
        .await?;
        let mut queues: Vec<QueueStatus> = Vec::new();
        for row in rows {
            if queues.last().is_none_or(|last| last.name != row.queue) {
                queues.push(QueueStatus {
                    paused_at: row.paused_at,
                    limits: Limits::from_stored(
                        row.max_running,
                        row.rate_jobs,
                        row.rate_period.as_ref(),
                    ),
                    ..QueueStatus::empty(row.queue)
                });
            }
            let (Some(status), Some(state)) = (queues.last_mut(), row.state) else {
                continue;
            };
            let count = row.count.and_then(|count| u64::try_from(count).ok());
            let count = count.unwrap_or_default();
            status.counts.push((State::from_stored(&state), count));
            status.oldest = status.oldest.or(row.oldest);
        }
        Ok(queues)
    }
}
