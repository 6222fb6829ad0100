//! The span of a request, its id and its measurements.

use std::time::Instant;

use axum::{
    extract::{MatchedPath, Request},
    middleware::Next,
    response::Response,
};
use http::{HeaderValue, StatusCode};
use stoa_contracts::ErrorCode;
use stoa_telemetry::propagation;
use tracing::{Instrument as _, Span, field::Empty};

use super::metrics::{self, Active};
use crate::request_id;

/// The route label of a request that no route takes: never the raw path, which clients choose.
const UNMATCHED: &str = "unmatched";

pub(super) async fn run(mut request: Request, next: Next) -> Response {
    let start = Instant::now();
    let _active = Active::begin();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or(UNMATCHED, MatchedPath::as_str);
    let id = request_id::of(request.headers());
    let span = span(&request, route, &id);
    request.headers_mut().insert(request_id::HEADER, id.clone());
    let mut response = next.run(request).instrument(span.clone()).await;
    let status = response.status();
    let code = response.extensions().get::<ErrorCode>().copied();
    finish(&span, status, code);
    metrics::duration(&method, route, status).record(start.elapsed());
    code.inspect(|code| metrics::count_error(*code));
    response.headers_mut().insert(request_id::HEADER, id);
    response
}

fn span(request: &Request, route: &str, request_id: &HeaderValue) -> Span {
    let span = tracing::info_span!(
        "http.request",
        otel.kind = "server",
        otel.name = format!("{} {route}", request.method()),
        otel.status_code = Empty,
        http.request.method = request.method().as_str(),
        // A catch-all is no template; who has one names its own later.
        http.route = (!route.contains("{*")).then_some(route),
        http.response.status_code = Empty,
        url.path = request.uri().path(),
        request.id = request_id.to_str().unwrap_or_default(),
        error.type = Empty,
    );
    propagation::set_parent(&span, propagation::extract(request.headers()));
    span
}

fn finish(span: &Span, status: StatusCode, code: Option<ErrorCode>) {
    span.record("http.response.status_code", status.as_u16());
    if let Some(code) = code {
        span.record("error.type", code.as_str());
    }
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
}
