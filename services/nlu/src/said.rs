//! What a user said, and when and where.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use stoa_service::Problem;
use time::OffsetDateTime;

/// An utterance; "tomorrow" in it is counted from a time in a time zone.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) text: String,
    /// When it was said; none for now, where the answer must not be kept.
    pub(crate) reference_time: Option<OffsetDateTime>,
    /// Of the IANA database; none for UTC.
    pub(crate) time_zone: Option<String>,
}

impl Said {
    /// Refuses what is no time zone.
    pub(crate) fn new(
        text: String,
        reference_time: Option<OffsetDateTime>,
        time_zone: Option<String>,
    ) -> Result<Self, Problem> {
        let nanos = reference_time.map(OffsetDateTime::unix_timestamp_nanos);
        if nanos.is_some_and(|nanos| Timestamp::from_nanosecond(nanos).is_err()) {
            return Err(Problem::at(
                "/reference_time",
                "is out of the range of times",
            ));
        }
        let zone = time_zone.as_deref().map(TimeZone::get);
        if zone.is_some_and(|zone| zone.is_err()) {
            let message =
                "is no time zone of the IANA database; one is `UTC`, another `Europe/Athens`";
            return Err(Problem::at("/time_zone", message));
        }
        Ok(Self {
            text,
            reference_time,
            time_zone,
        })
    }

    /// Said now, nobody knows where.
    pub(crate) const fn now(text: String) -> Self {
        Self {
            text,
            reference_time: None,
            time_zone: None,
        }
    }
}
