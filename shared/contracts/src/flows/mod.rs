//! The flow document: what an assistant says and does, as a conversation designer writes it.
//!
//! ```yaml
//! settings: {start: welcome, fallback: {flow: not_understood}}
//! responses:
//!   hello: Hello! What can I do for you?
//!   ask_reading: What does your meter show?
//!   noted: "{meter_reading} kWh, noted."
//!   rephrase: Sorry, say that again?
//! slots:
//!   meter_reading: {type: number, question: ask_reading, min: 0}
//! flows:
//!   welcome: {steps: [say: hello]}
//!   not_understood: {steps: [say: rephrase]}
//!   report_reading:
//!     triggers: [report_meter_reading]
//!     steps: [ask: meter_reading, say: noted]
//! ```
//!
//! Parsing accepts the short forms (a response may be one string, `ask` may name just a slot);
//! [`Flows::check`] finds what parsing cannot: names that lead nowhere, values that do not fit.

mod check;
mod condition;
mod forms;
mod response;
mod scalar;
mod slot;
mod step;

pub use check::FlowProblem;
pub use condition::{Comparison, Conditions, Test};
pub use response::{
    Response, ResponseButton, Variant, is_doubtful_name, is_payload_name, placeholders,
};
pub use scalar::Scalar;
pub use slot::{Fill, Slot, SlotKind};
pub use step::{Ask, Assignments, Branch, Case, Step};

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The placeholder that stands for the conversation's reference, a short code to quote on the
/// phone; no slot may have this name.
pub const REFERENCE: &str = "reference";

/// How many flows may call each other, one within the other; who reads more has lost the thread.
pub const CALL_LIMIT: usize = 8;

/// The flows of an assistant.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Flows {
    /// What holds for the whole conversation.
    pub settings: FlowSettings,
    /// What the assistant can say, by name.
    pub responses: BTreeMap<String, Response>,
    /// What it remembers, by name.
    pub slots: BTreeMap<String, Slot>,
    /// What it does, by name.
    pub flows: BTreeMap<String, Flow>,
}

/// What holds for the whole conversation.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FlowSettings {
    /// The flow that opens a conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// What happens when an utterance leads nowhere.
    pub fallback: Fallback,
    /// The response that is said before the open question is asked again, after a digression.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resume: Option<String>,
    /// The response that is said when several flows may be meant, with a button for each that has a title. Absent: the most
    /// probable one starts. What may be meant: the assistant's `ambiguity_margin`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disambiguation: Option<String>,
    /// The flow that takes over when a question was asked too often in vain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub give_up: Option<String>,
    /// The least confidence with which an intent starts a flow, 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    pub min_confidence: f64,
    /// After this many minutes of silence the dialogue starts afresh.
    #[schema(minimum = 1)]
    pub session_minutes: u32,
    /// The response that is said when that has happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_expired: Option<String>,
}

impl Default for FlowSettings {
    fn default() -> Self {
        Self {
            start: None,
            fallback: Fallback::default(),
            resume: None,
            disambiguation: None,
            give_up: None,
            // Below this, intents of the built-in engine are wrong more often than right.
            min_confidence: 0.3,
            // An hour: whoever comes back after lunch has a new errand.
            session_minutes: 60,
            session_expired: None,
        }
    }
}

/// What happens when an utterance leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Fallback {
    /// The flow that answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flow: Option<String>,
    /// After this many times in a row the other flow answers.
    #[schema(minimum = 1)]
    pub escalate_after: u32,
    /// The flow that answers then, such as one that hands over to a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub escalate: Option<String>,
}

impl Default for Fallback {
    fn default() -> Self {
        Self {
            flow: None,
            // Two misses are bad luck; the third says that this is not going to work.
            escalate_after: 3,
            escalate: None,
        }
    }
}

/// A piece of dialogue with one purpose.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Flow {
    /// What it is for, in a sentence.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// What a user is offered it by, where several flows may be meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 100, example = "Send a meter reading")]
    pub title: Option<String>,
    /// The intents that start it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub triggers: Vec<String>,
    /// Whether it may interrupt another flow; if not, it starts only when nothing is asked.
    pub interrupts: bool,
    /// What happens, in order.
    pub steps: Vec<Step>,
}

impl Default for Flow {
    fn default() -> Self {
        Self {
            description: String::new(),
            title: None,
            triggers: Vec::new(),
            interrupts: true,
            steps: Vec::new(),
        }
    }
}
