//! One request on its way: checked at the door, forwarded, streamed back.

use crate::Gateway;
use crate::headers;
use crate::path;
use crate::routes::{Lookup, Route};
use crate::upstream::{self, Answer};
use crate::websocket::Upgrade;
use axum::body::{Body, HttpBody as _};
use axum::extract::{ConnectInfo, Request, State};
use axum::response::{IntoResponse as _, Response};
use http::header::{ALLOW, CONNECTION, HeaderValue};
use http::uri::Scheme;
use http::{Method, StatusCode, Uri};
use http_body_util::BodyExt as _;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use stoa_contracts::ErrorCode;
use stoa_service::{Problem, RouteTemplate, Verbatim};
use stoa_telemetry::propagation;
use tracing::{Instrument as _, field::Empty};

/// Tells the service how long the gateway waits, so that it does not work in vain.
const TIMEOUT_HEADER: &str = "x-request-timeout-ms";
/// How much of a refused body is still read, and for how long: a connection that is closed over
/// unread data is reset, and the client never sees the refusal.
const DRAINED_BYTES: usize = 32 << 20;
const DRAINED_FOR: Duration = Duration::from_secs(5);
/// When who met a service that is away may come again.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// The metrics' route of what no route takes.
const UNMATCHED: &str = "unmatched";

/// Answers a request by asking the service that it is for.
pub(crate) async fn forward(
    State(gateway): State<Arc<Gateway>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    mut request: Request,
) -> Response {
    let client = gateway.trusted.client(peer.ip(), request.headers());
    let (template, refusal) = match find(&gateway, &mut request) {
        Ok(route) => match enter(&gateway, &route, &mut request, client).await {
            Ok(upgrade) => return pass(&gateway, &route, request, upgrade).await,
            Err(problem) => (Arc::clone(&route.path), problem.into_response()),
        },
        Err(refusal) => (UNMATCHED.into(), refusal),
    };
    drain(request.into_body()).await;
    labelled(refusal, template)
}

/// The route of a request; its path is then spelled as the route's service will read it.
#[expect(
    clippy::result_large_err,
    reason = "a refusal is a whole response, and is on its way out"
)]
fn find(gateway: &Gateway, request: &mut Request) -> Result<Arc<Route>, Response> {
    let unusable = |detail: String| {
        let problem = Problem::new(ErrorCode::Invalid, detail);
        let mut response = problem.with_status(StatusCode::BAD_REQUEST).into_response();
        close(&mut response);
        response
    };
    let path =
        path::normalise(request.uri().path()).map_err(|doubt| unusable(doubt.to_string()))?;
    let nothing = || Problem::new(ErrorCode::NotFound, "There is nothing at this path.");
    if path::is_internal(&path) {
        return Err(nothing().into_response());
    }
    let route = match gateway.routes.lookup(request.method(), &path) {
        Lookup::Found(route) => route,
        Lookup::Unknown => return Err(nothing().into_response()),
        Lookup::WrongMethod(methods) => return Err(wrong_method(&methods)),
    };
    if path != request.uri().path() {
        let query = request
            .uri()
            .query()
            .map_or_else(String::new, |query| format!("?{query}"));
        let uri = format!("{path}{query}").parse::<Uri>();
        *request.uri_mut() = uri.map_err(|error| unusable(format!("{error}.")))?;
    }
    Ok(route)
}

fn wrong_method(methods: &[Method]) -> Response {
    let names: Vec<_> = methods.iter().map(Method::as_str).collect();
    let names = names.join(", ");
    let problem = Problem::new(ErrorCode::Invalid, format!("This path takes {names} only."));
    let mut response = problem
        .with_status(StatusCode::METHOD_NOT_ALLOWED)
        .into_response();
    let allow = HeaderValue::try_from(names).expect("names of methods are ASCII");
    response.headers_mut().insert(ALLOW, allow);
    response
}

/// Everything that can refuse a request before its service hears of it.
async fn enter(
    gateway: &Gateway,
    route: &Route,
    request: &mut Request,
    client: IpAddr,
) -> Result<Upgrade, Problem> {
    let announced = request.body().size_hint().lower();
    if announced > route.body_limit {
        return Err(upstream::UpstreamError::TooLarge(route.body_limit).into());
    }
    let upgrade = Upgrade::take(request, route.upgrade)?;
    gateway
        .door
        .admit(route.auth, request.headers_mut(), client)
        .await?;
    let scheme = request.extensions().get().cloned();
    let scheme = scheme.unwrap_or(Scheme::HTTP);
    headers::toward_upstream(request.headers_mut(), client, &scheme);
    upgrade.ask(request.headers_mut());
    let patience = u64::try_from(route.timeout.as_millis()).unwrap_or(u64::MAX);
    request
        .headers_mut()
        .insert(TIMEOUT_HEADER, patience.into());
    Ok(upgrade)
}

/// Asks the service, in a span of its own, and streams what it answers.
async fn pass(
    gateway: &Gateway,
    route: &Route,
    mut request: Request,
    upgrade: Upgrade,
) -> Response {
    let span = tracing::info_span!(
        "http.call",
        otel.kind = "client",
        otel.name = format!("{} {}", request.method(), route.service),
        otel.status_code = Empty,
        peer.service = &*route.service,
        http.request.method = request.method().as_str(),
        http.response.status_code = Empty,
        network.peer.address = Empty,
    );
    let exchange = async {
        propagation::inject(request.headers_mut());
        gateway
            .upstreams
            .send(&route.service, request, route.timeout, route.body_limit)
            .await
    };
    let response = match exchange.instrument(span.clone()).await {
        Ok(answer) => {
            let status = answer.response.status().as_u16();
            span.record("http.response.status_code", status);
            span.record(
                "network.peer.address",
                answer.endpoint.address().to_string(),
            );
            hand_on(gateway, answer, upgrade)
        }
        Err(error) => {
            span.record("otel.status_code", "ERROR");
            refuse(error)
        }
    };
    labelled(response, Arc::clone(&route.path))
}

fn hand_on(gateway: &Gateway, mut answer: Answer, upgrade: Upgrade) -> Response {
    headers::toward_client(answer.response.headers_mut());
    let mut response = match answer.response.status() {
        StatusCode::SWITCHING_PROTOCOLS => match upgrade.join(answer, &gateway.context) {
            Ok(response) => response,
            Err(problem) => return problem.into_response(),
        },
        _ => upstream::streamed(answer),
    };
    response.extensions_mut().insert(Verbatim);
    response
}

fn refuse(error: upstream::UpstreamError) -> Response {
    let problem = Problem::from(error);
    let mut response = match problem.code() {
        ErrorCode::Unavailable => return problem.retry_after(RETRY_AFTER).into_response(),
        _ => problem.into_response(),
    };
    if response.status() == StatusCode::REQUEST_TIMEOUT {
        close(&mut response);
    }
    response
}

/// Makes an answer the last one of its connection: who was doubtful is not listened to again.
fn close(response: &mut Response) {
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(CONNECTION, close);
}

fn labelled(mut response: Response, template: Arc<str>) -> Response {
    response.extensions_mut().insert(RouteTemplate(template));
    response
}

async fn drain(mut body: Body) {
    let read = async {
        let mut bytes = 0;
        while bytes < DRAINED_BYTES {
            let Some(Ok(frame)) = body.frame().await else {
                break;
            };
            bytes += frame.data_ref().map_or(0, bytes::Bytes::len);
        }
    };
    // Whoever sends more, or slower, does without an answer.
    let _ = tokio::time::timeout(DRAINED_FOR, read).await;
}
