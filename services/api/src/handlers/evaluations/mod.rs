//! Evaluations: how well an assistant understands.

mod start;

use axum::{
    extract::{Request, State},
    response::IntoResponse,
};
use garde::Validate;
use http::{StatusCode, header};
use serde::Deserialize;
use sqlx::types::Json as Stored;
use stoa_contracts::{
    Page,
    evaluations::{
        CreateEvaluation, Evaluation, EvaluationDetail, EvaluationResult, EvaluationSummary,
    },
    identity::Role,
};
use stoa_postgres::{Cursor, into_page, traced};
use stoa_service::{Identity, Json, Paging, Path, Problem, Query, responses};
use time::OffsetDateTime;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{assistants, documents};
use crate::{
    document::DocumentError,
    state::Api,
    stored,
    training_data::{Format, read_evaluation},
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list_evaluations, create_evaluation))
        .routes(routes!(get_evaluation))
}

/// An evaluation as it is stored, without what it found.
struct Row {
    id: Uuid,
    job_id: Option<Uuid>,
    assistant_id: Uuid,
    folds: Option<i32>,
    training_data_version: Option<i32>,
    model_version: Option<i32>,
    set_digest: Option<String>,
    status: String,
    progress: f64,
    summary: Option<Stored<EvaluationSummary>>,
    error: Option<String>,
    created_at: OffsetDateTime,
    finished_at: Option<OffsetDateTime>,
}

impl From<Row> for Evaluation {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            job_id: row.job_id,
            assistant_id: row.assistant_id,
            folds: row.folds.and_then(|folds| u32::try_from(folds).ok()),
            training_data_version: row.training_data_version,
            model: row.model_version,
            set_digest: row.set_digest,
            status: stored::training_status(&row.status),
            progress: row.progress,
            summary: row.summary.map(|Stored(summary)| summary),
            error: row.error,
            created_at: row.created_at,
            finished_at: row.finished_at,
        }
    }
}

/// What a set in YAML or CSV cannot say itself.
#[derive(Debug, Default, Deserialize, Validate, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
struct AskedModel {
    /// The version of the model that is asked a set in YAML or CSV; absent for the one that answers now. JSON says it in the body.
    #[garde(range(min = 1))]
    #[param(minimum = 1)]
    model: Option<i32>,
}

/// Starts to measure how well an assistant understands; one evaluation of an assistant runs at a time.
///
/// Either a cross-validation of the latest training data, or a labelled set that comes along, which a model is asked:
/// as JSON, Rasa 3 NLU YAML or CSV (`text,intent`). Everything that is wrong in a set is told at once, with line and column.
#[utoipa::path(
    post,
    path = "/api/v1/assistants/{id}/evaluations",
    tag = "evaluations",
    params(
        ("id" = Uuid, Path, description = "The assistant"),
        AskedModel,
        ("Idempotency-Key" = Option<String>, Header, description = "The same key twice starts one evaluation", min_length = 1, max_length = 255)
    ),
    request_body(description = "At most 5 MiB", content(
        (CreateEvaluation = "application/json"), (String = "application/yaml"), (String = "text/csv")
    )),
    responses((status = 202, description = "The evaluation waits for a worker", body = Evaluation), responses::Write)
)]
async fn create_evaluation(
    State(api): State<Api>,
    identity: Identity,
    Path(id): Path<Uuid>,
    Query(asked): Query<AskedModel>,
    request: Request,
) -> Result<impl IntoResponse, Problem> {
    identity.require(Role::Editor)?;
    assistants::require(&api, &identity, id).await?;
    let formats = Format::ALL.map(Format::media_type);
    let format = documents::content_type(&request, Format::of_content_type, &formats)?;
    let (body, room) = documents::receive(&api, &identity, request).await?;
    let read = move || {
        let _room = room;
        let input = read_evaluation(&body, format)?;
        let digest = start::set_digest(&input);
        Ok::<_, DocumentError>((input, digest))
    };
    // From its reading to its writing.
    let turn = api.document_turn().await?;
    let (mut input, set_digest) = turn.run(read).await??;
    if let CreateEvaluation::LabelledSet(set) = &mut input {
        set.model = set.model.or(asked.model);
    }
    let evaluation = start::start(&api, &identity, id, input, set_digest).await?;
    api.outbox.notify_one();
    let location = format!("/api/v1/evaluations/{}", evaluation.id);
    Ok((
        StatusCode::ACCEPTED,
        [(header::LOCATION, location)],
        Json(evaluation),
    ))
}

