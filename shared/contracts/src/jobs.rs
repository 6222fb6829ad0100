//! Jobs: the payloads that travel through the queue, and the record that can be read.

use crate::text::check_storable;
use garde::Validate;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

/// What a job carries through the queue: a type of its own, with a name, a version and limits.
///
/// A queue hands a payload to whoever handles its `KIND`. Raise `VERSION` when older readers
/// would misread it, and let `decode` read the previous version until no release writes it.
pub trait Payload: Serialize + DeserializeOwned + Send + 'static {
    /// The name of the work, one word: `train`.
    const KIND: &'static str;
    /// The version of the payload's form.
    const VERSION: u16 = 1;
    /// The queue in which it waits; kinds that must not wait for each other have queues of their own.
    const QUEUE: &'static str;
    /// How often it is started before it counts as dead.
    const MAX_ATTEMPTS: u16 = 8;
    /// How long one attempt may take; then it is dropped.
    const TIME_LIMIT: Duration;
    /// After this an attempt is asked to end by itself.
    const SOFT_TIME_LIMIT: Option<Duration> = None;

    /// Reads a payload of `version`; override it to read previous versions too.
    fn decode(version: u16, body: &[u8]) -> Result<Self, UnreadablePayload> {
        if version != Self::VERSION {
            return Err(UnreadablePayload::Version {
                kind: Self::KIND,
                version,
            });
        }
        // Text is checked once and not string by string.
        let body = str::from_utf8(body).map_err(serde_json::Error::custom)?;
        Ok(serde_json::from_str(body)?)
    }
}

/// Why a payload cannot be read. Trying again would not help.
#[derive(Debug)]
pub enum UnreadablePayload {
    /// It was written by a release that this one does not know.
    Version {
        /// The name of the work.
        kind: &'static str,
        /// The version that came.
        version: u16,
    },
    /// It is not what its kind and version say.
    Json(serde_json::Error),
}

impl std::fmt::Display for UnreadablePayload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Version { kind, version } => {
                write!(f, "version {version} of `{kind}` is not known here")
            }
            Self::Json(_) => f.write_str("the payload is not what its kind says"),
        }
    }
}

impl std::error::Error for UnreadablePayload {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Version { .. } => None,
            Self::Json(error) => Some(error),
        }
    }
}

impl From<serde_json::Error> for UnreadablePayload {
    fn from(error: serde_json::Error) -> Self {
        Self::Json(error)
    }
}

/// Payload: train a model.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Train {
    /// The training, whose snapshot `api` keeps.
    pub training_id: Uuid,
    /// The assistant that it is for.
    pub assistant_id: Uuid,
    /// The account that it belongs to.
    pub account_id: Uuid,
}

impl Payload for Train {
    const KIND: &'static str = "train";
    const QUEUE: &'static str = "trainings";
    // With backoff up to five minutes, half an hour of a service being away is bridged.
    const MAX_ATTEMPTS: u16 = 16;
    const TIME_LIMIT: Duration = Duration::from_mins(15);
}

/// Payload: measure how well an assistant understands.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Evaluate {
    /// The evaluation, whose snapshot `api` keeps.
    pub evaluation_id: Uuid,
    /// The assistant that it is of.
    pub assistant_id: Uuid,
    /// The account that it belongs to.
    pub account_id: Uuid,
}

impl Payload for Evaluate {
    const KIND: &'static str = "evaluate";
    // Of its own: nobody waits with a training for twenty trainings of a cross-validation.
    const QUEUE: &'static str = "evaluations";
    const MAX_ATTEMPTS: u16 = 16;
    // What RabbitMQ grants a job is 28 minutes.
    const TIME_LIMIT: Duration = Duration::from_mins(27);
    const SOFT_TIME_LIMIT: Option<Duration> = Some(Duration::from_mins(25));
}

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobStatus {
    /// Waits for its time, or for other jobs.
    Scheduled,
    /// Waits for its turn.
    Queued,
    /// Runs.
    Running,
    /// Has failed and will be tried again.
    Retrying,
    /// Is done.
    Succeeded,
    /// Has failed for good; `error` says why.
    Failed,
    /// Was cancelled.
    Cancelled,
}

