//! A schedule as its account reads it.

use stoa_contracts::schedules::{MissedTimes, Moment, Schedule, ScheduledJob, ScheduledKind};
use stoa_queue::Payload as _;
use stoa_queue::store::{Missed, Planned, upcoming};
use time::OffsetDateTime;

use crate::retrain::Retrain;

/// How many times are shown.
const SHOWN: usize = 5;

/// A stored schedule; `None` if it starts what an account cannot.
pub(super) fn schedule(planned: Planned, now: OffsetDateTime) -> Option<Schedule> {
    let Planned { schedule, payload } = planned;
    if schedule.kind != Retrain::KIND {
        return None;
    }
    let retrain = Retrain::decode(Retrain::VERSION, &payload).ok()?;
    let upcoming = if schedule.is_enabled {
        // What is due, and has not been started yet, comes first.
        let from = now.min(schedule.next_at - time::Duration::SECOND);
        upcoming(&schedule.cron, &schedule.time_zone, from, SHOWN).unwrap_or_default()
    } else {
        Vec::new()
    };
    Some(Schedule {
        name: own_name(&schedule.name).to_owned(),
        cron: schedule.cron,
        time_zone: schedule.time_zone,
        missed: match schedule.missed {
            Missed::Skip => MissedTimes::Skip,
            Missed::Once => MissedTimes::Once,
            Missed::All => MissedTimes::All,
        },
        enabled: schedule.is_enabled,
        job: ScheduledJob {
            kind: ScheduledKind::Retrain,
            assistant_id: retrain.assistant_id,
            activate: retrain.activate,
        },
        upcoming: upcoming.into_iter().map(Moment).collect(),
        last_at: schedule.last_at,
    })
}

/// The name that the account has given, without that of the account.
pub(crate) fn own_name(key: &str) -> &str {
    key.split_once('/').map_or(key, |(_, name)| name)
}
