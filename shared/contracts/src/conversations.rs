//! Conversations: messages, state and transcript.

use crate::parse::ParseResult;
use crate::text::check_storable;
use garde::Validate;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

/// Input of `create_conversation`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, Validate, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CreateConversation {
    /// The client's own name for whom it talks to.
    #[garde(length(chars, max = 200), inner(custom(check_storable)))]
    #[schema(max_length = 200)]
    pub sender: Option<String>,
}

/// Input of `create_message`.
#[derive(Clone, Debug, Deserialize, Serialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateMessage {
    /// What the user says, or the payload of the button that was pressed.
    #[garde(length(chars, min = 1, max = crate::parse::TEXT_LIMIT), custom(check_storable))]
    #[schema(
        min_length = 1,
        max_length = 10000,
        example = "I want to report my meter reading"
    )]
    pub text: String,
}

/// What the assistant says.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Message {
    /// A line of text.
    Text {
        /// The text.
        text: String,
    },
    /// A line of text with answers to choose from.
    Buttons {
        /// The text.
        text: String,
        /// The answers.
        buttons: Vec<Button>,
    },
    /// A person takes over.
    Handover {
        /// The text that tells the user.
        text: String,
    },
}

/// An answer to choose from.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct Button {
    /// What the user sees.
    pub title: String,
    /// What is sent as the message when it is pressed.
    pub payload: String,
}

/// Where a conversation stands.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, ToSchema)]
pub struct ConversationState {
    /// Whether it goes on, waits for a person, or is over.
    pub status: ConversationStatus,
    /// The flow that is active; null between flows.
    pub flow: Option<String>,
    /// The slot that the assistant has asked for; null when it has not.
    pub asking: Option<String>,
    /// The slots that are filled.
    pub slots: BTreeMap<String, serde_json::Value>,
}

/// Whether a conversation goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConversationStatus {
    /// The assistant answers.
    #[default]
    Active,
    /// A person answers.
    Handover,
    /// It is over; a new message starts the dialogue afresh.
    Ended,
}

/// Answer to `create_conversation`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
pub struct StartedConversation {
    /// The conversation's id.
    pub id: Uuid,
    /// What the assistant says first.
    pub messages: Vec<Message>,
    /// Where the conversation stands.
    pub state: ConversationState,
}

/// Answer to `create_message`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
pub struct Reply {
    /// What the assistant says.
    pub messages: Vec<Message>,
    /// Where the conversation stands.
    pub state: ConversationState,
}

/// A conversation in a list.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct ConversationSummary {
    /// The conversation's id.
    pub id: Uuid,
    /// The assistant.
    pub assistant_id: Uuid,
    /// The client's own name for whom it talks to.
    pub sender: Option<String>,
    /// Whether it goes on.
    pub status: ConversationStatus,
    /// When it began.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When something was last said.
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
}

/// A conversation with everything that happened in it.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
pub struct Conversation {
    /// What a list shows of it.
    #[serde(flatten)]
    pub summary: ConversationSummary,
    /// Where it stands.
    pub state: ConversationState,
    /// Everything that happened, in order.
    pub events: Vec<Event>,
}

/// Something that happened in a conversation.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
pub struct Event {
    /// The place in the conversation, from 1.
    pub sequence: i64,
    /// When it happened.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum EventKind {
    /// The user said something.
    User {
        /// What was said.
        text: String,
        /// What was understood; null for a pressed button.
        parse: Option<ParseResult>,
    },
    /// The assistant said something.
    Assistant {
        /// What was said.
        message: Message,
    },
    /// A person, to whom the conversation was handed over, said something.
    Person {
        /// What was said.
        text: String,
    },
    /// A slot was filled, changed, or (null) emptied.
    Slot {
        /// The slot.
        name: String,
        /// Its new value.
        value: serde_json::Value,
    },
    /// A flow began.
    FlowStarted {
        /// The flow.
        flow: String,
    },
    /// A flow ended.
    FlowEnded {
        /// The flow.
        flow: String,
    },
    /// The status changed.
    Status {
        /// The new status.
        status: ConversationStatus,
    },
}
