//! Jobs that come back by the clock. However many dispatchers there are, a time fires once: it is enqueued in the
//! transaction that moves the schedule on, under an id that follows from the two.

use super::{NewJob, Store};
use crate::{Payload, QueueError};
use cronexpr::{Crontab, MakeTimestamp};
use jiff::fmt::temporal::DateTimeParser;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, Zoned};
use stoa_contracts::{Coded, ErrorCode};
use time::OffsetDateTime;
use uuid::Uuid;

/// A time that passed longer ago was missed: nobody was there to fire it.
const LATE: time::Duration = time::Duration::minutes(1);
/// The most missed times that are made up for.
const MADE_UP: usize = 1000;

/// What becomes of the times at which nobody was there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Missed {
    /// They are left out.
    Skip,
    /// One job stands for all of them.
    #[default]
    Once,
    /// Each has its job.
    All,
}

impl Missed {
    const ALL: [Self; 3] = [Self::Skip, Self::Once, Self::All];

    /// As it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Once => "once",
            Self::All => "all",
        }
    }

    /// The policy of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|missed| missed.as_str() == name)
    }
}

/// Why a schedule cannot be.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    /// The expression or the time zone is none.
    #[error("`{cron}` in the time zone `{time_zone}`: {reason}")]
    Cron {
        /// What was given.
        cron: String,
        /// What was given.
        time_zone: String,
        /// What is wrong with it.
        reason: String,
    },
    /// It cannot be kept.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

impl Coded for ScheduleError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Cron { .. } => ErrorCode::Invalid,
            Self::Queue(error) => error.code(),
        }
    }
}

/// A schedule that is to be.
#[derive(Clone, Copy, Debug)]
pub struct NewSchedule<'a> {
    /// Its name, by which it is changed.
    pub name: &'a str,
    /// On whose behalf; nil for the platform itself.
    pub account: Uuid,
    /// Minute, hour, day of the month, month, day of the week.
    pub cron: &'a str,
    /// In which the times are meant, of the IANA database: `Europe/Athens`.
    pub time_zone: &'a str,
    /// What becomes of times that nobody fired.
    pub missed: Missed,
}

/// A job that comes back.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// Its name, by which it is changed.
    pub name: String,
    /// On whose behalf; nil for the platform itself.
    pub account: Uuid,
    /// Minute, hour, day of the month, month, day of the week.
    pub cron: String,
    /// In which the times are meant, of the IANA database: `Europe/Athens`. What the clock skips in spring has its job
    /// at the next time; what it repeats in autumn has one, unless it comes in every hour anyway.
    pub time_zone: String,
    /// What becomes of times that nobody fired.
    pub missed: Missed,
    /// Whether it fires.
    pub is_enabled: bool,
    /// The queue of its jobs.
    pub queue: String,
    /// Their kind.
    pub kind: String,
    /// When it fires next.
    pub next_at: OffsetDateTime,
    /// When it last did.
    pub last_at: Option<OffsetDateTime>,
}

impl Store {
    /// Makes a schedule, or changes that of the same name. The times of before that were not fired are forgotten if
    /// the times change.
    pub async fn schedule<J: Payload>(
        &self,
        schedule: &NewSchedule<'_>,
        job: &J,
    ) -> Result<(), ScheduleError> {
        let NewSchedule {
            name,
            account,
            cron,
            time_zone,
            missed,
        } = *schedule;
        let job = NewJob::new(job)?;
        let now = self.now().await?;
        let next = parse(cron, time_zone)?.after(now)?;
        sqlx::query!(
            "INSERT INTO queue_schedules (name, account_id, cron, time_zone, missed, queue, kind, version, payload,
                                          max_attempts, next_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
             ON CONFLICT (name) DO UPDATE SET
                 account_id = $2, cron = $3, time_zone = $4, missed = $5, queue = $6, kind = $7, version = $8,
                 payload = $9, max_attempts = $10,
                 next_at = CASE WHEN (queue_schedules.cron, queue_schedules.time_zone) = ($3, $4)
                                THEN queue_schedules.next_at ELSE $11 END",
            name,
            account,
            cron,
            time_zone,
            missed.as_str(),
            job.queue,
            job.kind,
            job.version,
            job.payload,
            job.max_attempts,
            next,
        )
        .execute(&self.pool)
        .await
        .map_err(QueueError::from)?;
        Ok(())
    }

