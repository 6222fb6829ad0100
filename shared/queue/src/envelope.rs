//! What is written on the outside of a job.

use crate::trace::TraceHeaders;
use serde::{Deserialize, Serialize, de::Error as _};
use time::OffsetDateTime;
use uuid::Uuid;

/// The head of a job's message. The payload travels beside it, so that whoever only routes,
/// counts or parks a job never parses the payload. New fields must have a default, and are not written where they have
/// it: every byte goes over the broker twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// The job, and the key under which its effects are idempotent (`UUIDv7`: sorts by age).
    pub id: Uuid,
    /// The name of the work.
    pub kind: String,
    /// The version of the payload's form.
    pub version: u16,
    /// The account on whose behalf it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Uuid>,
    /// Which attempt this is, from 1.
    pub attempt: u16,
    /// The last attempt that is made.
    pub max_attempts: u16,
    /// When it was first enqueued.
    #[serde(with = "time::serde::rfc3339")]
    pub enqueued_at: OffsetDateTime,
    /// The trace that it continues.
    #[serde(default, skip_serializing_if = "TraceHeaders::is_empty")]
    pub trace: TraceHeaders,
    /// Which copy this is of a job that stands in a [`Store`](crate::store::Store); 0 for one that does not.
    #[serde(default, skip_serializing_if = "is_default")]
    pub sends: i32,
    /// Whether the same copy was handed out before, and given back without an end.
    #[serde(default, skip_serializing_if = "is_default")]
    pub is_again: bool,
    /// Whether it was worked on then, so that the attempt counts.
    #[serde(default, skip_serializing_if = "is_default")]
    pub was_tried: bool,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Bytes that most envelopes fit into.
const HEAD: usize = 256;

/// A job as it lies on a broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    /// The envelope as JSON; whatever came, if it is none.
    pub(crate) head: Vec<u8>,
    /// The payload.
    pub(crate) body: Vec<u8>,
}

impl Message {
    pub(crate) fn new(envelope: &Envelope, body: Vec<u8>) -> Self {
        let mut head = Vec::with_capacity(HEAD);
        serde_json::to_writer(&mut head, envelope).expect("an envelope has only text keys");
        Self { head, body }
    }

    pub(crate) fn envelope(&self) -> Result<Envelope, serde_json::Error> {
        // Text is checked once and not string by string, which is half of the work.
        let head = str::from_utf8(&self.head).map_err(serde_json::Error::custom)?;
        serde_json::from_str(head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_of_the_next_release_can_be_read() {
        let json = r#"{"id":"018f0000-0000-7000-8000-000000000000","kind":"train","version":1,"attempt":1,
            "max_attempts":8,"enqueued_at":"2030-01-01T00:00:00Z","priority":"high"}"#;
        let envelope: Envelope = serde_json::from_str(json).unwrap();
        assert_eq!(envelope.kind, "train");
        assert_eq!(envelope.account, None);
    }

    #[test]
    fn an_envelope_says_nothing_that_goes_without_saying_and_loses_nothing() {
        let json = r#"{"id":"018f0000-0000-7000-8000-000000000000","kind":"train","version":1,"attempt":1,"max_attempts":8,"enqueued_at":"2030-01-01T00:00:00Z"}"#;
        let plain: Envelope = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&plain).unwrap(), json);
        let full = Envelope {
            account: Some(plain.id),
            trace: TraceHeaders {
                traceparent: "00-1-2-01".to_owned(),
                tracestate: "a=1".to_owned(),
            },
            sends: 2,
            is_again: true,
            was_tried: true,
            ..plain
        };
        let message = Message::new(&full, Vec::new());
        assert_eq!(message.envelope().unwrap(), full);
    }
}
