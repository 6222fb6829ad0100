//! The account of trainings in the database.

use crate::runs::{Claim, status};
use sqlx::PgPool;
use stoa_contracts::models::ModelMetrics;
use stoa_contracts::trainings::{TrainingReport, TrainingSnapshot};
use stoa_postgres::{DatabaseError, traced};
use uuid::Uuid;

/// Takes a training that is new, or whose attempt has been silent for 15 s (sixty beats), or that
/// has failed and was started anew since. Whether it was taken. Those of assistants that were deleted go a minute after
/// their end: who still asks for one that ended a moment ago must find it, or would start it again.
pub(super) async fn claim(
    pool: &PgPool,
    claim: Claim,
    snapshot: &TrainingSnapshot,
) -> Result<bool, DatabaseError> {
    let forget = sqlx::query!(
        "DELETE FROM trainings WHERE error = 'The assistant was deleted.'
             AND beat_at < now() - interval '1 minute' AND id <> $1",
        claim.run
    );
    traced("training.forget", forget.execute(pool)).await?;
    let query = sqlx::query!(
        "INSERT INTO trainings (id, assistant_id, model, status, attempt, run)
         VALUES ($1, $2, $3, 'queued', $4, $5)
         ON CONFLICT (id) DO UPDATE
         SET status = 'queued', progress = 0, error = NULL, attempt = $4, run = $5, beat_at = now()
         WHERE trainings.status IN ('queued', 'running')
               AND trainings.beat_at < now() - interval '15 seconds'
            OR trainings.status = 'failed' AND trainings.run < $5",
        claim.run,
        snapshot.assistant_id,
        snapshot.model,
        claim.attempt,
        snapshot.run
    );
    let done = traced("training.claim", query.execute(pool)).await?;
    Ok(done.rows_affected() > 0)
}

/// A model that was trained, ready to be stored.
pub(super) struct Finished {
    /// The model, as bytes.
    pub(super) artefact: Vec<u8>,
    /// The checksum in them.
    pub(super) checksum: Vec<u8>,
    /// What was measured.
    pub(super) metrics: ModelMetrics,
}

/// Ends a training with its model, both or neither. An attempt that has lost its training
/// changes nothing. Whether it was still its own.
pub(super) async fn succeed(
    pool: &PgPool,
    claim: Claim,
    finished: &Finished,
) -> Result<bool, DatabaseError> {
    let metrics = serde_json::json!(finished.metrics);
    let query = sqlx::query!(
        "WITH done AS (
             UPDATE trainings
             SET status = 'succeeded', progress = 1, metrics = $3, beat_at = now()
             WHERE id = $1 AND attempt = $2 AND status IN ('queued', 'running')
             RETURNING id, assistant_id, model
         )
         INSERT INTO models (assistant_id, version, training_id, artefact, checksum)
         SELECT assistant_id, model, id, $4, $5 FROM done
         ON CONFLICT (assistant_id, version) DO NOTHING",
        claim.run,
        claim.attempt,
        metrics,
        finished.artefact,
        finished.checksum
    );
    let done = traced("model.insert", query.execute(pool)).await?;
    Ok(done.rows_affected() > 0)
}

/// How far a training is; none where nobody works on it.
pub(super) async fn report(
    pool: &PgPool,
    training: Uuid,
) -> Result<Option<TrainingReport>, DatabaseError> {
    let query = sqlx::query!(
        r#"SELECT status, progress, metrics, error FROM trainings
           WHERE id = $1
             AND (status NOT IN ('queued', 'running')
                  OR beat_at >= now() - interval '15 seconds')"#,
        training
    );
    let row = traced("training.get", query.fetch_optional(pool)).await?;
    Ok(row.map(|row| TrainingReport {
        status: status(&row.status),
        progress: row.progress,
        metrics: row
            .metrics
            .and_then(|metrics| serde_json::from_value(metrics).ok()),
        error: row.error,
    }))
}
