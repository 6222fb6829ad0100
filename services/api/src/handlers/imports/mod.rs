//! Imports: files of training data, larger than a request is answered for, taken in by a job.

mod upload;

use axum::{
    extract::{FromRequestParts as _, Request, State},
    response::{IntoResponse as _, Response},
};
use garde::Validate;
use http::{StatusCode, header};
use serde::Deserialize;
use sqlx::types::Json as Stored;
use stoa_contracts::{
    FieldError, Page,
    identity::Role,
    training_data::{Hint, TrainingData},
    transfers::{DataFormat, ImportCounts, ImportMode, ImportTrainingData, TrainingDataImport},
};
use stoa_postgres::{Cursor, DatabaseError, begin, into_page, traced};
use stoa_service::{
    IdempotencyKey, Identity, Json, Paging, Path, Problem, Query, body_limit, responses,
};
use time::OffsetDateTime;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{assistants, documents, taken};
use crate::{idempotency::once, state::Api, stored, training_data::Format};
use upload::Upload;

/// The largest file, in bytes: 100,000 utterances of usual length with their entities as JSON, twice over.
const FILE_LIMIT: usize = 32 << 20;

/// They read their body themselves, in parts, so the layer of `Idempotency-Key` has no part in them.
pub(super) fn routes() -> OpenApiRouter<Api> {
    let (upload, document) = OpenApiRouter::new()
        .routes(routes!(create_import))
        .split_for_parts();
    let mut limited = OpenApiRouter::from(body_limit(upload, FILE_LIMIT));
    *limited.get_openapi_mut() = document;
    limited
        .routes(routes!(list_imports))
        .routes(routes!(get_import))
}

/// What becomes of the data that is there.
#[derive(Debug, Default, Deserialize, Validate, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
struct Asked {
    /// `replace`: the file takes its place, unless somebody changes it before the import runs. `merge`: what is new in the
    /// file is added to it.
    #[garde(skip)]
    #[param(default = "replace")]
    mode: ImportMode,
}

/// Which imports.
#[derive(Debug, Default, Deserialize, Validate, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
struct Wanted {
    /// Only those of this assistant.
    #[garde(skip)]
    assistant_id: Option<Uuid>,
}

/// An import as it is stored.
struct Row {
    id: Uuid,
    assistant_id: Uuid,
    mode: Option<String>,
    format: String,
    bytes: Option<i64>,
    status: String,
    version: Option<i32>,
    counts: Option<Stored<ImportCounts>>,
    hints: Option<Stored<Vec<Hint>>>,
    error: Option<String>,
    errors: Option<Stored<Vec<FieldError>>>,
    created_at: OffsetDateTime,
    finished_at: Option<OffsetDateTime>,
}

impl From<Row> for TrainingDataImport {
    fn from(row: Row) -> Self {
        let mode = row.mode.as_deref().map(stored::import_mode);
        Self {
            id: row.id,
            assistant_id: row.assistant_id,
            mode: mode.unwrap_or_default(),
            format: stored::data_format(&row.format),
            bytes: row.bytes.unwrap_or_default(),
            status: stored::transfer_status(&row.status),
            version: row.version,
            counts: row.counts.map(|Stored(counts)| counts),
            hints: row.hints.map(|Stored(hints)| hints).unwrap_or_default(),
            error: row.error,
            errors: row.errors.map(|Stored(errors)| errors).unwrap_or_default(),
            created_at: row.created_at,
            finished_at: row.finished_at,
        }
    }
}

