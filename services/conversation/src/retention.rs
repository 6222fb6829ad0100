//! Conversations are kept for a time, or for ever: `worker` calls by the clock and has the old ones removed. Those of an
//! assistant go with it: from then on nothing is opened for it, and what was being opened goes when `worker` calls next.

use axum::extract::State;
use axum::{
    Router,
    routing::{delete, post},
};
use stoa_contracts::upkeep::{PATH, Removed};
use stoa_postgres::{DatabaseError, traced};
use stoa_service::{Json, Path, Problem};
use time::Duration;
use uuid::Uuid;

use crate::{metrics, state::Conversations};

/// Conversations that one call removes, with their events.
const AT_ONCE: i64 = 100;

/// How long an assistant that was deleted is refused: far longer than any replica remembers one while `api` is away.
const REFUSED: Duration = Duration::days(1);

pub(crate) fn routes() -> Router<Conversations> {
    Router::new()
        .route(PATH, post(remove_old))
        .route("/internal/v1/assistants/{id}", delete(forget_assistant))
}

/// Removes what is left of assistants that were deleted, then conversations in which nothing has happened for longer than
/// the retention. One that somebody is talking in at this moment is locked, and is not old any more.
async fn remove_old(State(service): State<Conversations>) -> Result<Json<Removed>, Problem> {
    let left = remove_left(&service).await?;
    let Some(retention) = service.retention.filter(|_| !is_full(left)) else {
        return Ok(part(left, is_full(left)));
    };
    let delete = sqlx::query!(
        "DELETE FROM conversations WHERE id IN (
             SELECT id FROM conversations WHERE updated_at < $1
             ORDER BY updated_at LIMIT $2 FOR UPDATE SKIP LOCKED)",
        service.clock.now() - retention,
        AT_ONCE,
    );
    let deleted = traced("conversation.remove_old", delete.execute(&service.pool)).await?;
    let old = deleted.rows_affected();
    Ok(part(left + old, is_full(old)))
}

/// Removes conversations that were opened while their assistant was being forgotten, by a replica that still knew it. When
/// none is left, the assistants of days ago need not be refused any more.
async fn remove_left(service: &Conversations) -> Result<u64, DatabaseError> {
    let delete = sqlx::query!(
        "DELETE FROM conversations WHERE id IN (
             SELECT conversations.id FROM conversations
             JOIN forgotten_assistants ON forgotten_assistants.id = assistant_id LIMIT $1)",
        AT_ONCE,
    );
    let deleted = traced("conversation.remove_left", delete.execute(&service.pool)).await?;
    let left = deleted.rows_affected();
    if !is_full(left) {
        let delete = sqlx::query!(
            "DELETE FROM forgotten_assistants WHERE forgotten_at < $1",
            service.clock.now() - REFUSED,
        );
        let deleted = delete.execute(&service.pool);
        traced("forgotten_assistant.remove", deleted).await?;
    }
    Ok(left)
}

/// Removes conversations of an assistant that was deleted, and has no more opened for it. One that somebody is talking in
/// at this moment is waited for.
async fn forget_assistant(
    State(service): State<Conversations>,
    Path(id): Path<Uuid>,
) -> Result<Json<Removed>, Problem> {
    let refuse = sqlx::query!(
        "INSERT INTO forgotten_assistants (id, forgotten_at) VALUES ($1, $2)
         ON CONFLICT DO NOTHING",
        id,
        service.clock.now(),
    );
    let refused = refuse.execute(&service.pool);
    traced("forgotten_assistant.insert", refused).await?;
    let delete = sqlx::query!(
        "DELETE FROM conversations WHERE id IN (
             SELECT id FROM conversations WHERE assistant_id = $1 ORDER BY id LIMIT $2)",
        id,
        AT_ONCE,
    );
    let deleted = traced("conversation.forget", delete.execute(&service.pool)).await?;
    let removed = deleted.rows_affected();
    Ok(part(removed, is_full(removed)))
}

/// Whether there may be more than what was removed.
fn is_full(removed: u64) -> bool {
    removed == AT_ONCE.unsigned_abs()
}

/// What a call has removed.
fn part(removed: u64, more: bool) -> Json<Removed> {
    metrics::count_removed(removed);
    Json(Removed { removed, more })
}
