//! What uploads of documents have in common: their limit, their media types.

use axum::{
    body::Bytes,
    extract::Request,
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, StatusCode, header};
use stoa_contracts::ErrorCode;
use stoa_service::{Identity, Problem, body_limit};
use utoipa_axum::router::OpenApiRouter;

use crate::{
    media::negotiate,
    room::{self, Taken},
    state::Api,
};

/// Gives these routes the limit of documents.
pub(super) fn with_limit(routes: OpenApiRouter<Api>) -> OpenApiRouter<Api> {
    let (plain, document) = routes.split_for_parts();
    let mut limited = OpenApiRouter::from(body_limit(plain, room::LIMIT));
    *limited.get_openapi_mut() = document;
    limited
}

/// Reads a document, once there is room for it.
pub(super) async fn receive(
    api: &Api,
    identity: &Identity,
    request: Request,
) -> Result<(Bytes, Taken), Problem> {
    api.room.receive(identity.account, request).await
}

/// A document with its media type and its tag, which is held until the client has read it.
pub(super) async fn answer(
    api: &Api,
    identity: &Identity,
    document: impl Into<Bytes>,
    media_type: &'static str,
    tag: String,
) -> Result<Response, Problem> {
    let document = document.into();
    let headers = [
        (header::CONTENT_TYPE, media_type.to_owned()),
        (header::CONTENT_LENGTH, document.len().to_string()),
        (header::ETAG, tag),
    ];
    let body = api.room.answer(identity.account, document, room::READ);
    let body = body.await?;
    Ok((headers, body).into_response())
}

/// The form that `Accept` likes best.
pub(super) fn accepted<F: Copy>(
    headers: &HeaderMap,
    forms: &[F],
    media_type: impl Fn(F) -> &'static str,
) -> Result<F, Problem> {
    let offers: Vec<&str> = forms.iter().map(|form| media_type(*form)).collect();
    let accept = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok());
    let chosen = negotiate(accept, &offers);
    let form = forms.iter().find(|form| chosen == Some(media_type(**form)));
    form.copied().ok_or_else(|| {
        let detail = format!("`Accept` allows none of {}.", offers.join(", "));
        Problem::new(ErrorCode::Invalid, detail).with_status(StatusCode::NOT_ACCEPTABLE)
    })
}

/// The form that `Content-Type` names.
pub(super) fn content_type<F>(
    request: &Request,
    of: impl Fn(&str) -> Option<F>,
    known: &[&str],
) -> Result<F, Problem> {
    let header = request.headers().get(header::CONTENT_TYPE);
    let form = header.and_then(|value| value.to_str().ok()).and_then(of);
    form.ok_or_else(|| {
        let detail = format!("Send the document as one of {}.", known.join(", "));
        Problem::new(ErrorCode::Invalid, detail).with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE)
    })
}
