//! Bodies with a bound.

use axum::{
    Router,
    body::Body,
    extract::{DefaultBodyLimit, Request},
};
use bytes::{Bytes, BytesMut};
use http::{StatusCode, header};
use http_body_util::BodyExt as _;
use stoa_contracts::ErrorCode;

use crate::Problem;

/// The largest body of the route, in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodyLimit(pub(crate) usize);

/// How much of a refused body is still read, so that the client gets to see the refusal:
/// a connection closed over unread data is reset, and the response with it.
const DRAINED: usize = 32 << 20;

/// Gives these routes a body limit of their own, in bytes.
pub fn body_limit<S: Clone + Send + Sync + 'static>(routes: Router<S>, limit: usize) -> Router<S> {
    routes
        .layer(axum::Extension(BodyLimit(limit)))
        .layer(DefaultBodyLimit::max(limit))
}

/// Reads the whole body, or refuses one that is too large or breaks off.
pub async fn read_body(request: Request) -> Result<Bytes, Problem> {
    let limit = request
        .extensions()
        .get::<BodyLimit>()
        .map_or(usize::MAX, |limit| limit.0);
    let announced = request.headers().get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
    let mut body = request.into_body();
    if announced.is_some_and(|length| length > limit) {
        return Err(refuse(body, 0, limit).await);
    }
    let mut bytes = BytesMut::with_capacity(announced.unwrap_or(0));
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return Err(broken());
        };
        let Some(data) = frame.data_ref() else {
            continue;
        };
        if bytes.len() + data.len() > limit {
            return Err(refuse(body, bytes.len(), limit).await);
        }
        bytes.extend_from_slice(data);
    }
    Ok(bytes.freeze())
}

async fn refuse(mut body: Body, mut read: usize, limit: usize) -> Problem {
    while read < DRAINED {
        let Some(Ok(frame)) = body.frame().await else {
            break;
        };
        read += frame.data_ref().map_or(0, Bytes::len);
    }
    Problem::new(
        ErrorCode::TooLarge,
        format!("The body may have at most {limit} bytes."),
    )
}

fn broken() -> Problem {
    Problem::new(ErrorCode::Invalid, "The body broke off.").with_status(StatusCode::BAD_REQUEST)
}
