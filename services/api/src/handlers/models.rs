//! Models: what trainings made, and which of them answers.

use axum::extract::State;
use sqlx::types::Json as Stored;
use stoa_contracts::{
    Page,
    identity::Role,
    models::{Model, ModelMetrics},
};
use stoa_postgres::{Cursor, begin, into_page, traced};
use stoa_service::{Identity, Json, Paging, Path, Problem, Query, responses};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{assistants, rollouts};
use crate::state::Api;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list_models))
        .routes(routes!(activate_model))
}

/// Lists the models of an assistant, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/assistants/{id}/models",
    tag = "models",
    params(("id" = Uuid, Path, description = "The assistant"), Paging),
    responses((status = 200, description = "A page of models", body = Page<Model>), responses::Read)
)]
async fn list_models(
    State(api): State<Api>,
    identity: Identity,
    Path(id): Path<Uuid>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<Model>>, Problem> {
    let cursor = Cursor::<i32>::decode(paging.cursor.as_deref())?;
    assistants::require(&api, &identity, id).await?;
    let select = sqlx::query!(
        r#"SELECT m.version, m.training_id, m.metrics AS "metrics: Stored<ModelMetrics>",
               m.created_at, a.active_model IS NOT DISTINCT FROM m.version AS "active!"
           FROM models m JOIN assistants a ON a.id = m.assistant_id
           WHERE m.assistant_id = $1 AND ($2::integer IS NULL OR m.version < $2)
           ORDER BY m.version DESC LIMIT $3"#,
        id,
        cursor.map(|cursor| cursor.0),
        paging.one_more(),
    );
    let rows = traced("model.list", select.fetch_all(&api.pool)).await?;
    let models = rows.into_iter().map(|row| Model {
        version: row.version,
        training_id: row.training_id,
        active: row.active,
        metrics: row.metrics.0,
        created_at: row.created_at,
    });
    Ok(Json(into_page(
        models.collect(),
        paging.limit.into(),
        |model: &Model| model.version,
    )))
}

/// Makes a model the one that answers; this is also how to go back to an earlier one, and how to promote a canary.
///
/// Utterances of the next second may still be understood by the one before.
#[utoipa::path(
    post,
    path = "/api/v1/assistants/{id}/models/{version}/activate",
    tag = "models",
    params(
        ("id" = Uuid, Path, description = "The assistant"),
        ("version" = i32, Path, description = "The version of the model")
    ),
    responses((status = 200, description = "The model that answers, within a second everywhere", body = Model), responses::Write)
)]
async fn activate_model(
    State(api): State<Api>,
    identity: Identity,
    Path((id, version)): Path<(Uuid, i32)>,
) -> Result<Json<Model>, Problem> {
    identity.require(Role::Editor)?;
    assistants::require(&api, &identity, id).await?;
    let mut transaction = begin(&api.pool).await?;
    let update = sqlx::query!(
        r#"UPDATE assistants a SET active_model = m.version, updated_at = $3
           FROM models m WHERE a.id = $1 AND m.assistant_id = a.id AND m.version = $2
           RETURNING m.training_id, m.metrics AS "metrics: Stored<ModelMetrics>", m.created_at"#,
        id,
        version,
        api.clock.now(),
    );
    let row = traced("model.activate", update.fetch_optional(&mut *transaction)).await?;
    let row = row.ok_or_else(|| Problem::not_found("model"))?;
    rollouts::end(&mut transaction, id, version).await?;
    traced("transaction.commit", transaction.commit()).await?;
    Ok(Json(Model {
        version,
        training_id: row.training_id,
        active: true,
        metrics: row.metrics.0,
        created_at: row.created_at,
    }))
}
