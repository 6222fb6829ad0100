//! Rollouts: versions of a model that are tried beside the active one.
//!
//! Activating a version ends what is tried of that version, so to activate the canary is to promote it. Whoever else
//! activates one (a training, a release that knows of no rollouts) need not know of this: what is read here is always
//! compared with the active version.

use axum::extract::State;
use sqlx::{PgTransaction, types::Json as Stored};
use stoa_contracts::identity::Role;
use stoa_contracts::rollouts::{Agreement, Answers, Canary, Rollout, Seen, Shadow, UpdateRollout};
use stoa_postgres::{DatabaseError, begin, traced};
use stoa_service::{Identity, Json, Path, Problem, responses};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::assistants;
use crate::state::Api;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(get_rollout, update_rollout))
}

/// Reads what is tried beside the active version of an assistant's model, and what was seen of it.
#[utoipa::path(
    get,
    path = "/api/v1/assistants/{id}/rollout",
    tag = "models",
    params(("id" = Uuid, Path, description = "The assistant")),
    responses((status = 200, description = "The rollout", body = Rollout), responses::Read)
)]
async fn get_rollout(
    State(api): State<Api>,
    identity: Identity,
    Path(id): Path<Uuid>,
) -> Result<Json<Rollout>, Problem> {
    assistants::require(&api, &identity, id).await?;
    let select = sqlx::query!(
        r#"SELECT a.active_model, r.canary_model AS "canary_model?", r.canary_weight AS "canary_weight?",
               r.shadow_model AS "shadow_model?", r.seen_beside AS "seen_beside?",
               r.seen AS "seen?: Stored<Seen>"
           FROM assistants a LEFT JOIN rollouts r ON r.assistant_id = a.id
           WHERE a.id = $1"#,
        id,
    );
    let found = traced("rollout.get", select.fetch_optional(&api.pool)).await?;
    let row = found.ok_or_else(|| Problem::not_found("assistant"))?;
    let active = row.active_model;
    let mut seen = match row.seen {
        Some(seen) if row.seen_beside == active => seen.0,
        _ => Seen::default(),
    };
    let kept_since = api.clock.now() - api.inbox_kept;
    seen.shadow.disagreements.retain(|one| one.at >= kept_since);
    Ok(Json(Rollout {
        active_model: active,
        canary: canary(active, row.canary_model, row.canary_weight),
        shadow: shadow(active, row.shadow_model),
        seen,
    }))
}

/// Tries versions beside the active one from now on, or ends that; what was seen of others is forgotten.
///
/// Utterances of the next second may still be understood as before.
#[utoipa::path(
    put,
    path = "/api/v1/assistants/{id}/rollout",
    tag = "models",
    params(("id" = Uuid, Path, description = "The assistant")),
    request_body = UpdateRollout,
    responses((status = 200, description = "The rollout", body = Rollout), responses::Write)
)]
async fn update_rollout(
    State(api): State<Api>,
    identity: Identity,
    Path(id): Path<Uuid>,
    Json(input): Json<UpdateRollout>,
) -> Result<Json<Rollout>, Problem> {
    identity.require(Role::Editor)?;
    assistants::require(&api, &identity, id).await?;
    let mut transaction = begin(&api.pool).await?;
    // Held until the end, so that nothing becomes active meanwhile.
    let lock = sqlx::query_scalar!(
        "SELECT active_model FROM assistants WHERE id = $1 FOR NO KEY UPDATE",
        id,
    );
    let found = traced("assistant.lock", lock.fetch_optional(&mut *transaction)).await?;
    let active = found.ok_or_else(|| Problem::not_found("assistant"))?;
    refuse_bad(&mut transaction, id, active, &input).await?;
    store(&mut transaction, id, active, &input).await?;
    traced("transaction.commit", transaction.commit()).await?;
    get_rollout(State(api), identity, Path(id)).await
}

/// Refuses a version that there is not, or that answers already.
async fn refuse_bad(
    transaction: &mut PgTransaction<'_>,
    assistant: Uuid,
    active: Option<i32>,
    input: &UpdateRollout,
) -> Result<(), Problem> {
    let canary = input.canary.map(|canary| canary.version);
    let shadow = input.shadow.map(|shadow| shadow.version);
    for (pointer, version) in [("/canary/version", canary), ("/shadow/version", shadow)] {
        let Some(version) = version else { continue };
        let select = sqlx::query_scalar!(
            r#"SELECT EXISTS (SELECT FROM models WHERE assistant_id = $1 AND version = $2) AS "exists!""#,
            assistant,
            version,
        );
        if !traced("model.exists", select.fetch_one(&mut **transaction)).await? {
            let message = "there is no model of this version: name one of the assistant's models";
            return Err(Problem::at(pointer, message));
        }
        if active.is_none() {
            let message = "no version is active that it could be tried beside: activate one first";
            return Err(Problem::at(pointer, message));
        }
        if active == Some(version) {
            let message = "is the active version already: name another one";
            return Err(Problem::at(pointer, message));
        }
    }
    if shadow.is_some() && shadow == canary {
        let message = "is the canary, whose answers are given: name another version";
        return Err(Problem::at("/shadow/version", message));
    }
    Ok(())
}

