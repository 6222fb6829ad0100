//! Signing in and out, and who is signed in.

mod open;

use axum::extract::State;
use http::{HeaderMap, header};
use stoa_contracts::{
    ErrorCode,
    sessions::{CreateSession, Me, RefreshSession, Session},
};
use stoa_postgres::traced;
use stoa_service::{Identity, Json, Problem, responses};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    accounts,
    sessions::{self, Origin, Renewed},
    state::Api,
    stored,
    throttle::{Attempt, client_address},
    tokens::{ACCESS_TTL, Bearer},
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(create_session))
        .routes(routes!(refresh_session))
        .routes(routes!(get_me))
        .merge(open::routes())
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
    let email = accounts::normal(&input.email);
    let attempt = Attempt::new(&email, &headers);
    attempt.begin(&api.pool, now).await?;
    let select = sqlx::query!(
        "SELECT id, password_hash FROM users WHERE email = $1",
        email,
    );
    let user = traced("user.by_email", select.fetch_optional(&api.pool)).await?;
    let stored_hash = user.as_ref().map(|user| user.password_hash.clone());
    let right = api
        .passwords
        .verify(input.password.into(), stored_hash)
        .await?;
    let wrong = || {
        let detail = "The e-mail address or the password is wrong.";
        Problem::new(ErrorCode::Unauthenticated, detail)
    };
    let user = user.filter(|_| right).ok_or_else(wrong)?;
    attempt.succeeded(&api.pool, now).await?;
    let signed_in = sign_in(&api, user.id, Some(&user.password_hash), &headers).await?;
    signed_in.ok_or_else(wrong)
}

/// Renews a session.
///
/// A refresh token is good for one use; one that comes twice ends the session of both. One that comes again within ten
/// seconds gets another answer, as long as what the first one gave was not used: it may have been lost.
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
    headers: HeaderMap,
    Json(input): Json<RefreshSession>,
) -> Result<Json<Session>, Problem> {
    let now = api.clock.now();
    let token = &input.refresh_token;
    let renewed = sessions::renew(&api.pool, token, origin(&headers), now).await?;
    let select = sqlx::query!(
        "SELECT account_id, role FROM users WHERE id = $1",
        renewed.user
    );
    let row = traced("user.get", select.fetch_one(&api.pool)).await?;
    grant(&api, renewed, row.account_id, &row.role)
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

/// Begins a session of a user who has said who they are, with a password if its hash is given; none, if that is not so
/// any more.
pub(super) async fn sign_in(
    api: &Api,
    user: Uuid,
    password_hash: Option<&str>,
    headers: &HeaderMap,
) -> Result<Option<Json<Session>>, Problem> {
    let (origin, now) = (origin(headers), api.clock.now());
    let begun = sessions::start(&api.pool, user, password_hash, origin, now).await?;
    begun
        .map(|begun| grant(api, begun.session, begun.account, &begun.role))
        .transpose()
}

fn grant(api: &Api, session: Renewed, account: Uuid, role: &str) -> Result<Json<Session>, Problem> {
    let bearer = Bearer {
        subject: session.user,
        account,
        role: stored::role(role),
        assistant: None,
        scopes: None,
        sid: session.session,
    };
    let access_token = api.tokens.access(bearer, api.clock.now(), ACCESS_TTL)?;
    Ok(Json(Session {
        access_token,
        refresh_token: session.refresh_token,
        expires_in: ACCESS_TTL.whole_seconds().unsigned_abs(),
    }))
}

fn origin(headers: &HeaderMap) -> Origin<'_> {
    let user_agent = headers.get(header::USER_AGENT);
    Origin {
        user_agent: user_agent.and_then(|agent| agent.to_str().ok()),
        address: client_address(headers),
    }
}
