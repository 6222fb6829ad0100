//! A job as it stands in the record.

use time::OffsetDateTime;
use uuid::Uuid;

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// For other jobs to succeed.
    Waiting,
    /// For its time: it has a delay, or is to be tried again.
    Scheduled,
    /// For its turn.
    Queued,
    /// It is on the broker.
    Sent,
    /// It is worked on.
    Running,
    /// It is done.
    Succeeded,
    /// It has failed for good; it can be replayed.
    Failed,
    /// Somebody has cancelled it, or a job that it waited for did not succeed.
    Cancelled,
}

impl State {
    /// All of them, in the order in which a job goes through them.
    pub const ALL: [Self; 8] = [
        Self::Waiting,
        Self::Scheduled,
        Self::Queued,
        Self::Sent,
        Self::Running,
        Self::Succeeded,
        Self::Failed,
        Self::Cancelled,
    ];

    /// As it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Scheduled => "scheduled",
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing comes after it, unless the job is replayed.
    pub const fn is_end(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }

    /// The state of a row; the table allows no other.
    pub(crate) fn from_stored(text: &str) -> Self {
        let known = Self::ALL.into_iter().find(|state| state.as_str() == text);
        known.unwrap_or(Self::Failed)
    }
}

/// The record of a job.
#[derive(Clone, Debug)]
pub struct StoredJob {
    /// Its id.
    pub id: Uuid,
    /// Where it waits.
    pub queue: String,
    /// What kind of work it is.
    pub kind: String,
    /// The account on whose behalf it runs; nil for the platform itself.
    pub account: Uuid,
    /// How far it is.
    pub state: State,
    /// 0 is first, 2 last.
    pub priority: i16,
    /// The payload, as JSON.
    pub payload: Vec<u8>,
    /// The part that is done, 0 to 1.
    pub progress: f64,
    /// How often it was started.
    pub attempts: i16,
    /// How often it is started at most.
    pub max_attempts: i16,
    /// Whether a running job was told to end.
    pub cancel_requested: bool,
    /// What the last failure said.
    pub error: Option<String>,
    /// What it has given.
    pub result: Option<serde_json::Value>,
    /// The trace in which it ran last.
    pub trace_id: Option<String>,
    /// The chain, group or chord that it belongs to.
    pub flow: Option<Uuid>,
    /// The schedule that enqueued it.
    pub schedule: Option<String>,
    /// Before this it does not start.
    pub not_before: OffsetDateTime,
    /// When it was enqueued.
    pub enqueued_at: OffsetDateTime,
    /// When it was last started.
    pub started_at: Option<OffsetDateTime>,
    /// When it ended.
    pub finished_at: Option<OffsetDateTime>,
}

/// An attempt that did not succeed.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Its number, from 1.
    pub number: i16,
    /// `retried`, `failed`, `cancelled`, `released` (its process ended) or `lost` (its process died).
    pub outcome: String,
    /// Why.
    pub error: Option<String>,
    /// The process that made it.
    pub worker: Option<String>,
    /// When it began.
    pub started_at: Option<OffsetDateTime>,
    /// When it ended, or was found to have.
    pub ended_at: OffsetDateTime,
}
