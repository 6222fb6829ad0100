//! One request on its way: checked at the door, forwarded, streamed back.

use crate::body::{Given, Sent};
use crate::door::Terms;
use crate::front::Lane;
use crate::observe::{Entry, Trace};
use crate::openapi::Own;
use crate::routes::{Found, Lookup, Route, Table};
use crate::upstream::{self, Answer, Rest, UpstreamError};
use crate::websocket::Upgrade;
use crate::{Gateway, coalesce, compression, cors, framing, headers, path};
use axum::response::IntoResponse;
use bytes::Bytes;
use http::header::{ALLOW, CONNECTION, HOST, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::uri::Authority;
use http::{Method, Response, StatusCode, Uri};
use hyper::Request;
use hyper::body::{Body as _, Incoming};
use std::future::poll_fn;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use stoa_contracts::ErrorCode;
use stoa_contracts::deadline::TIMEOUT_HEADER;
use stoa_service::{Problem, server_metrics};
use tokio::time::Instant;
use tracing::{Instrument as _, Span, field::Empty};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// How much of a refused body is still read, and for how long: a connection that is closed over
/// unread data is reset, and the client never sees the refusal.
const DRAINED_BYTES: u64 = 32 << 20;
const DRAINED_FOR: Duration = Duration::from_secs(5);
/// The metrics' route of what no route takes.
static UNMATCHED: LazyLock<Arc<str>> = LazyLock::new(|| "unmatched".into());

/// Where a request comes from.
#[derive(Clone, Copy)]
pub(crate) struct From {
    /// The other end of the connection.
    pub(crate) address: IpAddr,
    /// Whether it came by TLS.
    pub(crate) is_encrypted: bool,
}

/// What a request is to be answered by.
enum Target {
    /// A service.
    Route(Arc<Route>),
    /// The gateway itself.
    Own(Own),
    /// Nobody.
    Refusal(Box<Response<Given>>),
}

/// Answers a request, and tells of it.
pub(crate) async fn answer(lane: &Lane, from: From, request: Request<Incoming>) -> Response<Given> {
    let start = Instant::now();
    let doubtful = framing::refuse(&request);
    let (mut parts, body) = request.into_parts();
    let client = lane.gateway.trusted.client(from.address, &parts.headers);
    let method = parts.method.clone();
    let told = parts.uri.clone();
    let request_id = request_id(&parts.headers);
    let accepted = compression::accepted(&parts.headers);
    let target = match doubtful {
        Some(doubtful) => Target::Refusal(last(doubtful.into()).into()),
        None => find(&lane.gateway, &mut parts),
    };
    let route = target.template();
    let pages = target.pages(&parts.headers);
    let trace = Trace::of(&parts.headers, || {
        server_span(&method, &route, &told, &request_id)
    });
    parts.headers.insert(REQUEST_ID, request_id.clone());
    let work = serve(
        lane,
        &trace,
        target,
        Request::from_parts(parts, body),
        From {
            address: client,
            ..from
        },
    );
    let Served {
        mut response,
        route,
        service,
        upstream,
    } = match &trace {
        Trace::Recorded(span) => work.instrument(span.clone()).await,
        Trace::Carried(_) => work.await,
    };
    response = compression::compress(response, accepted).await;
    headers::secure(response.headers_mut(), from.is_encrypted);
    if let Some(origin) = pages {
        cors::decorate(origin.as_ref(), response.headers_mut());
    }
    let entry = Entry {
        method: &method,
        path: told.path(),
        route: &route,
        service: service.as_deref(),
        upstream,
        client,
        status: response.status(),
        elapsed: start.elapsed(),
        request_id: request_id.to_str().unwrap_or_default(),
        trace_id: trace.id(),
    };
    tell(lane, &trace, &entry, &response, &route);
    response.headers_mut().insert(REQUEST_ID, request_id);
    response
}

impl Target {
    fn template(&self) -> Arc<str> {
        match self {
            Self::Route(route) => Arc::clone(&route.path),
            Self::Own(own) => own.path().into(),
            Self::Refusal(_) => Arc::clone(&UNMATCHED),
        }
    }

    /// For a route that pages of other origins may call: the origin of this request, if it is one of them.
    fn pages(&self, headers: &HeaderMap) -> Option<Option<HeaderValue>> {
        match self {
            Self::Route(route) if !route.cors.is_empty() => {
                Some(cors::allowed(&route.cors, headers).cloned())
            }
            _ => None,
        }
    }
}

/// An answer and where it comes from.
struct Served {
    response: Response<Given>,
    route: Arc<str>,
    service: Option<Arc<str>>,
    upstream: Option<SocketAddr>,
}

async fn serve(
    lane: &Lane,
    trace: &Trace,
    target: Target,
    mut request: Request<Incoming>,
    client: From,
) -> Served {
    let route = target.template();
    let by_itself = |response| Served {
        response,
        route: Arc::clone(&route),
        service: None,
        upstream: None,
    };
    let to = match target {
        Target::Route(to) => to,
        Target::Own(own) => {
            let door = &lane.gateway.door;
            let admitted = door
                .admit(Terms::EVERYBODY, &mut HeaderMap::new(), client.address)
                .await;
            return by_itself(match admitted {
                Ok(_) => own.answer(lane).await,
                Err(problem) => trace.within(|| refusal(problem)),
            });
        }
        Target::Refusal(response) => {
            drain(request.into_body()).await;
            return by_itself(*response);
        }
    };
    match enter(&lane.gateway, &to, &mut request, client).await {
        Ok((upgrade, service)) => {
            let key = coalesce::Key::of(&to, &service, &request);
            let mut upstream = None;
            let ask = async || {
                let (response, address) = pass(lane, trace, &to, &service, request, upgrade).await;
                upstream = address;
                response
            };
            let response = match key {
                Some(key) => lane.gateway.coalescer.share(key, ask).await,
                None => ask().await,
            };
            Served {
                response,
                route,
                service: Some(service),
                upstream,
            }
        }
        Err(problem) => {
            drain(request.into_body()).await;
            by_itself(trace.within(|| refusal(problem)))
        }
    }
}

/// The route of a request; its path is then spelled as the route's service will read it.
fn find(gateway: &Gateway, parts: &mut Parts) -> Target {
    let unusable = |detail: String| {
        let problem = Problem::new(ErrorCode::Invalid, detail);
        Target::Refusal(last(problem.with_status(StatusCode::BAD_REQUEST)).into())
    };
    let path = match path::normalise(parts.uri.path()) {
        Ok(path) => path,
        Err(doubt) => return unusable(doubt.to_string()),
    };
    let nothing = || {
        let problem = Problem::new(ErrorCode::NotFound, "There is nothing at this path.");
        Target::Refusal(refusal(problem).into())
    };
    if path::is_internal(&path) {
        return nothing();
    }
    if let Some(own) = Own::at(&path).filter(|_| parts.method == Method::GET) {
        return Target::Own(own);
    }
    let host = host(&parts.uri, &parts.headers);
    let table = gateway.routes.current();
    if cors::is_preflight(&parts.method, &parts.headers)
        && let Some(answer) = preflight(&table, host, &path, &parts.headers)
    {
        return Target::Refusal(answer.into());
    }
    let found = table.lookup(&parts.method, host, &path, &parts.headers);
    let Found { route, path: new } = match found {
        Lookup::Found(found) => found,
        Lookup::Unknown => return nothing(),
        Lookup::WrongMethod(methods) => return Target::Refusal(wrong_method(&methods).into()),
    };
    let path = new.unwrap_or(path);
    if path != parts.uri.path() {
        let query = parts.uri.query();
        let query = query.map_or_else(String::new, |query| format!("?{query}"));
        match format!("{path}{query}").parse::<Uri>() {
            Ok(uri) => parts.uri = uri,
            Err(error) => return unusable(format!("{error}.")),
        }
    }
    Target::Route(route)
}

/// The answer to the question of a browser, where a route names origins.
fn preflight(
    table: &Table,
    host: Option<&str>,
    path: &str,
    headers: &HeaderMap,
) -> Option<Response<Given>> {
    let method = cors::asked(headers)?;
    let Lookup::Found(Found { route, .. }) = table.lookup(&method, host, path, headers) else {
        return None;
    };
    let methods = if route.methods.is_empty() {
        vec![method]
    } else {
        route.methods.clone()
    };
    (!route.cors.is_empty()).then(|| {
        cors::preflight(&route.cors, &methods, headers).map(|()| Given::whole(Bytes::new()))
    })
}

/// The host that the request is for: HTTP/2 says it in the target, HTTP/1 in a header.
fn host<'r>(uri: &'r Uri, headers: &'r HeaderMap) -> Option<&'r str> {
    let said = headers.get(HOST).and_then(|host| host.to_str().ok());
    uri.authority().map(Authority::as_str).or(said)
}

fn wrong_method(methods: &[Method]) -> Response<Given> {
    let names: Vec<_> = methods.iter().map(Method::as_str).collect();
    let names = names.join(", ");
    let problem = Problem::new(ErrorCode::Invalid, format!("This path takes {names} only."));
    let mut response = refusal(problem.with_status(StatusCode::METHOD_NOT_ALLOWED));
    let allow = HeaderValue::try_from(names).expect("names of methods are ASCII");
    response.headers_mut().insert(ALLOW, allow);
    response
}

/// Everything that can refuse a request before its service hears of it.
async fn enter(
    gateway: &Gateway,
    route: &Route,
    request: &mut Request<Incoming>,
    client: From,
) -> Result<(Upgrade, Arc<str>), Problem> {
    if request.body().size_hint().lower() > route.body_limit {
        return Err(UpstreamError::Body(crate::body::BodyError::TooLarge(route.body_limit)).into());
    }
    let upgrade = Upgrade::take(request, route.upgrade)?;
    let who = gateway
        .door
        .admit(Terms::of(route), request.headers_mut(), client.address)
        .await?;
    headers::toward_upstream(request.headers_mut(), client.address, client.is_encrypted);
    upgrade.ask(request.headers_mut());
    Ok((upgrade, Arc::clone(route.target(&who))))
}

/// Asks the service and streams what it answers; also says which address answered.
async fn pass(
    lane: &Lane,
    trace: &Trace,
    route: &Route,
    service: &str,
    request: Request<Incoming>,
    upgrade: Upgrade,
) -> (Response<Given>, Option<SocketAddr>) {
    let (parts, body) = request.into_parts();
    let path = parts
        .uri
        .path_and_query()
        .map_or("/", |path| path.as_str())
        .to_owned();
    let patience = patience(route, &parts.headers);
    let mut outgoing = upstream::Request {
        method: parts.method,
        path,
        headers: parts.headers,
        body: Some(Sent::new(body, route.body_limit, lane.gateway.body_idle)),
    };
    let span = match trace {
        Trace::Recorded(_) => client_span(&outgoing.method, service),
        Trace::Carried(_) => Span::none(),
    };
    span.in_scope(|| trace.tell(&mut outgoing.headers));
    let millis = u64::try_from(patience.as_millis()).unwrap_or(u64::MAX);
    outgoing.headers.insert(TIMEOUT_HEADER, millis.into());
    let exchange = lane
        .gateway
        .upstreams
        .send(&lane.pool, service, outgoing, patience);
    let outcome = if span.is_none() {
        exchange.await
    } else {
        exchange.instrument(span.clone()).await
    };
    match outcome {
        Ok(answer) => {
            let address = answer.address;
            span.record("http.response.status_code", answer.head.status().as_u16());
            if !span.is_none() {
                span.record("network.peer.address", address.to_string());
            }
            (hand_on(lane, trace, answer, upgrade), Some(address))
        }
        Err(error) => {
            span.record("otel.status_code", "ERROR");
            (trace.within(|| refuse(error)), None)
        }
    }
}

fn hand_on(lane: &Lane, trace: &Trace, mut answer: Answer, upgrade: Upgrade) -> Response<Given> {
    headers::toward_client(answer.head.headers_mut());
    match answer.rest {
        Rest::Switched(connection, endpoint) => upgrade
            .join(answer.head, connection, endpoint, &lane.gateway.context)
            .unwrap_or_else(|problem| trace.within(|| refusal(problem))),
        _ => answer.into_response(),
    }
}

/// How long the client waits for the head of the answer: as long as the route says, or less if it says so itself.
fn patience(route: &Route, headers: &HeaderMap) -> Duration {
    let own = headers
        .get(TIMEOUT_HEADER)
        .and_then(|own| own.to_str().ok()?.parse().ok());
    own.map_or(route.timeout, |own| {
        Duration::from_millis(own).min(route.timeout)
    })
}

fn refuse(error: UpstreamError) -> Response<Given> {
    let problem = Problem::from(error);
    let is_away = problem.code() == ErrorCode::Unavailable;
    refusal(if is_away {
        problem.retry_after(Duration::from_secs(1))
    } else {
        problem
    })
}

/// A problem as the last answer of its connection: what follows a doubtful request may be anything.
fn last(problem: Problem) -> Response<Given> {
    let mut response = refusal(problem);
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(CONNECTION, close);
    response
}

/// A problem as an answer.
fn refusal(problem: Problem) -> Response<Given> {
    problem.into_response().map(Given::made)
}

/// Measures, logs, and ends the span.
fn tell(
    lane: &Lane,
    trace: &Trace,
    entry: &Entry<'_>,
    response: &Response<Given>,
    route: &Arc<str>,
) {
    let code = response.extensions().get::<ErrorCode>().copied();
    if let Trace::Recorded(span) = trace {
        span.record("http.response.status_code", entry.status.as_u16());
        if let Some(code) = code {
            span.record("error.type", code.as_str());
        }
        if entry.status.is_server_error() {
            span.record("otel.status_code", "ERROR");
        }
    }
    if let Some(code) = code {
        server_metrics::count_error(code);
    }
    lane.meter
        .record(entry.method, route, entry.status, entry.elapsed);
    lane.log.write(entry);
}

/// The id that the client has chosen, if it is a plain short one, or a new one.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    let plain = |id: &&HeaderValue| {
        let bytes = id.as_bytes();
        !bytes.is_empty() && bytes.len() <= 64 && bytes.iter().all(u8::is_ascii_graphic)
    };
    let own = headers.get(REQUEST_ID).filter(plain).cloned();
    own.unwrap_or_else(|| {
        let now = std::time::SystemTime::UNIX_EPOCH
            .elapsed()
            .unwrap_or_default();
        let millis = u64::try_from(now.as_millis()).unwrap_or_default();
        // `Uuid::now_v7` asks the kernel for each.
        let id = uuid::Builder::from_unix_timestamp_millis(millis, &rand::random()).into_uuid();
        let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
        let text = id.hyphenated().encode_lower(&mut text);
        HeaderValue::from_str(text).expect("a UUID is plain ASCII")
    })
}

fn server_span(method: &Method, route: &str, uri: &Uri, request_id: &HeaderValue) -> Span {
    tracing::info_span!(
        "http.request",
        otel.kind = "server",
        otel.name = format!("{method} {route}"),
        otel.status_code = Empty,
        http.request.method = method.as_str(),
        http.route = route,
        http.response.status_code = Empty,
        url.path = uri.path(),
        request.id = request_id.to_str().unwrap_or_default(),
        error.type = Empty,
    )
}

fn client_span(method: &Method, service: &str) -> Span {
    tracing::info_span!(
        "http.call",
        otel.kind = "client",
        otel.name = format!("{method} {service}"),
        otel.status_code = Empty,
        peer.service = service,
        http.request.method = method.as_str(),
        http.response.status_code = Empty,
        network.peer.address = Empty,
    )
}

async fn drain(body: Incoming) {
    if body.is_end_stream() {
        return;
    }
    let mut body = Sent::new(body, DRAINED_BYTES, DRAINED_FOR);
    let read =
        async { while let Some(Ok(_)) = poll_fn(|context| body.poll_piece(context)).await {} };
    // Whoever sends more, or slower, does without an answer.
    let _ = tokio::time::timeout(DRAINED_FOR, read).await;
}
