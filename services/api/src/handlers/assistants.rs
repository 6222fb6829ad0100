//! Assistants.

use axum::{extract::State, response::IntoResponse};
use http::{StatusCode, header};
use sqlx::{PgConnection, PgTransaction, types::Json as Stored};
use stoa_contracts::{
    ErrorCode, FieldError, Page,
    assistants::{Assistant, CreateAssistant, ForgetAssistant, UpdateAssistant},
    identity::Role,
    understanding::{Understanding, UpdateUnderstanding},
};
use stoa_postgres::{Cursor, DatabaseError, begin, into_page, traced};
use stoa_service::{Identity, Json, Paging, Path, Problem, Query, responses};
use time::OffsetDateTime;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{revocations, state::Api, understanding};

/// An assistant as it is stored.
struct Row {
    id: Uuid,
    name: String,
    language: String,
    active_model: Option<i32>,
    collects_utterances: bool,
    understanding: Stored<Understanding>,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

impl From<Row> for Assistant {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            name: row.name,
            language: row.language,
            active_model: row.active_model,
            collects_utterances: row.collects_utterances,
            understanding: row.understanding.0,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list_assistants, create_assistant))
        .routes(routes!(get_assistant, update_assistant, delete_assistant))
}

/// Lists the assistants of the account, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/assistants",
    tag = "assistants",
    params(Paging),
    responses((status = 200, description = "A page of assistants", body = Page<Assistant>), responses::Read)
)]
async fn list_assistants(
    State(api): State<Api>,
    identity: Identity,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<Assistant>>, Problem> {
    let cursor = Cursor::<(OffsetDateTime, Uuid)>::decode(paging.cursor.as_deref())?;
    let (before, before_id) = cursor.map(|cursor| cursor.0).unzip();
    let select = sqlx::query_as!(
        Row,
        r#"SELECT id, name, language, active_model, collects_utterances,
             understanding AS "understanding: Stored<Understanding>", created_at, updated_at FROM assistants
         WHERE account_id = $1 AND ($2::uuid IS NULL OR id = $2)
             AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4::uuid))
         ORDER BY created_at DESC, id DESC LIMIT $5"#,
        identity.account,
        identity.assistant,
        before,
        before_id,
        paging.one_more(),
    );
    let rows = traced("assistant.list", select.fetch_all(&api.pool)).await?;
    let items = rows.into_iter().map(Assistant::from).collect();
    Ok(Json(into_page(
        items,
        paging.limit.into(),
        |item: &Assistant| (item.created_at, item.id),
    )))
}

/// Creates an assistant.
#[utoipa::path(
    post,
    path = "/api/v1/assistants",
    tag = "assistants",
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key twice creates one assistant", min_length = 1, max_length = 255)),
    request_body = CreateAssistant,
    responses((status = 201, description = "The new assistant", body = Assistant), responses::Write)
)]
async fn create_assistant(
    State(api): State<Api>,
    identity: Identity,
    Json(input): Json<CreateAssistant>,
) -> Result<impl IntoResponse, Problem> {
    identity.require(Role::Editor)?;
    if identity.assistant.is_some() {
        let detail = "This key is good for one assistant only.";
        return Err(Problem::new(ErrorCode::Forbidden, detail));
    }
    let settings = understanding::changed(Understanding::default(), input.understanding)?;
    let insert = sqlx::query_as!(
        Row,
        r#"INSERT INTO assistants
             (id, account_id, name, language, collects_utterances, understanding, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $7)
         RETURNING id, name, language, active_model, collects_utterances,
             understanding AS "understanding: Stored<Understanding>", created_at, updated_at"#,
        Uuid::now_v7(),
        identity.account,
        input.name,
        input.language,
        input.collects_utterances,
        Stored(&settings) as _,
        api.clock.now(),
    );
    let inserted = traced("assistant.insert", insert.fetch_one(&api.pool)).await;
    let inserted = inserted.map_err(|error| duplicate(error, &input.name))?;
    let assistant = Assistant::from(inserted);
    let location = format!("/api/v1/assistants/{}", assistant.id);
    Ok((
        StatusCode::CREATED,
        [(header::LOCATION, location)],
        Json(assistant),
    ))
}

/// Reads an assistant.
#[utoipa::path(
    get,
    path = "/api/v1/assistants/{id}",
    tag = "assistants",
    params(("id" = Uuid, Path, description = "The assistant")),
    responses((status = 200, description = "The assistant", body = Assistant), responses::Read)
)]
async fn get_assistant(
    State(api): State<Api>,
    identity: Identity,
    Path(id): Path<Uuid>,
) -> Result<Json<Assistant>, Problem> {
    identity.require_assistant(id)?;
    let select = sqlx::query_as!(
        Row,
        r#"SELECT id, name, language, active_model, collects_utterances,
             understanding AS "understanding: Stored<Understanding>", created_at, updated_at FROM assistants
         WHERE id = $1 AND account_id = $2"#,
        id,
        identity.account,
    );
    let found = traced("assistant.get", select.fetch_optional(&api.pool)).await?;
    let found = found.map(Assistant::from).map(Json);
    found.ok_or_else(|| Problem::not_found("assistant"))
}

