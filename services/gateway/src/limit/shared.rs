//! The budgets as all replicas see them, in Redis.

use super::stock::Short;
use super::{Budgets, Client, FALLBACK};
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// Longer than Redis ever takes when it is well; a request waits this long at most.
const PATIENCE: Duration = Duration::from_millis(50);
/// After a failure Redis is left alone for this long, so that not every request waits for it.
const PAUSE: Duration = Duration::from_secs(1);

/// GCRA in Redis.
pub(super) struct Shared {
    connection: ConnectionManager,
    script: redis::Script,
    started: Instant,
    /// Milliseconds since `started` until which Redis is left alone.
    paused_until_ms: AtomicU64,
    /// Whether the log has said that Redis does not count, and not yet that it does.
    is_away: AtomicBool,
}

impl Shared {
    /// Connects with the first request.
    pub(super) fn new(url: &str) -> redis::RedisResult<Self> {
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(PAUSE))
            .set_response_timeout(Some(PATIENCE));
        Ok(Self {
            connection: redis::Client::open(url)?.get_connection_manager_lazy(config)?,
            script: redis::Script::new(include_str!("gcra.lua")),
            started: Instant::now(),
            paused_until_ms: AtomicU64::new(0),
            is_away: AtomicBool::new(false),
        })
    }

    /// Takes one request from each of these budgets, or from none and says how long to wait; `None` when Redis does not
    /// answer.
    pub(super) async fn take<const N: usize>(
        &self,
        wishes: [(&Budgets, Client); N],
    ) -> Option<Result<(), Duration>> {
        let now = Instant::now();
        let mut wanted = [None; N];
        for ((budgets, client), wanted) in wishes.into_iter().zip(&mut wanted) {
            match budgets.stock.take(client, now) {
                Ok(()) => {}
                Err(Short::Wanted(many)) => *wanted = Some(many),
                // This is the first wish: nothing has been taken.
                Err(Short::Refused(wait)) => return Some(Err(wait)),
            }
        }
        if wanted.iter().all(Option::is_none) {
            return Some(Ok(()));
        }
        let answer = self.ask(wishes, wanted).await;
        for ((budgets, client), wanted) in wishes.into_iter().zip(wanted) {
            if wanted.is_none() && !matches!(answer, Some(Ok(()))) {
                budgets.stock.give_back(client);
            }
        }
        if let (Some(Err(wait)), Some((budgets, client))) = (answer, wishes.first()) {
            // Perhaps it is the account that has no more: then its identities have none for as long.
            budgets.stock.refuse(*client, wait, Instant::now());
        }
        answer
    }

    /// Asks for so many from each budget, but for those that have given already.
    async fn ask<const N: usize>(
        &self,
        wishes: [(&Budgets, Client); N],
        wanted: [Option<u32>; N],
    ) -> Option<Result<(), Duration>> {
        if self.is_paused() {
            return None;
        }
        let asked = wishes.into_iter().zip(wanted);
        let asked = asked.filter_map(|(wish, wanted)| Some((wish, wanted?)));
        let mut call = self.script.prepare_invoke();
        for ((budgets, client), wanted) in asked.clone() {
            call.key(format!("gateway:limit:{}:{client}", budgets.name))
                .arg(budgets.interval_us)
                .arg(budgets.tolerance_us)
                .arg(wanted);
        }
        let mut connection = self.connection.clone();
        let answer = tokio::time::timeout(PATIENCE, call.invoke_async::<Vec<i64>>(&mut connection));
        let given = match answer.await {
            Ok(Ok(given)) => given,
            Ok(Err(error)) => return self.pause(&error.to_string()),
            Err(_elapsed) => return self.pause("no answer in time"),
        };
        self.resume();
        if let Some(wait_us) = given.iter().find(|given| **given <= 0) {
            return Some(Err(Duration::from_micros(wait_us.unsigned_abs())));
        }
        let now = Instant::now();
        for (((budgets, client), _), given) in asked.zip(given) {
            let many = u32::try_from(given).unwrap_or(1);
            budgets.stock.put(client, many, now);
        }
        Some(Ok(()))
    }

    /// Leaves Redis alone for a while. Of all the requests that had asked and got no answer, one says so.
    fn pause<T>(&self, reason: &str) -> Option<T> {
        let now = self.elapsed_ms();
        let next = |until| (until <= now).then_some(now + millis(PAUSE));
        let order = Ordering::Relaxed;
        if self
            .paused_until_ms
            .fetch_update(order, order, next)
            .is_ok()
        {
            metrics::counter!(FALLBACK).increment(1);
            if !self.is_away.swap(true, order) {
                tracing::warn!(
                    reason,
                    "Redis does not count requests; counting in this process"
                );
            }
        }
        None
    }

    /// Redis has answered; unless others who asked at the same time got no answer, it counts.
    fn resume(&self) {
        let is_away = self.is_away.load(Ordering::Relaxed);
        if is_away && !self.is_paused() && self.is_away.swap(false, Ordering::Relaxed) {
            tracing::info!("Redis counts requests again");
        }
    }

    fn is_paused(&self) -> bool {
        self.elapsed_ms() < self.paused_until_ms.load(Ordering::Relaxed)
    }

    fn elapsed_ms(&self) -> u64 {
        millis(self.started.elapsed())
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the metric says.
    fn fallbacks() -> Option<u64> {
        let told = stoa_telemetry::metrics::render();
        let mut lines = told.lines().filter_map(|line| line.split_once(' '));
        let (_, count) = lines.find(|(name, _)| *name == FALLBACK)?;
        count.parse().ok()
    }

    #[tokio::test(start_paused = true)]
    async fn all_who_get_no_answer_at_the_same_time_are_one_fallback() {
        stoa_telemetry::metrics::install();
        let shared = Shared::new("redis://127.0.0.1:9").unwrap();
        for fallback in 1..=3 {
            for _ in 0..100 {
                assert_eq!(shared.pause::<()>("no answer in time"), None);
            }
            assert_eq!(fallbacks(), Some(fallback));
            assert!(shared.is_away.load(Ordering::Relaxed));
            tokio::time::advance(PAUSE).await;
        }
        shared.resume();
        assert!(!shared.is_away.load(Ordering::Relaxed));
    }

    #[tokio::test(start_paused = true)]
    async fn one_who_got_an_answer_does_not_end_the_pause_of_those_who_got_none() {
        let shared = Shared::new("redis://127.0.0.1:9").unwrap();
        assert_eq!(shared.pause::<()>("no answer in time"), None);
        shared.resume();
        assert!(shared.is_away.load(Ordering::Relaxed) && shared.is_paused());
    }
}
