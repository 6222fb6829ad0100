//! Evaluations: how well an assistant understands, measured on labelled utterances.

use crate::training_data::{Example, TrainingData};
use crate::trainings::TrainingStatus;
use crate::understanding::Understanding;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

/// The fewest parts that the data is divided into: one to learn from, one to be asked.
pub const FEWEST_FOLDS: u32 = 2;
/// The most parts; each one costs a training.
pub const MOST_FOLDS: u32 = 20;
/// The parts where nobody says how many.
pub const USUAL_FOLDS: u32 = 5;
/// Intents that a result tells of, those with the most examples.
pub const INTENTS_TOLD: usize = 2_000;
/// Cells of the confusion matrix that a result tells of, the largest.
pub const CELLS_TOLD: usize = 2_000;
/// Wrong answers that a result tells of, the surest.
pub const MISTAKES_TOLD: usize = 500;
/// The longest part of an utterance that is told of a wrong answer, in Unicode scalar values.
pub const MISTAKE_TEXT_LIMIT: usize = 300;

/// Input of `create_evaluation`: one of two ways to measure.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(untagged)]
pub enum CreateEvaluation {
    /// Of the training data, by models that have not seen what they are asked.
    CrossValidation(CrossValidation),
    /// Of a set that comes along, by a model that is there.
    LabelledSet(LabelledSet),
}

/// Divides the latest training data into folds; a model learns from all but one of them and is asked the one, in turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CrossValidation {
    /// How many folds.
    #[schema(minimum = 2, maximum = 20, default = 5)]
    pub folds: u32,
}

impl Default for CrossValidation {
    fn default() -> Self {
        Self { folds: USUAL_FOLDS }
    }
}

/// Asks a model the utterances of a labelled set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LabelledSet {
    /// The labelled utterances.
    #[schema(min_items = 1)]
    pub examples: Vec<Example>,
    /// The version of the model that is asked; null for the one that answers now.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub model: Option<i32>,
}

/// An evaluation.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
pub struct Evaluation {
    /// The evaluation's id.
    pub id: Uuid,
    /// The job that does it, which can be cancelled; null if it was started by a release that did not say.
    #[serde(default)]
    pub job_id: Option<Uuid>,
    /// The assistant that it is of.
    pub assistant_id: Uuid,
    /// The folds of a cross-validation; null where a labelled set came along.
    pub folds: Option<u32>,
    /// The revision of the training data that is cross-validated; null where a labelled set came along.
    pub training_data_version: Option<i32>,
    /// The version of the model that is asked; null in a cross-validation.
    pub model: Option<i32>,
    /// SHA-256 of the labelled set, base64url: two with the same asked the same utterances, in whatever order and format.
    /// Null for a cross-validation, or if it was started by a release that did not say.
    #[serde(default)]
    pub set_digest: Option<String>,
    /// How far it is.
    pub status: TrainingStatus,
    /// The part that is done, 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    pub progress: f64,
    /// The figures; null until it has succeeded.
    pub summary: Option<EvaluationSummary>,
    /// Why it failed; null otherwise.
    pub error: Option<String>,
    /// When it was started.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it ended; null until then.
    #[serde(with = "time::serde::rfc3339::option")]
    pub finished_at: Option<OffsetDateTime>,
}

/// An evaluation with all that it found.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
pub struct EvaluationDetail {
    /// The evaluation.
    #[serde(flatten)]
    pub evaluation: Evaluation,
    /// What it found; null until it has succeeded.
    pub result: Option<EvaluationResult>,
}

/// The figures of an evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
pub struct EvaluationSummary {
    /// Share of the utterances whose intent was right, 0 to 1.
    pub accuracy: f64,
    /// Mean F1 of the intents that have examples, each counted once.
    pub macro_f1: f64,
    /// The same, each intent counted by its examples.
    pub weighted_f1: f64,
    /// F1 of all annotated entities together, found right with their role and in exactly their place; null without
    /// annotations.
    #[serde(default)]
    pub entity_f1: Option<f64>,
    /// How far confidences are from the share of right answers, on average over ten bins, 0 to 1.
    pub calibration_error: f64,
    /// How many utterances were asked.
    pub examples: usize,
    /// How many were not, because their intent has no other example to learn from, copies aside.
    pub left_out: usize,
    /// How many got a wrong intent.
    pub mistakes: usize,
    /// How many of those look as if the label were wrong and not the answer.
    #[serde(default)]
    pub suspects: usize,
}

