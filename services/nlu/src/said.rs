//! What a user said, and when and where.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use stoa_service::Problem;
use time::OffsetDateTime;
use uuid::Uuid;

/// An utterance; "tomorrow" in it is counted from a time in a time zone.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) text: String,
    /// When it was said; none for now, where the answer must not be kept.
    pub(crate) reference_time: Option<OffsetDateTime>,
    /// Of the IANA database; none for UTC.
    pub(crate) time_zone: Option<String>,
    /// The conversation that it belongs to.
    pub(crate) conversation: Option<Uuid>,
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
            conversation: None,
        })
    }

    /// The same, in a conversation.
    pub(crate) fn within(self, conversation: Option<Uuid>) -> Self {
        Self {
            conversation,
            ..self
        }
    }

    /// What is understood by one and the same version of the model: a conversation, else a text.
    pub(crate) fn key(&self) -> &[u8] {
        match &self.conversation {
            Some(conversation) => conversation.as_bytes(),
            None => self.text.as_bytes(),
        }
    }

    /// Said now, nobody knows where.
    pub(crate) const fn now(text: String) -> Self {
        Self {
            text,
            reference_time: None,
            time_zone: None,
            conversation: None,
        }
    }
}
