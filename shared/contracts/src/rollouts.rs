//! Rollouts: which versions of a model are tried beside the active one, and what is seen of them.

use crate::parse::{Entity, Intent, ParseResult};
use garde::Validate;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

/// Utterances that are kept of those that the shadow understood differently; the latest stay.
pub const DISAGREEMENTS_LIMIT: usize = 50;
/// Longer ones, in Unicode scalar values, are counted and not kept.
pub const TEXT_LIMIT: usize = 2_000;

/// A version that answers a share of the users.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Canary {
    /// The version of the model; not the active one.
    #[garde(range(min = 1))]
    #[schema(minimum = 1, example = 4)]
    pub version: i32,
    /// How many of a hundred conversations it answers.
    #[garde(range(min = 1, max = 99))]
    #[schema(minimum = 1, maximum = 99, example = 10)]
    pub weight: i16,
}

/// A version that is asked as well, and whose answers are compared and never given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Shadow {
    /// The version of the model; not the active one.
    #[garde(range(min = 1))]
    #[schema(minimum = 1, example = 5)]
    pub version: i32,
}

/// Input of `update_rollout`: what is tried from now on; what is absent or null is not, or not any more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateRollout {
    /// The version that answers a share of the users.
    #[garde(dive)]
    #[serde(default)]
    pub canary: Option<Canary>,
    /// The version that is asked as well.
    #[garde(dive)]
    #[serde(default)]
    pub shadow: Option<Shadow>,
}

/// What is tried beside the active version of a model.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
pub struct Rollout {
    /// The version that answers everybody else; null before the first training.
    pub active_model: Option<i32>,
    /// The version that answers a share of the users.
    pub canary: Option<Canary>,
    /// The version that is asked as well.
    pub shadow: Option<Shadow>,
    /// What was seen since these versions are what they are.
    pub seen: Seen,
}

/// What was seen of the versions of a rollout. The figures are gathered for some seconds before they are told.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, ToSchema)]
pub struct Seen {
    /// Of the active version.
    pub active: Answers,
    /// Of the canary.
    pub canary: Answers,
    /// How the shadow compares with the active version.
    pub shadow: Agreement,
}

/// Answers of one version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct Answers {
    /// How many.
    pub total: u64,
    /// How many of them had no intent: the utterance was out of scope.
    pub out_of_scope: u64,
}

/// How the answers of two versions compare.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, ToSchema)]
pub struct Agreement {
    /// Utterances that both understood alike: the same intent and the same entities.
    pub agreed: u64,
    /// Utterances that they understood differently.
    pub disagreed: u64,
    /// The latest of those, newest first, at most 50; none of an assistant that does not collect what users say.
    pub disagreements: Vec<Disagreement>,
}

/// An utterance that two versions understood differently.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
pub struct Disagreement {
    /// The utterance.
    pub text: String,
    /// When it was said.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// What the active version answered.
    pub active: Understood,
    /// What the shadow would have answered.
    pub shadow: Understood,
}

/// What a version made of an utterance.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
pub struct Understood {
    /// The intent; its name is null when the utterance is out of scope.
    pub intent: Intent,
    /// The entities, in the order of the text.
    pub entities: Vec<Entity>,
}

impl From<&ParseResult> for Understood {
    fn from(result: &ParseResult) -> Self {
        Self {
            intent: result.intent.clone(),
            entities: result.entities.clone(),
        }
    }
}

/// Which versions something was seen of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
pub struct Versions {
    /// The active one.
    pub active: i32,
    /// The canary.
    pub canary: Option<i32>,
    /// The shadow.
    pub shadow: Option<i32>,
}

/// Internal: `nlu` tells `api` what it has seen meanwhile, at [`seen_path`].
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct SeenBatch {
    /// Of which versions; where the rollout has others by now, it counts no more.
    pub versions: Versions,
    /// What was seen.
    pub seen: Seen,
}

/// Where a batch is put; the same one twice is counted once.
pub fn seen_path(assistant: Uuid, batch: Uuid) -> String {
    format!("/internal/v1/assistants/{assistant}/rollout/seen/{batch}")
}