/// What an evaluation found.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
pub struct EvaluationResult {
    /// The figures.
    #[serde(flatten)]
    pub summary: EvaluationSummary,
    /// How well each intent is understood, at most 2,000, by name; what is out of scope is one of them.
    pub intents: Vec<IntentScore>,
    /// How often what was expected was answered by what, at most 2,000 pairs, the most frequent first; others are 0.
    pub confusion: Vec<ConfusionCell>,
    /// How well each annotated entity is found, by name; empty without annotations.
    pub entities: Vec<EntityScore>,
    /// Wrong answers, at most 500, the surest first.
    pub wrong: Vec<WrongAnswer>,
}

/// How well an intent is understood.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
pub struct IntentScore {
    /// The intent; null is what is out of scope.
    pub intent: Option<String>,
    /// Share of its answers that were right; null if it was never answered.
    pub precision: Option<f64>,
    /// Share of its examples that were found; null if it has none.
    pub recall: Option<f64>,
    /// Harmonic mean of both.
    pub f1: f64,
    /// How many examples it has.
    pub support: usize,
}

/// A cell of the confusion matrix that is not 0.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct ConfusionCell {
    /// The right intent; null is what is out of scope.
    pub expected: Option<String>,
    /// The intent that was answered; null is "out of scope".
    pub predicted: Option<String>,
    /// How often.
    pub count: usize,
}

/// How well an entity is found: its kind and its exact place.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
pub struct EntityScore {
    /// The entity.
    pub entity: String,
    /// Share of what was found that is annotated so; null if it was never found.
    pub precision: Option<f64>,
    /// Share of what is annotated that was found.
    pub recall: Option<f64>,
    /// Harmonic mean of both.
    pub f1: f64,
    /// How often it is annotated.
    pub support: usize,
}

/// An utterance whose intent was not understood.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
pub struct WrongAnswer {
    /// The utterance; a long one ends with an ellipsis.
    pub text: String,
    /// The right intent; null is out of scope.
    pub expected: Option<String>,
    /// The intent that was answered; null is "out of scope".
    pub predicted: Option<String>,
    /// How sure the model was of its answer, 0 to 1.
    pub confidence: f64,
    /// Whether it looks as if the label were wrong: the model is at least as sure of its answer as it usually is where that
    /// intent is right.
    #[serde(default)]
    pub suspect: bool,
}

/// Internal: what an evaluation works on, as it stood when the evaluation was started.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct EvaluationSnapshot {
    /// The evaluation.
    pub evaluation_id: Uuid,
    /// The assistant that it is of.
    pub assistant_id: Uuid,
    /// The language of the utterances, a BCP 47 tag.
    pub language: String,
    /// How to measure.
    pub method: EvaluationMethod,
    /// The data: all of it for a cross-validation, examples only for a model.
    pub data: TrainingData,
    /// Whether a sentence encoder is used in a cross-validation.
    #[serde(default)]
    pub is_encoded: bool,
    /// How the assistant understands: what is measured is what a parse would answer.
    #[serde(default)]
    pub understanding: Understanding,
}

/// Internal: how an evaluation measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EvaluationMethod {
    /// By models that learn from all folds but one, this many.
    Folds(u32),
    /// By the model of this version.
    Model(i32),
}

/// Internal: how far an evaluation is, from `ml` to `worker` and on to `api`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct EvaluationReport {
    /// How far it is.
    pub status: TrainingStatus,
    /// The part that is done, 0 to 1.
    pub progress: f64,
    /// What it found; only with `succeeded`.
    #[serde(default)]
    pub result: Option<EvaluationResult>,
    /// Why it failed; only with `failed`.
    #[serde(default)]
    pub error: Option<String>,
}
