//! Where a service is: one URL, behind which there may be many addresses.

use http::{HeaderValue, header::HOST};
use reqwest::{Client, Method, RequestBuilder, Url};

use crate::{
    Endpoints,
    endpoints::{InFlight, Resolver},
};

/// The port of `http` where a URL does not name one.
const HTTP_PORT: u16 = 80;

/// Where a service is.
#[derive(Debug)]
pub(crate) struct Place {
    /// Without a slash at its end.
    url: String,
    balanced: Option<Balanced>,
}

/// What is needed to send to an address instead of the name.
#[derive(Debug)]
struct Balanced {
    endpoints: Endpoints,
    host: HeaderValue,
    prefix: String,
}

impl Place {
    /// The place that `url` names. What is not plain `http` is not balanced: a certificate is
    /// about a name.
    pub(crate) fn new(url: &str, resolver: Resolver) -> Self {
        let url = url.trim_end_matches('/').to_owned();
        let balanced = Balanced::new(&url, resolver);
        Self { url, balanced }
    }

    /// The address of the next try; `None` lets the HTTP client resolve the name by itself.
    pub(crate) async fn choose(&self, tried: &[std::net::SocketAddr]) -> Option<InFlight> {
        self.balanced.as_ref()?.endpoints.choose(tried).await
    }

    /// Whether there is an address beside those in `tried`.
    pub(crate) fn others(&self, tried: &[std::net::SocketAddr]) -> bool {
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
    fn new(url: &str, resolver: Resolver) -> Option<Self> {
        let url = Url::parse(url).ok().filter(|url| url.scheme() == "http")?;
        let host = url.host_str()?;
        let authority = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        Some(Self {
            endpoints: Endpoints::new(host, url.port().unwrap_or(HTTP_PORT), resolver),
            host: authority.try_into().ok()?,
            prefix: url.path().trim_end_matches('/').to_owned(),
        })
    }
}
