//! The REST channel of Rasa: clients written for it can talk to an assistant as they are.

use super::create_conversation::{Opening, insert, unopened};
use crate::state::Conversations;
use crate::store::Stored;
use crate::turns::{self, EVENTS_LIMIT, Sent, TurnError};
use axum::extract::State;
use garde::Validate;
use serde::{Deserialize, Serialize};
use stoa_contracts::ErrorCode;
use stoa_contracts::conversations::{Button, Message};
use stoa_contracts::parse::TEXT_LIMIT;
use stoa_contracts::text::check_storable;
use stoa_postgres::traced;
use stoa_service::{AnyJson, IdempotencyKey, Identity, Json, Problem, responses};
use utoipa::ToSchema;

/// Input of `rest_webhook`; other fields that Rasa knows are ignored.
#[derive(Debug, Deserialize, Validate, ToSchema)]
pub(super) struct WebhookMessage {
    /// Who is talking; each sender has one conversation.
    #[garde(length(chars, min = 1, max = 200), custom(check_storable))]
    #[serde(default = "anybody")]
    #[schema(min_length = 1, max_length = 200, default = "default")]
    sender: String,
    /// What is said, or the payload of a button.
    #[garde(length(chars, min = 1, max = TEXT_LIMIT), custom(check_storable))]
    #[schema(min_length = 1, max_length = 10000)]
    message: String,
}

/// Rasa's name for a sender who gives none.
fn anybody() -> String {
    "default".into()
}

/// One thing that the assistant says.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WebhookReply {
    /// The sender of the message.
    recipient_id: String,
    /// What is said.
    text: String,
    /// Answers to choose from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    buttons: Vec<Button>,
}

/// Say something over the Rasa-compatible channel; the API key selects the assistant
#[utoipa::path(
    post, path = "/webhooks/rest/webhook", operation_id = "rest_webhook", tag = "rasa",
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key is heard once",
        min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    request_body = WebhookMessage,
    responses((status = 200, body = [WebhookReply], description = "The answer"), responses::Write)
)]
pub(super) async fn rest_webhook(
    State(service): State<Conversations>,
    identity: Identity,
    IdempotencyKey(key): IdempotencyKey,
    AnyJson(input): AnyJson<WebhookMessage>,
) -> Result<Json<Vec<WebhookReply>>, Problem> {
    let Some(assistant) = identity.assistant else {
        let detail = "Use an API key that is narrowed to one assistant: it selects who answers.";
        return Err(Problem::new(ErrorCode::Forbidden, detail));
    };
    service
        .assistants
        .require(assistant, identity.account)
        .await?;
    let opening = Opening {
        account: identity.account,
        assistant,
        channel: "rest",
        sender: Some(&input.sender),
        key: None,
    };
    let found = find_or_open(&service, &opening).await?;
    let sent = Sent {
        text: &input.message,
        key: key.as_deref(),
    };
    let reply = turns::hear(&service, &found, sent).await?;
    let said = reply.messages.into_iter();
    Ok(Json(
        said.map(|message| webhook_reply(&input.sender, message))
            .collect(),
    ))
}

/// The conversation of a sender. One that has grown too long makes room for another.
async fn find_or_open(service: &Conversations, opening: &Opening<'_>) -> Result<Stored, TurnError> {
    let close = sqlx::query!(
        "UPDATE conversations SET channel = 'closed'
         WHERE assistant_id = $1 AND sender = $2 AND channel = 'rest' AND last_event >= $3",
        opening.assistant,
        opening.sender,
        EVENTS_LIMIT,
    );
    traced("conversation.close", close.execute(&service.pool)).await?;
    let mut connection = service.pool.acquire().await?;
    if let Some(stored) = insert(service, &mut connection, opening).await? {
        return Ok(stored);
    }
    let query = sqlx::query_as!(
        Stored,
        r#"SELECT id, account_id, assistant_id, sender,
                  engine AS "engine: sqlx::types::Json<crate::engine::State>", last_event,
                  created_at, updated_at
           FROM conversations
           WHERE assistant_id = $1 AND sender = $2 AND channel = 'rest'"#,
        opening.assistant,
        opening.sender,
    );
    let found = traced(
        "conversation.find_by_sender",
        query.fetch_optional(&mut *connection),
    )
    .await?;
    match found {
        Some(stored) => Ok(stored),
        None => Err(unopened(service, opening, TurnError::Unknown).await),
    }
}

fn webhook_reply(sender: &str, message: Message) -> WebhookReply {
    let (text, buttons) = match message {
        Message::Text { text } | Message::Handover { text } => (text, Vec::new()),
        Message::Buttons { text, buttons } => (text, buttons),
    };
    WebhookReply {
        recipient_id: sender.to_owned(),
        text,
        buttons,
    }
}
