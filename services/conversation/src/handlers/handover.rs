//! A person answers in a conversation that was handed over, and gives it back.

use super::find;
use crate::state::Conversations;
use crate::turns::{self, Act, Sent};
use axum::extract::State;
use garde::Validate;
use serde::Deserialize;
use stoa_contracts::conversations::ConversationState;
use stoa_contracts::identity::Role;
use stoa_contracts::parse::TEXT_LIMIT;
use stoa_contracts::text::check_storable;
use stoa_service::{IdempotencyKey, Identity, Json, Path, Problem, responses};
use utoipa::ToSchema;
use uuid::Uuid;

/// Input of `create_reply`.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateReply {
    /// What the person says.
    #[garde(length(chars, min = 1, max = TEXT_LIMIT), custom(check_storable))]
    #[schema(
        min_length = 1,
        max_length = 10000,
        example = "Hello, this is Ada. How can I help?"
    )]
    text: String,
}

/// Answer as a person in a conversation that was handed over
#[utoipa::path(
    post, path = "/api/v1/conversations/{id}/replies", operation_id = "create_reply",
    tag = "conversations",
    params(
        ("id" = Uuid, Path, description = "The conversation"),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key is said once",
            min_length = 1, max_length = 255, pattern = "^[!-~]+$"),
    ),
    request_body = CreateReply,
    responses(
        (status = 200, body = ConversationState, description = "Where the conversation stands"),
        responses::Write
    )
)]
pub(super) async fn create_reply(
    State(service): State<Conversations>,
    identity: Identity,
    Path(id): Path<Uuid>,
    IdempotencyKey(key): IdempotencyKey,
    Json(input): Json<CreateReply>,
) -> Result<Json<ConversationState>, Problem> {
    identity.require(Role::Editor)?;
    let found = find(&service, &identity, id).await?;
    let act = Act::Say(Sent {
        text: &input.text,
        key: key.as_deref(),
    });
    Ok(Json(turns::person(&service, &found, act).await?))
}

/// Give a conversation that was handed over back to the assistant
#[utoipa::path(
    delete, path = "/api/v1/conversations/{id}/handover", operation_id = "end_handover",
    tag = "conversations",
    params(("id" = Uuid, Path, description = "The conversation")),
    responses(
        (status = 200, body = ConversationState, description = "Where the conversation stands"),
        responses::Write
    )
)]
pub(super) async fn end_handover(
    State(service): State<Conversations>,
    identity: Identity,
    Path(id): Path<Uuid>,
) -> Result<Json<ConversationState>, Problem> {
    identity.require(Role::Editor)?;
    let found = find(&service, &identity, id).await?;
    Ok(Json(turns::person(&service, &found, Act::GiveBack).await?))
}
