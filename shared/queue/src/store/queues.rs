//! Queues as a whole: what holds for them.

use super::{Store, begin, pick};
use crate::QueueError;
use sqlx::postgres::types::PgInterval;
use std::time::Duration;

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

/// The class of the locks between who sends jobs of a queue and who pauses it: `stoq`, as a number.
pub(super) const SENDING: i32 = 0x7374_6f71;

impl Store {
    /// Starts no more jobs of a queue; those that run go on. What the broker has waits for its turn again.
    pub async fn pause(&self, queue: &str) -> Result<(), QueueError> {
        let mut transaction = begin(&self.pool).await?;
        // What is being sent at this moment is waited for, and then taken back.
        sqlx::query!(
            "SELECT pg_advisory_xact_lock($1, hashtext($2))",
            SENDING,
            queue
        )
        .execute(&mut *transaction)
        .await?;
        sqlx::query!(
            "INSERT INTO queue_settings (queue, paused_at) VALUES ($1, clock_timestamp())
             ON CONFLICT (queue) DO UPDATE SET paused_at = coalesce(queue_settings.paused_at, excluded.paused_at)",
            queue,
        )
        .execute(&mut *transaction)
        .await?;
        sqlx::query!(
            "UPDATE queue_jobs SET state = 'queued' WHERE queue = $1 AND stage = 'out' AND state = 'sent'",
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
}
