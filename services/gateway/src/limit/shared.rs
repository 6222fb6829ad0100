//! The budgets as all replicas see them, in Redis.

use super::stock::Stock;
use super::{Client, Rate};
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// Longer than Redis ever takes when it is well; a request waits this long at most.
const PATIENCE: Duration = Duration::from_millis(50);
/// After a failure Redis is left alone for this long, so that not every request waits for it.
const PAUSE: Duration = Duration::from_secs(1);

/// Connects with the first request.
pub(super) fn connect(url: &str) -> redis::RedisResult<ConnectionManager> {
    let config = ConnectionManagerConfig::new()
        .set_connection_timeout(Some(PAUSE))
        .set_response_timeout(Some(PATIENCE));
    redis::Client::open(url)?.get_connection_manager_lazy(config)
}

/// GCRA in Redis.
pub(super) struct Shared {
    name: String,
    connection: ConnectionManager,
    script: redis::Script,
    interval_us: u64,
    tolerance_us: u64,
    stock: Stock,
    started: Instant,
    /// Milliseconds since `started` until which Redis is left alone.
    paused_until_ms: AtomicU64,
}

impl Shared {
    /// Budgets of this rate, under a name of their own.
    pub(super) fn new(name: &str, connection: ConnectionManager, rate: Rate) -> Self {
        let interval_us = u64::try_from(rate.interval.as_micros())
            .unwrap_or(u64::MAX)
            .max(1);
        Self {
            name: name.to_owned(),
            connection,
            script: redis::Script::new(include_str!("gcra.lua")),
            interval_us,
            tolerance_us: interval_us.saturating_mul(u64::from(rate.burst.get() - 1)),
            stock: Stock::new(),
            started: Instant::now(),
            paused_until_ms: AtomicU64::new(0),
        }
    }

    /// Takes one request, or says how long to wait; `None` when Redis does not answer.
    pub(super) async fn take(&self, client: Client) -> Option<Result<(), Duration>> {
        let wanted = match self.stock.take(client, Instant::now()) {
            Ok(()) => return Some(Ok(())),
            Err(wanted) => wanted,
        };
        if self.elapsed_ms() < self.paused_until_ms.load(Ordering::Relaxed) {
            return None;
        }
        let mut connection = self.connection.clone();
        let mut call = self
            .script
            .key(format!("gateway:limit:{}:{client}", self.name));
        call.arg(self.interval_us)
            .arg(self.tolerance_us)
            .arg(wanted);
        let answer = tokio::time::timeout(PATIENCE, call.invoke_async::<i64>(&mut connection));
        match answer.await {
            Ok(Ok(given @ 1..)) => {
                let many = u32::try_from(given).unwrap_or(1);
                self.stock.put(client, many, Instant::now());
                Some(Ok(()))
            }
            Ok(Ok(wait_us)) => Some(Err(Duration::from_micros(wait_us.unsigned_abs()))),
            Ok(Err(error)) => self.pause(&error.to_string()),
            Err(_elapsed) => self.pause("no answer in time"),
        }
    }

    fn pause<T>(&self, reason: &str) -> Option<T> {
        let until = self.elapsed_ms() + millis(PAUSE);
        self.paused_until_ms.store(until, Ordering::Relaxed);
        metrics::counter!("gateway_limit_fallback_total").increment(1);
        tracing::warn!(
            reason,
            "Redis does not count requests; counting in this process"
        );
        None
    }

    fn elapsed_ms(&self) -> u64 {
        millis(self.started.elapsed())
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
