//! How an assistant understands: which settings a request may make.

use jiff::tz::TimeZone;
use stoa_contracts::understanding::{Understanding, UpdateUnderstanding};
use stoa_service::Problem;

/// The settings with what a request names of them, or where it names something that does not exist.
pub(crate) fn changed(
    before: Understanding,
    change: UpdateUnderstanding,
) -> Result<Understanding, Problem> {
    if let Some(Some(name)) = &change.time_zone {
        check_time_zone(name)?;
    }
    Ok(before.with(change))
}

fn check_time_zone(name: &str) -> Result<(), Problem> {
    let found = TimeZone::get(name);
    found.map(drop).map_err(|_| {
        let message = "is no time zone of the IANA database; one is `UTC`, another `Europe/Athens`";
        Problem::at("/understanding/time_zone", message)
    })
}
