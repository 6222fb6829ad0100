//! The services behind the gateway, and one exchange with one of them.
//!
//! The seam of balancing: today an upstream is one URL behind one connection pool.

use axum::body::Body;
use axum::response::Response;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Request, Uri};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;
use stoa_contracts::{Coded, ErrorCode};
use tower_http::timeout::TimeoutBody;

/// A service on the same network answers in a millisecond, or its machine is gone.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Shorter than the 75 s after which servers close what is idle, so that we never reuse a
/// connection that is about to be closed.
const IDLE_CONNECTION: Duration = Duration::from_secs(30);
const IDLE_CONNECTIONS_PER_HOST: usize = 64;
/// Event streams send a comment each 15 s; a body that is silent for this long is lost.
const IDLE_BODY: Duration = Duration::from_secs(75);

/// Why there is no answer from a service.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpstreamError {
    /// Nothing listens there, or it cannot be found.
    #[error("`{service}` is away")]
    Away {
        /// The service.
        service: String,
        /// Why.
        #[source]
        source: hyper_util::client::legacy::Error,
    },
    /// The connection broke before the answer.
    #[error("`{service}` broke the connection")]
    Broken {
        /// The service.
        service: String,
        /// Why.
        #[source]
        source: hyper_util::client::legacy::Error,
    },
    /// No answer within the limit of the route.
    #[error("`{service}` did not answer within {limit:?}")]
    Late {
        /// The service.
        service: String,
        /// The limit.
        limit: Duration,
    },
    /// The client sent more than the route takes.
    #[error("The body may have at most {0} bytes.")]
    TooLarge(u64),
    /// The client's body broke off or is malformed.
    #[error("The body broke off or is malformed.")]
    Body,
    /// A route names a service without a URL, or the URL is none.
    #[error("no usable URL for `{0}`")]
    Url(String),
}

impl Coded for UpstreamError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Away { .. } | Self::Broken { .. } | Self::Late { .. } => ErrorCode::Unavailable,
            Self::TooLarge(_) => ErrorCode::TooLarge,
            Self::Body => ErrorCode::Invalid,
            Self::Url(_) => ErrorCode::Internal,
        }
    }

    fn problem(&self) -> stoa_contracts::Problem {
        let problem =
            |status| stoa_contracts::Problem::new(self.code(), self.detail()).with_status(status);
        match self {
            Self::Broken { .. } => problem(502),
            Self::Late { .. } => problem(504),
            Self::Body => problem(400),
            _ => stoa_contracts::Problem::new(self.code(), self.detail()),
        }
    }
}

impl UpstreamError {
    fn detail(&self) -> String {
        match self {
            Self::TooLarge(_) | Self::Body => self.to_string(),
            _ => self.code().title().to_owned(),
        }
    }
}

/// Marks an error of the client's body on its way through the upstream's connection.
#[derive(Debug, thiserror::Error)]
#[error("the body of the request")]
struct BodyError(#[source] Box<dyn Error + Send + Sync>);

/// The services behind the gateway.
pub(crate) struct Upstreams {
    client: Client<HttpConnector, Body>,
    authorities: BTreeMap<String, Authority>,
}

impl Upstreams {
    /// Connects to nothing yet: a service may come later than the gateway.
    pub(crate) fn new(urls: &BTreeMap<String, String>) -> Result<Self, UpstreamError> {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        connector.set_keepalive(Some(Duration::from_mins(1)));
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_CONNECTION)
            .pool_max_idle_per_host(IDLE_CONNECTIONS_PER_HOST)
            .build(connector);
        let mut authorities = BTreeMap::new();
        for (service, url) in urls {
            let authority = authority(url).ok_or_else(|| UpstreamError::Url(service.clone()))?;
            authorities.insert(service.clone(), authority);
        }
        Ok(Self {
            client,
            authorities,
        })
    }

    /// Sends a request and waits for the head of the answer, at most `timeout`.
    pub(crate) async fn send(
        &self,
        service: &str,
        request: Request<Body>,
        timeout: Duration,
        body_limit: u64,
    ) -> Result<http::Response<Incoming>, UpstreamError> {
        let request = self.address(service, request, body_limit)?;
        match tokio::time::timeout(timeout, self.client.request(request)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(classify(service, error, body_limit)),
            Err(_) => Err(UpstreamError::Late {
                service: service.into(),
                limit: timeout,
            }),
        }
    }

    fn address(
        &self,
        service: &str,
        request: Request<Body>,
        body_limit: u64,
    ) -> Result<Request<Body>, UpstreamError> {
        let unusable = || UpstreamError::Url(service.to_owned());
        let authority = self.authorities.get(service).ok_or_else(unusable)?;
        let (mut parts, body) = request.into_parts();
        let mut uri = parts.uri.into_parts();
        uri.scheme = Some(Scheme::HTTP);
        uri.authority = Some(authority.clone());
        uri.path_and_query
            .get_or_insert(PathAndQuery::from_static("/"));
        parts.uri = Uri::from_parts(uri).map_err(|_| unusable())?;
        parts.version = http::Version::HTTP_11;
        let limit = usize::try_from(body_limit).unwrap_or(usize::MAX);
        let body = Limited::new(body, limit).map_err(BodyError);
        Ok(Request::from_parts(parts, Body::new(body)))
    }
}

/// `http://host:port`, nothing more: the gateway forwards paths as they are.
fn authority(url: &str) -> Option<Authority> {
    let uri: Uri = url.parse().ok()?;
    let plain = uri.scheme() == Some(&Scheme::HTTP) && matches!(uri.path(), "" | "/");
    uri.authority().filter(|_| plain).cloned()
}

fn classify(service: &str, error: hyper_util::client::legacy::Error, limit: u64) -> UpstreamError {
    if let Some(body) = find::<BodyError>(&error) {
        return match body.0.downcast_ref::<http_body_util::LengthLimitError>() {
            Some(_) => UpstreamError::TooLarge(limit),
            None => UpstreamError::Body,
        };
    }
    let service = service.to_owned();
    if error.is_connect() {
        UpstreamError::Away {
            service,
            source: error,
        }
    } else {
        UpstreamError::Broken {
            service,
            source: error,
        }
    }
}

fn find<'e, T: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// The answer as it streams on to the client, which never waits for ever between two pieces.
pub(crate) fn streamed(response: http::Response<Incoming>) -> Response {
    response.map(|body| Body::new(TimeoutBody::new(IDLE_BODY, body)))
}
