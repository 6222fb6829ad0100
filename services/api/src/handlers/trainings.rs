//! Trainings: how training data becomes a model.

use axum::{
    body::Body,
    extract::{FromRequest as _, Request, State},
    response::IntoResponse,
};
use http::{StatusCode, header};
use sqlx::{PgTransaction, types::Json as Stored};
use stoa_contracts::{
    ErrorCode, Page,
    identity::Role,
    jobs::Train,
    models::ModelMetrics,
    trainings::{CreateTraining, Training, TrainingStatus},
};
use stoa_postgres::{Cursor, DatabaseError, begin, into_page, traced};
use stoa_service::{Identity, Json, Paging, Path, Problem, Query, read_body, responses};
use time::{Duration, OffsetDateTime};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{assistants, taken, training_news::News};
use crate::{state::Api, stored};

/// A training of which nothing has been heard for so long does not hold up the next one: a job
/// is tried for half an hour and may wait in the queue as long again.
pub(super) const SILENCE: Duration = Duration::hours(2);
/// What is said of one that was silent for so long.
const SILENT: &str = "Nothing was heard of this training for two hours.";

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list_trainings, create_training))
        .routes(routes!(get_training))
}

/// A training as it is stored.
struct Row {
    id: Uuid,
    job_id: Option<Uuid>,
    assistant_id: Uuid,
    status: String,
    progress: f64,
    model_version: i32,
    metrics: Option<Stored<ModelMetrics>>,
    error: Option<String>,
    created_at: OffsetDateTime,
    finished_at: Option<OffsetDateTime>,
}

impl From<Row> for Training {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            job_id: row.job_id,
            assistant_id: row.assistant_id,
            status: stored::training_status(&row.status),
            progress: row.progress,
            model: row.model_version,
            metrics: row.metrics.map(|Stored(metrics)| metrics),
            error: row.error,
            created_at: row.created_at,
            finished_at: row.finished_at,
        }
    }
}

/// Starts a training with the latest training data; one of an assistant runs at a time.
///
/// Once it has succeeded, utterances of the next second may still be understood by the model before; of an assistant without
/// one they may still be refused.
#[utoipa::path(
    post,
    path = "/api/v1/assistants/{id}/trainings",
    tag = "trainings",
    params(
        ("id" = Uuid, Path, description = "The assistant"),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key twice starts one training", min_length = 1, max_length = 255)
    ),
    request_body(content = Option<CreateTraining>, description = "May be left out"),
    responses((status = 202, description = "The training waits for a worker", body = Training), responses::Write)
)]
async fn create_training(
    State(api): State<Api>,
    identity: Identity,
    Path(id): Path<Uuid>,
    request: Request,
) -> Result<impl IntoResponse, Problem> {
    identity.require(Role::Editor)?;
    identity.require_assistant(id)?;
    let input = body_or_default(request).await?;
    let start = Start {
        training: Uuid::now_v7(),
        assistant: id,
        account: identity.account,
        by: identity.subject,
        activate: input.activate,
    };
    let training = start.run(&api).await?;
    api.outbox.notify_one();
    let location = format!("/api/v1/trainings/{}", training.id);
    Ok((
        StatusCode::ACCEPTED,
        [(header::LOCATION, location)],
        Json(training),
    ))
}

async fn body_or_default(request: Request) -> Result<CreateTraining, Problem> {
    let (parts, body) = request.into_parts();
    let body = read_body(Request::from_parts(parts.clone(), body)).await?;
    // Whether there is a body shows when it is read: one without a length may be empty, too.
    if body.is_empty() {
        return Ok(CreateTraining::default());
    }
    let request = Request::from_parts(parts, Body::from(body));
    let Json(input) = Json::<Option<CreateTraining>>::from_request(request, &()).await?;
    Ok(input.unwrap_or_default())
}

/// A training that is to be started.
pub(super) struct Start {
    pub(super) training: Uuid,
    pub(super) assistant: Uuid,
    pub(super) account: Uuid,
    /// The user or the API key.
    pub(super) by: Uuid,
    pub(super) activate: bool,
}

impl Start {
    /// The training, if it was started before.
    pub(super) async fn existing(&self, api: &Api) -> Result<Option<Training>, DatabaseError> {
        let select = sqlx::query_as!(
            Row,
            r#"SELECT t.id, t.job_id, t.assistant_id, t.status, t.progress, t.model_version,
                   t.metrics AS "metrics: Stored<ModelMetrics>", t.error, t.created_at, t.finished_at
               FROM trainings t JOIN assistants a ON a.id = t.assistant_id
               WHERE t.id = $1 AND a.id = $2 AND a.account_id = $3"#,
            self.training,
            self.assistant,
            self.account,
        );
        let found = traced("training.started", select.fetch_optional(&api.pool)).await?;
        Ok(found.map(Training::from))
    }

