//! The revisions of training data that are kept: who made which, what was in them, and how to go back to one.

use axum::{extract::State, response::Response};
use http::{HeaderMap, StatusCode};
use sqlx::types::Json as Stored;
use stoa_contracts::{
    ErrorCode, Page, Problem as ProblemBody,
    identity::Role,
    training_data::{TrainingData, TrainingDataRevision},
};
use stoa_postgres::{Cursor, DatabaseError, begin, into_page, traced};
use stoa_service::{Identity, Json, Paging, Path, Problem, Query, responses};
use time::OffsetDateTime;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{assistants, documents, revision_tags, training_data};
use crate::{revisions::Latest, state::Api, training_data::Format};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list_training_data_revisions))
        .routes(routes!(get_training_data_revision))
        .routes(routes!(restore_training_data_revision))
}

/// A revision as it is stored, without its data.
struct Row {
    version: i32,
    examples: i32,
    intents: i32,
    entities: i32,
    created_by: Uuid,
    created_by_name: Option<String>,
    restored_from: Option<i32>,
    created_at: OffsetDateTime,
}

impl From<Row> for TrainingDataRevision {
    fn from(row: Row) -> Self {
        let count = |number| usize::try_from(number).unwrap_or_default();
        Self {
            version: row.version,
            examples: count(row.examples),
            intents: count(row.intents),
            entities: count(row.entities),
            created_by: row.created_by,
            created_by_name: row.created_by_name,
            restored_from: row.restored_from,
            created_at: row.created_at,
        }
    }
}

/// Lists the revisions of the training data that are kept, newest first.
///
/// The last 20 are kept, and what a running training, evaluation or export needs.
#[utoipa::path(
    get,
    path = "/api/v1/assistants/{id}/training-data/revisions",
    tag = "training data",
    params(("id" = Uuid, Path, description = "The assistant"), Paging),
    responses((status = 200, description = "A page of revisions", body = Page<TrainingDataRevision>), responses::Read)
)]
async fn list_training_data_revisions(
    State(api): State<Api>,
    identity: Identity,
    Path(id): Path<Uuid>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<TrainingDataRevision>>, Problem> {
    let cursor = Cursor::<i32>::decode(paging.cursor.as_deref())?;
    assistants::require(&api, &identity, id).await?;
    let select = sqlx::query_as!(
        Row,
        r#"SELECT d.version, d.examples, cardinality(d.intents) AS "intents!", cardinality(d.entities) AS "entities!",
               d.created_by, coalesce(u.email, k.name) AS created_by_name, d.restored_from, d.created_at
           FROM training_data d
           LEFT JOIN users u ON u.id = d.created_by AND u.account_id = $2
           LEFT JOIN api_keys k ON k.id = d.created_by AND k.account_id = $2
           WHERE d.assistant_id = $1 AND ($3::integer IS NULL OR d.version < $3)
           ORDER BY d.version DESC LIMIT $4"#,
        id,
        identity.account,
        cursor.map(|cursor| cursor.0),
        paging.one_more(),
    );
    let rows = traced("training_data.list", select.fetch_all(&api.pool)).await?;
    let revisions = rows.into_iter().map(TrainingDataRevision::from);
    Ok(Json(into_page(
        revisions.collect(),
        paging.limit.into(),
        |revision| revision.version,
    )))
}

/// Reads a revision of the training data, as JSON, Rasa 3 NLU YAML or CSV.
#[utoipa::path(
    get,
    path = "/api/v1/assistants/{id}/training-data/revisions/{version}",
    tag = "training data",
    params(
        ("id" = Uuid, Path, description = "The assistant"),
        ("version" = i32, Path, description = "The revision")
    ),
    responses(
        (status = 200, description = "The revision, in the format that `Accept` asks for", content(
            (TrainingData = "application/json"), (serde_json::Value = "application/yaml"), (String = "text/csv")
        ), headers(("etag" = String, description = "The revision, for `If-Match`"))),
        (status = 406, description = "`Accept` allows none of the formats", body = ProblemBody, content_type = "application/problem+json"),
        responses::Read,
    )
)]
async fn get_training_data_revision(
    State(api): State<Api>,
    identity: Identity,
    Path((id, version)): Path<(Uuid, i32)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let format = documents::accepted(&headers, &Format::ALL, Format::media_type)?;
    assistants::require(&api, &identity, id).await?;
    let turn = api.loading_turn().await?;
    let select = sqlx::query_scalar!(
        r#"SELECT data AS "data: Stored<TrainingData>" FROM training_data
           WHERE assistant_id = $1 AND version = $2"#,
        id,
        version,
    );
    let found = traced("training_data.revision", select.fetch_optional(&api.pool)).await?;
    let Stored(data) = found.ok_or_else(missing)?;
    training_data::answer(&api, &identity, turn, (version, data), format).await
}

