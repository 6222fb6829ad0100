//! Requests to URLs that an account has chosen, as to a stranger: only to addresses that anybody can reach, without
//! following them elsewhere, for a bounded time, and with a bound on what is read of the answer.

mod addresses;

pub use addresses::Networks;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, Method, RequestBuilder, Response, Url, redirect};
use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// From the first byte to the last, where a request has no limit of its own.
const TIMEOUT: Duration = Duration::from_secs(15);
/// Shorter than servers keep an idle connection.
const POOL_IDLE: Duration = Duration::from_secs(30);

/// What may be reached.
#[derive(Clone, Debug, Default)]
pub struct EgressRules {
    /// Networks beside the public internet.
    pub networks: Networks,
    /// Whether `http` is called as well, not `https` only.
    pub is_http_allowed: bool,
}

/// Makes requests to strangers. Cheap to clone; clones share connections.
#[derive(Clone, Debug)]
pub struct Egress {
    http: Client,
    rules: EgressRules,
}

/// Why a request had no answer, in words for whoever chose the URL.
#[derive(Debug, thiserror::Error)]
pub enum EgressError {
    /// It cannot be read.
    #[error("The URL is none.")]
    Url,
    /// It is not `https`, or what else is allowed.
    #[error("Only https:// is called.")]
    Scheme,
    /// It names an address that may not be called.
    #[error("The URL leads to an address that is not public.")]
    Forbidden,
    /// No resolver knows it.
    #[error("The host name leads to no public address.")]
    Name,
    /// Its addresses may not be called. It is treated like a name that nobody knows, and spoken of in the same words: which
    /// names there are in our own network is not to be found out.
    #[error("{}", Self::Name)]
    PrivateName,
    /// The limit of the request is over.
    #[error("The endpoint does not answer in time.")]
    Timeout,
    /// There was no connection.
    #[error("The endpoint cannot be reached.")]
    Connect(#[source] reqwest::Error),
    /// There was one, and it ended.
    #[error("The connection broke off.")]
    Broken(#[source] reqwest::Error),
}

impl EgressError {
    /// Whether the same request may go well later.
    pub fn is_for_now(&self) -> bool {
        !matches!(self, Self::Url | Self::Scheme | Self::Forbidden)
    }
}

impl Egress {
    /// A client that calls itself `agent` and keeps up to so many idle connections to a host. With none, each request
    /// looks anew where its name leads to.
    pub fn new(agent: &str, rules: EgressRules, idle_per_host: usize) -> Self {
        // The service kit has done this already; tests may not have. A second call is no harm.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let resolver = Public {
            networks: rules.networks.clone(),
        };
        let http = Client::builder()
            .user_agent(agent)
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .dns_resolver(resolver)
            .pool_max_idle_per_host(idle_per_host)
            .pool_idle_timeout(POOL_IDLE)
            .build()
            .expect("only the agent's name is not constant, and those that call name themselves by constants");
        Self { http, rules }
    }

    /// A request to a URL that may be called, as far as it says itself; names are looked up when it is connected to.
    pub fn request(&self, method: Method, url: &str) -> Result<RequestBuilder, EgressError> {
        let url = Url::parse(url).map_err(|_| EgressError::Url)?;
        match url.scheme() {
            "https" => {}
            "http" if self.rules.is_http_allowed => {}
            _ => return Err(EgressError::Scheme),
        }
        let host = url.host_str().ok_or(EgressError::Url)?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        // No resolver is asked for an address. However it was written, the URL has it in its one form.
        match host.parse::<IpAddr>() {
            Ok(address) if !self.rules.networks.allow(address) => Err(EgressError::Forbidden),
            _ => Ok(self.http.request(method, url)),
        }
    }

    /// Sends it; an answer is one whatever its status, redirects too.
    pub async fn send(&self, request: RequestBuilder) -> Result<Response, EgressError> {
        request.send().await.map_err(refusal)
    }
}

/// Reads up to `limit` bytes of an answer's body, and whether that is all of it.
pub async fn read(mut response: Response, limit: usize) -> Result<(Vec<u8>, bool), EgressError> {
    let mut body = Vec::new();
    while let Some(part) = response.chunk().await.map_err(refusal)? {
        if body.len() + part.len() > limit {
            body.extend_from_slice(&part[..limit - body.len()]);
            return Ok((body, false));
        }
        body.extend_from_slice(&part);
    }
    Ok((body, true))
}

/// Finds the addresses of a name, and only those that may be reached: what is connected to is what was looked at.
struct Public {
    networks: Networks,
}

#[derive(Debug, thiserror::Error)]
enum LookUpError {
    #[error("none of its addresses is public")]
    Forbidden,
    #[error("the name is not found")]
    Unknown(#[source] std::io::Error),
}

impl Resolve for Public {
    fn resolve(&self, name: Name) -> Resolving {
        let networks = self.networks.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await;
            let found = found.map_err(LookUpError::Unknown)?;
            let public = found.filter(|address| networks.allow(address.ip()));
            let public: Vec<SocketAddr> = public.collect();
            if public.is_empty() {
                return Err(LookUpError::Forbidden.into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

/// What a failed request means.
fn refusal(error: reqwest::Error) -> EgressError {
    let mut source = error.source();
    while let Some(cause) = source {
        match cause.downcast_ref() {
            Some(LookUpError::Forbidden) => return EgressError::PrivateName,
            Some(LookUpError::Unknown(_)) => return EgressError::Name,
            None => source = cause.source(),
        }
    }
    if error.is_timeout() {
        EgressError::Timeout
    } else if error.is_connect() {
        EgressError::Connect(error)
    } else {
        EgressError::Broken(error)
    }
}
