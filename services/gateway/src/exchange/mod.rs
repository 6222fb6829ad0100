//! One request on its way: checked at the door, forwarded, streamed back.

mod pass;
mod report;
mod target;

use crate::body::{BodyError, Given, Received, Sent};
use crate::door::Terms;
use crate::front::Lane;
use crate::headers::Added;
use crate::observe::Trace;
use crate::rare::Rare;
use crate::routes::Route;
use crate::upstream::{TIMEOUT, UpstreamError};
use crate::websocket::Upgrade;
use crate::{Gateway, coalesce, compression, cors, framing};
use axum::response::IntoResponse;
use http::header::{CONNECTION, HeaderMap, HeaderValue};
use http::{Method, Request, Response, Uri};
use pass::pass;
use report::Report;
use std::future::poll_fn;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use stoa_service::{Problem, request_id};
use target::{Pages, Target, find};
use tokio::time::Instant;
use tracing::{Instrument as _, Span, field::Empty};

/// How much of a refused body is still read, and for how long: a connection that is closed over
/// unread data is reset, and the client never sees the refusal.
const DRAINED_BYTES: u64 = 32 << 20;
const DRAINED_FOR: Duration = Duration::from_secs(5);

/// Where a connection or a request comes from.
#[derive(Clone, Copy)]
pub(crate) struct From {
    /// The other end of the connection, or the client that a believed proxy names.
    pub(crate) address: IpAddr,
    /// Whether it came by TLS.
    pub(crate) is_encrypted: bool,
}

/// Answers a request, and tells of it.
pub(crate) async fn answer(
    lane: &Lane,
    from: From,
    mut request: Request<Received>,
) -> (Response<Given>, Added) {
    let start = Instant::now();
    let _active = lane.meter.begin();
    let doubtful = framing::refuse(&request)
        .or_else(|| framing::refuse_body(request.method(), request.body().is_empty()));
    let client = lane.gateway.trusted.origin(from, request.headers());
    let method = request.method().clone();
    let told = request.uri().clone();
    let id = request_id::of(request.headers());
    let rare = Rare::of(request.headers());
    let target = match doubtful {
        Some(doubtful) => Target::Refusal(last(doubtful.into()).into()),
        None => find(&lane.gateway, &mut request),
    };
    let route = target.template();
    let pages = target.pages(request.headers());
    let brought = rare.trace.then_some(request.headers());
    let trace = Trace::of(brought, || server_span(&method, &route, &told, &id));
    let report = Report {
        meter: &lane.meter,
        log: &lane.log,
        trace: &trace,
        method: &method,
        path: told.path(),
        route,
        client: client.address,
        request_id: id.to_str().unwrap_or_default(),
        start,
        has_ended: false,
    };
    let mut served = {
        let known = Known {
            start,
            trace: &trace,
            id: &id,
            rare,
        };
        let work = pin!(serve(lane, known, target, &mut request, client));
        match &trace {
            Trace::Recorded(span) => work.instrument(span.clone()).await,
            Trace::Carried(_) => work.await,
        }
    };
    if compression::pays(served.response.headers()) {
        let accepted = compression::accepted(request.headers());
        served.response = compression::compress(served.response, accepted).await;
    }
    if let Pages::Named(origin) = pages {
        cors::decorate(origin.as_ref(), served.response.headers_mut());
    }
    let added = Added {
        now: report.end(&served),
        request_id: id,
        is_encrypted: client.is_encrypted,
    };
    (served.response, added)
}

/// When a request has come, by what it is known here and to its service, and what few others have.
#[derive(Clone, Copy)]
struct Known<'r> {
    start: Instant,
    trace: &'r Trace,
    id: &'r HeaderValue,
    rare: Rare,
}

/// A request that nothing speaks against.
struct Admitted<'r> {
    request: &'r mut Request<Received>,
    upgrade: Upgrade,
    service: &'r str,
    client: From,
    patience: Patience,
}

