//! What `nlu` and `conversation` need to know of an assistant.

use axum::extract::State;
use sqlx::types::Json as Stored;
use stoa_contracts::{
    assistants::{AssistantRuntime, FlowsRevision},
    flows::Flows,
};
use stoa_postgres::traced;
use stoa_service::{Json, Path, Problem};
use uuid::Uuid;

use crate::state::Api;

/// Who an assistant belongs to, and which model and flows it runs on.
pub(super) async fn get_assistant_runtime(
    State(api): State<Api>,
    Path(id): Path<Uuid>,
) -> Result<Json<AssistantRuntime>, Problem> {
    let select = sqlx::query_as!(
        AssistantRuntime,
        "SELECT id, account_id, name, language, active_model,
             NULLIF(flows_version, 0) AS flows_version, collects_utterances
         FROM assistants WHERE id = $1",
        id,
    );
    let found = traced("assistant.runtime", select.fetch_optional(&api.pool)).await?;
    found
        .map(Json)
        .ok_or_else(|| Problem::not_found("assistant"))
}

/// The latest flows of an assistant.
pub(super) async fn get_flows_revision(
    State(api): State<Api>,
    Path(id): Path<Uuid>,
) -> Result<Json<FlowsRevision>, Problem> {
    let select = sqlx::query!(
        r#"SELECT version, flows AS "flows: Stored<Flows>" FROM flows
           WHERE assistant_id = $1 ORDER BY version DESC LIMIT 1"#,
        id,
    );
    let found = traced("flows.revision", select.fetch_optional(&api.pool)).await?;
    let row = found.ok_or_else(|| Problem::not_found("flow"))?;
    Ok(Json(FlowsRevision {
        version: row.version,
        flows: row.flows.0,
    }))
}
