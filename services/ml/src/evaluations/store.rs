//! The account of evaluations in the database.

use crate::runs::{Claim, status};
use sqlx::PgPool;
use sqlx::types::Json;
use stoa_contracts::evaluations::{EvaluationReport, EvaluationResult, EvaluationSnapshot};
use stoa_postgres::{DatabaseError, traced};
use uuid::Uuid;

/// Takes an evaluation that is new, or whose attempt has been silent for 15 s: sixty beats.
/// Whether it was taken. Those that ended a day ago have been told, and go.
pub(super) async fn claim(
    pool: &PgPool,
    claim: Claim,
    snapshot: &EvaluationSnapshot,
) -> Result<bool, DatabaseError> {
    let forget = sqlx::query!(
        "DELETE FROM evaluations WHERE beat_at < now() - interval '1 day' AND id <> $1",
        claim.run
    );
    traced("evaluation.forget", forget.execute(pool)).await?;
    let query = sqlx::query!(
        "INSERT INTO evaluations (id, assistant_id, status, attempt)
         VALUES ($1, $2, 'queued', $3)
         ON CONFLICT (id) DO UPDATE
         SET status = 'queued', progress = 0, attempt = $3, beat_at = now()
         WHERE evaluations.status IN ('queued', 'running')
           AND evaluations.beat_at < now() - interval '15 seconds'",
        claim.run,
        snapshot.assistant_id,
        claim.attempt
    );
    let done = traced("evaluation.claim", query.execute(pool)).await?;
    Ok(done.rows_affected() > 0)
}

/// Ends an evaluation with what it found. Whether it was still the attempt's own.
pub(super) async fn succeed(
    pool: &PgPool,
    claim: Claim,
    result: &EvaluationResult,
) -> Result<bool, DatabaseError> {
    let query = sqlx::query!(
        "UPDATE evaluations SET status = 'succeeded', progress = 1, result = $3, beat_at = now()
         WHERE id = $1 AND attempt = $2 AND status IN ('queued', 'running')",
        claim.run,
        claim.attempt,
        Json(result) as _
    );
    let done = traced("evaluation.succeed", query.execute(pool)).await?;
    Ok(done.rows_affected() > 0)
}

/// How far an evaluation is; none where nobody works on it.
pub(super) async fn report(
    pool: &PgPool,
    evaluation: Uuid,
) -> Result<Option<EvaluationReport>, DatabaseError> {
    let query = sqlx::query!(
        r#"SELECT status, progress, result AS "result: Json<EvaluationResult>", error
           FROM evaluations
           WHERE id = $1
             AND (status NOT IN ('queued', 'running')
                  OR beat_at >= now() - interval '15 seconds')"#,
        evaluation
    );
    let row = traced("evaluation.get", query.fetch_optional(pool)).await?;
    Ok(row.map(|row| EvaluationReport {
        status: status(&row.status),
        progress: row.progress,
        result: row.result.map(|Json(result)| result),
        error: row.error,
    }))
}