/// Lists the evaluations of an assistant, newest first; the last 100 are kept.
#[utoipa::path(
    get,
    path = "/api/v1/assistants/{id}/evaluations",
    tag = "evaluations",
    params(("id" = Uuid, Path, description = "The assistant"), Paging),
    responses((status = 200, description = "A page of evaluations", body = Page<Evaluation>), responses::Read)
)]
async fn list_evaluations(
    State(api): State<Api>,
    identity: Identity,
    Path(id): Path<Uuid>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<Evaluation>>, Problem> {
    let cursor = Cursor::<(OffsetDateTime, Uuid)>::decode(paging.cursor.as_deref())?;
    assistants::require(&api, &identity, id).await?;
    let (before, before_id) = cursor.map(|cursor| cursor.0).unzip();
    let select = sqlx::query_as!(
        Row,
        r#"SELECT id, job_id, assistant_id, folds, training_data_version, model_version, set_digest, status, progress,
               summary AS "summary: Stored<EvaluationSummary>", error, created_at, finished_at
           FROM evaluations
           WHERE assistant_id = $1
               AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3::uuid))
           ORDER BY created_at DESC, id DESC LIMIT $4"#,
        id,
        before,
        before_id,
        paging.one_more(),
    );
    let rows = traced("evaluation.list", select.fetch_all(&api.pool)).await?;
    let items = rows.into_iter().map(Evaluation::from).collect();
    Ok(Json(into_page(
        items,
        paging.limit.into(),
        |item: &Evaluation| (item.created_at, item.id),
    )))
}

/// Reads an evaluation: how far it is, what it found, why it failed.
#[utoipa::path(
    get,
    path = "/api/v1/evaluations/{id}",
    tag = "evaluations",
    params(("id" = Uuid, Path, description = "The evaluation")),
    responses((status = 200, description = "The evaluation", body = EvaluationDetail), responses::Read)
)]
async fn get_evaluation(
    State(api): State<Api>,
    identity: Identity,
    Path(id): Path<Uuid>,
) -> Result<Json<EvaluationDetail>, Problem> {
    let select = sqlx::query!(
        r#"SELECT e.id, e.job_id, e.assistant_id, e.folds, e.training_data_version, e.model_version, e.set_digest, e.status,
               e.progress, e.summary AS "summary: Stored<EvaluationSummary>",
               e.result AS "result: Stored<EvaluationResult>", e.error, e.created_at, e.finished_at
           FROM evaluations e JOIN assistants a ON a.id = e.assistant_id
           WHERE e.id = $1 AND a.account_id = $2 AND ($3::uuid IS NULL OR a.id = $3)"#,
        id,
        identity.account,
        identity.assistant,
    );
    let found = traced("evaluation.get", select.fetch_optional(&api.pool)).await?;
    let row = found.ok_or_else(|| Problem::not_found("evaluation"))?;
    let evaluation = Row {
        id: row.id,
        job_id: row.job_id,
        assistant_id: row.assistant_id,
        folds: row.folds,
        training_data_version: row.training_data_version,
        model_version: row.model_version,
        set_digest: row.set_digest,
        status: row.status,
        progress: row.progress,
        summary: row.summary,
        error: row.error,
        created_at: row.created_at,
        finished_at: row.finished_at,
    };
    Ok(Json(EvaluationDetail {
        evaluation: evaluation.into(),
        result: row.result.map(|Stored(result)| result),
    }))
}
