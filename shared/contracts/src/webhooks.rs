//! Webhooks: endpoints of an account's own that are told what happens, by the scheme of Standard Webhooks.

use crate::jobs::Payload;
use garde::Validate;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

/// What the secret of a webhook starts with.
pub const SECRET_PREFIX: &str = "whsec_";

/// What a webhook can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, ToSchema)]
pub enum WebhookEvent {
    /// A training has made a model.
    #[serde(rename = "training.succeeded")]
    TrainingSucceeded,
    /// A training has ended without one.
    #[serde(rename = "training.failed")]
    TrainingFailed,
    /// An import has changed the training data.
    #[serde(rename = "import.succeeded")]
    ImportSucceeded,
    /// An import has ended without effect: its file is wrong, say.
    #[serde(rename = "import.failed")]
    ImportFailed,
    /// A conversation was handed over to a person.
    #[serde(rename = "conversation.handover")]
    ConversationHandover,
}

impl WebhookEvent {
    /// Every event.
    pub const ALL: [Self; 5] = [
        Self::TrainingSucceeded,
        Self::TrainingFailed,
        Self::ImportSucceeded,
        Self::ImportFailed,
        Self::ConversationHandover,
    ];

    /// As it is stored and written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TrainingSucceeded => "training.succeeded",
            Self::TrainingFailed => "training.failed",
            Self::ImportSucceeded => "import.succeeded",
            Self::ImportFailed => "import.failed",
            Self::ConversationHandover => "conversation.handover",
        }
    }

    /// The event of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.as_str() == name)
    }
}

/// Input of `create_webhook`.
#[derive(Clone, Debug, Deserialize, Serialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateWebhook {
    /// Where events are posted to: `https`, at a public address.
    #[garde(length(chars, min = 1, max = 2000))]
    #[schema(
        min_length = 1,
        max_length = 2000,
        example = "https://example.org/stoa"
    )]
    pub url: String,
    /// Which events.
    #[garde(length(min = 1, max = 20))]
    #[schema(min_items = 1, max_items = 20)]
    pub events: Vec<WebhookEvent>,
    /// Whether it is told anything.
    #[garde(skip)]
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub enabled: bool,
}

/// Input of `update_webhook`: what is left out stays.
#[derive(Clone, Debug, Default, Deserialize, Serialize, Validate, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UpdateWebhook {
    /// Where events are posted to.
    #[garde(length(chars, min = 1, max = 2000))]
    #[schema(min_length = 1, max_length = 2000)]
    pub url: Option<String>,
    /// Which events.
    #[garde(length(min = 1, max = 20))]
    #[schema(min_items = 1, max_items = 20)]
    pub events: Option<Vec<WebhookEvent>>,
    /// Whether it is told anything.
    #[garde(skip)]
    pub enabled: Option<bool>,
}

/// A webhook without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct Webhook {
    /// The webhook's id.
    pub id: Uuid,
    /// Where events are posted to.
    pub url: String,
    /// Which events.
    pub events: Vec<WebhookEvent>,
    /// Whether it is told anything.
    pub enabled: bool,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it was last changed.
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
}

/// A new webhook; the only time that its secret is shown.
#[derive(Clone, Deserialize, Serialize, ToSchema)]
pub struct CreatedWebhook {
    /// The webhook without its secret.
    #[serde(flatten)]
    pub webhook: Webhook,
    /// With which its messages are signed: `whsec_` and the key in base64.
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    pub secret: String,
}

/// How far a delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    /// Waits for its first attempt, or its next.
    Pending,
    /// The endpoint has taken it.
    Succeeded,
    /// It has not, and is not asked again.
    Failed,
}

impl DeliveryStatus {
    /// As it is stored and written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }
}

/// An event on its way to a webhook.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct WebhookDelivery {
    /// The delivery's id: `webhook-id` of every attempt.
    pub id: Uuid,
    /// The event: `training.succeeded`, or `ping`.
    #[schema(example = "training.succeeded")]
    pub event: String,
    /// How far it is.
    pub status: DeliveryStatus,
    /// What its last attempts came to, newest first.
    pub attempts: Vec<WebhookAttempt>,
    /// When the event happened.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it ended; null until then.
    #[serde(with = "time::serde::rfc3339::option")]
    pub finished_at: Option<OffsetDateTime>,
}

/// One try to deliver an event.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct WebhookAttempt {
    /// Its number, from 1.
    pub number: u16,
    /// The status that the endpoint answered with; null if it did not answer.
    pub response_status: Option<u16>,
    /// Why it does not count as taken; null if it does.
    pub error: Option<String>,
    /// How long it took.
    pub milliseconds: u32,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub attempted_at: OffsetDateTime,
}

/// Payload: deliver an event to a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Deliver {
    /// The delivery, which `api` keeps.
    pub delivery_id: Uuid,
}

impl Payload for Deliver {
    const KIND: &'static str = "webhook";
    const QUEUE: &'static str = "webhooks";
    // With the pauses that `worker` makes in between, about a day.
    const MAX_ATTEMPTS: u16 = 10;
    const TIME_LIMIT: Duration = Duration::from_mins(1);
}

/// Payload, and what `worker` brings to `/internal/v1/webhook-events/{id}` of `api` then: something has happened in
/// another service, and the account's webhooks are to be told. The job's id is that of the event.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Announce {
    /// The account.
    pub account_id: Uuid,
    /// What has happened.
    pub event: WebhookEvent,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// What there is to say; `data` of the message.
    pub data: serde_json::Value,
}

impl Payload for Announce {
    const KIND: &'static str = "announce";
    // Not behind the deliveries: their endpoints may be slow.
    const QUEUE: &'static str = "announcements";
    // With backoff up to five minutes, half an hour of `api` being away is bridged.
    const MAX_ATTEMPTS: u16 = 16;
    const TIME_LIMIT: Duration = Duration::from_mins(1);
}

/// What a message of `conversation.handover` says.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct HandedToPerson {
    /// The conversation; its transcript says the rest.
    pub conversation_id: Uuid,
    /// The assistant that hands it over.
    pub assistant_id: Uuid,
    /// Who talks, as the client of the conversation calls them; null if it says nothing.
    pub sender: Option<String>,
}

/// Internal: what is to be delivered, and where.
#[derive(Clone, Deserialize, Serialize)]
pub struct WebhookMessage {
    /// Where to.
    pub url: String,
    /// With which it is signed.
    pub secret: String,
    /// What is said: JSON, as it is signed.
    pub body: String,
}

/// Internal: what an attempt came to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct DeliveryReport {
    /// The attempt.
    pub attempt: WebhookAttempt,
    /// How far the delivery is with it.
    pub status: DeliveryStatus,
}

const fn yes() -> bool {
    true
}