impl JobStatus {
    /// The status as it is stored and written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Retrying => "retrying",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// The record of a job.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
pub struct Job {
    /// The job's id.
    pub id: Uuid,
    /// The queue in which it waits.
    #[schema(example = "trainings")]
    pub queue: String,
    /// What kind of work it is.
    #[schema(example = "train")]
    pub kind: String,
    /// How far it is.
    pub status: JobStatus,
    /// The part that is done, 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    pub progress: f64,
    /// How often it was started.
    pub attempts: i32,
    /// How often it is started at most.
    pub max_attempts: i32,
    /// Whether it was told to end while it runs.
    pub cancel_requested: bool,
    /// Why it last failed; null otherwise.
    pub error: Option<String>,
    /// What it has given; null if it gives nothing, or what it gave has expired.
    pub result: Option<serde_json::Value>,
    /// The trace in which it runs.
    pub trace_id: Option<String>,
    /// The schedule that started it; null if none did.
    #[schema(example = "nightly")]
    pub schedule: Option<String>,
    /// When it was enqueued.
    #[serde(with = "time::serde::rfc3339")]
    pub enqueued_at: OffsetDateTime,
    /// When it was last started; null until then.
    #[serde(with = "time::serde::rfc3339::option")]
    pub started_at: Option<OffsetDateTime>,
    /// When it ended; null until then.
    #[serde(with = "time::serde::rfc3339::option")]
    pub finished_at: Option<OffsetDateTime>,
}

/// A job with what its attempts came to.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
pub struct JobDetail {
    /// The job.
    #[serde(flatten)]
    pub job: Job,
    /// The attempts that did not succeed, in their order.
    pub history: Vec<JobAttempt>,
}

/// An attempt that did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct JobAttempt {
    /// Its number, from 1.
    pub number: i32,
    /// `retried`, `failed`, `cancelled`, `released` (its process ended) or `lost` (its process died).
    #[schema(example = "retried")]
    pub outcome: String,
    /// Why; null if nobody can say.
    pub error: Option<String>,
    /// When it began.
    #[serde(with = "time::serde::rfc3339::option")]
    pub started_at: Option<OffsetDateTime>,
    /// When it ended, or was found to have.
    #[serde(with = "time::serde::rfc3339")]
    pub ended_at: OffsetDateTime,
}

/// Input of `retry_jobs`: which of the failed jobs start anew. What is absent narrows nothing.
#[derive(Clone, Debug, Default, Deserialize, Serialize, Validate, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RetryJobs {
    /// Only of this queue.
    #[garde(length(chars, min = 1, max = 50), inner(custom(check_storable)))]
    #[schema(min_length = 1, max_length = 50, example = "trainings")]
    pub queue: Option<String>,
    /// Only this kind of work.
    #[garde(length(chars, min = 1, max = 50), inner(custom(check_storable)))]
    #[schema(min_length = 1, max_length = 50, example = "train")]
    pub kind: Option<String>,
    /// Only these.
    #[garde(length(min = 1, max = 100))]
    #[schema(min_items = 1, max_items = 100)]
    pub ids: Option<Vec<Uuid>>,
    /// Only those whose error has this text in it, in upper or lower case.
    #[garde(length(chars, min = 1, max = 200), inner(custom(check_storable)))]
    #[schema(min_length = 1, max_length = 200, example = "ml answered 503")]
    pub error: Option<String>,
    /// `next_cursor` of the answer before; absent for the first request.
    #[garde(length(max = 500))]
    #[schema(max_length = 500)]
    pub cursor: Option<String>,
}

/// What became of failed jobs that were to start anew, a hundred at most, the newest first.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct RetriedJobs {
    /// How many start anew.
    pub retried: u64,
    /// Those that stay as they are.
    pub skipped: Vec<SkippedJob>,
    /// Pass as `cursor` to go on with older ones; null if there are no more.
    pub next_cursor: Option<String>,
}

/// A failed job that does not start anew.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct SkippedJob {
    /// The job.
    pub id: Uuid,
    /// Why it does not.
    pub reason: String,
}