/// Uploads a file of training data, as JSON, Rasa 3 NLU YAML or CSV, which a job takes in; one import of an assistant runs at
/// a time.
///
/// A file that is wrong changes nothing: the import fails, and `errors` says where by line and column. Its id is that of
/// its job, by which it can be cancelled. It is kept for 30 days, the file only until it is taken in.
#[utoipa::path(
    post,
    path = "/api/v1/assistants/{id}/imports",
    tag = "training data",
    params(
        ("id" = Uuid, Path, description = "The assistant"),
        Asked,
        ("Idempotency-Key" = Option<String>, Header, description = "The same key twice starts one import", min_length = 1, max_length = 255)
    ),
    request_body(description = "At most 32 MiB", content(
        (TrainingData = "application/json"), (String = "application/yaml"), (String = "text/csv")
    )),
    responses((status = 202, description = "The import waits for its turn", body = TrainingDataImport), responses::Write)
)]
async fn create_import(
    State(api): State<Api>,
    identity: Identity,
    Path(id): Path<Uuid>,
    Query(asked): Query<Asked>,
    request: Request,
) -> Result<Response, Problem> {
    identity.require(Role::Editor)?;
    assistants::require(&api, &identity, id).await?;
    let formats = Format::ALL.map(Format::media_type);
    let format = documents::content_type(&request, Format::of_content_type, &formats)?;
    let (mut parts, body) = request.into_parts();
    let IdempotencyKey(key) = IdempotencyKey::from_request_parts(&mut parts, &()).await?;
    let (uri, headers) = (parts.uri.clone(), parts.headers.clone());
    let request = Request::from_parts(parts, body);
    let start = Start {
        identity: identity.clone(),
        assistant: id,
        mode: asked.mode,
        format: format.into(),
        base_version: latest(&api, id).await?,
        upload: Upload::receive(&api, request).await?,
    };
    let upload = start.upload.id;
    let digest = start.upload.digest.clone();
    let beginning = api.clone();
    let begin = Box::pin(async move {
        match start.run(&beginning).await {
            Ok(import) => accepted(&beginning, import),
            Err(problem) => problem.into_response(),
        }
    });
    let Some(key) = key else {
        return Ok(begin.await);
    };
    let asked = stoa_idempotency::Asked {
        subject: identity.subject,
        uri: &uri,
        headers: &headers,
        body: &digest,
    };
    let answer = once(&api, &identity, key, asked, begin).await;
    // If this was not the first request with the key, nobody needs what it has brought.
    upload::forget_unused(&api, upload).await;
    answer
}

fn accepted(api: &Api, import: TrainingDataImport) -> Response {
    api.outbox.notify_one();
    let location = format!("/api/v1/imports/{}", import.id);
    let headers = [(header::LOCATION, location)];
    (StatusCode::ACCEPTED, headers, Json(import)).into_response()
}

/// The latest revision of the training data; 0 for none.
async fn latest(api: &Api, assistant: Uuid) -> Result<i32, DatabaseError> {
    let select = sqlx::query_scalar!(
        "SELECT training_data_version FROM assistants WHERE id = $1",
        assistant,
    );
    let found = traced("training_data.latest", select.fetch_optional(&api.pool)).await?;
    Ok(found.unwrap_or_default())
}

/// An import that is to begin.
struct Start {
    identity: Identity,
    assistant: Uuid,
    mode: ImportMode,
    format: DataFormat,
    base_version: i32,
    upload: Upload,
}

impl Start {
    /// Its row and its job, both or neither; else its file goes, too.
    async fn run(self, api: &Api) -> Result<TrainingDataImport, Problem> {
        let begun = self.begin(api).await;
        if begun.is_err() {
            upload::forget_unused(api, self.upload.id).await;
        }
        begun
    }

    async fn begin(&self, api: &Api) -> Result<TrainingDataImport, Problem> {
        let now = api.clock.now();
        let mut transaction = begin(&api.pool).await?;
        // It was there before the upload, which may have taken minutes.
        let account = self.identity.account;
        if !assistants::hold(&mut transaction, account, self.assistant).await? {
            return Err(Problem::not_found("assistant"));
        }
        super::transfers::give_up_silent(&mut transaction, self.assistant, now).await?;
        let insert = sqlx::query_as!(
            Row,
            r#"INSERT INTO transfers (id, assistant_id, direction, mode, format, bytes, base_version,
                   status, created_by, created_at, updated_at)
               VALUES ($1, $2, 'import', $3, $4, $5, $6, 'queued', $7, $8, $8)
               RETURNING id, assistant_id, mode, format, bytes, status, version,
                   counts AS "counts: Stored<ImportCounts>", hints AS "hints: Stored<Vec<Hint>>",
                   error, errors AS "errors: Stored<Vec<FieldError>>", created_at, finished_at"#,
            self.upload.id,
            self.assistant,
            self.mode.as_str(),
            self.format.as_str(),
            self.upload.bytes,
            self.base_version,
            self.identity.subject,
            now,
        );
        let inserted = traced("import.insert", insert.fetch_one(&mut *transaction)).await;
        let import: TrainingDataImport = inserted.map_err(already_running)?.into();
        self.forget_earlier(&mut transaction).await?;
        let job = ImportTrainingData {
            import_id: import.id,
            assistant_id: self.assistant,
            account_id: account,
        };
        stoa_outbox::put_as(&mut transaction, import.id, account, &job, now).await?;
        traced("transaction.commit", transaction.commit()).await?;
        Ok(import)
    }

    /// Files of earlier imports that could be tried again: one of an assistant is kept.
    async fn forget_earlier(
        &self,
        transaction: &mut sqlx::PgTransaction<'_>,
    ) -> Result<(), DatabaseError> {
        let delete = sqlx::query!(
            "DELETE FROM transfer_parts WHERE transfer_id IN (SELECT id FROM transfers
                 WHERE assistant_id = $1 AND direction = 'import' AND finished_at IS NOT NULL)",
            self.assistant,
        );
        traced("transfer_part.forget", delete.execute(&mut **transaction)).await?;
        Ok(())
    }
}

