//! Says something in a conversation.

use super::find;
use crate::state::Conversations;
use crate::turns::{self, Sent};
use axum::extract::State;
use stoa_contracts::conversations::{CreateMessage, Reply};
use stoa_service::{IdempotencyKey, Identity, Json, Path, Problem, responses};
use uuid::Uuid;

/// Say something, and read the answer
///
/// With an `Idempotency-Key` the same message may be sent again after an error: it is heard once.
#[utoipa::path(
    post, path = "/api/v1/conversations/{id}/messages", operation_id = "create_message",
    tag = "conversations",
    params(
        ("id" = Uuid, Path, description = "The conversation"),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key is heard once",
            min_length = 1, max_length = 255, pattern = "^[!-~]+$"),
    ),
    request_body = CreateMessage,
    responses((status = 200, body = Reply, description = "The answer"), responses::Write)
)]
pub(super) async fn create_message(
    State(service): State<Conversations>,
    identity: Identity,
    Path(id): Path<Uuid>,
    IdempotencyKey(key): IdempotencyKey,
    Json(input): Json<CreateMessage>,
) -> Result<Json<Reply>, Problem> {
    let found = find(&service, &identity, id).await?;
    let sent = Sent {
        text: &input.text,
        key: key.as_deref(),
    };
    Ok(Json(turns::hear(&service, &found, sent).await?))
}
