//! Rate limits: one budget per identity, or per address for whoever has none.
//!
//! The count is kept in Redis, so that all replicas together let no more pass than the budget;
//! while Redis is away each replica counts for itself: losing the cache costs precision, and not
//! the platform.

mod local;
mod shared;
mod stock;

use crate::connections::network;
use crate::routes::RouteLimit;
use local::Local;
use redis::aio::ConnectionManager;
use shared::Shared;
use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
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
    /// The time from one request to the next at the steady rate.
    pub interval: Duration,
    /// How many requests may come at once.
    pub burst: NonZeroU32,
}

impl From<&RouteLimit> for Rate {
    fn from(limit: &RouteLimit) -> Self {
        Self {
            interval: limit.per / limit.requests.get(),
            burst: limit.burst,
        }
    }
}

/// The settings of the limits.
#[derive(Debug, Clone)]
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
        let per_second: NonZeroU32 = per_second?;
        let rate = Rate {
            interval: Duration::from_secs(1) / per_second.get(),
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
    /// Nobody known, at this address; made by [`Client::at`].
    Address(IpAddr),
}

impl Client {
    /// Whoever asks from this address: all of its network is one client.
    pub(crate) fn at(address: IpAddr) -> Self {
        Self::Address(network(address))
    }
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
    redis: Option<ConnectionManager>,
    of_all: Budgets,
    /// Those of the routes that have their own, by name.
    of_routes: Mutex<HashMap<Arc<str>, Arc<Budgets>>>,
}

/// One budget for each client.
struct Budgets {
    shared: Option<Shared>,
    local: Local,
}

impl Limits {
    /// Full budgets for everybody. Does not connect yet.
    pub(crate) fn new(settings: &LimitSettings) -> redis::RedisResult<Self> {
        let url = settings.redis_url.as_ref().map(ExposeSecret::expose_secret);
        let redis = url.map(shared::connect).transpose()?;
        Ok(Self {
            of_all: Budgets::new("", settings.rate, redis.clone()),
            redis,
            of_routes: Mutex::default(),
        })
    }

    /// Takes one request from the budget, or says how long the client has to wait.
    pub(crate) async fn take(&self, client: Client) -> Result<(), Duration> {
        self.of_all.take(client).await
    }

    /// Takes one from the budget that a route gives to each client.
    pub(crate) async fn take_of(&self, limit: &RouteLimit, client: Client) -> Result<(), Duration> {
        let budgets = {
            let mut all = self
                .of_routes
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let budgets = all.entry(Arc::clone(&limit.name));
            Arc::clone(budgets.or_insert_with(|| {
                let budgets = Budgets::new(&limit.name, Rate::from(limit), self.redis.clone());
                Arc::new(budgets)
            }))
        };
        budgets.take(client).await
    }
}

impl Budgets {
    fn new(name: &str, rate: Rate, redis: Option<ConnectionManager>) -> Self {
        Self {
            shared: redis.map(|redis| Shared::new(name, redis, rate)),
            local: Local::new(rate),
        }
    }

    async fn take(&self, client: Client) -> Result<(), Duration> {
        if let Some(shared) = &self.shared
            && let Some(answer) = shared.take(client).await
        {
            return answer;
        }
        self.local.take(client)
    }
}
