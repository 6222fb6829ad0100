//! What `worker` reads of a training, and what it reports.

use axum::extract::State;
use http::StatusCode;
use serde::Serialize;
use sqlx::{PgTransaction, types::Json as Stored};
use stoa_contracts::{
    ErrorCode,
    models::ModelMetrics,
    training_data::TrainingData,
    trainings::{TrainingReport, TrainingSnapshot, TrainingStatus},
    webhooks::WebhookEvent,
};
use stoa_postgres::{DatabaseError, traced};
use stoa_service::{Json, Path, Problem, Trusted};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{state::Api, webhooks};

/// The longest reason that is kept of a failure, in characters.
const ERROR_LIMIT: usize = 1000;

/// The data of a training as it stood when the training was started.
pub(super) async fn get_training_snapshot(
    State(api): State<Api>,
    Path(id): Path<Uuid>,
) -> Result<Json<TrainingSnapshot>, Problem> {
    let select = sqlx::query!(
        r#"SELECT t.assistant_id, t.model_version, a.language,
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
    Ok(Json(TrainingSnapshot {
        training_id: id,
        assistant_id: row.assistant_id,
        model: row.model_version,
        language: row.language,
        data: row.data.0,
    }))
}

/// Takes down how far a training is. Reports may come twice and late: one about a training that
/// has ended changes nothing.
pub(super) async fn report_training(
    State(api): State<Api>,
    Path(id): Path<Uuid>,
    Trusted(report): Trusted<TrainingReport>,
) -> Result<StatusCode, Problem> {
    let now = api.clock.now();
    let ended = matches!(
        report.status,
        TrainingStatus::Succeeded | TrainingStatus::Failed
    );
    if report.status == TrainingStatus::Succeeded && report.metrics.is_none() {
        let detail = "A training that succeeded has `metrics`.";
        return Err(Problem::new(ErrorCode::Invalid, detail));
    }
    let reason = report.error.as_deref().map(readable);
    let mut transaction = traced("transaction.begin", api.pool.begin()).await?;
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
        return known(&api, id).await;
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

/// What webhooks hear of the end of a training.
#[derive(Serialize)]
struct News<'a> {
    training_id: Uuid,
    assistant_id: Uuid,
    /// The version of the model that it has made, or was to make.
    model: i32,
    metrics: Option<&'a ModelMetrics>,
    error: Option<&'a str>,
}

impl News<'_> {
    async fn tell(
        &self,
        transaction: &mut PgTransaction<'_>,
        status: TrainingStatus,
        now: OffsetDateTime,
    ) -> Result<(), DatabaseError> {
        let select = sqlx::query_scalar!(
            "SELECT account_id FROM assistants WHERE id = $1",
            self.assistant_id,
        );
        let account = traced("assistant.account", select.fetch_one(&mut **transaction)).await?;
        let event = match status {
            TrainingStatus::Succeeded => WebhookEvent::TrainingSucceeded,
            _ => WebhookEvent::TrainingFailed,
        };
        webhooks::emit(transaction, account, event, self, now).await
    }
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
        let update = sqlx::query!(
            "UPDATE assistants SET active_model = $2, updated_at = $3 WHERE id = $1",
            self.assistant,
            self.version,
            now,
        );
        traced("model.activate_new", update.execute(&mut **transaction)).await?;
        Ok(())
    }
}

async fn known(api: &Api, id: Uuid) -> Result<StatusCode, Problem> {
    let select = sqlx::query_scalar!("SELECT id FROM trainings WHERE id = $1", id);
    let found = traced("training.exists", select.fetch_optional(&api.pool)).await?;
    found
        .map(|_| StatusCode::NO_CONTENT)
        .ok_or_else(|| Problem::not_found("training"))
}

fn readable(error: &str) -> String {
    error
        .chars()
        .filter(|c| !c.is_control() || *c == '\n')
        .take(ERROR_LIMIT)
        .collect()
}
