//! Rate limits: one budget per identity and one for all of its account, or one per address for whoever has none.
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
use shared::Shared;
use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use stoa_config::{Env, ExposeSecret, SecretString, Settings};
use stock::Stock;
use uuid::Uuid;

const FALLBACK: &str = "gateway_limit_fallback_total";

/// Describes the metrics.
pub(crate) fn describe() {
    metrics::describe_counter!(
        FALLBACK,
        "Times that Redis did not answer and this process counted by itself"
    );
    metrics::counter!(FALLBACK).absolute(0);
}

/// An account may ask for as much as so many identities, unless it is said: more people and keys than are at work at once.
const IDENTITIES: NonZeroU32 = NonZeroU32::new(10).expect("not zero");

/// How much one client may ask for.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    /// The time from one request to the next at the steady rate.
    pub interval: Duration,
    /// How many requests may come at once.
    pub burst: NonZeroU32,
}

impl Rate {
    fn per_second(requests: NonZeroU32, burst: NonZeroU32) -> Self {
        let interval = Duration::from_secs(1) / requests.get();
        Self { interval, burst }
    }
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
    /// How much all identities of one account may ask for together.
    pub account_rate: Rate,
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
        let account_per_second = env
            .parse(
                "RATE_LIMIT_ACCOUNT_PER_SECOND",
                "requests per second of one account; as of ten identities if not set",
            )
            .optional();
        let account_burst = env
            .parse(
                "RATE_LIMIT_ACCOUNT_BURST",
                "requests of one account that may come at once; as of ten identities if not set",
            )
            .optional();
        let redis_url = env
            .secret(
                "REDIS_URL",
                "counts for all replicas; without it each for itself",
            )
            .optional();
        let is_redis = |url: &SecretString| redis::Client::open(url.expose_secret()).is_ok();
        if matches!(&redis_url, Some(Some(url)) if !is_redis(url)) {
            env.refuse("REDIS_URL", "expected `redis://:password@host:port`");
        }
        let (per_second, burst) = (per_second?, burst?);
        let of_ten = |number: NonZeroU32| number.saturating_mul(IDENTITIES);
        Some(Self {
            rate: Rate::per_second(per_second, burst),
            account_rate: Rate::per_second(
                account_per_second?.unwrap_or(of_ten(per_second)),
                account_burst?.unwrap_or(of_ten(burst)),
            ),
            redis_url: redis_url?,
        })
    }
}

/// Whose budget a request takes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Client {
    /// A user or an API key.
    Identity(Uuid),
    /// All users and API keys of an account.
    Account(Uuid),
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
            Self::Account(id) => write!(f, "account:{id}"),
            Self::Address(address) => write!(f, "address:{address}"),
        }
    }
}

/// The budgets of all clients.
pub(crate) struct Limits {
    shared: Option<Shared>,
    of_all: Budgets,
    of_accounts: Budgets,
    /// Those of the routes that have their own, by name.
    of_routes: Mutex<HashMap<Arc<str>, Arc<Budgets>>>,
}

/// One budget for each client, and what of it this process knows.
struct Budgets {
    name: Arc<str>,
    interval_us: u64,
    tolerance_us: u64,
    stock: Stock,
    local: Local,
}

impl Limits {
    /// Full budgets for everybody. Does not connect yet.
    pub(crate) fn new(settings: &LimitSettings) -> redis::RedisResult<Self> {
        let url = settings.redis_url.as_ref().map(ExposeSecret::expose_secret);
        Ok(Self {
            shared: url.map(Shared::new).transpose()?,
            of_all: Budgets::new("".into(), settings.rate),
            of_accounts: Budgets::new("".into(), settings.account_rate),
            of_routes: Mutex::default(),
        })
    }

    /// Takes one request from the budget, or says how long the client has to wait.
    pub(crate) async fn take(&self, client: Client) -> Result<(), Duration> {
        self.take_of_each([(&self.of_all, client)]).await
    }

    /// The same of a client and of all of its account.
    pub(crate) async fn take_with(&self, client: Client, account: Client) -> Result<(), Duration> {
        let wishes = [(&self.of_all, client), (&self.of_accounts, account)];
        self.take_of_each(wishes).await
    }

    /// Takes one from the budget that a route gives to each client.
    pub(crate) async fn take_of(&self, limit: &RouteLimit, client: Client) -> Result<(), Duration> {
        let budgets = {
            let mut all = self
                .of_routes
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let budgets = all.entry(Arc::clone(&limit.name));
            let new = || Arc::new(Budgets::new(Arc::clone(&limit.name), limit.into()));
            Arc::clone(budgets.or_insert_with(new))
        };
        self.take_of_each([(&*budgets, client)]).await
    }

    async fn take_of_each<const N: usize>(
        &self,
        wishes: [(&Budgets, Client); N],
    ) -> Result<(), Duration> {
        if let Some(shared) = &self.shared
            && let Some(answer) = shared.take(wishes).await
        {
            return answer;
        }
        for (budgets, client) in wishes {
            budgets.local.take(client)?;
        }
        Ok(())
    }
}

impl Budgets {
    fn new(name: Arc<str>, rate: Rate) -> Self {
        let interval_us = u64::try_from(rate.interval.as_micros())
            .unwrap_or(u64::MAX)
            .max(1);
        Self {
            name,
            interval_us,
            tolerance_us: interval_us.saturating_mul(u64::from(rate.burst.get() - 1)),
            stock: Stock::new(),
            local: Local::new(rate),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_that_is_none_of_a_redis_is_refused_by_name_and_not_told() {
        for (url, is_refused) in [
            ("redis://:secret@redis:6379/1", false),
            ("secret", true),
            ("amqp://me:secret@rabbitmq", true),
            ("redis://:secret@redis:port", true),
        ] {
            let read = Env::from_pairs([("REDIS_URL", url)]).load::<LimitSettings>();
            let told = read.err().map_or_else(String::new, |told| told.to_string());
            assert_eq!(told.contains("REDIS_URL is not valid"), is_refused, "{url}");
            assert!(!told.contains("secret"), "{told}");
        }
    }
}
