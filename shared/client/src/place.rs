//! Where a service is: one URL, behind which there may be many addresses.

use std::{net::SocketAddr, time::Duration};

use http::{HeaderValue, header::HOST};
use reqwest::{Client, Method, RequestBuilder, Url};

use crate::{Endpoints, InFlight, Probe, Resolver, Shed, Turn};

/// The port of `http` where a URL does not name one.
const HTTP_PORT: u16 = 80;

/// Where a service is.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// Without a slash at its end.
    url: String,
    balanced: Option<Balanced>,
}

/// What is needed to send to an address instead of the name.
#[derive(Debug, Clone)]
struct Balanced {
    endpoints: Endpoints,
    host: HeaderValue,
    prefix: String,
}

impl Place {
    /// The place of `service`, which `url` names. What is not plain `http` is not balanced: a certificate is
    /// about a name.
    pub(crate) fn new(service: &str, url: &str, resolver: Resolver) -> Self {
        let url = url.trim_end_matches('/').to_owned();
        let balanced = Balanced::new(service, &url, resolver);
        Self { url, balanced }
    }

    /// The same place with at most so many requests at once, and so many that wait.
    #[must_use]
    pub(crate) fn limited(self, in_flight: usize, waiting: usize) -> Self {
        let limit = |balanced: Balanced| Balanced {
            endpoints: balanced.endpoints.limited(in_flight, waiting),
            ..balanced
        };
        let balanced = self.balanced.map(limit);
        Self { balanced, ..self }
    }

    /// A place among the requests that the service has at once.
    pub(crate) async fn enter(&self, patience: Duration) -> Result<Option<Turn>, Shed> {
        match &self.balanced {
            Some(balanced) => balanced.endpoints.enter(patience).await.map(Some),
            None => Ok(None),
        }
    }

    /// The address of the next try: the HTTP client resolves the name by itself where the place is
    /// not balanced; `None` where there is no address, after `patience`.
    pub(crate) async fn choose(
        &self,
        tried: &[SocketAddr],
        patience: Duration,
    ) -> Option<Option<InFlight>> {
        let Some(balanced) = &self.balanced else {
            return Some(None);
        };
        let chosen = balanced.endpoints.choose_within(tried, patience).await;
        chosen.map(Some)
    }

    /// Whether there is an address beside those in `tried`.
    pub(crate) fn others(&self, tried: &[SocketAddr]) -> bool {
        let balanced = self.balanced.as_ref();
        balanced.is_some_and(|balanced| balanced.endpoints.others(tried))
    }

    /// A request to `path` there. The other side sees the name that it goes by, and
    /// connections are kept per address.
    pub(crate) fn request(
        &self,
        http: &Client,
        method: Method,
        path: &str,
        endpoint: Option<&InFlight>,
    ) -> RequestBuilder {
        match (endpoint, &self.balanced) {
            (Some(endpoint), Some(balanced)) => {
                let (address, prefix) = (endpoint.address(), &balanced.prefix);
                http.request(method, format!("http://{address}{prefix}{path}"))
                    .header(HOST, balanced.host.clone())
            }
            _ => http.request(method, format!("{}{path}", self.url)),
        }
    }
}

impl Balanced {
    fn new(service: &str, url: &str, resolver: Resolver) -> Option<Self> {
        let url = Url::parse(url).ok().filter(|url| url.scheme() == "http")?;
        let host = url.host_str()?;
        let authority = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        let port = url.port().unwrap_or(HTTP_PORT);
        let probe = Probe::service(service);
        Some(Self {
            endpoints: Endpoints::new(host, port, resolver).checked(probe),
            host: authority.try_into().ok()?,
            prefix: url.path().trim_end_matches('/').to_owned(),
        })
    }
}
