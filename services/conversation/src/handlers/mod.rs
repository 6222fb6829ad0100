//! The channels: REST, WebSocket, and the Rasa-compatible webhook.

mod create_conversation;
mod create_message;
mod get_conversation;
mod handover;
mod list_conversations;
mod rest_webhook;
mod stream;

use crate::state::Conversations;
use crate::store::{self, Stored};
use crate::turns::TurnError;
use stoa_service::{Identity, Problem};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

/// Every public route.
pub(crate) fn routes() -> OpenApiRouter<Conversations> {
    stoa_service::openapi_router("conversation")
        .routes(routes!(
            create_conversation::create_conversation,
            list_conversations::list_conversations
        ))
        .routes(routes!(get_conversation::get_conversation))
        .routes(routes!(create_message::create_message))
        .routes(routes!(handover::create_reply))
        .routes(routes!(handover::end_handover))
        .routes(routes!(stream::stream_conversation))
        .routes(routes!(rest_webhook::rest_webhook))
}

/// The conversation that the one who asks means.
async fn find(service: &Conversations, identity: &Identity, id: Uuid) -> Result<Stored, Problem> {
    let found = store::find(&service.pool, identity, id).await?;
    Ok(found.ok_or(TurnError::Unknown)?)
}
