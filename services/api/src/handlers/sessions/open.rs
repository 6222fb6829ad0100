//! The sessions of a user: listed and ended.

use axum::extract::State;
use http::StatusCode;
use stoa_contracts::{Page, sessions::OpenSession};
use stoa_postgres::{Cursor, DatabaseError, begin, into_page, traced};
use stoa_service::{Identity, Json, Paging, Path, Problem, Query, responses};
use time::OffsetDateTime;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    sessions::{self, Which},
    state::Api,
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list_sessions, delete_sessions))
        .routes(routes!(delete_session))
        .routes(routes!(delete_other_sessions))
        .routes(routes!(delete_session_by_id))
}

/// Lists the open sessions of the user, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/sessions",
    tag = "sessions",
    params(Paging),
    responses((status = 200, description = "A page of sessions", body = Page<OpenSession>), responses::Read)
)]
async fn list_sessions(
    State(api): State<Api>,
    identity: Identity,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<OpenSession>>, Problem> {
    let cursor = Cursor::<(OffsetDateTime, Uuid)>::decode(paging.cursor.as_deref())?;
    let (before, before_id) = cursor.map(|cursor| cursor.0).unzip();
    let select = sqlx::query!(
        "SELECT id, created_at, last_used_at, user_agent, address FROM sessions
         WHERE user_id = $1 AND ended_at IS NULL
             AND EXISTS (SELECT 1 FROM refresh_tokens
                 WHERE family = sessions.id AND used_at IS NULL AND expires_at > $5)
             AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3::uuid))
         ORDER BY created_at DESC, id DESC LIMIT $4",
        identity.subject,
        before,
        before_id,
        paging.one_more(),
        api.clock.now(),
    );
    let rows = traced("session.list", select.fetch_all(&api.pool)).await?;
    let sessions = rows.into_iter().map(|row| OpenSession {
        id: row.id,
        created_at: row.created_at,
        last_used_at: row.last_used_at,
        user_agent: row.user_agent,
        address: row.address,
        current: identity.session == Some(row.id),
    });
    Ok(Json(into_page(
        sessions.collect(),
        paging.limit.into(),
        |session| (session.created_at, session.id),
    )))
}

/// Signs the user out, here.
///
/// The session cannot be renewed after this, and its access tokens are refused from some milliseconds after the answer. A token of a release that knew no
/// sessions signs out everywhere.
#[utoipa::path(
    delete,
    path = "/api/v1/sessions/current",
    tag = "sessions",
    responses((status = 204, description = "The user is signed out"), responses::Read)
)]
async fn delete_session(State(api): State<Api>, identity: Identity) -> Result<StatusCode, Problem> {
    let which = identity.session.map_or(Which::All, Which::One);
    end(&api, &identity, which).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Signs the user out everywhere, here too.
///
/// Access tokens are refused from some milliseconds after the answer.
#[utoipa::path(
    delete,
    path = "/api/v1/sessions",
    tag = "sessions",
    responses((status = 204, description = "Every session has ended"), responses::Read)
)]
async fn delete_sessions(
    State(api): State<Api>,
    identity: Identity,
) -> Result<StatusCode, Problem> {
    end(&api, &identity, Which::All).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Signs the user out everywhere but here.
///
/// Access tokens are refused from some milliseconds after the answer.
#[utoipa::path(
    delete,
    path = "/api/v1/sessions/others",
    tag = "sessions",
    responses((status = 204, description = "Every other session has ended"), responses::Read)
)]
async fn delete_other_sessions(
    State(api): State<Api>,
    identity: Identity,
) -> Result<StatusCode, Problem> {
    let which = identity.session.map_or(Which::All, Which::AllBut);
    end(&api, &identity, which).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends a session of the user.
///
/// Its access tokens are refused from some milliseconds after the answer.
#[utoipa::path(
    delete,
    path = "/api/v1/sessions/{id}",
    tag = "sessions",
    params(("id" = Uuid, Path, description = "The session")),
    responses((status = 204, description = "The session has ended"), responses::Read)
)]
async fn delete_session_by_id(
    State(api): State<Api>,
    identity: Identity,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Problem> {
    if end(&api, &identity, Which::One(id)).await? == 0 {
        return Err(Problem::not_found("session"));
    }
    Ok(StatusCode::NO_CONTENT)
}

async fn end(api: &Api, identity: &Identity, which: Which<'_>) -> Result<usize, DatabaseError> {
    let mut transaction = begin(&api.pool).await?;
    let ended = sessions::end(&mut transaction, identity.subject, which, api.clock.now()).await?;
    transaction.commit().await?;
    Ok(ended)
}
