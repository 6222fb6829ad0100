//! The services behind the gateway, and one exchange with one of them.
//!
//! A service is a name with any number of addresses. Each request goes to the less busy of two;
//! what did not reach its address goes to another one.

mod error;
mod outgoing;

use axum::body::Body;
use axum::response::Response;
pub(crate) use error::UpstreamError;
use error::{Failure, classify};
use http::uri::Scheme;
use http::{HeaderValue, Request, Uri};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use outgoing::{Lent, Outgoing};
use std::collections::BTreeMap;
use std::time::Duration;
use stoa_client::{Endpoints, InFlight, Resolver, Retry, RetryBudget};
use tokio::time::Instant;
use tower_http::timeout::TimeoutBody;

/// A service on the same network answers in a millisecond, or its machine is gone.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Data that nobody acknowledges for this long went to a machine that is gone.
const UNACKNOWLEDGED: Duration = Duration::from_secs(5);
/// Shorter than the 60 s after which servers of ours close what is idle, so that we never reuse
/// a connection that is about to be closed.
const IDLE_CONNECTION: Duration = Duration::from_secs(30);
const IDLE_CONNECTIONS_PER_HOST: usize = 64;
/// Event streams send a comment each 15 s; a body that is silent for this long is lost.
const IDLE_BODY: Duration = Duration::from_secs(75);
/// How long a request waits for a service that has no address, or none that takes it: a service
/// with one replica is replaced within this time, and its clients see a pause.
const HOLD: Duration = Duration::from_secs(1);
const HOLD_STEP: Duration = Duration::from_millis(100);

/// The port of `http` where a URL does not name one.
const HTTP_PORT: u16 = 80;

/// The services behind the gateway.
pub(crate) struct Upstreams {
    client: Client<HttpConnector, Lent>,
    services: BTreeMap<String, Upstream>,
    body_idle: Duration,
}

/// One service.
struct Upstream {
    name: String,
    host: HeaderValue,
    endpoints: Endpoints,
    budget: RetryBudget,
    meter: Meter,
}

/// What the metrics say about one service.
struct Meter {
    endpoints: metrics::Gauge,
    refused: metrics::Counter,
    unsent: metrics::Counter,
    broken: metrics::Counter,
}

/// The head of an answer, and the address that counts it as in flight.
pub(crate) struct Answer {
    /// Its body is still to come.
    pub(crate) response: http::Response<Incoming>,
    /// Where it comes from; to be kept until the body has been read.
    pub(crate) endpoint: InFlight,
}

impl Upstreams {
    /// Connects to nothing yet: a service may come later than the gateway.
    pub(crate) fn new(
        urls: &BTreeMap<String, String>,
        resolver: &Resolver,
        body_idle: Duration,
    ) -> Result<Self, UpstreamError> {
        describe_metrics();
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        connector.set_keepalive(Some(Duration::from_mins(1)));
        #[cfg(target_os = "linux")]
        connector.set_tcp_user_timeout(Some(UNACKNOWLEDGED));
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_CONNECTION)
            .pool_max_idle_per_host(IDLE_CONNECTIONS_PER_HOST)
            .build(connector);
        let mut services = BTreeMap::new();
        for (name, url) in urls {
            let upstream = Upstream::new(name, url, resolver.clone());
            let upstream = upstream.ok_or_else(|| UpstreamError::Url(name.clone()))?;
            services.insert(name.clone(), upstream);
        }
        Ok(Self {
            client,
            services,
            body_idle,
        })
    }

    /// Sends a request and waits for the head of the answer, at most `timeout`.
    pub(crate) async fn send(
        &self,
        service: &str,
        request: Request<Body>,
        timeout: Duration,
        body_limit: u64,
    ) -> Result<Answer, UpstreamError> {
        let upstream = self.services.get(service);
        let upstream = upstream.ok_or_else(|| UpstreamError::Url(service.to_owned()))?;
        let exchange = self.exchange(upstream, request, body_limit);
        tokio::time::timeout(timeout, exchange)
            .await
            .unwrap_or_else(|_| {
                Err(UpstreamError::Late {
                    service: service.into(),
                    limit: timeout,
                })
            })
    }

    /// Tries one address after the other, as long as that does no harm.
    async fn exchange(
        &self,
        upstream: &Upstream,
        request: Request<Body>,
        body_limit: u64,
    ) -> Result<Answer, UpstreamError> {
        let outgoing = Outgoing::new(request, &upstream.host, body_limit, self.body_idle);
        let mut tries = Tries::new();
        upstream.budget.deposit();
        loop {
            let Some(endpoint) = upstream.endpoints.choose(&tries.tried).await else {
                if tries.hold().await {
                    continue;
                }
                return Err(UpstreamError::Unknown(upstream.name.clone()));
            };
            upstream.count_endpoints();
            // A body is away only after a failure that is not tried again.
            let Some(request) = outgoing.to(endpoint.address()) else {
                return Err(UpstreamError::Body);
            };
            let error = match self.client.request(request).await {
                Ok(response) => return Ok(Answer { response, endpoint }),
                Err(error) => error,
            };
            let failure = Failure::of(&error);
            tracing::debug!(service = upstream.name, address = %endpoint.address(), ?failure, "a try failed");
            if !tries.again(upstream, &endpoint, &outgoing, failure).await {
                return Err(classify(&upstream.name, error, body_limit));
            }
        }
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
            endpoints: Endpoints::new(authority.host(), port, resolver),
            budget: RetryBudget::full(),
            meter: Meter::new(name),
        })
    }

    #[expect(clippy::cast_precision_loss, reason = "no service has 2^53 addresses")]
    fn count_endpoints(&self) {
        self.meter.endpoints.set(self.endpoints.count() as f64);
    }
}

