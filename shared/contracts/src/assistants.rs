//! Assistants.

use crate::engines::KeptEngine;
use crate::flows::Flows;
use crate::jobs::Payload;
use crate::rollouts::{Canary, Shadow};
use crate::text::{check_language, check_title};
use crate::understanding::{Understanding, UpdateUnderstanding};
use garde::Validate;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

/// Input of `create_assistant`.
#[derive(Clone, Debug, Deserialize, Serialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateAssistant {
    /// The name, unique in the account: one line, and more than spaces.
    #[garde(length(chars, min = 1, max = 100), custom(check_title))]
    #[schema(min_length = 1, max_length = 100, example = "Customer care")]
    pub name: String,
    /// The language of its users, a BCP 47 tag.
    #[garde(length(chars, min = 2, max = 35), custom(check_language))]
    #[serde(default = "english")]
    #[schema(min_length = 2, max_length = 35, default = "en", example = "en")]
    pub language: String,
    /// Whether what users say and it is not sure of is collected in the inbox.
    #[garde(skip)]
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub collects_utterances: bool,
    /// How it understands.
    #[garde(dive)]
    #[serde(default)]
    pub understanding: UpdateUnderstanding,
}

fn english() -> String {
    "en".into()
}

const fn yes() -> bool {
    true
}

/// Input of `update_assistant`; what is absent stays as it is.
#[derive(Clone, Debug, Default, Deserialize, Serialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateAssistant {
    /// The new name: one line, and more than spaces.
    #[garde(length(chars, min = 1, max = 100), inner(custom(check_title)))]
    #[schema(min_length = 1, max_length = 100)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The new language, a BCP 47 tag.
    #[garde(length(chars, min = 2, max = 35), inner(custom(check_language)))]
    #[schema(min_length = 2, max_length = 35)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Whether what users say and it is not sure of is collected in the inbox.
    #[garde(skip)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collects_utterances: Option<bool>,
    /// How it understands: settings that are absent stay as they are, null takes one back.
    #[garde(dive)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub understanding: Option<UpdateUnderstanding>,
}

/// An assistant.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
pub struct Assistant {
    /// The assistant's id.
    pub id: Uuid,
    /// The name, unique in the account.
    pub name: String,
    /// The language of its users, a BCP 47 tag.
    pub language: String,
    /// The version of the model that answers; null before the first training.
    pub active_model: Option<i32>,
    /// Whether what users say and it is not sure of is collected in the inbox.
    #[serde(default = "yes")]
    pub collects_utterances: bool,
    /// How it understands.
    #[serde(default)]
    pub understanding: Understanding,
    /// When it was created.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it was last changed.
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
}

/// Internal: what `nlu` and `conversation` need to serve an assistant.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct AssistantRuntime {
    /// The assistant's id.
    pub id: Uuid,
    /// The account that it belongs to.
    pub account_id: Uuid,
    /// The name.
    pub name: String,
    /// The language, a BCP 47 tag.
    pub language: String,
    /// The version of the model that answers; null before the first training.
    pub active_model: Option<i32>,
    /// The revision of its flows; null before the first upload.
    pub flows_version: Option<i32>,
    /// Whether utterances that it is not sure of are collected. An `api` of the release before has no inbox.
    #[serde(default)]
    pub collects_utterances: bool,
    /// The version that answers a share of its users; never the active one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<Canary>,
    /// The version that is asked as well; never the active one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shadow: Option<Shadow>,
    /// How it understands.
    #[serde(default)]
    pub understanding: Understanding,
    /// Who understands, in the order in which they are asked; empty from an `api` that knows the built-in one alone.
    #[serde(default, deserialize_with = "KeptEngine::read_known")]
    pub engines: Vec<KeptEngine>,
}

/// Answer to an upload of flows: what was understood.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct FlowsSummary {
    /// The revision, from 1.
    pub version: i32,
    /// How many flows.
    pub flows: usize,
    /// How many responses.
    pub responses: usize,
    /// How many slots.
    pub slots: usize,
}

/// Internal: the flows of an assistant.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct FlowsRevision {
    /// The revision, from 1.
    pub version: i32,
    /// The flows.
    pub flows: Flows,
}

/// Payload: have the other services remove what they keep of an assistant that was deleted, by `DELETE` of
/// `/internal/v1/assistants/{id}`, a bounded part with each call ([`Removed`](crate::upkeep::Removed)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct ForgetAssistant {
    /// The assistant that is gone.
    pub assistant_id: Uuid,
}

impl Payload for ForgetAssistant {
    const KIND: &'static str = "forget_assistant";
    // Of its own: a worker of the release before would take it for one that nobody knows.
    const QUEUE: &'static str = "deletions";
    // With backoff up to five minutes, half an hour of a service being away is bridged.
    const MAX_ATTEMPTS: u16 = 16;
    const TIME_LIMIT: Duration = Duration::from_mins(10);
}
