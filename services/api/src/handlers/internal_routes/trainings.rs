//! What `worker` reads of a training, and what it reports.

use axum::extract::State;
use http::StatusCode;
use sqlx::{PgTransaction, types::Json as Stored};
use stoa_contracts::{
    ErrorCode,
    models::ModelMetrics,
    training_data::TrainingData,
    trainings::{StartTraining, Training, TrainingReport, TrainingSnapshot, TrainingStatus},
    understanding::Understanding,
};
use stoa_postgres::{DatabaseError, begin, traced};
use stoa_service::{Json, Path, Problem, Trusted};
use time::OffsetDateTime;
use uuid::Uuid;

use super::super::training_news::News;
use super::super::trainings::{Start, already_running, give_up_silent};
use crate::{state::Api, stored};

/// The longest reason that is kept of a failure, in characters.
const ERROR_LIMIT: usize = 1000;

/// The data of a training as it stood when the training was started. 409 says why one has failed: nobody waits for what
/// would be made of it.
pub(super) async fn get_training_snapshot(
    State(api): State<Api>,
    Path(id): Path<Uuid>,
) -> Result<Json<TrainingSnapshot>, Problem> {
    let select = sqlx::query!(
        r#"SELECT t.assistant_id, t.model_version, t.runs, t.status, t.error, a.language,
               a.understanding AS "understanding: Stored<Understanding>",
               d.data AS "data: Stored<TrainingData>"
           FROM trainings t
           JOIN assistants a ON a.id = t.assistant_id
           JOIN training_data d
               ON d.assistant_id = t.assistant_id AND d.version = t.training_data_version
           WHERE t.id = $1"#,
        id,
    );
    let found = traced("training.snapshot", select.fetch_optional(&api.pool)).await?;
    let row = found.ok_or_else(|| Problem::not_found("training"))?;
    if stored::training_status(&row.status) == TrainingStatus::Failed {
        return Err(has_failed("training", row.error));
    }
    Ok(Json(TrainingSnapshot {
        training_id: id,
        assistant_id: row.assistant_id,
        model: row.model_version,
        language: row.language,
        data: row.data.0,
        run: row.runs,
        is_encoded: row.understanding.encoder.unwrap_or_default(),
    }))
}

/// Starts a training with the id that the caller has given it; the second time it is there already.
pub(super) async fn start_training(
    State(api): State<Api>,
    Path((assistant, training)): Path<(Uuid, Uuid)>,
    Trusted(input): Trusted<StartTraining>,
) -> Result<(StatusCode, Json<Training>), Problem> {
    let start = Start {
        training,
        assistant,
        account: input.account_id,
        by: input.created_by,
        activate: input.activate,
    };
    if let Some(there) = start.existing(&api).await? {
        return Ok((StatusCode::OK, Json(there)));
    }
    let training = start.run(&api).await?;
    api.outbox.notify_one();
    Ok((StatusCode::CREATED, Json(training)))
}

/// Lets a training that has failed begin anew, with the data that it was started with. One that has not ended stays as
/// it is, so twice is the same as once.
pub(super) async fn reopen_training(
    State(api): State<Api>,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Problem> {
    let now = api.clock.now();
    let mut transaction = begin(&api.pool).await?;
    let select = sqlx::query!(
        r#"SELECT assistant_id, status, EXISTS (SELECT FROM training_data d
               WHERE d.assistant_id = t.assistant_id AND d.version = t.training_data_version) AS "has_data!"
           FROM trainings t WHERE id = $1"#,
        id,
    );
    let found = traced("training.status", select.fetch_optional(&mut *transaction)).await?;
    let training = found.ok_or_else(|| Problem::not_found("training"))?;
    if stored::training_status(&training.status) == TrainingStatus::Succeeded {
        let detail = "This training has succeeded; start another one.";
        return Err(Problem::new(ErrorCode::Conflict, detail));
    }
    if !training.has_data {
        let detail = "The data of this training is not kept any more; start another one.";
        return Err(Problem::new(ErrorCode::Conflict, detail));
    }
    give_up_silent(&mut transaction, training.assistant_id, now).await?;
    let update = sqlx::query!(
        "UPDATE trainings SET status = 'queued', progress = 0, error = NULL, finished_at = NULL,
             updated_at = $2, runs = runs + 1
         WHERE id = $1 AND status = 'failed'",
        id,
        now,
    );
    let updated = traced("training.reopen", update.execute(&mut *transaction)).await;
    updated.map_err(already_running)?;
    traced("transaction.commit", transaction.commit()).await?;
    api.outbox.notify_one();
    Ok(StatusCode::NO_CONTENT)
}

