//! Signing in through an OpenID provider.

use axum::extract::State;
use http::HeaderMap;
use stoa_contracts::{
    ErrorCode,
    sessions::{CreateOidcSession, OidcAuthorization, OidcStatus, Session},
};
use stoa_service::{Json, Problem, responses};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::sessions::sign_in;
use crate::{
    oidc::{Oidc, OidcError},
    state::Api,
    throttle,
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(get_oidc))
        .routes(routes!(create_oidc_authorization))
        .routes(routes!(create_oidc_session))
}

/// Tells whether people sign in through an OpenID provider here.
#[utoipa::path(
    get,
    path = "/api/v1/oidc",
    tag = "sessions",
    security(()),
    responses((status = 200, description = "Whether, and what the provider is called", body = OidcStatus), responses::Read)
)]
async fn get_oidc(State(api): State<Api>) -> Json<OidcStatus> {
    let name = api.oidc.as_ref().map(|oidc| oidc.name().to_owned());
    Json(OidcStatus {
        enabled: name.is_some(),
        name,
    })
}

/// Begins a sign-in at the provider: send the browser to the URL, and keep the ticket.
#[utoipa::path(
    post,
    path = "/api/v1/oidc/authorizations",
    tag = "sessions",
    security(()),
    responses((status = 200, description = "Where the browser goes", body = OidcAuthorization), responses::Write)
)]
async fn create_oidc_authorization(
    State(api): State<Api>,
    headers: HeaderMap,
) -> Result<Json<OidcAuthorization>, Problem> {
    let now = api.clock.now();
    let oidc = provider(&api)?;
    throttle::begin_elsewhere(&api.pool, &headers, now).await?;
    let begun = oidc.begin(&api.pool, now).await?;
    Ok(Json(OidcAuthorization {
        url: begun.url,
        ticket: begun.ticket,
    }))
}

/// Signs a user in with what the provider has given the browser.
#[utoipa::path(
    post,
    path = "/api/v1/oidc/sessions",
    tag = "sessions",
    security(()),
    request_body = CreateOidcSession,
    responses((status = 200, description = "The user is signed in", body = Session), responses::Write)
)]
async fn create_oidc_session(
    State(api): State<Api>,
    headers: HeaderMap,
    Json(input): Json<CreateOidcSession>,
) -> Result<Json<Session>, Problem> {
    let oidc = provider(&api)?;
    let answer = (&*input.code, &*input.state, &*input.ticket);
    let user = oidc.finish(&api.pool, answer, api.clock.now()).await;
    let user =
        user.inspect_err(|error| tracing::info!(%error, "a sign-in through the provider failed"))?;
    let signed_in = sign_in(&api, user, None, &headers).await?;
    Ok(signed_in.ok_or(OidcError::Stranger)?)
}

fn provider(api: &Api) -> Result<&Oidc, Problem> {
    let detail = "Nobody signs in through a provider here.";
    let oidc = api.oidc.as_deref();
    oidc.ok_or_else(|| Problem::new(ErrorCode::NotFound, detail))
}
