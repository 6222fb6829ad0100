//! Posts a message to an endpoint that an account has chosen, as to a stranger: only to addresses that anybody can
//! reach, without following it elsewhere, and for a bounded time.

use super::addresses::Networks;
use super::signature::{SecretError, signature};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, StatusCode, Url, header, redirect};
use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use stoa_contracts::webhooks::WebhookMessage;
use time::OffsetDateTime;
use uuid::Uuid;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// From the first byte to the last header.
const TIMEOUT: Duration = Duration::from_secs(15);
/// Much more than a polite answer; the rest is not read.
const ANSWER_LIMIT: usize = 16 * 1024;

/// Posts messages. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Sender {
    http: Client,
    networks: Networks,
    is_http_allowed: bool,
}

/// Why a message was not delivered, in words for the webhook's owner.
#[derive(Debug, thiserror::Error)]
pub(super) enum SendError {
    #[error("The URL is none.")]
    Url,
    #[error("Only https:// is called.")]
    Scheme,
    /// No more is said than anybody can find out.
    #[error("The URL leads to an address that is not public.")]
    Forbidden,
    #[error("The host name is not found.")]
    Name,
    #[error("The endpoint does not answer in time.")]
    Timeout,
    #[error("The endpoint cannot be reached.")]
    Connect(#[source] reqwest::Error),
    #[error("The connection broke off.")]
    Broken(#[source] reqwest::Error),
    #[error("The endpoint is gone (410).")]
    Gone,
    #[error("The endpoint answered {0}; redirects are not followed.")]
    Redirect(u16),
    #[error("The endpoint answered {0}.")]
    Refused(u16),
    #[error("The message could not be signed.")]
    Secret(#[from] SecretError),
}

impl SendError {
    /// Whether the same may go well later.
    pub(super) fn is_for_now(&self) -> bool {
        !matches!(
            self,
            Self::Url | Self::Scheme | Self::Forbidden | Self::Gone | Self::Secret(_)
        )
    }

    /// The status that was answered, if there was one.
    pub(super) fn status(&self) -> Option<u16> {
        match self {
            Self::Gone => Some(StatusCode::GONE.as_u16()),
            Self::Redirect(status) | Self::Refused(status) => Some(*status),
            _ => None,
        }
    }
}

impl Sender {
    pub(super) fn new(networks: Networks, is_http_allowed: bool) -> Self {
        let resolver = Public {
            networks: networks.clone(),
        };
        let http = Client::builder()
            .user_agent(concat!("Stoa-Webhooks/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .dns_resolver(resolver)
            // Each message looks anew where its name leads to.
            .pool_max_idle_per_host(0)
            .build()
            .expect("the options are constant, and this set builds");
        Self {
            http,
            networks,
            is_http_allowed,
        }
    }

    /// Posts a message, signed at `now`; the status with which it was taken.
    pub(super) async fn send(
        &self,
        id: Uuid,
        message: &WebhookMessage,
        now: OffsetDateTime,
    ) -> Result<u16, SendError> {
        let url = self.check(&message.url)?;
        let (id, timestamp) = (id.to_string(), now.unix_timestamp());
        let signature = signature(&message.secret, &id, timestamp, &message.body)?;
        let request = self
            .http
            .post(url)
            .header(header::CONTENT_TYPE, "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signature)
            .body(message.body.clone());
        let mut response = request.send().await.map_err(refusal)?;
        let status = response.status();
        let mut read = 0;
        while let Ok(Some(part)) = response.chunk().await {
            read += part.len();
            if read > ANSWER_LIMIT {
                break;
            }
        }
        match status.as_u16() {
            taken @ 200..=299 => Ok(taken),
            410 => Err(SendError::Gone),
            elsewhere @ 300..=399 => Err(SendError::Redirect(elsewhere)),
            other => Err(SendError::Refused(other)),
        }
    }

    /// A URL that may be called, as far as it says itself; names are looked up when it is connected to.
    fn check(&self, url: &str) -> Result<Url, SendError> {
        let url = Url::parse(url).map_err(|_| SendError::Url)?;
        match url.scheme() {
            "https" => {}
            "http" if self.is_http_allowed => {}
            _ => return Err(SendError::Scheme),
        }
        let host = url.host_str().ok_or(SendError::Url)?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        // No resolver is asked for an address. However it was written, the URL has it in its one form.
        match host.parse::<IpAddr>() {
            Ok(address) if !self.networks.allow(address) => Err(SendError::Forbidden),
            _ => Ok(url),
        }
    }
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
fn refusal(error: reqwest::Error) -> SendError {
    let mut source = error.source();
    while let Some(cause) = source {
        match cause.downcast_ref() {
            Some(LookUpError::Forbidden) => return SendError::Forbidden,
            Some(LookUpError::Unknown(_)) => return SendError::Name,
            None => source = cause.source(),
        }
    }
    if error.is_timeout() {
        SendError::Timeout
    } else if error.is_connect() {
        SendError::Connect(error)
    } else {
        SendError::Broken(error)
    }
}
