//! What is kept of an assistant goes with it.

use axum::extract::State;
use sqlx::PgPool;
use stoa_contracts::upkeep::Removed;
use stoa_postgres::{DatabaseError, traced};
use stoa_service::{Json, Path, Problem};
use uuid::Uuid;

/// Models that one call removes: each may have megabytes.
const MODELS: i64 = 20;
/// Trainings and evaluations that one call removes.
const RUNS: i64 = 1000;

/// `DELETE /internal/v1/assistants/{id}`: ends what works for an assistant, and removes its models, a part with each call.
/// Twice is the same as once.
pub(crate) async fn forget_assistant(
    State(pool): State<PgPool>,
    Path(id): Path<Uuid>,
) -> Result<Json<Removed>, Problem> {
    cancel(&pool, id).await?;
    // A training that was cancelled makes no model after this.
    let models = sqlx::query!(
        "DELETE FROM models WHERE assistant_id = $1 AND version IN (
             SELECT version FROM models WHERE assistant_id = $1 ORDER BY version LIMIT $2)",
        id,
        MODELS
    );
    let models = traced("model.forget", models.execute(&pool)).await?;
    let [trainings, evaluations] = remove_runs(&pool, id).await?;
    let models = models.rows_affected();
    let is_full = |count, most: i64| count == most.unsigned_abs();
    Ok(Json(Removed {
        removed: models + trainings + evaluations,
        more: is_full(models, MODELS) || is_full(trainings, RUNS) || is_full(evaluations, RUNS),
    }))
}

/// Ends what runs, as of now, also where nobody works on it: whoever does hears of it at the next beat.
async fn cancel(pool: &PgPool, assistant: Uuid) -> Result<(), DatabaseError> {
    let trainings = sqlx::query!(
        "UPDATE trainings SET status = 'failed', error = 'The assistant was deleted.', beat_at = now()
         WHERE assistant_id = $1 AND status IN ('queued', 'running')",
        assistant
    );
    traced("training.cancel_all", trainings.execute(pool)).await?;
    let evaluations = sqlx::query!(
        "UPDATE evaluations SET status = 'failed', error = 'The assistant was deleted.', beat_at = now()
         WHERE assistant_id = $1 AND status IN ('queued', 'running')",
        assistant
    );
    traced("evaluation.cancel_all", evaluations.execute(pool)).await?;
    Ok(())
}

/// Removes the account of what has ended; how many trainings and evaluations. Who still asks for one that ended a moment ago
/// must find it, or would start it again.
async fn remove_runs(pool: &PgPool, assistant: Uuid) -> Result<[u64; 2], DatabaseError> {
    let trainings = sqlx::query!(
        "DELETE FROM trainings WHERE id IN (
             SELECT id FROM trainings WHERE assistant_id = $1 AND status IN ('succeeded', 'failed')
                 AND beat_at < now() - interval '1 minute' LIMIT $2)",
        assistant,
        RUNS
    );
    let trainings = traced("training.forget", trainings.execute(pool)).await?;
    // The others go with the next training that begins.
    let ended = sqlx::query!(
        "UPDATE trainings SET error = 'The assistant was deleted.'
         WHERE assistant_id = $1 AND status IN ('succeeded', 'failed')
             AND beat_at >= now() - interval '1 minute'",
        assistant
    );
    traced("training.leave", ended.execute(pool)).await?;
    let evaluations = sqlx::query!(
        "DELETE FROM evaluations WHERE id IN (
             SELECT id FROM evaluations WHERE assistant_id = $1 AND status IN ('succeeded', 'failed')
                 AND beat_at < now() - interval '1 minute' LIMIT $2)",
        assistant,
        RUNS
    );
    let evaluations = traced("evaluation.forget_all", evaluations.execute(pool)).await?;
    Ok([trainings, evaluations].map(|done| done.rows_affected()))
}
