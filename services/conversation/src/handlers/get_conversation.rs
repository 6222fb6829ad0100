//! Reads a conversation with its transcript.

use super::find;
use crate::state::Conversations;
use crate::store;
use crate::turns::EVENTS_LIMIT;
use axum::extract::State;
use stoa_contracts::conversations::Conversation;
use stoa_service::{Identity, Json, Path, Problem, responses};
use uuid::Uuid;

/// A turn may go beyond the limit that is checked at its beginning.
const LAST_TURN: i64 = 10_000;

/// Read a conversation with everything that happened in it
#[utoipa::path(
    get, path = "/api/v1/conversations/{id}", operation_id = "get_conversation",
    tag = "conversations",
    params(("id" = Uuid, Path, description = "The conversation")),
    responses((status = 200, body = Conversation, description = "The conversation"), responses::Read)
)]
pub(super) async fn get_conversation(
    State(service): State<Conversations>,
    identity: Identity,
    Path(id): Path<Uuid>,
) -> Result<Json<Conversation>, Problem> {
    let found = find(&service, &identity, id).await?;
    let events = store::events_after(&service.pool, id, 0, EVENTS_LIMIT + LAST_TURN).await?;
    Ok(Json(Conversation {
        summary: found.summary(),
        state: found.engine.view(),
        events,
    }))
}