    /// All schedules, by name.
    pub async fn schedules(&self) -> Result<Vec<Schedule>, QueueError> {
        let rows = sqlx::query!(
            "SELECT name, account_id, cron, time_zone, missed, is_enabled, queue, kind, next_at, last_at
             FROM queue_schedules ORDER BY name"
        )
        .fetch_all(&self.pool)
        .await?;
        let schedules = rows.into_iter().map(|row| Schedule {
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
        });
        Ok(schedules.collect())
    }

    /// Removes a schedule; whether there was one.
    pub async fn unschedule(&self, name: &str) -> Result<bool, QueueError> {
        let removed = sqlx::query!("DELETE FROM queue_schedules WHERE name = $1", name)
            .execute(&self.pool)
            .await?;
        Ok(removed.rows_affected() > 0)
    }

    /// Removes the schedule by which a job was enqueued, if it would still enqueue the same; its name, if it was.
    pub async fn unschedule_with(&self, job: Uuid) -> Result<Option<String>, QueueError> {
        let removed = sqlx::query_scalar!(
            "DELETE FROM queue_schedules s USING queue_jobs j
             WHERE j.id = $1 AND s.name = j.schedule AND s.kind = j.kind AND s.payload = j.payload
             RETURNING s.name",
            job,
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(removed)
    }

    pub(super) async fn now(&self) -> Result<OffsetDateTime, QueueError> {
        let now = sqlx::query_scalar!(r#"SELECT clock_timestamp() AS "now!""#)
            .fetch_one(&self.pool)
            .await?;
        Ok(now)
    }
}

/// The times of a schedule.
pub(super) enum Times {
    /// In every hour: the one that the clock repeats is an hour like others.
    Hourly(Crontab),
    /// At some hours of a clock on the wall, whose times are written as if they were of UTC.
    OnTheWall(Crontab, TimeZone),
}

pub(super) fn parse(cron: &str, time_zone: &str) -> Result<Times, ScheduleError> {
    let failed = |reason: String| ScheduleError::Cron {
        cron: cron.to_owned(),
        time_zone: time_zone.to_owned(),
        reason,
    };
    let read = |cron: &str, time_zone: &str| {
        cronexpr::parse_crontab(&format!("{cron} {time_zone}"))
            .map_err(|error| failed(error.to_string()))
    };
    let here = read(cron, time_zone)?;
    let hours = cron.split_whitespace().nth(1).unwrap_or("*");
    let within = read(&format!("* {hours} * * *"), "UTC")?;
    let is_within = |hour: i64| {
        let begin = MakeTimestamp::from_second(hour * 3_600);
        begin.is_ok_and(|begin| within.matches(begin).is_ok_and(|matches| matches))
    };
    if (0..24).all(is_within) {
        return Ok(Times::Hourly(here));
    }
    let zone = DateTimeParser::new().parse_time_zone(time_zone);
    let zone = zone.map_err(|error| failed(error.to_string()))?;
    Ok(Times::OnTheWall(read(cron, "UTC")?, zone))
}

impl Times {
    /// The first time after a moment.
    pub(super) fn after(&self, moment: OffsetDateTime) -> Result<OffsetDateTime, QueueError> {
        let moment = Timestamp::from_second(moment.unix_timestamp()).map_err(unfit)?;
        let found = match self {
            Self::Hourly(crontab) => next(crontab, moment)?.timestamp(),
            Self::OnTheWall(crontab, zone) => on_the_wall(crontab, zone, moment)?,
        };
        OffsetDateTime::from_unix_timestamp(found.as_second()).map_err(unfit)
    }

    /// Which times are to be fired at `now`, of those from `next` on; and the one after.
    pub(super) fn due(
        &self,
        next: OffsetDateTime,
        now: OffsetDateTime,
        missed: Missed,
    ) -> Result<(Vec<OffsetDateTime>, OffsetDateTime), QueueError> {
        let mut passed = Vec::new();
        let mut slot = next;
        while slot <= now && passed.len() < MADE_UP {
            passed.push(slot);
            slot = self.after(slot)?;
        }
        if slot <= now {
            slot = self.after(now)?;
        }
        let fired = match missed {
            Missed::All => passed,
            Missed::Once => passed.last().copied().into_iter().collect(),
            Missed::Skip => passed
                .into_iter()
                .filter(|slot| now - *slot < LATE)
                .collect(),
        };
        Ok((fired, slot))
    }
}

/// The first time after a moment at which the clock shows one: not while it skips it, and only once if it shows it twice.
///
/// [`Crontab::find_next`] is not asked in the zone itself: it goes from hour to hour, and where a clock is set back by half
/// of one (Lord Howe) it would never arrive.
fn on_the_wall(
    crontab: &Crontab,
    zone: &TimeZone,
    moment: Timestamp,
) -> Result<Timestamp, QueueError> {
    let mut shown = zone.to_datetime(moment);
    loop {
        let before = TimeZone::UTC.to_timestamp(shown).map_err(unfit)?;
        shown = next(crontab, before)?.datetime();
        let places = zone.to_ambiguous_zoned(shown);
        if matches!(places.offset(), AmbiguousOffset::Gap { .. }) {
            continue;
        }
        let first = places.earlier().map_err(unfit)?.timestamp();
        if first > moment {
            return Ok(first);
        }
    }
}

fn next(crontab: &Crontab, moment: Timestamp) -> Result<Zoned, QueueError> {
    crontab.find_next(MakeTimestamp(moment)).map_err(unfit)
}

fn unfit(error: impl std::fmt::Display) -> QueueError {
    QueueError::Schedule(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::format_description::well_known::Rfc3339;

    const ATHENS: &str = "Europe/Athens";

    /// The times after a moment, as many as are wanted.
    fn times((cron, zone): (&str, &str), after: &str, wanted: &[&str]) {
        let times = parse(cron, zone).unwrap();
        let mut moment = OffsetDateTime::parse(after, &Rfc3339).unwrap();
        let mut found = Vec::new();
        for _ in wanted {
            moment = times.after(moment).unwrap();
            found.push(moment.format(&Rfc3339).unwrap());
        }
        assert_eq!(found, wanted, "{cron} {zone}");
    }

    #[test]
    fn an_hour_that_the_clock_skips_has_its_job_at_the_next_time() {
        // On 29 March 2026 the clocks of Athens go from 3:00 to 4:00.
        let daily = ["2026-03-28T01:30:00Z", "2026-03-30T00:30:00Z"];
        times(("30 3 * * *", ATHENS), "2026-03-27T12:00:00Z", &daily);
        let hourly = ["2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z"];
        times(("30 * * * *", ATHENS), "2026-03-29T00:00:00Z", &hourly);
    }

    #[test]
    fn an_hour_that_the_clock_repeats_has_one_job_unless_every_hour_has() {
        // On 25 October 2026 they go from 4:00 to 3:00.
        let daily = [
            "2026-10-24T00:30:00Z",
            "2026-10-25T00:30:00Z",
            "2026-10-26T01:30:00Z",
        ];
        times(("30 3 * * *", ATHENS), "2026-10-23T12:00:00Z", &daily);
        let third = ["2026-10-25T00:00:00Z", "2026-10-25T04:00:00Z"];
        times(("0 */3 * * *", ATHENS), "2026-10-24T22:00:00Z", &third);
        let hourly = ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"];
        for cron in ["30 * * * *", "30 0-23 * * *"] {
            times((cron, ATHENS), "2026-10-25T00:00:00Z", &hourly);
        }
    }

    #[test]
    fn a_clock_that_is_set_back_by_half_an_hour_is_followed() {
        // On 4 April 2027 those of Lord Howe go from 2:00 to 1:30.
        let noon = ["2027-04-03T01:00:00Z", "2027-04-04T01:30:00Z"];
        times(
            ("0 12 * * *", "Australia/Lord_Howe"),
            "2027-04-02T12:00:00Z",
            &noon,
        );
    }
}
