//! What the assistant remembers.

use super::scalar::Scalar;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Something that the assistant asks for or picks up, and remembers.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Slot {
    /// What kind of value it holds.
    #[serde(rename = "type")]
    pub kind: SlotKind,
    /// The response that asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<String>,
    /// The response to an answer that does not fit, before the question is asked again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invalid: Option<String>,
    /// Where its value comes from, beside numbers and choices read from the answer itself.
    #[serde(default)]
    pub fill: Fill,
    /// The values of a choice, each with other words for it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub choices: BTreeMap<String, Vec<String>>,
    /// The least number that fits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// The greatest number that fits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// A regular expression that the whole text must match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// How often the question is asked before the flow gives up.
    #[serde(default = "three")]
    #[schema(minimum = 1, maximum = 10)]
    pub attempts: u32,
    /// Whether it outlives the flow that asked for it, until the session ends.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keep: bool,
}

/// A question that failed three times will fail a fourth time.
fn three() -> u32 {
    3
}

/// What kind of value a slot holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SlotKind {
    /// Text.
    Text,
    /// A number.
    Number,
    /// One of a list.
    Choice,
    /// Yes or no.
    Boolean,
    /// Whatever the answer is.
    #[default]
    Any,
}

/// Where the value of a slot comes from.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Fill {
    /// Entities whose value it takes, from any utterance; built-in ones as well, such as `datetime`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entities: Vec<String>,
    /// Intents that mean a value when it was asked for, such as `affirm: true`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub intents: BTreeMap<String, Scalar>,
    /// Whether the whole answer is the value when it was asked for.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub text: bool,
}
