//! The inbox: utterances that an assistant was not sure of, for a person to say what they mean.

use crate::jobs::Payload;
use crate::parse::RankedIntent;
use crate::training_data::EntityAnnotation;
use garde::Validate;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

/// The longest utterance that is collected, in Unicode scalar values: what is longer is a letter, not an example.
pub const TEXT_LIMIT: usize = 2_000;
/// Guesses that are kept of an utterance.
pub const GUESSES_LIMIT: usize = 5;
/// Bytes of utterances, as JSON, that one job carries: well below the 64 KiB that a payload may have.
pub const BATCH_BYTES: usize = 48 * 1024;

/// Payload: bring utterances that `nlu` was not sure of to `api`. The job's id says which batch it is, so that one that
/// comes twice is counted once.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct CollectInbox {
    /// The assistant that they were said to.
    pub assistant_id: Uuid,
    /// The account that it belongs to.
    pub account_id: Uuid,
    /// What was said.
    pub utterances: Vec<UncertainUtterance>,
}

impl Payload for CollectInbox {
    const KIND: &'static str = "collect_inbox";
    // Of its own: utterances neither wait for a training nor hold anything up.
    const QUEUE: &'static str = "inbox";
    // With backoff up to five minutes, half an hour of `api` being away is bridged.
    const MAX_ATTEMPTS: u16 = 16;
    const TIME_LIMIT: Duration = Duration::from_mins(1);
}

/// Internal: an utterance that was not understood for sure, with how often it was said meanwhile.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct UncertainUtterance {
    /// As it was said; at most [`TEXT_LIMIT`] characters, and no NUL.
    pub text: String,
    /// How often, from 1.
    pub times: u32,
    /// When it was first said.
    #[serde(with = "time::serde::rfc3339")]
    pub first_at: OffsetDateTime,
    /// When it was last said.
    #[serde(with = "time::serde::rfc3339")]
    pub last_at: OffsetDateTime,
    /// The version of the model that answered last.
    pub model_version: i32,
    /// What it may mean, best first, at most [`GUESSES_LIMIT`].
    pub guesses: Vec<RankedIntent>,
}

impl UncertainUtterance {
    /// Counts the same utterance once more; what was said later says how, and what it may mean.
    pub fn join(&mut self, mut other: Self) {
        if other.last_at < self.last_at {
            std::mem::swap(self, &mut other);
        }
        let (times, first_at) = (
            self.times.saturating_add(other.times),
            self.first_at.min(other.first_at),
        );
        *self = Self {
            times,
            first_at,
            ..other
        };
    }
}

/// Internal: `worker` brings a batch to `api`, at `/internal/v1/assistants/{id}/inbox/{batch}`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct InboxBatch {
    /// What was said.
    pub utterances: Vec<UncertainUtterance>,
}

/// Internal: what became of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct InboxTaken {
    /// How many different utterances were taken; 0 of a batch that was there before.
    pub taken: usize,
}

/// What became of an utterance in the inbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum InboxStatus {
    /// Waits for a person.
    Open,
    /// Is an example of an intent now.
    Labelled,
    /// Is not worth learning from.
    Dismissed,
}

impl InboxStatus {
    /// The status as it is stored and written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Labelled => "labelled",
            Self::Dismissed => "dismissed",
        }
    }
}

/// An utterance that an assistant was not sure of.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
pub struct InboxItem {
    /// The item's id.
    pub id: Uuid,
    /// The assistant that it was said to.
    pub assistant_id: Uuid,
    /// As it was last said. Upper and lower case, and how much space there is, make no other item.
    #[schema(example = "my metre shows 48213")]
    pub text: String,
    /// How often it was said.
    pub seen: i64,
    /// When it was first said.
    #[serde(with = "time::serde::rfc3339")]
    pub first_at: OffsetDateTime,
    /// When it was last said.
    #[serde(with = "time::serde::rfc3339")]
    pub last_at: OffsetDateTime,
    /// What the model that answered last took it for, best first, five at most.
    pub guesses: Vec<RankedIntent>,
    /// The version of that model.
    pub model_version: i32,
    /// What became of it.
    pub status: InboxStatus,
    /// What it was labelled as: an intent, or `out_of_scope`; null if it was not.
    #[schema(example = "report_reading")]
    pub intent: Option<String>,
    /// When it was labelled or dismissed; null until then.
    #[serde(with = "time::serde::rfc3339::option")]
    pub decided_at: Option<OffsetDateTime>,
}

/// Input of `label_inbox_item`: either an intent, or `dismiss`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, Validate, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LabelInboxItem {
    /// What the utterance means: an intent of the training data, or `out_of_scope`.
    #[garde(length(chars, min = 1, max = 200))]
    #[schema(min_length = 1, max_length = 200, example = "report_reading")]
    pub intent: Option<String>,
    /// The entities in the utterance; only with an intent.
    #[garde(length(max = 100))]
    #[schema(max_items = 100)]
    pub entities: Vec<EntityAnnotation>,
    /// The utterance as it was shown when its entities were marked: if it was said otherwise since, it is not labelled.
    #[garde(length(chars, max = TEXT_LIMIT))]
    #[schema(max_length = 2000)]
    pub text: Option<String>,
    /// Whether the intent may be a new one.
    #[garde(skip)]
    #[schema(default = false)]
    pub create_intent: bool,
    /// Whether there is nothing to learn from it.
    #[garde(skip)]
    #[schema(default = false)]
    pub dismiss: bool,
}