    /// Starts it, with the latest data and the next number of a model.
    pub(super) async fn run(self, api: &Api) -> Result<Training, Problem> {
        let now = api.clock.now();
        let mut transaction = begin(&api.pool).await?;
        let next = sqlx::query!(
            "UPDATE assistants SET model_version = model_version + 1
             WHERE id = $1 AND account_id = $2 RETURNING model_version, training_data_version",
            self.assistant,
            self.account,
        );
        let next = traced("model.next", next.fetch_optional(&mut *transaction)).await?;
        let next = next.ok_or_else(|| Problem::not_found("assistant"))?;
        require_examples(&mut transaction, self.assistant, next.training_data_version).await?;
        give_up_silent(&mut transaction, self.assistant, now).await?;
        let job_id = Uuid::now_v7();
        let insert = sqlx::query_as!(
            Row,
            r#"INSERT INTO trainings (id, assistant_id, training_data_version, model_version,
                   activate, status, created_by, created_at, updated_at, job_id)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9)
               RETURNING id, job_id, assistant_id, status, progress, model_version,
                   metrics AS "metrics: Stored<ModelMetrics>", error, created_at, finished_at"#,
            self.training,
            self.assistant,
            next.training_data_version,
            next.model_version,
            self.activate,
            TrainingStatus::Queued.as_str(),
            self.by,
            now,
            job_id,
        );
        let inserted = traced("training.insert", insert.fetch_one(&mut *transaction)).await;
        let training: Training = inserted.map_err(already_running)?.into();
        let job = Train {
            training_id: training.id,
            assistant_id: self.assistant,
            account_id: self.account,
        };
        stoa_outbox::put_as(&mut transaction, job_id, self.account, &job, now).await?;
        traced("transaction.commit", transaction.commit()).await?;
        Ok(training)
    }
}

pub(super) async fn require_examples(
    transaction: &mut PgTransaction<'_>,
    id: Uuid,
    version: i32,
) -> Result<(), Problem> {
    let select = sqlx::query_scalar!(
        "SELECT examples FROM training_data WHERE assistant_id = $1 AND version = $2",
        id,
        version,
    );
    let examples = traced(
        "training_data.size",
        select.fetch_optional(&mut **transaction),
    )
    .await?;
    if examples.unwrap_or_default() > 0 {
        return Ok(());
    }
    let detail = "This assistant has no training data; upload some first.";
    Err(Problem::new(ErrorCode::Conflict, detail))
}

/// Ends a training of the assistant that nothing was heard of, and tells of it as of every other failure.
pub(super) async fn give_up_silent(
    transaction: &mut PgTransaction<'_>,
    id: Uuid,
    now: OffsetDateTime,
) -> Result<(), DatabaseError> {
    let update = sqlx::query!(
        r#"UPDATE trainings SET status = 'failed', finished_at = $2, updated_at = $2, error = $4
           WHERE assistant_id = $1 AND status IN ('queued', 'running') AND updated_at < $3
           RETURNING id, model_version"#,
        id,
        now,
        now - SILENCE,
        SILENT,
    );
    let given_up = traced(
        "training.give_up_silent",
        update.fetch_all(&mut **transaction),
    );
    for training in given_up.await? {
        let news = News {
            training_id: training.id,
            assistant_id: id,
            model: training.model_version,
            metrics: None,
            error: Some(SILENT),
        };
        news.tell(transaction, TrainingStatus::Failed, now).await?;
    }
    Ok(())
}

pub(super) fn already_running(error: DatabaseError) -> Problem {
    taken(
        error,
        Some("trainings_one_at_a_time"),
        "A training of this assistant is running; wait for it to end.",
    )
}

/// Lists the trainings of an assistant, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/assistants/{id}/trainings",
    tag = "trainings",
    params(("id" = Uuid, Path, description = "The assistant"), Paging),
    responses((status = 200, description = "A page of trainings", body = Page<Training>), responses::Read)
)]
async fn list_trainings(
    State(api): State<Api>,
    identity: Identity,
    Path(id): Path<Uuid>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<Training>>, Problem> {
    let cursor = Cursor::<(OffsetDateTime, Uuid)>::decode(paging.cursor.as_deref())?;
    assistants::require(&api, &identity, id).await?;
    let (before, before_id) = cursor.map(|cursor| cursor.0).unzip();
    let select = sqlx::query_as!(
        Row,
        r#"SELECT id, job_id, assistant_id, status, progress, model_version,
               metrics AS "metrics: Stored<ModelMetrics>", error, created_at, finished_at
           FROM trainings
           WHERE assistant_id = $1
               AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3::uuid))
           ORDER BY created_at DESC, id DESC LIMIT $4"#,
        id,
        before,
        before_id,
        paging.one_more(),
    );
    let rows = traced("training.list", select.fetch_all(&api.pool)).await?;
    let items = rows.into_iter().map(Training::from).collect();
    Ok(Json(into_page(
        items,
        paging.limit.into(),
        |item: &Training| (item.created_at, item.id),
    )))
}

/// Reads a training: how far it is, what it measured, why it failed.
#[utoipa::path(
    get,
    path = "/api/v1/trainings/{id}",
    tag = "trainings",
    params(("id" = Uuid, Path, description = "The training")),
    responses((status = 200, description = "The training", body = Training), responses::Read)
)]
async fn get_training(
    State(api): State<Api>,
    identity: Identity,
    Path(id): Path<Uuid>,
) -> Result<Json<Training>, Problem> {
    let select = sqlx::query_as!(
        Row,
        r#"SELECT t.id, t.job_id, t.assistant_id, t.status, t.progress, t.model_version,
               t.metrics AS "metrics: Stored<ModelMetrics>", t.error, t.created_at, t.finished_at
           FROM trainings t JOIN assistants a ON a.id = t.assistant_id
           WHERE t.id = $1 AND a.account_id = $2 AND ($3::uuid IS NULL OR a.id = $3)"#,
        id,
        identity.account,
        identity.assistant,
    );
    let found = traced("training.get", select.fetch_optional(&api.pool)).await?;
    found
        .map(|row| Json(row.into()))
        .ok_or_else(|| Problem::not_found("training"))
}