/// Keeps a rollout, and of what was seen what still holds.
async fn store(
    transaction: &mut PgTransaction<'_>,
    assistant: Uuid,
    active: Option<i32>,
    input: &UpdateRollout,
) -> Result<(), DatabaseError> {
    if input.canary.is_none() && input.shadow.is_none() {
        let delete = sqlx::query!("DELETE FROM rollouts WHERE assistant_id = $1", assistant);
        traced("rollout.delete", delete.execute(&mut **transaction)).await?;
        return Ok(());
    }
    let seen = still_seen(transaction, assistant, active, input).await?;
    let upsert = sqlx::query!(
        "INSERT INTO rollouts (assistant_id, canary_model, canary_weight, shadow_model, seen_beside, seen)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (assistant_id) DO UPDATE SET
             canary_model = $2, canary_weight = $3, shadow_model = $4, seen_beside = $5, seen = $6",
        assistant,
        input.canary.map(|canary| canary.version),
        input.canary.map(|canary| canary.weight),
        input.shadow.map(|shadow| shadow.version),
        active,
        Stored(seen) as _,
    );
    traced("rollout.store", upsert.execute(&mut **transaction)).await?;
    Ok(())
}

/// What was seen of the versions that stay what they are: a canary may only get another weight, or the shadow beside it
/// end. The active version is compared with the canary, so that its figures go with those.
async fn still_seen(
    transaction: &mut PgTransaction<'_>,
    assistant: Uuid,
    active: Option<i32>,
    input: &UpdateRollout,
) -> Result<Seen, DatabaseError> {
    let select = sqlx::query!(
        r#"SELECT canary_model, shadow_model, seen AS "seen: Stored<Seen>" FROM rollouts
           WHERE assistant_id = $1 AND seen_beside IS NOT DISTINCT FROM $2 FOR NO KEY UPDATE"#,
        assistant,
        active,
    );
    let found = traced("rollout.lock", select.fetch_optional(&mut **transaction)).await?;
    let Some(row) = found else {
        return Ok(Seen::default());
    };
    let mut seen = row.seen.0;
    if row.canary_model != input.canary.map(|canary| canary.version) {
        (seen.active, seen.canary) = (Answers::default(), Answers::default());
    }
    if row.shadow_model != input.shadow.map(|shadow| shadow.version) {
        seen.shadow = Agreement::default();
    }
    Ok(seen)
}

/// Ends what is tried of a version that has become the active one.
pub(super) async fn end(
    transaction: &mut PgTransaction<'_>,
    assistant: Uuid,
    version: i32,
) -> Result<(), DatabaseError> {
    let delete = sqlx::query!(
        "DELETE FROM rollouts WHERE assistant_id = $1
             AND (canary_model IS NULL OR canary_model = $2) AND (shadow_model IS NULL OR shadow_model = $2)",
        assistant,
        version,
    );
    traced("rollout.end", delete.execute(&mut **transaction)).await?;
    let update = sqlx::query!(
        "UPDATE rollouts SET canary_model = nullif(canary_model, $2),
             canary_weight = CASE WHEN canary_model <> $2 THEN canary_weight END,
             shadow_model = nullif(shadow_model, $2)
         WHERE assistant_id = $1 AND (canary_model = $2 OR shadow_model = $2)",
        assistant,
        version,
    );
    traced("rollout.end_part", update.execute(&mut **transaction)).await?;
    Ok(())
}

/// The canary, unless it has become the active version.
pub(super) fn canary(
    active: Option<i32>,
    version: Option<i32>,
    weight: Option<i16>,
) -> Option<Canary> {
    let (version, weight) = (version.filter(|_| active != version)?, weight?);
    Some(Canary { version, weight })
}

/// The shadow, unless it has become the active version.
pub(super) fn shadow(active: Option<i32>, version: Option<i32>) -> Option<Shadow> {
    let version = version.filter(|_| active != version)?;
    Some(Shadow { version })
}