/// What one request has tried so far.
struct Tries {
    tried: Vec<std::net::SocketAddr>,
    held_until: Instant,
    was_sent: bool,
}

impl Tries {
    fn new() -> Self {
        Self {
            tried: Vec::new(),
            held_until: Instant::now() + HOLD,
            was_sent: false,
        }
    }

    /// Waits a moment for a service to come back; `false` when that has taken too long.
    async fn hold(&mut self) -> bool {
        let is_held = Instant::now() < self.held_until;
        if is_held {
            tokio::time::sleep(HOLD_STEP).await;
        }
        is_held
    }

    /// Whether the request may go to another address; if there is none, after a moment.
    async fn again(
        &mut self,
        upstream: &Upstream,
        endpoint: &InFlight,
        outgoing: &Outgoing,
        failure: Failure,
    ) -> bool {
        self.tried.push(endpoint.address());
        let (retry, counter) = match failure {
            Failure::Client => return false,
            Failure::Refused => (Retry::Unsent, &upstream.meter.refused),
            Failure::Unsent => (Retry::Unsent, &upstream.meter.unsent),
            Failure::Broken if self.was_sent || !outgoing.is_repeatable() => return false,
            Failure::Broken => (Retry::Sent, &upstream.meter.broken),
        };
        if failure == Failure::Refused {
            endpoint.refused();
        }
        self.was_sent |= retry == Retry::Sent;
        let may = if failure == Failure::Refused && !upstream.endpoints.others(&self.tried) {
            // All of them refused. That is limited by time: a budget would let some requests
            // wait and others not.
            self.tried.clear();
            self.hold().await
        } else {
            upstream.budget.withdraw(retry)
        };
        if may {
            counter.increment(1);
        }
        may
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
}

impl Meter {
    fn new(service: &str) -> Self {
        let retries = |reason: &'static str| {
            let service = service.to_owned();
            let counter = metrics::counter!("gateway_upstream_retries_total", "upstream" => service, "reason" => reason);
            counter.absolute(0);
            counter
        };
        let endpoints =
            metrics::gauge!("gateway_upstream_endpoints", "upstream" => service.to_owned());
        endpoints.set(0.0);
        Self {
            endpoints,
            refused: retries("refused"),
            unsent: retries("unsent"),
            broken: retries("broken"),
        }
    }
}

/// The answer as it streams on to the client, which never waits for ever between two pieces.
pub(crate) fn streamed(answer: Answer) -> Response {
    let Answer { response, endpoint } = answer;
    response.map(|body| {
        let counted = body.map_frame(move |frame| {
            // Owned by the body, and so in flight until it ends.
            let _ = &endpoint;
            frame
        });
        Body::new(TimeoutBody::new(IDLE_BODY, counted))
    })
}
