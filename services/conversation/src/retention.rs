//! Conversations are kept for a time, or for ever: `worker` calls by the clock and has the old ones removed. Those of an
//! assistant go with it.

use axum::extract::State;
use axum::{
    Router,
    routing::{delete, post},
};
use stoa_contracts::upkeep::{PATH, Removed};
use stoa_postgres::traced;
use stoa_service::{Json, Path, Problem};
use uuid::Uuid;

use crate::{metrics, state::Conversations};

/// Conversations that one call removes, with their events.
const AT_ONCE: i64 = 100;

pub(crate) fn routes() -> Router<Conversations> {
    Router::new()
        .route(PATH, post(remove_old))
        .route("/internal/v1/assistants/{id}", delete(forget_assistant))
}

/// Removes conversations in which nothing has happened for longer than the retention. One that somebody is talking in
/// at this moment is locked, and is not old any more.
async fn remove_old(State(service): State<Conversations>) -> Result<Json<Removed>, Problem> {
    let Some(retention) = service.retention else {
        return Ok(Json(Removed::default()));
    };
    let delete = sqlx::query!(
        "DELETE FROM conversations WHERE id IN (
             SELECT id FROM conversations WHERE updated_at < $1
             ORDER BY updated_at LIMIT $2 FOR UPDATE SKIP LOCKED)",
        service.clock.now() - retention,
        AT_ONCE,
    );
    let deleted = traced("conversation.remove_old", delete.execute(&service.pool)).await?;
    Ok(part(deleted.rows_affected()))
}

/// Removes conversations of an assistant that was deleted. One that somebody is talking in at this moment is waited for.
async fn forget_assistant(
    State(service): State<Conversations>,
    Path(id): Path<Uuid>,
) -> Result<Json<Removed>, Problem> {
    let delete = sqlx::query!(
        "DELETE FROM conversations WHERE id IN (
             SELECT id FROM conversations WHERE assistant_id = $1 ORDER BY id LIMIT $2)",
        id,
        AT_ONCE,
    );
    let deleted = traced("conversation.forget", delete.execute(&service.pool)).await?;
    Ok(part(deleted.rows_affected()))
}

/// What a call has removed.
fn part(removed: u64) -> Json<Removed> {
    metrics::count_removed(removed);
    Json(Removed {
        removed,
        more: removed == AT_ONCE.unsigned_abs(),
    })
}
