//! The schedules of an account, as it reads and changes them.

use super::schedule::parse;
use super::{Missed, NewJob, NewSchedule, Schedule, ScheduleError, Store, begin};
use crate::{Payload, QueueError};
use time::OffsetDateTime;
use uuid::Uuid;

/// A schedule with what it enqueues.
#[derive(Clone, Debug)]
pub struct Planned {
    /// The schedule.
    pub schedule: Schedule,
    /// The payload of its jobs, as JSON.
    pub payload: Vec<u8>,
}

/// What becomes different of a schedule; what is `None` stays as it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct ScheduleChange<'a> {
    /// The times.
    pub cron: Option<&'a str>,
    /// In which the times are meant.
    pub time_zone: Option<&'a str>,
    /// What becomes of times that nobody fired.
    pub missed: Option<Missed>,
    /// Whether it fires. Times that pass while it does not are not missed.
    pub is_enabled: Option<bool>,
}

/// A row as the table has it.
struct Row {
    name: String,
    account_id: Uuid,
    cron: String,
    time_zone: String,
    missed: String,
    is_enabled: bool,
    queue: String,
    kind: String,
    payload: Vec<u8>,
    next_at: OffsetDateTime,
    last_at: Option<OffsetDateTime>,
}

impl From<Row> for Planned {
    fn from(row: Row) -> Self {
        Self {
            schedule: Schedule {
                name: row.name,
                account: row.account_id,
                cron: row.cron,
                time_zone: row.time_zone,
                missed: Missed::from_name(&row.missed).unwrap_or_default(),
                is_enabled: row.is_enabled,
                queue: row.queue,
                kind: row.kind,
                next_at: row.next_at,
                last_at: row.last_at,
            },
            payload: row.payload,
        }
    }
}

/// The next times of a schedule after a moment, so many of them.
pub fn upcoming(
    cron: &str,
    time_zone: &str,
    after: OffsetDateTime,
    count: usize,
) -> Result<Vec<OffsetDateTime>, ScheduleError> {
    let times = parse(cron, time_zone)?;
    let mut found = Vec::with_capacity(count);
    let mut moment = after;
    for _ in 0..count {
        moment = times.after(moment).map_err(|error| ScheduleError::Cron {
            cron: cron.to_owned(),
            time_zone: time_zone.to_owned(),
            reason: error.to_string(),
        })?;
        found.push(moment);
    }
    Ok(found)
}

impl Store {
    /// Makes a schedule unless there is one of its name; whether it was made.
    pub async fn schedule_once<J: Payload>(
        &self,
        schedule: &NewSchedule<'_>,
        is_enabled: bool,
        job: &J,
    ) -> Result<bool, ScheduleError> {
        let job = NewJob::new(job)?;
        let next = parse(schedule.cron, schedule.time_zone)?.after(self.now().await?)?;
        let made = sqlx::query!(
            "INSERT INTO queue_schedules (name, account_id, cron, time_zone, missed, queue, kind, version, payload,
                                          max_attempts, next_at, is_enabled)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (name) DO NOTHING",
            schedule.name,
            schedule.account,
            schedule.cron,
            schedule.time_zone,
            schedule.missed.as_str(),
            job.queue,
            job.kind,
            job.version,
            job.payload,
            job.max_attempts,
            next,
            is_enabled,
        )
        .execute(&self.pool)
        .await
        .map_err(QueueError::from)?;
        Ok(made.rows_affected() > 0)
    }

    /// The schedules of an account, by name, at most `limit`.
    pub async fn schedules_of(
        &self,
        account: Uuid,
        limit: i64,
    ) -> Result<Vec<Planned>, QueueError> {
        let rows = sqlx::query_as!(
            Row,
            "SELECT name, account_id, cron, time_zone, missed, is_enabled, queue, kind, payload, next_at, last_at
             FROM queue_schedules WHERE account_id = $1 ORDER BY name LIMIT $2",
            account,
            limit,
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(Planned::from).collect())
    }

    /// A schedule, if there is one of this name.
    pub async fn find_schedule(&self, name: &str) -> Result<Option<Planned>, QueueError> {
        let row = sqlx::query_as!(
            Row,
            "SELECT name, account_id, cron, time_zone, missed, is_enabled, queue, kind, payload, next_at, last_at
             FROM queue_schedules WHERE name = $1",
            name,
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(Planned::from))
    }

    /// Changes a schedule, and what it enqueues if `job` is given; whether there is one of this name. If its times change,
    /// or it is enabled, it fires next at the first time from now on.
    pub async fn reschedule<J: Payload>(
        &self,
        name: &str,
        change: &ScheduleChange<'_>,
        job: Option<&J>,
    ) -> Result<bool, ScheduleError> {
        let job = job.map(NewJob::new).transpose()?;
        let now = self.now().await?;
        let mut transaction = begin(&self.pool).await?;
        let row = sqlx::query!(
            "SELECT cron, time_zone, is_enabled FROM queue_schedules WHERE name = $1 FOR UPDATE",
            name,
        )
        .fetch_optional(&mut *transaction)
        .await
        .map_err(QueueError::from)?;
        let Some(row) = row else { return Ok(false) };
        let cron = change.cron.unwrap_or(&row.cron);
        let time_zone = change.time_zone.unwrap_or(&row.time_zone);
        let is_enabled = change.is_enabled.unwrap_or(row.is_enabled);
        let is_moved =
            (cron, time_zone) != (&row.cron, &row.time_zone) || is_enabled && !row.is_enabled;
        let next = if is_moved {
            Some(parse(cron, time_zone)?.after(now)?)
        } else {
            None
        };
        sqlx::query!(
            "UPDATE queue_schedules SET
                 cron = $2, time_zone = $3, is_enabled = $4,
                 missed = coalesce($5, missed),
                 next_at = coalesce($6, next_at),
                 queue = coalesce($7, queue), kind = coalesce($8, kind), version = coalesce($9, version),
                 payload = coalesce($10, payload), max_attempts = coalesce($11, max_attempts)
             WHERE name = $1",
            name,
            cron,
            time_zone,
            is_enabled,
            change.missed.map(Missed::as_str),
            next,
            job.as_ref().map(|job| job.queue),
            job.as_ref().map(|job| job.kind),
            job.as_ref().map(|job| job.version),
            job.as_ref().map(|job| &*job.payload),
            job.as_ref().map(|job| job.max_attempts),
        )
        .execute(&mut *transaction)
        .await
        .map_err(QueueError::from)?;
        transaction.commit().await.map_err(QueueError::from)?;
        Ok(true)
    }
}
