//! Trainings: making a model out of training data.

use crate::models::ModelMetrics;
use crate::training_data::TrainingData;
use garde::Validate;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

/// Input of `create_training`.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, Validate, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CreateTraining {
    /// Whether the new model answers as soon as it is there.
    #[garde(skip)]
    #[schema(default = true)]
    pub activate: bool,
}

impl Default for CreateTraining {
    fn default() -> Self {
        Self { activate: true }
    }
}

/// How far a training, or an evaluation, is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TrainingStatus {
    /// Waits for a worker.
    Queued,
    /// Runs.
    Running,
    /// Has made its model, or measured.
    Succeeded,
    /// Has ended without; `error` says why.
    Failed,
}

impl TrainingStatus {
    /// The status as it is stored and written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }

    /// Whether nothing more happens.
    pub const fn is_end(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed)
    }
}

/// A training.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
pub struct Training {
    /// The training's id.
    pub id: Uuid,
    /// The job that does it, which can be cancelled; null if it was started by a release that did not say.
    #[serde(default)]
    pub job_id: Option<Uuid>,
    /// The assistant that it is for.
    pub assistant_id: Uuid,
    /// How far it is.
    pub status: TrainingStatus,
    /// The part that is done, 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    pub progress: f64,
    /// The version of the model that it makes.
    pub model: i32,
    /// What was measured on held-out examples; null until it has succeeded.
    pub metrics: Option<ModelMetrics>,
    /// Why it failed; null otherwise.
    pub error: Option<String>,
    /// When it was started.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it ended; null until then.
    #[serde(with = "time::serde::rfc3339::option")]
    pub finished_at: Option<OffsetDateTime>,
}

/// Internal: the data of a training as it stood when the training was started.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct TrainingSnapshot {
    /// The training.
    pub training_id: Uuid,
    /// The assistant that it is for.
    pub assistant_id: Uuid,
    /// The version of the model to make.
    pub model: i32,
    /// The language of the utterances, a BCP 47 tag.
    pub language: String,
    /// The data.
    pub data: TrainingData,
    /// How often the training was started, this time counted: one that has failed is worked on again only if this is
    /// more than it was then.
    #[serde(default = "first")]
    pub run: i32,
    /// Whether a sentence encoder is used.
    #[serde(default)]
    pub is_encoded: bool,
}

fn first() -> i32 {
    1
}

/// Internal: input of `start_training`, from `worker` to `api`, for a training whose id is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct StartTraining {
    /// The account that the assistant must belong to.
    pub account_id: Uuid,
    /// The user, or the API key, on whose behalf it is started.
    pub created_by: Uuid,
    /// Whether the new model answers as soon as it is there.
    pub activate: bool,
}

/// Internal: how far a training is, from `ml` to `worker` and on to `api`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct TrainingReport {
    /// How far it is.
    pub status: TrainingStatus,
    /// The part that is done, 0 to 1.
    pub progress: f64,
    /// What was measured; only with `succeeded`.
    #[serde(default)]
    pub metrics: Option<ModelMetrics>,
    /// Why it failed; only with `failed`.
    #[serde(default)]
    pub error: Option<String>,
}