/// How long a client waits for the head of its answer.
#[derive(Clone, Copy)]
struct Patience {
    /// As long as the route says, or less if the client says so itself.
    limit: Duration,
    /// When that is over: waiting at the door, for a body or for the answer to somebody else counts.
    deadline: Instant,
}

impl Patience {
    /// That of a request which has come at `start`, and says so itself in these headers.
    fn of(route: &Route, headers: Option<&HeaderMap>, start: Instant) -> Self {
        let own = headers.and_then(|headers| headers.get(TIMEOUT));
        let own = own.and_then(|own| own.to_str().ok()?.parse().ok());
        let own = own.map_or(route.timeout, Duration::from_millis);
        let limit = own.min(route.timeout);
        let deadline = start + limit;
        Self { limit, deadline }
    }
}

/// An answer and where it comes from.
struct Served {
    response: Response<Given>,
    service: Option<Arc<str>>,
    upstream: Option<SocketAddr>,
}

async fn serve(
    lane: &Lane,
    known: Known<'_>,
    target: Target,
    request: &mut Request<Received>,
    client: From,
) -> Served {
    let by_itself = |response| Served {
        response,
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
                Ok(_) => Box::pin(own.answer(lane)).await,
                Err(problem) => known.trace.within(|| refusal(problem)),
            });
        }
        Target::Refusal(response) => {
            drain(take_body(request)).await;
            return by_itself(*response);
        }
    };
    let own = known.rare.timeout.then_some(request.headers());
    let patience = Patience::of(&to, own, known.start);
    match enter(&lane.gateway, &to, request, client).await {
        Ok((upgrade, service)) => {
            let key = coalesce::Key::of(&to, &service, request, upgrade.is_some());
            let mut upstream = None;
            let admitted = Admitted {
                request,
                upgrade,
                service: &service,
                client,
                patience,
            };
            let ask = async || {
                let (response, address) = pass(lane, known, &to, admitted).await;
                upstream = address;
                response
            };
            let coalescer = &lane.gateway.coalescer;
            let response = match key {
                Some(key) => Box::pin(coalescer.share(key, patience.deadline, ask)).await,
                None => ask().await,
            };
            Served {
                response,
                service: Some(service),
                upstream,
            }
        }
        Err(problem) => {
            drain(take_body(request)).await;
            by_itself(known.trace.within(|| refusal(problem)))
        }
    }
}

/// Everything that can refuse a request before its service hears of it.
async fn enter(
    gateway: &Gateway,
    route: &Route,
    request: &mut Request<Received>,
    client: From,
) -> Result<(Upgrade, Arc<str>), Problem> {
    if request.body().length() > Some(route.body_limit) {
        return Err(UpstreamError::Body(BodyError::TooLarge(route.body_limit)).into());
    }
    let mut upgrade = Upgrade::take(request, route.upgrade)?;
    let guest = gateway
        .door
        .admit(Terms::of(route), request.headers_mut(), client.address)
        .await?;
    upgrade.belong_to(guest.session);
    Ok((upgrade, Arc::clone(route.target(&guest.client))))
}

/// A problem as the last answer of its connection: what follows a doubtful request may be anything.
fn last(problem: Problem) -> Response<Given> {
    let mut response = refusal(problem);
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(CONNECTION, close);
    response
}

/// A problem as an answer.
pub(crate) fn refusal(problem: Problem) -> Response<Given> {
    problem.into_response().map(Given::made)
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

/// The body of a request, which has none then.
fn take_body(request: &mut Request<Received>) -> Received {
    std::mem::replace(request.body_mut(), Received::Nothing)
}

async fn drain(body: Received) {
    // Who waits to be asked is told by the answer not to send it.
    if body.is_empty() || body.is_expected() {
        return;
    }
    let mut body = Sent::new(body, DRAINED_BYTES, DRAINED_FOR);
    let read =
        async { while let Some(Ok(_)) = poll_fn(|context| body.poll_piece(context)).await {} };
    // Whoever sends more, or slower, does without an answer.
    let _ = tokio::time::timeout(DRAINED_FOR, read).await;
}
