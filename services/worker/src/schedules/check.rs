//! Whether the times of a schedule can be kept.

use std::time::Duration;
use stoa_queue::store::{ScheduleError, upcoming};
use stoa_service::Problem;
use time::OffsetDateTime;

/// Minute, hour, day of the month, month, day of the week.
const FIELDS: usize = 5;
/// Nothing that takes minutes is started more often than this.
const LEAST_PAUSE: Duration = Duration::from_mins(15);
/// So many times are looked at for that.
const LOOKED_AT: usize = 10;

/// When a schedule starts something.
pub(super) struct Times<'a> {
    cron: &'a str,
    time_zone: &'a str,
}

impl<'a> Times<'a> {
    /// Refuses what is no expression, or no time zone.
    pub(super) fn new(cron: &'a str, time_zone: &'a str) -> Result<Self, Problem> {
        let fields = cron.split_whitespace().count();
        if fields != FIELDS {
            let message = format!(
                "has {fields} fields where five are meant: minute, hour, day of the month, month, day of the week, \
                 such as `30 3 * * *`"
            );
            return Err(Problem::at("/cron", &message));
        }
        let moment = OffsetDateTime::UNIX_EPOCH;
        if let Err(error) = upcoming(cron, "UTC", moment, 1) {
            return Err(Problem::at("/cron", &reason(error)?));
        }
        if time_zone.contains(char::is_whitespace) || upcoming(cron, time_zone, moment, 1).is_err()
        {
            let message =
                "is no time zone of the IANA database; one is `UTC`, another `Europe/Athens`";
            return Err(Problem::at("/time_zone", message));
        }
        Ok(Self { cron, time_zone })
    }

    /// Refuses what starts too often.
    pub(super) fn check(&self, now: OffsetDateTime) -> Result<(), Problem> {
        let times = match upcoming(self.cron, self.time_zone, now, LOOKED_AT) {
            Ok(times) => times,
            Err(error) => return Err(Problem::at("/cron", &reason(error)?)),
        };
        if times.windows(2).any(|pair| pair[1] - pair[0] < LEAST_PAUSE) {
            return Err(Problem::at(
                "/cron",
                "starts something more often than every 15 minutes",
            ));
        }
        Ok(())
    }
}

/// What is wrong with an expression: what its reader says under the place that it points at, or else in its first line.
fn reason(error: ScheduleError) -> Result<String, Problem> {
    match error {
        ScheduleError::Cron { reason, .. } => {
            let mut lines = reason.lines().map(str::trim);
            let pointed = lines.clone().find_map(|line| line.strip_prefix('^'));
            let told = pointed.or_else(|| lines.find(|line| !line.is_empty()));
            Ok(format!(
                "cannot be kept: {}",
                told.unwrap_or("no time fits it").trim()
            ))
        }
        ScheduleError::Queue(error) => Err(error.into()),
    }
}