fn already_running(error: DatabaseError) -> Problem {
    taken(
        error,
        Some("transfers_one_import"),
        "An import of this assistant has not ended; wait for its end, or cancel its job.",
    )
}

/// Lists the imports of the account, newest first; they are kept for 30 days.
#[utoipa::path(
    get,
    path = "/api/v1/imports",
    tag = "training data",
    params(Wanted, Paging),
    responses((status = 200, description = "A page of imports", body = Page<TrainingDataImport>), responses::Read)
)]
async fn list_imports(
    State(api): State<Api>,
    identity: Identity,
    Query(wanted): Query<Wanted>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<TrainingDataImport>>, Problem> {
    let cursor = Cursor::<(OffsetDateTime, Uuid)>::decode(paging.cursor.as_deref())?;
    if let Some(assistant) = wanted.assistant_id {
        assistants::require(&api, &identity, assistant).await?;
    }
    let (before, before_id) = cursor.map(|cursor| cursor.0).unzip();
    let select = sqlx::query_as!(
        Row,
        r#"SELECT t.id, t.assistant_id, t.mode, t.format, t.bytes, t.status, t.version,
               t.counts AS "counts: Stored<ImportCounts>", t.hints AS "hints: Stored<Vec<Hint>>",
               t.error, t.errors AS "errors: Stored<Vec<FieldError>>", t.created_at, t.finished_at
           FROM transfers t JOIN assistants a ON a.id = t.assistant_id
           WHERE t.direction = 'import' AND a.account_id = $1
               AND ($2::uuid IS NULL OR a.id = $2) AND ($3::uuid IS NULL OR a.id = $3)
               AND ($4::timestamptz IS NULL OR (t.created_at, t.id) < ($4, $5::uuid))
           ORDER BY t.created_at DESC, t.id DESC LIMIT $6"#,
        identity.account,
        identity.assistant,
        wanted.assistant_id,
        before,
        before_id,
        paging.one_more(),
    );
    let rows = traced("import.list", select.fetch_all(&api.pool)).await?;
    let items = rows.into_iter().map(TrainingDataImport::from).collect();
    let key = |item: &TrainingDataImport| (item.created_at, item.id);
    Ok(Json(into_page(items, paging.limit.into(), key)))
}

/// Reads an import: how far it is, what it came to, what is wrong with its file.
#[utoipa::path(
    get,
    path = "/api/v1/imports/{id}",
    tag = "training data",
    params(("id" = Uuid, Path, description = "The import")),
    responses((status = 200, description = "The import", body = TrainingDataImport), responses::Read)
)]
async fn get_import(
    State(api): State<Api>,
    identity: Identity,
    Path(id): Path<Uuid>,
) -> Result<Json<TrainingDataImport>, Problem> {
    let select = sqlx::query_as!(
        Row,
        r#"SELECT t.id, t.assistant_id, t.mode, t.format, t.bytes, t.status, t.version,
               t.counts AS "counts: Stored<ImportCounts>", t.hints AS "hints: Stored<Vec<Hint>>",
               t.error, t.errors AS "errors: Stored<Vec<FieldError>>", t.created_at, t.finished_at
           FROM transfers t JOIN assistants a ON a.id = t.assistant_id
           WHERE t.id = $1 AND t.direction = 'import' AND a.account_id = $2
               AND ($3::uuid IS NULL OR a.id = $3)"#,
        id,
        identity.account,
        identity.assistant,
    );
    let found = traced("import.get", select.fetch_optional(&api.pool)).await?;
    found
        .map(|row| Json(row.into()))
        .ok_or_else(|| Problem::not_found("import"))
}
