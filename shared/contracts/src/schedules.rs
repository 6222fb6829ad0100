//! Schedules: jobs of an account that come back by the clock.

use garde::Validate;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

/// Input of `create_schedule`.
#[derive(Clone, Debug, Deserialize, Serialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateSchedule {
    /// The name, unique in the account: lower-case letters, digits and hyphens.
    #[garde(length(max = 50), custom(check_name))]
    #[schema(
        min_length = 1,
        max_length = 50,
        pattern = "^[a-z0-9]+(-[a-z0-9]+)*$",
        example = "nightly"
    )]
    pub name: String,
    /// Minute, hour, day of the month, month, day of the week.
    #[garde(length(min = 1, max = 100))]
    #[schema(min_length = 1, max_length = 100, example = "30 3 * * *")]
    pub cron: String,
    /// In which the times are meant, of the IANA database.
    #[garde(length(min = 1, max = 64))]
    #[serde(default = "utc")]
    #[schema(
        min_length = 1,
        max_length = 64,
        default = "UTC",
        example = "Europe/Athens"
    )]
    pub time_zone: String,
    /// What becomes of times at which nothing could be started.
    #[garde(skip)]
    #[serde(default)]
    pub missed: MissedTimes,
    /// Whether it starts anything.
    #[garde(skip)]
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub enabled: bool,
    /// What it starts.
    #[garde(skip)]
    pub job: ScheduledJob,
}

/// Input of `update_schedule`; what is absent stays as it is.
#[derive(Clone, Debug, Default, Deserialize, Serialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateSchedule {
    /// New times.
    #[garde(length(min = 1, max = 100))]
    #[schema(min_length = 1, max_length = 100, example = "30 3 * * *")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cron: Option<String>,
    /// A new time zone.
    #[garde(length(min = 1, max = 64))]
    #[schema(min_length = 1, max_length = 64, example = "Europe/Athens")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// What becomes of missed times from now on.
    #[garde(skip)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missed: Option<MissedTimes>,
    /// Whether it starts anything. Times that pass while it does not are not made up for.
    #[garde(skip)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// What it starts from now on.
    #[garde(skip)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<ScheduledJob>,
}

/// What a schedule starts.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ScheduledJob {
    /// The kind of work.
    pub kind: ScheduledKind,
    /// The assistant that it is for.
    pub assistant_id: Uuid,
    /// Whether the new model answers as soon as it is there.
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub activate: bool,
}

/// The kinds of work that can be scheduled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScheduledKind {
    /// A training with the data as it stands then.
    Retrain,
}

/// What becomes of times at which nothing could be started, because the platform was away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MissedTimes {
    /// They are left out.
    Skip,
    /// One job stands for all of them.
    #[default]
    Once,
    /// Each has its job.
    All,
}

/// A schedule.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct Schedule {
    /// The name, unique in the account.
    #[schema(example = "nightly")]
    pub name: String,
    /// Minute, hour, day of the month, month, day of the week.
    #[schema(example = "30 3 * * *")]
    pub cron: String,
    /// In which the times are meant, of the IANA database.
    #[schema(example = "Europe/Athens")]
    pub time_zone: String,
    /// What becomes of times at which nothing could be started.
    pub missed: MissedTimes,
    /// Whether it starts anything.
    pub enabled: bool,
    /// What it starts.
    pub job: ScheduledJob,
    /// When it starts something next, the next five times; empty while it is not enabled.
    pub upcoming: Vec<Moment>,
    /// The time for which it last started something; null until then.
    #[serde(with = "time::serde::rfc3339::option")]
    pub last_at: Option<OffsetDateTime>,
}

/// A moment in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(transparent)]
pub struct Moment(#[serde(with = "time::serde::rfc3339")] pub OffsetDateTime);

fn utc() -> String {
    "UTC".into()
}

fn yes() -> bool {
    true
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "garde hands the context over so"
)]
fn check_name(name: &str, (): &()) -> garde::Result {
    let is_word = |word: &str| {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        !word.is_empty() && word.bytes().all(fits)
    };
    if name.split('-').all(is_word) {
        return Ok(());
    }
    Err(garde::Error::new(
        "takes lower-case letters and digits, in words that hyphens join: `every-night`",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_stand_in_a_path() {
        for good in ["nightly", "a", "every-night-2"] {
            assert!(check_name(good, &()).is_ok(), "{good}");
        }
        for bad in [
            "",
            "-",
            "a-",
            "-a",
            "a--b",
            "Nightly",
            "a b",
            "a/b",
            "νύχτα",
        ] {
            assert!(check_name(bad, &()).is_err(), "{bad}");
        }
    }
}