/// Takes down how far a training is. Reports may come twice: one about a training that has ended changes nothing, and is
/// refused if it has ended otherwise, so that nobody works on it in vain.
pub(super) async fn report_training(
    State(api): State<Api>,
    Path(id): Path<Uuid>,
    Trusted(report): Trusted<TrainingReport>,
) -> Result<StatusCode, Problem> {
    let now = api.clock.now();
    let ended = report.status.is_end();
    if report.status == TrainingStatus::Succeeded && report.metrics.is_none() {
        let detail = "A training that succeeded has `metrics`.";
        return Err(Problem::new(ErrorCode::Invalid, detail));
    }
    let reason = report.error.as_deref().map(readable);
    let mut transaction = begin(&api.pool).await?;
    // Before the training, as who deletes the assistant does; its model will refer to it.
    let select = sqlx::query_scalar!(
        "SELECT a.id FROM assistants a JOIN trainings t ON t.assistant_id = a.id
         WHERE t.id = $1 FOR KEY SHARE OF a",
        id,
    );
    let found = traced("assistant.refer", select.fetch_optional(&mut *transaction)).await?;
    found.ok_or_else(|| Problem::not_found("training"))?;
    let update = sqlx::query!(
        "UPDATE trainings SET status = $2, progress = greatest(progress, $3), metrics = $4,
             error = $5, updated_at = $6, finished_at = CASE WHEN $7 THEN $6::timestamptz END
         WHERE id = $1 AND (status = 'running' OR status = 'queued')
         RETURNING assistant_id, model_version, activate",
        id,
        report.status.as_str(),
        report.progress.clamp(0.0, 1.0),
        report.metrics.as_ref().map(Stored) as _,
        reason,
        now,
        ended,
    );
    let updated = traced("training.report", update.fetch_optional(&mut *transaction)).await?;
    let Some(training) = updated else {
        return known(&api, id, report.status).await;
    };
    if ended {
        let news = News {
            training_id: id,
            assistant_id: training.assistant_id,
            model: training.model_version,
            metrics: report.metrics.as_ref(),
            error: reason.as_deref(),
        };
        conclude(
            &mut transaction,
            &news,
            report.status,
            training.activate,
            now,
        )
        .await?;
    }
    traced("transaction.commit", transaction.commit()).await?;
    if ended {
        api.outbox.notify_one();
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Stores the model that a training has made, and tells the account's webhooks of its end.
async fn conclude(
    transaction: &mut PgTransaction<'_>,
    news: &News<'_>,
    status: TrainingStatus,
    activate: bool,
    now: OffsetDateTime,
) -> Result<(), DatabaseError> {
    if let (TrainingStatus::Succeeded, Some(metrics)) = (status, news.metrics) {
        let made = Made {
            assistant: news.assistant_id,
            version: news.model,
            training: news.training_id,
            metrics,
        };
        made.store(transaction, activate, now).await?;
    }
    news.tell(transaction, status, now).await
}

/// A model that a training made.
struct Made<'a> {
    assistant: Uuid,
    version: i32,
    training: Uuid,
    metrics: &'a ModelMetrics,
}

impl Made<'_> {
    async fn store(
        &self,
        transaction: &mut PgTransaction<'_>,
        activate: bool,
        now: OffsetDateTime,
    ) -> Result<(), DatabaseError> {
        let insert = sqlx::query!(
            "INSERT INTO models (assistant_id, version, training_id, metrics, created_at)
             VALUES ($1, $2, $3, $4, $5)",
            self.assistant,
            self.version,
            self.training,
            Stored(self.metrics) as _,
            now,
        );
        traced("model.insert", insert.execute(&mut **transaction)).await?;
        if !activate {
            return Ok(());
        }
        // A training that was started anew may end after a later one: the newer data answers.
        let update = sqlx::query!(
            "UPDATE assistants SET active_model = $2, updated_at = $3
             WHERE id = $1 AND (active_model IS NULL OR active_model < $2)",
            self.assistant,
            self.version,
            now,
        );
        traced("model.activate_new", update.execute(&mut **transaction)).await?;
        Ok(())
    }
}

/// The answer to a report that has changed nothing.
async fn known(api: &Api, id: Uuid, reported: TrainingStatus) -> Result<StatusCode, Problem> {
    let select = sqlx::query!("SELECT status, error FROM trainings WHERE id = $1", id);
    let found = traced("training.ended", select.fetch_optional(&api.pool)).await?;
    let training = found.ok_or_else(|| Problem::not_found("training"))?;
    let ended = (stored::training_status(&training.status), training.error);
    settle("training", reported, ended)
}

/// What a report means for a run that has ended, with its error.
pub(super) fn settle(
    what: &str,
    reported: TrainingStatus,
    (ended, error): (TrainingStatus, Option<String>),
) -> Result<StatusCode, Problem> {
    if ended == reported {
        return Ok(StatusCode::NO_CONTENT);
    }
    if ended == TrainingStatus::Failed {
        return Err(has_failed(what, error));
    }
    let detail = format!("This {what} has succeeded.");
    Err(Problem::new(ErrorCode::Conflict, detail))
}

/// The refusal of a run that has failed: for the reason why.
pub(super) fn has_failed(what: &str, error: Option<String>) -> Problem {
    let detail = error.unwrap_or_else(|| format!("This {what} has failed."));
    Problem::new(ErrorCode::Conflict, detail)
}

/// A reason as it is kept.
pub(super) fn readable(error: &str) -> String {
    error
        .chars()
        .filter(|c| !c.is_control() || *c == '\n')
        .take(ERROR_LIMIT)
        .collect()
}
