//! Models: what a training made.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

/// A trained model of an assistant.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
pub struct Model {
    /// The version, from 1 in each assistant.
    pub version: i32,
    /// The training that made it.
    pub training_id: Uuid,
    /// Whether it is the one that answers.
    pub active: bool,
    /// What was measured on held-out examples.
    pub metrics: ModelMetrics,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}

/// What was measured while a model was trained.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
pub struct ModelMetrics {
    /// Share of held-out utterances whose intent was right, 0 to 1; null with too few to hold out.
    pub accuracy: Option<f64>,
    /// How many utterances it was trained on.
    pub examples: usize,
    /// How many intents it knows.
    pub intents: usize,
    /// How many kinds of entity it knows.
    pub entities: usize,
    /// Seconds that the training took.
    pub seconds: f64,
    /// Bytes of the stored model.
    pub bytes: u64,
}
