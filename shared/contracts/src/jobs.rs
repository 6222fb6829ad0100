//! Jobs: the payloads that travel through the queue, and the record that can be read.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

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

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobStatus {
    /// Runs.
    Running,
    /// Has failed and will be tried again.
    Retrying,
    /// Is done.
    Succeeded,
    /// Has failed for good; `error` says why.
    Failed,
}

impl JobStatus {
    /// The status as it is stored and written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Retrying => "retrying",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }
}

/// The record of a job.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
pub struct Job {
    /// The job's id.
    pub id: Uuid,
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
    /// Why it last failed; null otherwise.
    pub error: Option<String>,
    /// The trace in which it runs.
    pub trace_id: Option<String>,
    /// When it was enqueued.
    #[serde(with = "time::serde::rfc3339")]
    pub enqueued_at: OffsetDateTime,
    /// When it was last started.
    #[serde(with = "time::serde::rfc3339")]
    pub started_at: OffsetDateTime,
    /// When it ended; null until then.
    #[serde(with = "time::serde::rfc3339::option")]
    pub finished_at: Option<OffsetDateTime>,
}
