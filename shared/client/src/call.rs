//! One call, with everything around it.

use std::{sync::Arc, time::Duration};

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use http::{Method, StatusCode};
use reqwest::{RequestBuilder, Response, redirect};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use stoa_config::InternalToken;
use stoa_contracts::{
    Coded as _, Problem,
    deadline::{Deadline, TIMEOUT_HEADER},
};
use tracing::{Instrument as _, field::Empty};

use crate::{ClientError, InFlight, Outcome, Resolver, Retry, RetryBudget, Turn, place::Place};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const CALL_TIMEOUT: Duration = Duration::from_secs(5);
/// Shorter than a server of ours keeps an idle connection, so that none is closed under a call.
const POOL_IDLE: Duration = Duration::from_secs(30);
/// Data that nobody acknowledges for this long went to a machine that is gone.
const UNACKNOWLEDGED: Duration = Duration::from_secs(5);
/// How long a call waits for an address, or for its turn: a service with one replica is replaced
/// within this time, and more would only be lost to the caller.
const HOLD: Duration = Duration::from_secs(1);
/// What is kept of the time that is left, for the way back of the answer.
const MARGIN: Duration = Duration::from_millis(5);
/// Who waits for less than this, or for less than half of what a call has otherwise, and gets no answer has learned nothing
/// about the address.
const IMPATIENT: Duration = Duration::from_secs(1);
/// Tries beyond the first one after a pause, of calls that may be sent twice.
const RETRIES: usize = 2;

/// Calls one service, over all its addresses. Cheap to clone; clones share connections, what is
/// known of the addresses, and the retry budget.
#[derive(Clone, Debug)]
pub struct ServiceClient {
    service: &'static str,
    place: Arc<Place>,
    token: InternalToken,
    timeout: Duration,
    http: reqwest::Client,
    budget: Arc<RetryBudget>,
}

impl ServiceClient {
    /// A client of `service` at `url`, which authenticates by the internal token.
    pub fn new(service: &'static str, url: &str, token: InternalToken) -> Self {
        // The service kit has done this already; tests may not have. A second call is no harm.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder();
        #[cfg(target_os = "linux")]
        let http = http.tcp_user_timeout(UNACKNOWLEDGED);
        let http = http
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_max_idle_per_host(32)
            .pool_idle_timeout(POOL_IDLE)
            .tcp_keepalive(Duration::from_mins(1))
            .redirect(redirect::Policy::none())
            .no_proxy()
            .build()
            .expect("the options are constant, and this set builds");
        let budget = Arc::new(RetryBudget::full());
        Self {
            service,
            place: Arc::new(Place::new(service, url, Resolver::dns())),
            token,
            timeout: CALL_TIMEOUT,
            http,
            budget,
        }
    }

    /// The same client of the service at `url`, whose addresses `resolver` finds.
    #[must_use]
    pub fn with_resolver(self, url: &str, resolver: Resolver) -> Self {
        let place = Arc::new(Place::new(self.service, url, resolver));
        Self { place, ..self }
    }

    /// The same client with at most so many calls at once, and so many that wait for their turn.
    #[must_use]
    pub fn with_limits(self, in_flight: usize, waiting: usize) -> Self {
        let place = (*self.place).clone().limited(in_flight, waiting);
        let place = Arc::new(place);
        Self { place, ..self }
    }

