//! The services behind the gateway, and one exchange with one of them.
//!
//! A service is a name with any number of addresses. Each request goes to the less busy of two;
//! what did not reach its address goes to another one.

mod connection;
mod error;
mod head;
mod pool;
mod streamed;
#[cfg(test)]
mod tests;
mod tries;
mod uploads;

pub(crate) use connection::Connection;
pub(crate) use error::UpstreamError;
pub(crate) use head::begin;
pub(crate) use pool::Pool;
pub(crate) use streamed::Streamed;
pub(crate) use uploads::Place;

use crate::body::{BodyError, Given, Sent};
use crate::lines;
use arc_swap::ArcSwap;
use bytes::Bytes;
use connection::Outgoing;
use error::Failure;
use head::{Framing, Head};
use http::header::{HOST, HeaderName, HeaderValue};
use http::uri::Scheme;
use http::{Method, Response, StatusCode, Uri};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use stoa_client::{Endpoints, InFlight, Outcome, Probe, Resolver, RetryBudget, Turn};
use stoa_contracts::deadline;
use tokio::time::{Instant, timeout_at};
use tries::Tries;
use uploads::{Full, Uploads};

/// How long a request waits for a service that has no address, or none that takes it: a service
/// with one replica is replaced within this time, and its clients see a pause.
const HOLD: Duration = Duration::from_secs(1);
/// An address that has had a request for less than this has not failed.
const PATIENT: Duration = Duration::from_secs(1);

/// How long the service has for its answer, in milliseconds.
pub(crate) const TIMEOUT: HeaderName = HeaderName::from_static(deadline::TIMEOUT_HEADER);
/// The port of `http` where a URL does not name one.
const HTTP_PORT: u16 = 80;

/// The services behind the gateway.
pub(crate) struct Upstreams {
    services: ArcSwap<Services>,
    resolver: Resolver,
}

type Services = BTreeMap<String, Arc<Upstream>>;

/// One service.
pub(crate) struct Upstream {
    name: String,
    host: HeaderValue,
    endpoints: Endpoints,
    uploads: Uploads,
    budget: RetryBudget,
    meter: Meter,
}

/// What the metrics say about one service.
struct Meter {
    endpoints: metrics::Gauge,
    refused: metrics::Counter,
    unsent: metrics::Counter,
    broken: metrics::Counter,
    broken_bodies: metrics::Counter,
}

/// A request as a service will see it.
pub(crate) struct Request {
    pub(crate) method: Method,
    /// What [`begin`] gives, and lines behind it; except for those that say who is asked, for how long, and where the body
    /// ends.
    pub(crate) head: Vec<u8>,
    /// `None` for a request of the gateway's own.
    pub(crate) body: Option<Sent>,
    /// Who sends it.
    pub(crate) client: IpAddr,
    /// When its client waits no longer.
    pub(crate) deadline: Instant,
    /// Whether its client gives it less time than its route does, or has taken most of that itself: that it was late says
    /// nothing about the address, or clients could have one put aside.
    pub(crate) is_hurried: bool,
}

/// The head of an answer and what follows it.
pub(crate) struct Answer {
    pub(crate) head: Response<()>,
    pub(crate) rest: Rest,
    /// Where it comes from.
    pub(crate) address: SocketAddr,
}

/// What follows the head of an answer.
pub(crate) enum Rest {
    Whole(Bytes),
    Streamed(Box<Streamed>),
    /// The connection, in another protocol.
    Switched(Connection, InFlight),
}

impl Answer {
    /// The answer as it goes on to the client.
    pub(crate) fn into_response(self) -> Response<Given> {
        let body = match self.rest {
            Rest::Whole(bytes) => Given::whole(bytes),
            Rest::Streamed(body) => Given::Streamed(body),
            Rest::Switched(..) => Given::whole(Bytes::new()),
        };
        self.head.map(|()| body)
    }
}

impl Upstreams {
    /// Knows no service yet.
    pub(crate) fn new(resolver: Resolver) -> Self {
        describe_metrics();
        Self {
            services: ArcSwap::default(),
            resolver,
        }
    }

    /// Adds a service, unless it is known. Connects to nothing: it may come later than the gateway.
    pub(crate) fn learn(&self, name: &str, url: &str) -> Result<(), UpstreamError> {
        if self.services.load().contains_key(name) {
            return Ok(());
        }
        let upstream = Upstream::new(name, url, self.resolver.clone());
        let upstream = Arc::new(upstream.ok_or_else(|| UpstreamError::Url(name.to_owned()))?);
        self.services.rcu(|services| {
            let mut services = Services::clone(services);
            services.insert(name.to_owned(), Arc::clone(&upstream));
            services
        });
        Ok(())
    }

