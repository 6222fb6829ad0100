//! What `nlu` and `conversation` need to know of an assistant.

use axum::extract::State;
use sqlx::types::Json as Stored;
use stoa_contracts::{
    assistants::{AssistantRuntime, FlowsRevision},
    flows::Flows,
    understanding::Understanding,
};
use stoa_postgres::traced;
use stoa_service::{Json, Path, Problem};
use uuid::Uuid;

use super::super::{engines::Kept, rollouts};
use crate::state::Api;

/// Who an assistant belongs to, and which model and flows it runs on.
pub(super) async fn get_assistant_runtime(
    State(api): State<Api>,
    Path(id): Path<Uuid>,
) -> Result<Json<AssistantRuntime>, Problem> {
    let select = sqlx::query!(
        r#"SELECT a.account_id, a.name, a.language, a.active_model,
               NULLIF(a.flows_version, 0) AS flows_version, a.collects_utterances,
               a.understanding AS "understanding: Stored<Understanding>",
               a.engines AS "engines: Stored<Kept>",
               r.canary_model AS "canary_model?", r.canary_weight AS "canary_weight?",
               r.shadow_model AS "shadow_model?"
           FROM assistants a LEFT JOIN rollouts r ON r.assistant_id = a.id
           WHERE a.id = $1"#,
        id,
    );
    let found = traced("assistant.runtime", select.fetch_optional(&api.pool)).await?;
    let row = found.ok_or_else(|| Problem::not_found("assistant"))?;
    let active_model = row.active_model;
    Ok(Json(AssistantRuntime {
        id,
        account_id: row.account_id,
        name: row.name,
        language: row.language,
        active_model,
        flows_version: row.flows_version,
        collects_utterances: row.collects_utterances,
        canary: rollouts::canary(active_model, row.canary_model, row.canary_weight),
        shadow: rollouts::shadow(active_model, row.shadow_model),
        understanding: row.understanding.0,
        engines: row.engines.0.0,
    }))
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
