//! The layer around routes.

use axum::{
    body::Body,
    extract::{FromRequestParts as _, Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use http::Method;
use stoa_service::{IdempotencyKey, Identity, Problem, read_body};

use crate::{Asked, Keys, Once};

/// Does each `POST` with an `Idempotency-Key` once. To be put inside of what identifies the caller and limits bodies.
pub async fn layer(State(keys): State<Keys>, request: Request, next: Next) -> Response {
    keyed(request, next, async |key, request, next| {
        let (mut parts, body) = request.into_parts();
        let identity = Identity::from_request_parts(&mut parts, &()).await?;
        let limits = Request::from_parts(parts.clone(), body);
        let body = read_body(limits).await?;
        let asked = Asked {
            subject: identity.subject,
            uri: &parts.uri,
            headers: &parts.headers,
            body: &body,
        };
        let once = Once {
            account: identity.account,
            key,
            digest: asked.digests().0,
            earlier: Vec::new(),
        };
        let request = Request::from_parts(parts, Body::from(body));
        keys.once(once, async { next.run(request).await }).await
    })
    .await
}

/// Leaves requests that have no key, or are no `POST`, to whoever is next, and the others to `once`.
pub async fn keyed(
    request: Request,
    next: Next,
    once: impl AsyncFnOnce(String, Request, Next) -> Result<Response, Problem>,
) -> Response {
    if request.method() != Method::POST {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    let key = IdempotencyKey::from_request_parts(&mut parts, &()).await;
    let request = Request::from_parts(parts, body);
    let answer = match key {
        Ok(IdempotencyKey(None)) => return next.run(request).await,
        Ok(IdempotencyKey(Some(key))) => once(key, request, next).await,
        Err(problem) => Err(problem),
    };
    answer.unwrap_or_else(Problem::into_response)
}
