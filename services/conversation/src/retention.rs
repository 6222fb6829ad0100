//! Conversations are kept for a time, or for ever: `worker` calls by the clock and has the old ones removed.

use axum::extract::State;
use axum::{Router, routing::post};
use stoa_contracts::upkeep::{PATH, Removed};
use stoa_postgres::traced;
use stoa_service::{Json, Problem};

use crate::{metrics, state::Conversations};

/// Conversations that one call removes, with their events.
const AT_ONCE: i64 = 100;

pub(crate) fn routes() -> Router<Conversations> {
    Router::new().route(PATH, post(remove_old))
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
    let removed = deleted.rows_affected();
    metrics::count_removed(removed);
    Ok(Json(Removed {
        removed,
        more: removed == AT_ONCE.unsigned_abs(),
    }))
}
