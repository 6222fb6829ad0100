//! Rate limits: one budget per identity, or per address for whoever has none.
//!
//! The count is kept in Redis, so that all replicas together let no more pass than the budget;
//! while Redis is away each replica counts for itself: losing the cache costs precision, and not
//! the platform.

mod local;
mod shared;
mod stock;

use local::Local;
use shared::Shared;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;
use stoa_config::{Env, ExposeSecret, SecretString, Settings};
use uuid::Uuid;

/// Describes the metrics.
pub(crate) fn describe() {
    metrics::describe_counter!(
        "gateway_limit_fallback_total",
        "Times that Redis did not answer and this process counted by itself"
    );
    metrics::counter!("gateway_limit_fallback_total").absolute(0);
}

/// How much one client may ask for.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    /// The steady rate.
    pub per_second: NonZeroU32,
    /// How many requests may come at once.
    pub burst: NonZeroU32,
}

/// The settings of the limits.
#[derive(Debug)]
pub struct LimitSettings {
    /// How much one client may ask for.
    pub rate: Rate,
    /// The Redis that counts for all replicas.
    pub redis_url: Option<SecretString>,
}

impl Settings for LimitSettings {
    fn read(env: &mut Env) -> Option<Self> {
        let per_second = env
            .parse(
                "RATE_LIMIT_PER_SECOND",
                "requests per second of one identity or address",
            )
            .default("200")
            .read();
        let burst = env
            .parse("RATE_LIMIT_BURST", "requests that may come at once")
            .default("400")
            .read();
        let redis_url = env
            .secret(
                "REDIS_URL",
                "counts for all replicas; without it each for itself",
            )
            .optional();
        let rate = Rate {
            per_second: per_second?,
            burst: burst?,
        };
        Some(Self {
            rate,
            redis_url: redis_url?,
        })
    }
}

/// Whose budget a request takes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Client {
    /// A user or an API key.
    Identity(Uuid),
    /// Nobody known, at this address.
    Address(IpAddr),
}

impl std::fmt::Display for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Identity(id) => write!(f, "identity:{id}"),
            Self::Address(address) => write!(f, "address:{address}"),
        }
    }
}

/// The budgets of all clients.
pub(crate) struct Limits {
    shared: Option<Shared>,
    local: Local,
}

impl Limits {
    /// Full budgets for everybody. Does not connect yet.
    pub(crate) fn new(settings: &LimitSettings) -> redis::RedisResult<Self> {
        let url = settings.redis_url.as_ref().map(ExposeSecret::expose_secret);
        let shared = url.map(|url| Shared::new(url, settings.rate)).transpose()?;
        Ok(Self {
            shared,
            local: Local::new(settings.rate),
        })
    }

    /// Takes one request from the budget, or says how long the client has to wait.
    pub(crate) async fn take(&self, client: Client) -> Result<(), Duration> {
        if let Some(shared) = &self.shared
            && let Some(answer) = shared.take(client).await
        {
            return answer;
        }
        self.local.take(client)
    }
}
