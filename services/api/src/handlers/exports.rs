//! Exports: training data as a file, written by a job.

use axum::{
    body::{Body, Bytes},
    extract::State,
    response::{IntoResponse, Response},
};
use futures_util::stream;
use http::{StatusCode, header};
use sqlx::PgTransaction;
use stoa_contracts::{
    ErrorCode,
    training_data::TrainingData,
    transfers::{CreateExport, ExportTrainingData, TrainingDataExport, TransferStatus},
};
use stoa_postgres::{DatabaseError, begin, traced};
use stoa_service::{Identity, Json, Path, Problem, responses};
use time::OffsetDateTime;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{assistants, taken, trainings, transfers};
use crate::{state::Api, stored, training_data::Format, transfers::parts};

/// Exports of an assistant that are kept.
const KEPT: i64 = 10;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(create_export))
        .routes(routes!(get_export))
        .routes(routes!(get_export_content))
}

/// An export as it is stored.
struct Row {
    id: Uuid,
    assistant_id: Uuid,
    format: String,
    base_version: i32,
    status: String,
    bytes: Option<i64>,
    error: Option<String>,
    created_at: OffsetDateTime,
    finished_at: Option<OffsetDateTime>,
}

impl From<Row> for TrainingDataExport {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            assistant_id: row.assistant_id,
            format: stored::data_format(&row.format),
            version: row.base_version,
            status: stored::transfer_status(&row.status),
            bytes: row.bytes,
            error: row.error,
            created_at: row.created_at,
            finished_at: row.finished_at,
            expires_at: row.finished_at.map(|end| end + transfers::EXPORTS_KEPT),
        }
    }
}

/// Starts to write the training data into a file, as it is now; one export of an assistant in a format runs at a time.
///
/// It is kept for a day after its end, the last ten of an assistant. Its id is that of its job.
#[utoipa::path(
    post,
    path = "/api/v1/assistants/{id}/exports",
    tag = "training data",
    params(
        ("id" = Uuid, Path, description = "The assistant"),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key twice starts one export", min_length = 1, max_length = 255)
    ),
    request_body = CreateExport,
    responses((status = 202, description = "The export waits for its turn", body = TrainingDataExport), responses::Write)
)]
async fn create_export(
    State(api): State<Api>,
    identity: Identity,
    Path(id): Path<Uuid>,
    Json(input): Json<CreateExport>,
) -> Result<impl IntoResponse, Problem> {
    assistants::require(&api, &identity, id).await?;
    let now = api.clock.now();
    let mut transaction = begin(&api.pool).await?;
    let version = lock(&mut transaction, &identity, id).await?;
    trainings::require_examples(&mut transaction, id, version).await?;
    transfers::give_up_silent(&mut transaction, id, now).await?;
    let insert = sqlx::query_as!(
        Row,
        "INSERT INTO transfers (id, assistant_id, direction, format, base_version, status, created_by,
             created_at, updated_at)
         VALUES ($1, $2, 'export', $3, $4, 'queued', $5, $6, $6)
         RETURNING id, assistant_id, format, base_version, status, bytes, error, created_at, finished_at",
        Uuid::now_v7(),
        id,
        input.format.as_str(),
        version,
        identity.subject,
        now,
    );
    let inserted = traced("export.insert", insert.fetch_one(&mut *transaction)).await;
    let export: TrainingDataExport = inserted.map_err(already_running)?.into();
    forget_oldest(&mut transaction, id).await?;
    let (export_id, account_id) = (export.id, identity.account);
    let job = ExportTrainingData {
        export_id,
        assistant_id: id,
        account_id,
    };
    stoa_outbox::put_as(&mut transaction, export_id, account_id, &job, now).await?;
    traced("transaction.commit", transaction.commit()).await?;
    api.outbox.notify_one();
    let location = format!("/api/v1/exports/{export_id}");
    let headers = [(header::LOCATION, location)];
    Ok((StatusCode::ACCEPTED, headers, Json(export)))
}

/// The latest revision of the training data. The assistant stays locked, so that it is not forgotten before the export is
/// there.
async fn lock(
    transaction: &mut PgTransaction<'_>,
    identity: &Identity,
    id: Uuid,
) -> Result<i32, Problem> {
    let select = sqlx::query_scalar!(
        "SELECT training_data_version FROM assistants WHERE id = $1 AND account_id = $2 FOR UPDATE",
        id,
        identity.account,
    );
    let found = traced("assistant.lock", select.fetch_optional(&mut **transaction)).await?;
    found.ok_or_else(|| Problem::not_found("assistant"))
}

