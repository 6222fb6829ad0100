//! What `worker` reads of an evaluation, and what it reports.

use axum::extract::State;
use http::StatusCode;
use sqlx::types::Json as Stored;
use stoa_contracts::{
    ErrorCode,
    evaluations::{EvaluationMethod, EvaluationReport, EvaluationSnapshot},
    training_data::TrainingData,
    trainings::TrainingStatus,
    understanding::Understanding,
};
use stoa_postgres::traced;
use stoa_service::{Json, Path, Problem, Trusted};
use uuid::Uuid;

use super::trainings::{has_failed, readable, settle};
use crate::{state::Api, stored};

/// What an evaluation works on, as it stood when it was started. 409 says why one has failed.
pub(super) async fn get_evaluation_snapshot(
    State(api): State<Api>,
    Path(id): Path<Uuid>,
) -> Result<Json<EvaluationSnapshot>, Problem> {
    let select = sqlx::query!(
        r#"SELECT e.assistant_id, e.folds, e.model_version, e.status, e.error, a.language,
               a.understanding AS "understanding: Stored<Understanding>",
               COALESCE(e.data, d.data) AS "data: Stored<TrainingData>"
           FROM evaluations e
           JOIN assistants a ON a.id = e.assistant_id
           LEFT JOIN training_data d
               ON d.assistant_id = e.assistant_id AND d.version = e.training_data_version
           WHERE e.id = $1"#,
        id,
    );
    let found = traced("evaluation.snapshot", select.fetch_optional(&api.pool)).await?;
    let gone = || Problem::not_found("evaluation");
    let row = found.ok_or_else(gone)?;
    if stored::training_status(&row.status) == TrainingStatus::Failed {
        return Err(has_failed("evaluation", row.error));
    }
    let folds = row.folds.and_then(|folds| u32::try_from(folds).ok());
    let folds = folds.map(EvaluationMethod::Folds);
    let method = folds.or(row.model_version.map(EvaluationMethod::Model));
    Ok(Json(EvaluationSnapshot {
        evaluation_id: id,
        assistant_id: row.assistant_id,
        language: row.language,
        method: method.ok_or_else(gone)?,
        data: row.data.ok_or_else(gone)?.0,
        is_encoded: row.understanding.encoder.unwrap_or_default(),
        understanding: row.understanding.0,
    }))
}

/// Takes down how far an evaluation is. Reports may come twice: one about an evaluation that has ended changes nothing, and
/// is refused if it has ended otherwise.
pub(super) async fn report_evaluation(
    State(api): State<Api>,
    Path(id): Path<Uuid>,
    Trusted(report): Trusted<EvaluationReport>,
) -> Result<StatusCode, Problem> {
    if report.status == TrainingStatus::Succeeded && report.result.is_none() {
        let detail = "An evaluation that succeeded has a `result`.";
        return Err(Problem::new(ErrorCode::Invalid, detail));
    }
    let update = sqlx::query!(
        "UPDATE evaluations SET status = $2, progress = greatest(progress, $3), summary = $4,
             result = $5, error = $6, updated_at = $7,
             finished_at = CASE WHEN $8 THEN $7::timestamptz END
         WHERE id = $1 AND (status = 'running' OR status = 'queued')",
        id,
        report.status.as_str(),
        report.progress.clamp(0.0, 1.0),
        report.result.as_ref().map(|result| Stored(result.summary)) as _,
        report.result.as_ref().map(Stored) as _,
        report.error.as_deref().map(readable),
        api.clock.now(),
        report.status.is_end(),
    );
    let updated = traced("evaluation.report", update.execute(&api.pool)).await?;
    if updated.rows_affected() > 0 {
        return Ok(StatusCode::NO_CONTENT);
    }
    let select = sqlx::query!("SELECT status, error FROM evaluations WHERE id = $1", id);
    let found = traced("evaluation.ended", select.fetch_optional(&api.pool)).await?;
    let evaluation = found.ok_or_else(|| Problem::not_found("evaluation"))?;
    let ended = (
        stored::training_status(&evaluation.status),
        evaluation.error,
    );
    settle("evaluation", report.status, ended)
}
