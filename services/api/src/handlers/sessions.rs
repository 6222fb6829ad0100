//! Signing in and out, and who is signed in.

use axum::extract::State;
use http::{HeaderMap, StatusCode};
use stoa_contracts::{
    ErrorCode,
    identity::Role,
    sessions::{CreateSession, Me, RefreshSession, Session},
};
use stoa_postgres::traced;
use stoa_service::{Identity, Json, Problem, responses};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    state::Api,
    stored,
    throttle::Attempt,
    tokens::{self, ACCESS_TTL, Bearer},
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(create_session))
        .routes(routes!(refresh_session))
        .routes(routes!(delete_session))
        .routes(routes!(get_me))
}

/// Signs a user in.
///
/// Failed attempts are counted by e-mail and network address; too many are refused for minutes.
#[utoipa::path(
    post,
    path = "/api/v1/sessions",
    tag = "sessions",
    security(()),
    request_body = CreateSession,
    responses(
        (status = 200, description = "The user is signed in", body = Session),
        responses::Write,
    )
)]
async fn create_session(
    State(api): State<Api>,
    headers: HeaderMap,
    Json(input): Json<CreateSession>,
) -> Result<Json<Session>, Problem> {
    let now = api.clock.now();
    let email = input.email.trim().to_lowercase();
    let attempt = Attempt::new(&email, &headers);
    attempt.begin(&api.pool, now).await?;
    let select = sqlx::query!(
        "SELECT id, account_id, role, password_hash FROM users WHERE email = $1",
        email,
    );
    let user = traced("user.by_email", select.fetch_optional(&api.pool)).await?;
    let stored_hash = user.as_ref().map(|user| user.password_hash.clone());
    let right = api
        .passwords
        .verify(input.password.into(), stored_hash)
        .await?;
    let Some(user) = user.filter(|_| right) else {
        let detail = "The e-mail address or the password is wrong.";
        return Err(Problem::new(ErrorCode::Unauthenticated, detail));
    };
    attempt.succeeded(&api.pool).await?;
    let bearer = bearer(user.id, user.account_id, &user.role);
    session(&api, bearer, Uuid::now_v7()).await
}

/// Renews a session.
///
/// A refresh token is good for one use; one that comes twice ends the session of both.
#[utoipa::path(
    post,
    path = "/api/v1/sessions/refresh",
    tag = "sessions",
    security(()),
    request_body = RefreshSession,
    responses(
        (status = 200, description = "The session goes on", body = Session),
        responses::Write,
    )
)]
async fn refresh_session(
    State(api): State<Api>,
    Json(input): Json<RefreshSession>,
) -> Result<Json<Session>, Problem> {
    let now = api.clock.now();
    let (user, family) = tokens::use_refresh(&api.pool, &input.refresh_token, now).await?;
    let select = sqlx::query!("SELECT account_id, role FROM users WHERE id = $1", user);
    let row = traced("user.get", select.fetch_one(&api.pool)).await?;
    session(&api, bearer(user, row.account_id, &row.role), family).await
}

/// Signs the user out, everywhere.
///
/// No session can be renewed after this; access tokens end within 15 minutes.
#[utoipa::path(
    delete,
    path = "/api/v1/sessions/current",
    tag = "sessions",
    responses((status = 204, description = "The user is signed out"), responses::Read)
)]
async fn delete_session(State(api): State<Api>, identity: Identity) -> Result<StatusCode, Problem> {
    let delete = sqlx::query!(
        "DELETE FROM refresh_tokens WHERE user_id = $1",
        identity.subject
    );
    traced("refresh_token.delete_all", delete.execute(&api.pool)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Tells who is signed in.
#[utoipa::path(
    get,
    path = "/api/v1/me",
    tag = "sessions",
    responses((status = 200, description = "The user or API key", body = Me), responses::Read)
)]
async fn get_me(State(api): State<Api>, identity: Identity) -> Result<Json<Me>, Problem> {
    let select = sqlx::query!(
        r#"SELECT accounts.name, users.email AS "email?" FROM accounts
           LEFT JOIN users ON users.account_id = accounts.id AND users.id = $2
           WHERE accounts.id = $1"#,
        identity.account,
        identity.subject,
    );
    let row = traced("account.get", select.fetch_optional(&api.pool)).await?;
    let Some(row) = row else {
        let detail = "The account of this token is gone.";
        return Err(Problem::new(ErrorCode::Unauthenticated, detail));
    };
    Ok(Json(Me {
        id: identity.subject,
        email: row.email,
        account_id: identity.account,
        account_name: row.name,
        role: identity.role,
    }))
}

fn bearer(user: Uuid, account: Uuid, role: &str) -> Bearer {
    let role: Role = stored::role(role);
    Bearer {
        subject: user,
        account,
        role,
        assistant: None,
    }
}

async fn session(api: &Api, bearer: Bearer, family: Uuid) -> Result<Json<Session>, Problem> {
    let now = api.clock.now();
    let refresh_token = tokens::issue_refresh(&api.pool, bearer.subject, family, now).await?;
    Ok(Json(Session {
        access_token: api.tokens.access(bearer, now, ACCESS_TTL)?,
        refresh_token,
        expires_in: ACCESS_TTL.whole_seconds().unsigned_abs(),
    }))
}