async fn forget_oldest(
    transaction: &mut PgTransaction<'_>,
    assistant: Uuid,
) -> Result<(), DatabaseError> {
    let delete = sqlx::query!(
        "WITH gone AS (DELETE FROM transfers WHERE id IN
             (SELECT id FROM transfers
              WHERE assistant_id = $1 AND direction = 'export' AND finished_at IS NOT NULL
              ORDER BY created_at DESC, id DESC OFFSET $2) RETURNING id)
         DELETE FROM transfer_parts WHERE transfer_id IN (SELECT id FROM gone)",
        assistant,
        KEPT - 1,
    );
    traced("export.forget", delete.execute(&mut **transaction)).await?;
    Ok(())
}

fn already_running(error: DatabaseError) -> Problem {
    taken(
        error,
        Some("transfers_one_export"),
        "An export of this assistant in this format has not ended; wait for it to end.",
    )
}

/// Reads an export: how far it is, how large its file is.
#[utoipa::path(
    get,
    path = "/api/v1/exports/{id}",
    tag = "training data",
    params(("id" = Uuid, Path, description = "The export")),
    responses((status = 200, description = "The export", body = TrainingDataExport), responses::Read)
)]
async fn get_export(
    State(api): State<Api>,
    identity: Identity,
    Path(id): Path<Uuid>,
) -> Result<Json<TrainingDataExport>, Problem> {
    find(&api, &identity, id).await.map(Json)
}

async fn find(api: &Api, identity: &Identity, id: Uuid) -> Result<TrainingDataExport, Problem> {
    let select = sqlx::query_as!(
        Row,
        "SELECT t.id, t.assistant_id, t.format, t.base_version, t.status, t.bytes, t.error,
             t.created_at, t.finished_at
         FROM transfers t JOIN assistants a ON a.id = t.assistant_id
         WHERE t.id = $1 AND t.direction = 'export' AND a.account_id = $2
             AND ($3::uuid IS NULL OR a.id = $3)",
        id,
        identity.account,
        identity.assistant,
    );
    let found = traced("export.get", select.fetch_optional(&api.pool)).await?;
    found
        .map(TrainingDataExport::from)
        .ok_or_else(|| Problem::not_found("export"))
}

/// Downloads the file of an export that has succeeded.
#[utoipa::path(
    get,
    path = "/api/v1/exports/{id}/content",
    tag = "training data",
    params(("id" = Uuid, Path, description = "The export")),
    responses(
        (status = 200, description = "The file", content(
            (TrainingData = "application/json"), (serde_json::Value = "application/yaml"), (String = "text/csv")
        )),
        (status = 409, description = "There is no file, or not yet", body = stoa_contracts::Problem, content_type = "application/problem+json"),
        responses::Read,
    )
)]
async fn get_export_content(
    State(api): State<Api>,
    identity: Identity,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    let export = find(&api, &identity, id).await?;
    let bytes = export
        .bytes
        .filter(|_| export.status == TransferStatus::Succeeded);
    let bytes = bytes.ok_or_else(|| {
        let detail = if export.status.is_end() {
            "This export has no file: it did not succeed. Start another one."
        } else {
            "This export has not ended; wait for it."
        };
        Problem::new(ErrorCode::Conflict, detail)
    })?;
    let name = format!(
        "attachment; filename=\"training-data-{}.{}\"",
        export.version,
        export.format.as_str()
    );
    let headers = [
        (
            header::CONTENT_TYPE,
            Format::from(export.format).media_type().to_owned(),
        ),
        (header::CONTENT_DISPOSITION, name),
        (header::CONTENT_LENGTH, bytes.to_string()),
    ];
    Ok((headers, file(api, id, bytes)).into_response())
}

/// The file, part by part as the client takes it. One that goes meanwhile breaks off short of its length.
fn file(api: Api, id: Uuid, bytes: i64) -> Body {
    let parts = stream::try_unfold((0, bytes), move |(number, left)| {
        let api = api.clone();
        async move {
            if left <= 0 {
                return Ok(None);
            }
            let Some(part) = parts::get(&api.pool, id, number).await? else {
                return Ok::<_, DatabaseError>(None);
            };
            let left = left - i64::try_from(part.len()).unwrap_or(left);
            Ok(Some((Bytes::from(part), (number + 1, left))))
        }
    });
    Body::from_stream(parts)
}