    /// A service that has been learnt.
    pub(crate) fn get(&self, service: &str) -> Result<Arc<Upstream>, UpstreamError> {
        let upstream = self.services.load().get(service).cloned();
        upstream.ok_or_else(|| UpstreamError::Url(service.to_owned()))
    }
}

impl Upstream {
    fn new(name: &str, url: &str, resolver: Resolver) -> Option<Self> {
        let uri: Uri = url.parse().ok()?;
        // `http://host:port`, nothing more: the gateway forwards paths as they are.
        let is_plain = uri.scheme() == Some(&Scheme::HTTP) && matches!(uri.path(), "" | "/");
        let authority = uri.authority().filter(|_| is_plain)?;
        let port = authority.port_u16().unwrap_or(HTTP_PORT);
        Some(Self {
            name: name.to_owned(),
            host: HeaderValue::try_from(authority.as_str()).ok()?,
            endpoints: Endpoints::new(authority.host(), port, resolver)
                .checked(Probe::service(name)),
            uploads: Uploads::new(),
            budget: RetryBudget::full(),
            meter: Meter::new(name),
        })
    }

    /// Sends a request over a connection of `pool` or a new one, and waits for the head of the answer, at most until its
    /// deadline. There were `timeout` until that when the request came. Tries one address after the other, as long as that
    /// does no harm.
    pub(crate) async fn exchange(
        self: &Arc<Self>,
        pool: &Pool,
        request: &mut Request,
        timeout: Duration,
    ) -> Result<Answer, UpstreamError> {
        if let Some(body) = request.body.as_mut().filter(|body| !body.is_empty()) {
            let gathered = timeout_at(request.deadline, body.gather()).await;
            let gathered = gathered.unwrap_or(Err(BodyError::Idle));
            gathered.map_err(UpstreamError::Body)?;
        }
        let deadline = request.deadline;
        self.place(request).await?;
        // Given back with the head of the answer: how long the rest takes is up to the client.
        let _turn = self.enter(deadline).await?;
        lines::put(&mut request.head, HOST, &self.host);
        let framing = framing(request);
        head::frame(&mut request.head, framing);
        let same = request.head.len();
        let mut tries = Tries::new();
        self.budget.deposit();
        loop {
            let now = tries.begin();
            let Some(endpoint) = self.endpoints.choose_at(&tries.tried, now).await else {
                if Instant::now() < deadline && tries.hold().await {
                    continue;
                }
                return Err(UpstreamError::Unknown(self.name.clone()));
            };
            self.count_endpoints(endpoint.among());
            let left = deadline.saturating_duration_since(endpoint.since());
            if left.is_zero() {
                return Err(self.late(timeout));
            }
            request.is_hurried |= left < timeout / 2;
            request.head.truncate(same);
            end_head(&mut request.head, left);
            let mut body = request.body.as_mut().filter(|body| !body.is_empty());
            if let Some(body) = &mut body {
                body.rewind();
            }
            let outgoing = Outgoing {
                method: &request.method,
                head: &request.head,
                body: body.map(|body| (body, framing)),
                endpoint: &endpoint,
            };
            let address = endpoint.address();
            let failure = match exchange(pool, outgoing, deadline).await {
                Some(Ok(exchanged)) => {
                    return Ok(self.answer(pool, exchanged, endpoint, request.is_hurried));
                }
                Some(Err(failure)) => failure,
                None => {
                    // Who waits for the client is not late itself.
                    if request.body.as_ref().is_some_and(Sent::is_awaited) {
                        return Err(UpstreamError::Body(BodyError::Idle));
                    }
                    let has_all = request.body.as_ref().is_none_or(Sent::has_ended);
                    if endpoint.age() >= PATIENT && has_all && !request.is_hurried {
                        endpoint.answered(Outcome::Broken);
                    }
                    return Err(self.late(timeout));
                }
            };
            tracing::debug!(service = self.name, %address, ?failure, "a try failed");
            if !tries.again(self, &endpoint, request, &failure).await {
                return Err(failure.of(&self.name));
            }
        }
    }

    fn answer(
        self: &Arc<Self>,
        pool: &Pool,
        (mut connection, head): (Connection, Head),
        endpoint: InFlight,
        is_hurried: bool,
    ) -> Answer {
        let address = endpoint.address();
        let Head {
            response: head,
            framing,
            keeps,
        } = head;
        let now = Instant::now();
        // The service goes by the same time, and may notice first that it is over.
        if !(is_hurried && head.status() == StatusCode::GATEWAY_TIMEOUT) {
            endpoint.answered_at(Outcome::of(head.status(), head.headers()), now);
        }
        let rest = if head.status() == StatusCode::SWITCHING_PROTOCOLS {
            endpoint.switched();
            Rest::Switched(connection, endpoint)
        } else if let Some(bytes) = connection.take_whole(framing) {
            if keeps && connection.received().is_empty() {
                pool.put(address, connection, now);
            }
            Rest::Whole(bytes)
        } else {
            let pool = keeps.then(|| pool.clone());
            let mut body = Streamed::new(connection, framing, pool, endpoint);
            body.come_from(Arc::clone(self));
            Rest::Streamed(Box::new(body))
        };
        Answer {
            head,
            rest,
            address,
        }
    }

