//! Understanding an utterance.

use garde::Validate;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::engines::EngineKind;
use crate::understanding::BuiltinEntity;

/// The longest utterance, in Unicode scalar values: ten pages of a letter.
pub const TEXT_LIMIT: usize = 10_000;

/// The longest name of a time zone, in bytes.
pub const TIME_ZONE_LIMIT: usize = 64;

/// Input of `parse`.
#[derive(Clone, Debug, Deserialize, Serialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateParse {
    /// The utterance.
    #[garde(length(chars, min = 1, max = TEXT_LIMIT))]
    #[schema(min_length = 1, max_length = 10000, example = "my meter shows 48213")]
    pub text: String,
    /// When it was said: what "tomorrow" is counted from. Absent: now.
    #[garde(skip)]
    #[serde(
        default,
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<String>, format = DateTime, example = "2026-11-27T09:30:00Z")]
    pub reference_time: Option<OffsetDateTime>,
    /// In which its dates and times are meant, of the IANA database. Absent: that of the assistant, or UTC.
    #[garde(inner(length(min = 1, max = TIME_ZONE_LIMIT)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 64, example = "Europe/Athens")]
    pub time_zone: Option<String>,
}

/// What an utterance means.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
pub struct ParseResult {
    /// The utterance as it came.
    pub text: String,
    /// The most probable intent; its name is null when the utterance is out of scope.
    pub intent: Intent,
    /// The most probable intents, best first.
    pub intent_ranking: Vec<RankedIntent>,
    /// The entities, in the order of the text.
    pub entities: Vec<Entity>,
    /// The version of the model that answered; 0 if it was another engine than the built-in one.
    pub model_version: i32,
    /// The engine that answered.
    #[serde(default)]
    pub engine: EngineKind,
    /// Whether the second intent is so close to the first that one should ask which is meant; never, unless the
    /// assistant has a margin for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ambiguous: bool,
    /// The intents that are so close to each other, best first; empty unless it is ambiguous.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<String>,
}

/// The intent of an utterance.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
pub struct Intent {
    /// The intent; null when the utterance is out of scope.
    pub name: Option<String>,
    /// How sure the model is, 0 to 1.
    pub confidence: f64,
}

/// One line of the ranking.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
pub struct RankedIntent {
    /// The intent.
    pub name: String,
    /// How sure the model is, 0 to 1.
    pub confidence: f64,
}

/// An entity found in an utterance.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
pub struct Entity {
    /// What kind of thing it is.
    pub entity: String,
    /// First character, counted in Unicode scalar values.
    pub start: usize,
    /// One past the last character.
    pub end: usize,
    /// The normalised value: text; of the built-in entities a number (`number`, `ordinal`, `percentage`), text
    /// (`email`, `url`, `phone` in E.164), or an object: `money` `{amount, currency}`, `duration` `{iso, seconds}`,
    /// `datetime` `{value, grain}` or `{from, to, grain}` with `to` one past the end, one of them absent where it
    /// is open.
    pub value: serde_json::Value,
    /// How sure the extractor is, 0 to 1.
    pub confidence: f64,
    /// Who found it: `model`, `lookup`, `regex`, `builtin`.
    pub extractor: String,
    /// The role of the thing, such as `from` and `to`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Which other things it belongs to: those with the same group. Only remote engines tell it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
}

/// Internal: `conversation` asks `nlu`.
#[derive(Clone, Debug, Deserialize, Serialize, Validate)]
pub struct ParseForAssistant {
    /// The assistant.
    #[garde(skip)]
    pub assistant_id: Uuid,
    /// The utterance.
    #[garde(length(chars, min = 1, max = TEXT_LIMIT))]
    pub text: String,
    /// When it was said; absent: now.
    #[garde(skip)]
    #[serde(
        default,
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub reference_time: Option<OffsetDateTime>,
    /// In which its dates and times are meant, of the IANA database; absent: UTC.
    #[garde(inner(length(min = 1, max = TIME_ZONE_LIMIT)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// The conversation that it belongs to: all of it is understood by one version of the model. Absent: each text is.
    #[garde(skip)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation_id: Option<Uuid>,
}

/// Internal: `nlu` asks `ml`.
#[derive(Clone, Debug, Deserialize, Serialize, Validate)]
pub struct ParseWithModel {
    /// The assistant.
    #[garde(skip)]
    pub assistant_id: Uuid,
    /// The version of its model.
    #[garde(skip)]
    pub model_version: i32,
    /// The utterance.
    #[garde(length(chars, min = 1, max = TEXT_LIMIT))]
    pub text: String,
    /// When it was said; absent: now.
    #[garde(skip)]
    #[serde(
        default,
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub reference_time: Option<OffsetDateTime>,
    /// In which its dates and times are meant, of the IANA database; absent: UTC.
    #[garde(inner(length(min = 1, max = TIME_ZONE_LIMIT)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// The built-in entities that are looked for; absent: all.
    #[garde(skip)]
    #[serde(
        default,
        deserialize_with = "BuiltinEntity::read_known",
        skip_serializing_if = "Option::is_none"
    )]
    pub builtin_entities: Option<Vec<BuiltinEntity>>,
}