    /// The same client with another limit per try.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// How long a try may take, where the one for whom it is made waits as long.
    pub const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Gets `path`.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        let answer = self.send(Method::GET, path, None).await?;
        self.decode(answer).await
    }

    /// Puts `body` to `path`.
    pub async fn put<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        let answer = self.send(Method::PUT, path, Some(json(body))).await?;
        self.decode(answer).await
    }

    /// Posts `body` to `path`. Never sent twice.
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        let answer = self.send(Method::POST, path, Some(json(body))).await?;
        self.decode(answer).await
    }

    /// Deletes `path`.
    pub async fn delete<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        let answer = self.send(Method::DELETE, path, None).await?;
        self.decode(answer).await
    }

    /// Tries until it succeeds, fails for good, or the budget is spent. A call that did not
    /// reach an address goes to another one at once, whatever its method: nothing was sent.
    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Answer, ClientError> {
        self.budget.deposit();
        let turn = self.turn().await?;
        let mut delays = backoff();
        let mut tried = Vec::new();
        loop {
            let endpoint = self.place.choose(&tried, self.limit()?.min(HOLD)).await;
            let service = self.service;
            let endpoint = endpoint.ok_or(ClientError::Absent { service })?;
            let attempt = self.attempt(&method, path, body.as_ref(), endpoint.as_ref());
            let error = match attempt.await {
                Ok(response) => {
                    return Ok(Answer {
                        response,
                        endpoint,
                        _turn: turn,
                    });
                }
                Err(error) => error,
            };
            tried.extend(endpoint.as_ref().map(InFlight::address));
            // Nothing is in flight there while we wait.
            drop(endpoint);
            let unsent = error.is_unsent();
            if unsent && self.place.others(&tried) && self.budget.withdraw(Retry::Unsent) {
                tracing::debug!(service, %error, "trying another address");
                continue;
            }
            let repeatable = unsent || (method.is_idempotent() && error.is_transient());
            let delay = delays.next().filter(|delay| self.has_time_for(*delay));
            let Some(delay) = delay.filter(|_| repeatable && self.budget.withdraw(Retry::Sent))
            else {
                return Err(error);
            };
            tracing::debug!(service, %error, "trying again");
            tokio::time::sleep(delay).await;
        }
    }

    /// A place among the calls that the service has at once.
    async fn turn(&self) -> Result<Option<Turn>, ClientError> {
        let turn = self.place.enter(self.limit()?.min(HOLD)).await;
        let service = self.service;
        turn.map_err(|source| ClientError::Shed { service, source })
    }

    /// How long a try may take: as long as the client waits, and no longer than the one for whom
    /// the call is made. Where nothing is left, the call would be made for nobody.
    fn limit(&self) -> Result<Duration, ClientError> {
        let Some(deadline) = Deadline::current() else {
            return Ok(self.timeout);
        };
        let left = deadline.left().saturating_sub(MARGIN);
        if left.as_millis() == 0 {
            let service = self.service;
            return Err(ClientError::Late { service });
        }
        Ok(left.min(self.timeout))
    }

    fn has_time_for(&self, delay: Duration) -> bool {
        self.limit().is_ok_and(|limit| delay < limit)
    }

    /// One try, in a span of its own.
    async fn attempt(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
        endpoint: Option<&InFlight>,
    ) -> Result<Response, ClientError> {
        let span = tracing::info_span!(
            "http.call",
            otel.kind = "client",
            otel.name = format!("{method} {}", self.service),
            otel.status_code = Empty,
            peer.service = self.service,
            http.request.method = method.as_str(),
            url.path = path,
            network.peer.address = endpoint.map(|endpoint| endpoint.address().to_string()),
            http.response.status_code = Empty,
            error.type = Empty,
        );
        let request = self
            .place
            .request(&self.http, method.clone(), path, endpoint);
        let exchange = self.exchange(request, body, endpoint);
        let result = exchange.instrument(span.clone()).await;
        match &result {
            Ok(response) => span.record("http.response.status_code", response.status().as_u16()),
            Err(error) => {
                span.record("otel.status_code", "ERROR");
                span.record("error.type", error.code().as_str())
            }
        };
        result
    }

    async fn exchange(
        &self,
        request: RequestBuilder,
        body: Option<&Value>,
        endpoint: Option<&InFlight>,
    ) -> Result<Response, ClientError> {
        let limit = self.limit()?;
        let mut request = request
            .timeout(limit)
            .headers(crate::trace::headers())
            .header(TIMEOUT_HEADER, limit.as_millis().to_string())
            .bearer_auth(self.token.expose());
        if let Some(body) = body {
            request = request.json(body);
        }
        let service = self.service;
        let sent = request.send().await;
        if let Some(endpoint) = endpoint {
            judge(endpoint, &sent, limit < IMPATIENT.max(self.timeout / 2));
        }
        let response = sent.map_err(|source| ClientError::Unreachable { service, source })?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        match response.json::<Problem>().await {
            Ok(problem) => Err(ClientError::Problem {
                service,
                problem: Box::new(problem),
            }),
            Err(_) => Err(self.unexpected(status, None)),
        }
    }

    /// Reads the body; one that is empty counts as `null`, so that `()` can be asked for. One that breaks off is no answer,
    /// but the service has done what it was asked: it is not asked again.
    async fn decode<T: DeserializeOwned>(&self, answer: Answer) -> Result<T, ClientError> {
        let status = answer.response.status();
        if status == StatusCode::NO_CONTENT || answer.response.content_length() == Some(0) {
            return serde_json::from_value(Value::Null).map_err(|_| self.unexpected(status, None));
        }
        let bytes = answer.response.bytes().await.map_err(|source| {
            let endpoint = answer.endpoint.filter(|_| !source.is_timeout());
            endpoint.inspect(InFlight::broke_off);
            let service = self.service;
            ClientError::Unreachable { service, source }
        })?;
        serde_json::from_slice(&bytes).map_err(|source| self.unexpected(status, Some(source)))
    }

    fn unexpected(&self, status: StatusCode, source: Option<serde_json::Error>) -> ClientError {
        ClientError::Unexpected {
            service: self.service,
            status: status.as_u16(),
            source,
        }
    }
}

/// An answer, and what counts it as in flight until it is read.
struct Answer {
    response: Response,
    endpoint: Option<InFlight>,
    _turn: Option<Turn>,
}

/// Says what a try tells about its address. Who is late for somebody hurried is late for no other.
fn judge(endpoint: &InFlight, sent: &reqwest::Result<Response>, is_hurried: bool) {
    match sent {
        Ok(response) if is_hurried && response.status() == StatusCode::GATEWAY_TIMEOUT => {}
        Ok(response) => endpoint.answered(Outcome::of(response.status(), response.headers())),
        Err(error) if error.is_connect() => endpoint.refused(),
        Err(error) if error.is_builder() || (error.is_timeout() && is_hurried) => {}
        Err(_) => endpoint.answered(Outcome::Broken),
    }
}

/// The pauses between tries.
fn backoff() -> ExponentialBackoff {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(50))
        .with_max_delay(Duration::from_secs(1))
        .with_max_times(RETRIES)
        .with_jitter()
        .build()
}

fn json(body: &impl Serialize) -> Value {
    serde_json::to_value(body).expect("the types of the contracts serialise")
}
