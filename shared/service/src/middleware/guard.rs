//! No handler takes for ever, none takes the process down, and every refusal is a problem.

use std::{panic::AssertUnwindSafe, time::Duration};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use futures_util::FutureExt as _;
use http::{HeaderMap, StatusCode, header};
use stoa_contracts::{
    ErrorCode,
    deadline::{Deadline, TIMEOUT_HEADER},
};

use super::rest::Rest;
use crate::Problem;

#[derive(Debug, Clone, Copy)]
pub(super) struct Guard {
    pub(super) timeout: Duration,
}

pub(super) async fn run(State(guard): State<Guard>, mut request: Request, next: Next) -> Response {
    let rest = Rest::of(&mut request);
    let response = answer(guard, request, next).await;
    rest.drain().await;
    response
}

async fn answer(guard: Guard, request: Request, next: Next) -> Response {
    let timeout = patience(request.headers()).map_or(guard.timeout, |own| own.min(guard.timeout));
    // What the handler asks of others is for the same caller.
    let handler = Deadline::within(timeout).around(next.run(request));
    let handler = AssertUnwindSafe(handler).catch_unwind();
    match tokio::time::timeout(timeout, handler).await {
        Ok(Ok(response)) => normalised(response),
        // The panic itself was logged where it happened, by the hook of the program.
        Ok(Err(_)) => {
            Problem::new(ErrorCode::Internal, ErrorCode::Internal.title()).into_response()
        }
        Err(_) => {
            tracing::warn!(timeout = ?timeout, "a request took too long");
            let detail = "The request took too long; try again.";
            Problem::new(ErrorCode::Unavailable, detail)
                .with_status(StatusCode::GATEWAY_TIMEOUT)
                .into_response()
        }
    }
}

fn patience(headers: &HeaderMap) -> Option<Duration> {
    let millis = headers.get(TIMEOUT_HEADER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_millis(millis))
}

/// The answer where no route is.
pub(super) async fn not_found(request: Request) -> Problem {
    let detail = format!("There is nothing at `{}`.", request.uri().path());
    Problem::new(ErrorCode::NotFound, detail)
}

/// The answer where a route is, but not for this method.
pub(super) async fn method_not_allowed(request: Request) -> Problem {
    let detail = format!(
        "`{}` does not take {}.",
        request.uri().path(),
        request.method()
    );
    Problem::new(ErrorCode::Invalid, detail).with_status(StatusCode::METHOD_NOT_ALLOWED)
}

/// Turns a refusal that a library wrote as plain text into a problem.
fn normalised(response: Response) -> Response {
    let status = response.status();
    let refused = status.is_client_error() || status.is_server_error();
    let ours = response.extensions().get::<ErrorCode>().is_some();
    let content_type = response.headers().get(header::CONTENT_TYPE);
    let plain = content_type.is_none_or(|value| value.as_bytes().starts_with(b"text/plain"));
    if !refused || ours || !plain {
        return response;
    }
    let detail = status
        .canonical_reason()
        .unwrap_or("The request was refused");
    let problem = Problem::new(code(status), format!("{detail}.")).with_status(status);
    let mut replaced = problem.into_response();
    if let Some(allow) = response.headers().get(header::ALLOW) {
        replaced.headers_mut().insert(header::ALLOW, allow.clone());
    }
    replaced
}

fn code(status: StatusCode) -> ErrorCode {
    match status {
        StatusCode::UNAUTHORIZED => ErrorCode::Unauthenticated,
        StatusCode::FORBIDDEN => ErrorCode::Forbidden,
        StatusCode::NOT_FOUND => ErrorCode::NotFound,
        StatusCode::CONFLICT => ErrorCode::Conflict,
        StatusCode::PAYLOAD_TOO_LARGE => ErrorCode::TooLarge,
        StatusCode::TOO_MANY_REQUESTS => ErrorCode::RateLimited,
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
            ErrorCode::Unavailable
        }
        status if status.is_client_error() => ErrorCode::Invalid,
        _ => ErrorCode::Internal,
    }
}