    fn late(&self, limit: Duration) -> UpstreamError {
        let service = self.name.clone();
        UpstreamError::Late { service, limit }
    }

    /// Gives a body that is still to come a place among the uploads, which it has until it is there.
    async fn place(&self, request: &mut Request) -> Result<(), UpstreamError> {
        let Some(body) = request.body.as_mut().filter(|body| !body.has_ended()) else {
            return Ok(());
        };
        let until = request.deadline.min(Instant::now() + HOLD);
        let place = self.uploads.place(request.client, until);
        body.hold(place.await.map_err(|full| match full {
            Full::Address => UpstreamError::Uploads(uploads::PER_ADDRESS),
            Full::Service => UpstreamError::Busy(self.name.clone()),
        })?);
        Ok(())
    }

    /// Takes a place among the requests that the service has at once. Almost always there is one: only who waits for it asks
    /// the clock for how long.
    async fn enter(&self, deadline: Instant) -> Result<Turn, UpstreamError> {
        if let Some(turn) = self.endpoints.try_enter() {
            return Ok(turn);
        }
        let patience = HOLD.min(deadline.saturating_duration_since(Instant::now()));
        let turn = self.endpoints.enter(patience).await;
        turn.map_err(|_| UpstreamError::Busy(self.name.clone()))
    }

    #[expect(clippy::cast_precision_loss, reason = "no service has 2^53 addresses")]
    fn count_endpoints(&self, count: usize) {
        self.meter.endpoints.set(count as f64);
    }
}

/// One try; `None` when the deadline comes first.
async fn exchange(
    pool: &Pool,
    outgoing: Outgoing<'_>,
    deadline: Instant,
) -> Option<Result<(Connection, Head), Failure>> {
    let endpoint = outgoing.endpoint;
    let address = endpoint.address();
    let closely = outgoing.body.is_some() || !outgoing.method.is_idempotent();
    let mut connection = match pool.take(address, closely, endpoint.since()) {
        Some(connection) => connection,
        None => match timeout_at(deadline, Connection::open(address)).await.ok()? {
            Ok(connection) => connection,
            Err(error) => return Some(Err(Failure::Refused(error))),
        },
    };
    let head = connection.exchange(outgoing, deadline).await?;
    Some(head.map(|head| (connection, head)))
}

/// Ends the head of a request. The service has as much time as is left.
fn end_head(head: &mut Vec<u8>, left: Duration) {
    let left = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
    lines::put(head, TIMEOUT, itoa::Buffer::new().format(left));
    head.extend_from_slice(b"\r\n");
}

/// How the service learns where the body ends.
fn framing(request: &Request) -> Framing {
    match &request.body {
        Some(body) if !body.is_empty() => body.length().map_or(Framing::Chunked, Framing::Length),
        // What could have a body says that it has none.
        _ if matches!(request.method, Method::POST | Method::PUT | Method::PATCH) => {
            Framing::Length(0)
        }
        _ => Framing::None,
    }
}

fn describe_metrics() {
    metrics::describe_gauge!(
        "gateway_upstream_endpoints",
        "Addresses of a service, as of its last request"
    );
    metrics::describe_counter!(
        "gateway_upstream_retries_total",
        "Requests that went to another address because the first one failed"
    );
    metrics::describe_counter!(
        "gateway_upstream_broken_bodies_total",
        "Answers that broke off after their head"
    );
}

impl Meter {
    fn new(service: &str) -> Self {
        let retries = |reason: &'static str| {
            let service = service.to_owned();
            let counter = metrics::counter!("gateway_upstream_retries_total", "upstream" => service, "reason" => reason);
            counter.absolute(0);
            counter
        };
        let broken_bodies = metrics::counter!("gateway_upstream_broken_bodies_total", "upstream" => service.to_owned());
        broken_bodies.absolute(0);
        let endpoints =
            metrics::gauge!("gateway_upstream_endpoints", "upstream" => service.to_owned());
        endpoints.set(0.0);
        Self {
            endpoints,
            refused: retries("refused"),
            unsent: retries("unsent"),
            broken: retries("broken"),
            broken_bodies,
        }
    }
}
