//! The engines of an assistant: who understands what is said to it, and in which order they are asked.

use axum::extract::State;
use sqlx::types::Json as Stored;
use stoa_contracts::engines::{Engine, Engines, KeptEngine, UpdateEngine, UpdateEngines};
use stoa_contracts::identity::Role;
use stoa_postgres::{begin, traced};
use stoa_service::{Identity, Json, Path, Problem, responses};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{chosen_url, state::Api};

use super::assistants;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(get_engines, update_engines))
}

/// Reads which engines understand what is said to an assistant, in the order in which they are asked.
#[utoipa::path(
    get,
    path = "/api/v1/assistants/{id}/engines",
    tag = "assistants",
    params(("id" = Uuid, Path, description = "The assistant")),
    responses((status = 200, description = "The engines", body = Engines), responses::Read)
)]
async fn get_engines(
    State(api): State<Api>,
    identity: Identity,
    Path(id): Path<Uuid>,
) -> Result<Json<Engines>, Problem> {
    assistants::require(&api, &identity, id).await?;
    let select = sqlx::query_scalar!(
        r#"SELECT engines AS "engines: Stored<Kept>" FROM assistants WHERE id = $1"#,
        id,
    );
    let found = traced("engines.get", select.fetch_optional(&api.pool)).await?;
    let kept = found.ok_or_else(|| Problem::not_found("assistant"))?;
    Ok(Json(shown(&kept.0.0)))
}

/// Sets which engines understand what is said to an assistant, and their order. All of it is said to them, so it is
/// for owners to choose.
///
/// Utterances of the next second may still be understood as before.
#[utoipa::path(
    put,
    path = "/api/v1/assistants/{id}/engines",
    tag = "assistants",
    params(("id" = Uuid, Path, description = "The assistant")),
    request_body = UpdateEngines,
    responses((status = 200, description = "The engines", body = Engines), responses::Write)
)]
async fn update_engines(
    State(api): State<Api>,
    identity: Identity,
    Path(id): Path<Uuid>,
    Json(input): Json<UpdateEngines>,
) -> Result<Json<Engines>, Problem> {
    identity.require(Role::Owner)?;
    assistants::require(&api, &identity, id).await?;
    refuse_bad(&input, api.engine_http)?;
    let mut transaction = begin(&api.pool).await?;
    let lock = sqlx::query_scalar!(
        r#"SELECT engines AS "engines: Stored<Kept>" FROM assistants WHERE id = $1 FOR NO KEY UPDATE"#,
        id,
    );
    let found = traced("engines.lock", lock.fetch_optional(&mut *transaction)).await?;
    let before = found.ok_or_else(|| Problem::not_found("assistant"))?;
    let engines = input.engines.into_iter();
    let kept: Vec<_> = engines.map(|engine| keep(engine, &before.0.0)).collect();
    let update = sqlx::query!(
        "UPDATE assistants SET engines = $2, updated_at = $3 WHERE id = $1",
        id,
        Stored(&kept) as _,
        api.clock.now(),
    );
    traced("engines.update", update.execute(&mut *transaction)).await?;
    traced("transaction.commit", transaction.commit()).await?;
    Ok(Json(shown(&kept)))
}

/// A stored list, without what only a later release knows.
#[derive(Debug, serde::Deserialize)]
pub(super) struct Kept(
    #[serde(deserialize_with = "KeptEngine::read_known")] pub(super) Vec<KeptEngine>,
);

fn shown(kept: &[KeptEngine]) -> Engines {
    Engines {
        engines: kept.iter().map(Engine::from).collect(),
    }
}

/// Refuses an engine that cannot be asked, or that would be asked twice.
fn refuse_bad(input: &UpdateEngines, is_http_allowed: bool) -> Result<(), Problem> {
    for (index, engine) in input.engines.iter().enumerate() {
        let earlier = &input.engines[..index];
        let (is_double, pointer) = match engine {
            UpdateEngine::Ml {} => (
                earlier.contains(&UpdateEngine::Ml {}),
                format!("/engines/{index}/kind"),
            ),
            UpdateEngine::Rasa { url, .. } => {
                let pointer = format!("/engines/{index}/url");
                chosen_url::check(&pointer, url, is_http_allowed)?;
                let same = |one: &UpdateEngine| matches!(one, UpdateEngine::Rasa { url: other, .. } if other == url);
                (earlier.iter().any(same), pointer)
            }
        };
        if is_double {
            let message = "is in the list already: each engine is asked once";
            return Err(Problem::at(&pointer, message));
        }
    }
    Ok(())
}

/// An engine as it is kept: with the token that it had, unless the request names another one or none.
fn keep(engine: UpdateEngine, before: &[KeptEngine]) -> KeptEngine {
    match engine {
        UpdateEngine::Ml {} => KeptEngine::Ml {},
        UpdateEngine::Rasa {
            url,
            token,
            timeout_ms,
        } => {
            let token = token.unwrap_or_else(|| token_of(before, &url));
            KeptEngine::Rasa {
                url,
                token,
                timeout_ms,
            }
        }
    }
}

fn token_of(engines: &[KeptEngine], sought: &str) -> Option<String> {
    engines.iter().find_map(|engine| match engine {
        KeptEngine::Rasa { url, token, .. } if url == sought => token.clone(),
        _ => None,
    })
}