/// Goes back to a revision of the training data: it becomes the latest once more, as a new one.
///
/// Nothing is lost: what was the latest until then is a revision like the others.
#[utoipa::path(
    post,
    path = "/api/v1/assistants/{id}/training-data/revisions/{version}/restore",
    tag = "training data",
    params(
        ("id" = Uuid, Path, description = "The assistant"),
        ("version" = i32, Path, description = "The revision to go back to"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the latest revision: if another is the latest, nothing is changed", pattern = r#"^(W/)?"[0-9]{1,9}\.(json|yaml|csv)"$"#),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key twice makes one revision", min_length = 1, max_length = 255)
    ),
    responses(
        (status = 201, description = "The new revision", body = TrainingDataRevision),
        (status = 412, description = "Another revision is the latest than `If-Match` says", body = ProblemBody, content_type = "application/problem+json"),
        responses::Write,
    )
)]
async fn restore_training_data_revision(
    State(api): State<Api>,
    identity: Identity,
    Path((id, version)): Path<(Uuid, i32)>,
    headers: HeaderMap,
) -> Result<(StatusCode, Json<TrainingDataRevision>), Problem> {
    identity.require(Role::Editor)?;
    let after = revision_tags::expected(&headers)?;
    assistants::require(&api, &identity, id).await?;
    let mut transaction = begin(&api.pool).await?;
    let latest = Latest::lock(&mut transaction, id, identity.account).await?;
    let latest = latest.ok_or_else(|| Problem::not_found("assistant"))?;
    if let Some(after) = after.filter(|after| *after != latest.version) {
        return Err(revision_tags::changed(training_data::CHANGED, after));
    }
    if version == latest.version {
        let detail = format!("Revision {version} is the latest already.");
        return Err(Problem::new(ErrorCode::Conflict, detail));
    }
    let now = api.clock.now();
    let restored = latest.restore(&mut transaction, version, identity.subject, now);
    let new = restored.await?.ok_or_else(missing)?;
    let select = sqlx::query_as!(
        Row,
        r#"SELECT d.version, d.examples, cardinality(d.intents) AS "intents!", cardinality(d.entities) AS "entities!",
               d.created_by, coalesce(u.email, k.name) AS created_by_name, d.restored_from, d.created_at
           FROM training_data d
           LEFT JOIN users u ON u.id = d.created_by AND u.account_id = $2
           LEFT JOIN api_keys k ON k.id = d.created_by AND k.account_id = $2
           WHERE d.assistant_id = $1 AND d.version = $3"#,
        id,
        identity.account,
        new,
    );
    let row = traced(
        "training_data.restored",
        select.fetch_one(&mut *transaction),
    )
    .await?;
    transaction.commit().await.map_err(DatabaseError::from)?;
    Ok((StatusCode::CREATED, Json(row.into())))
}

fn missing() -> Problem {
    Problem::not_found("revision of the training data; the last 20 are kept")
}
