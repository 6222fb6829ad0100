//! One call, with everything around it.

use std::{sync::Arc, time::Duration};

use backon::{BackoffBuilder as _, ExponentialBuilder};
use http::{HeaderName, Method, StatusCode};
use reqwest::{Response, redirect};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use stoa_config::InternalToken;
use stoa_contracts::{Coded as _, Problem};
use tracing::{Instrument as _, field::Empty};

use crate::{ClientError, budget::RetryBudget};

/// Says to the other side how many milliseconds the caller still waits.
const TIMEOUT_HEADER: HeaderName = HeaderName::from_static("x-request-timeout-ms");

const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const CALL_TIMEOUT: Duration = Duration::from_secs(5);
/// Shorter than a server of ours keeps an idle connection, so that none is closed under a call.
const POOL_IDLE: Duration = Duration::from_secs(30);
/// Tries beyond the first one, of idempotent calls.
const RETRIES: usize = 2;

/// Calls one service. Cheap to clone; clones share connections and the retry budget.
#[derive(Clone, Debug)]
pub struct ServiceClient {
    service: &'static str,
    url: Arc<str>,
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
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_max_idle_per_host(32)
            .pool_idle_timeout(POOL_IDLE)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .build()
            .expect("the options are constant, and this set builds");
        let budget = Arc::new(RetryBudget::full());
        let url = url.trim_end_matches('/').into();
        Self {
            service,
            url,
            token,
            timeout: CALL_TIMEOUT,
            http,
            budget,
        }
    }

    /// The same client with another limit per try.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Gets `path`.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        let response = self.send(Method::GET, path, None).await?;
        self.decode(response).await
    }

    /// Puts `body` to `path`.
    pub async fn put<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        let response = self.send(Method::PUT, path, Some(json(body))).await?;
        self.decode(response).await
    }

    /// Posts `body` to `path`. Never tried again.
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        let response = self.send(Method::POST, path, Some(json(body))).await?;
        self.decode(response).await
    }

    /// Deletes `path`.
    pub async fn delete(&self, path: &str) -> Result<(), ClientError> {
        self.send(Method::DELETE, path, None).await.map(drop)
    }

    /// Tries until it succeeds, fails for good, or the budget is spent.
    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Response, ClientError> {
        self.budget.deposit();
        let retries = if method.is_idempotent() { RETRIES } else { 0 };
        let backoff = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(50))
            .with_max_delay(Duration::from_secs(1))
            .with_max_times(retries)
            .with_jitter();
        let mut delays = backoff.build();
        loop {
            let error = match self.attempt(method.clone(), path, body.as_ref()).await {
                Ok(response) => return Ok(response),
                Err(error) => error,
            };
            let delay = delays
                .next()
                .filter(|_| error.is_transient() && self.budget.withdraw());
            let Some(delay) = delay else {
                return Err(error);
            };
            tracing::debug!(service = self.service, %error, "trying again");
            tokio::time::sleep(delay).await;
        }
    }

    /// One try, in a span of its own. The seam where a later client chooses among addresses.
    async fn attempt(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Response, ClientError> {
        let span = tracing::info_span!(
            "http.call",
            otel.kind = "client",
            otel.name = format!("{method} {}", self.service),
            otel.status_code = Empty,
            peer.service = self.service,
            http.request.method = method.as_str(),
            url.path = path,
            http.response.status_code = Empty,
            error.type = Empty,
        );
        let result = self
            .exchange(method, path, body)
            .instrument(span.clone())
            .await;
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
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Response, ClientError> {
        let mut request = self
            .http
            .request(method, format!("{}{path}", self.url))
            .timeout(self.timeout)
            .headers(crate::trace::headers())
            .header(TIMEOUT_HEADER, self.timeout.as_millis().to_string())
            .bearer_auth(self.token.expose());
        if let Some(body) = body {
            request = request.json(body);
        }
        let service = self.service;
        let sent = request.send().await;
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

    /// Reads the body; one that is empty counts as `null`, so that `()` can be asked for.
    async fn decode<T: DeserializeOwned>(&self, response: Response) -> Result<T, ClientError> {
        let status = response.status();
        if status == StatusCode::NO_CONTENT || response.content_length() == Some(0) {
            return serde_json::from_value(Value::Null).map_err(|_| self.unexpected(status, None));
        }
        response
            .json()
            .await
            .map_err(|source| self.unexpected(status, Some(source)))
    }

    fn unexpected(&self, status: StatusCode, source: Option<reqwest::Error>) -> ClientError {
        ClientError::Unexpected {
            service: self.service,
            status: status.as_u16(),
            source,
        }
    }
}

fn json(body: &impl Serialize) -> Value {
    serde_json::to_value(body).expect("the types of the contracts serialise")
}
