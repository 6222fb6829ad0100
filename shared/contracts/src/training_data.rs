//! Training data: what an assistant learns its understanding from.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

/// All that a model is trained on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TrainingData {
    /// The labelled utterances.
    pub examples: Vec<Example>,
    /// Words that mean the same value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub synonyms: Vec<Synonym>,
    /// Lists of an entity's values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lookups: Vec<Lookup>,
    /// Patterns of an entity's values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub regexes: Vec<RegexPattern>,
    /// What is noted beside intents.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub intents: Vec<IntentMetadata>,
}

/// A labelled utterance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// The utterance, without annotation.
    #[schema(example = "what does my Sunrise tariff cost")]
    pub text: String,
    /// What it means; null for an utterance that is out of scope.
    #[schema(example = "ask_tariff")]
    pub intent: Option<String>,
    /// The entities in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entities: Vec<EntityAnnotation>,
    /// What is noted beside it; nothing is learned from it. At most 10,000 bytes of JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<serde_json::Value>,
}

/// An entity in a labelled utterance.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EntityAnnotation {
    /// First character, counted in Unicode scalar values.
    pub start: usize,
    /// One past the last character.
    pub end: usize,
    /// What kind of thing it is.
    pub entity: String,
    /// The role of the thing, such as `from` and `to`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Which other things it belongs to: those with the same group. The built-in engine does not learn it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The value, where it differs from the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// An operation of a JSON Patch (RFC 6902) on training data.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(tag = "op", rename_all = "lowercase")]
pub enum TrainingDataOperation {
    /// Puts an utterance in.
    Add {
        /// Before which one, by its number from 0; `-` is behind the last.
        #[schema(pattern = "^/examples/(0|[1-9][0-9]{0,5}|-)$", example = "/examples/-")]
        path: String,
        /// The utterance.
        value: Example,
    },
    /// Puts an utterance in the place of another.
    Replace {
        /// Which one, by its number from 0.
        #[schema(pattern = "^/examples/(0|[1-9][0-9]{0,5})$", example = "/examples/0")]
        path: String,
        /// The utterance.
        value: Example,
    },
    /// Takes an utterance out.
    Remove {
        /// Which one, by its number from 0.
        #[schema(pattern = "^/examples/(0|[1-9][0-9]{0,5})$", example = "/examples/0")]
        path: String,
    },
}

/// Words that mean the same value.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Synonym {
    /// The value.
    pub value: String,
    /// The words that mean it.
    pub variants: Vec<String>,
}

/// A list of an entity's values.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Lookup {
    /// The entity.
    pub entity: String,
    /// Its values.
    pub values: Vec<String>,
}

/// A pattern of an entity's values.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegexPattern {
    /// The entity.
    pub entity: String,
    /// A regular expression in the syntax of the Rust `regex` crate.
    pub pattern: String,
}

/// What is noted beside an intent.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IntentMetadata {
    /// The intent; `out_of_scope` for utterances without one.
    pub intent: String,
    /// The note; nothing is learned from it. At most 10,000 bytes of JSON.
    pub metadata: serde_json::Value,
}

/// Answer to an upload: what was understood, and what may be worth a look.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct TrainingDataSummary {
    /// The revision, from 1.
    pub version: i32,
    /// How many utterances.
    pub examples: usize,
    /// How many intents.
    pub intents: usize,
    /// How many kinds of entity.
    pub entities: usize,
    /// What may be worth a look; nothing here stops a training.
    pub hints: Vec<Hint>,
}

/// A revision of the training data, without the data.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct TrainingDataRevision {
    /// The revision, from 1.
    pub version: i32,
    /// How many utterances.
    pub examples: usize,
    /// How many intents.
    pub intents: usize,
    /// How many kinds of entity.
    pub entities: usize,
    /// The user or the API key that made it.
    pub created_by: Uuid,
    /// The user's e-mail address, or the name of the key; null if it is gone.
    #[serde(default)]
    pub created_by_name: Option<String>,
    /// The revision that it went back to; null if it is new.
    #[serde(default)]
    pub restored_from: Option<i32>,
    /// When it became the latest.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}

/// Something in the data that may be worth a look.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct Hint {
    /// What it is about.
    pub kind: HintKind,
    /// What was seen and what to do.
    pub message: String,
}

/// What a hint is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HintKind {
    /// The same utterance twice with one intent.
    Duplicate,
    /// The same utterance with two intents.
    Contradiction,
    /// An intent with few examples.
    FewExamples,
    /// Something that the format can say and that is not kept.
    Ignored,
}