/// Changes an assistant; what the body leaves out stays as it is.
///
/// Utterances of the next second may still be understood as before.
#[utoipa::path(
    patch,
    path = "/api/v1/assistants/{id}",
    tag = "assistants",
    params(("id" = Uuid, Path, description = "The assistant")),
    request_body = UpdateAssistant,
    responses((status = 200, description = "The changed assistant", body = Assistant), responses::Write)
)]
async fn update_assistant(
    State(api): State<Api>,
    identity: Identity,
    Path(id): Path<Uuid>,
    Json(input): Json<UpdateAssistant>,
) -> Result<Json<Assistant>, Problem> {
    identity.require(Role::Editor)?;
    identity.require_assistant(id)?;
    let mut transaction = begin(&api.pool).await?;
    let settings = match input.understanding {
        Some(change) => Some(understand(&mut transaction, &identity, id, change).await?),
        None => None,
    };
    let update = sqlx::query_as!(
        Row,
        r#"UPDATE assistants SET name = coalesce($3, name), language = coalesce($4, language),
             collects_utterances = coalesce($5, collects_utterances),
             understanding = coalesce($6, understanding), updated_at = $7
         WHERE id = $1 AND account_id = $2
         RETURNING id, name, language, active_model, collects_utterances,
             understanding AS "understanding: Stored<Understanding>", created_at, updated_at"#,
        id,
        identity.account,
        input.name,
        input.language,
        input.collects_utterances,
        settings.as_ref().map(Stored) as _,
        api.clock.now(),
    );
    let updated = traced("assistant.update", update.fetch_optional(&mut *transaction)).await;
    let name = input.name.as_deref().unwrap_or_default();
    let updated = updated.map_err(|error| duplicate(error, name))?;
    let updated = updated.ok_or_else(|| Problem::not_found("assistant"))?;
    transaction.commit().await.map_err(DatabaseError::from)?;
    Ok(Json(updated.into()))
}

/// The settings of an assistant with a change, held until the change is made.
async fn understand(
    transaction: &mut PgTransaction<'_>,
    identity: &Identity,
    id: Uuid,
    change: UpdateUnderstanding,
) -> Result<Understanding, Problem> {
    let select = sqlx::query_scalar!(
        r#"SELECT understanding AS "understanding: Stored<Understanding>" FROM assistants
         WHERE id = $1 AND account_id = $2 FOR NO KEY UPDATE"#,
        id,
        identity.account,
    );
    let found = traced(
        "assistant.understanding",
        select.fetch_optional(&mut **transaction),
    );
    let found = found
        .await?
        .ok_or_else(|| Problem::not_found("assistant"))?;
    understanding::changed(found.0, change)
}

/// Deletes an assistant with its data, flows, models and keys.
///
/// Its keys are refused everywhere from some milliseconds after the answer.
#[utoipa::path(
    delete,
    path = "/api/v1/assistants/{id}",
    tag = "assistants",
    params(("id" = Uuid, Path, description = "The assistant")),
    responses((status = 204, description = "The assistant is gone"), responses::Read)
)]
async fn delete_assistant(
    State(api): State<Api>,
    identity: Identity,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Problem> {
    identity.require(Role::Editor)?;
    identity.require_assistant(id)?;
    let mut transaction = begin(&api.pool).await?;
    let select = sqlx::query_scalar!(
        "SELECT id FROM assistants WHERE id = $1 AND account_id = $2 FOR UPDATE",
        id,
        identity.account,
    );
    // Held, so that nobody makes a key of it any more.
    let found = traced("assistant.hold", select.fetch_optional(&mut *transaction)).await?;
    found.ok_or_else(|| Problem::not_found("assistant"))?;
    let delete = sqlx::query_scalar!(
        "DELETE FROM api_keys WHERE account_id = $1 AND assistant_id = $2 RETURNING id",
        identity.account,
        id,
    );
    let keys = traced("api_key.delete", delete.fetch_all(&mut *transaction)).await?;
    let delete = sqlx::query!("DELETE FROM assistants WHERE id = $1", id);
    traced("assistant.delete", delete.execute(&mut *transaction)).await?;
    let forget = ForgetAssistant { assistant_id: id };
    stoa_outbox::put(&mut transaction, identity.account, &forget, api.clock.now()).await?;
    // Last: until the end nobody else can tell of anything.
    revocations::tell(&mut transaction, &keys, api.clock.now()).await?;
    transaction.commit().await.map_err(DatabaseError::from)?;
    api.outbox.notify_one();
    Ok(StatusCode::NO_CONTENT)
}

/// Holds an assistant of an account until the end, so that what refers to it can be written; false if there is none such, or
/// it was deleted meanwhile.
pub(super) async fn hold(
    transaction: &mut PgConnection,
    account: Uuid,
    id: Uuid,
) -> Result<bool, DatabaseError> {
    let select = sqlx::query_scalar!(
        "SELECT id FROM assistants WHERE id = $1 AND account_id = $2 FOR KEY SHARE",
        id,
        account,
    );
    let found = traced("assistant.refer", select.fetch_optional(transaction)).await?;
    Ok(found.is_some())
}

/// Refuses an assistant that is not there, or not for this identity.
pub(super) async fn require(api: &Api, identity: &Identity, id: Uuid) -> Result<(), Problem> {
    identity.require_assistant(id)?;
    let select = sqlx::query_scalar!(
        "SELECT id FROM assistants WHERE id = $1 AND account_id = $2",
        id,
        identity.account,
    );
    let found = traced("assistant.exists", select.fetch_optional(&api.pool)).await?;
    found
        .map(drop)
        .ok_or_else(|| Problem::not_found("assistant"))
}

fn duplicate(error: DatabaseError, name: &str) -> Problem {
    if !error.violates_unique(Some("assistants_name_unique")) {
        return error.into();
    }
    let place = FieldError {
        pointer: Some("/name".to_owned()),
        message: "the name is taken".to_owned(),
        ..FieldError::default()
    };
    let detail = format!("An assistant called `{name}` exists already.");
    Problem::new(ErrorCode::Conflict, detail).with_errors(vec![place])
}
