//! The budgets as this process alone sees them.

use super::{Client, Rate};
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Clients that are remembered before those with a full budget are forgotten; about 10 MB.
const REMEMBERED: usize = 100_000;
/// Of so many requests, one looks whether there are too many.
const COUNTED: usize = 1024;

/// GCRA in memory.
pub(super) struct Local {
    limiter: DefaultKeyedRateLimiter<Client>,
    clock: DefaultClock,
    taken: AtomicUsize,
}

impl Local {
    pub(super) fn new(rate: Rate) -> Self {
        // Only a rate of nothing at all has no quota, and no setting says that.
        let quota = Quota::with_period(rate.interval.max(Duration::from_nanos(1)));
        let quota = quota
            .expect("the period is not zero")
            .allow_burst(rate.burst);
        Self {
            limiter: RateLimiter::keyed(quota),
            clock: DefaultClock::default(),
            taken: AtomicUsize::new(0),
        }
    }

    /// Takes one request, or says how long to wait.
    pub(super) fn take(&self, client: Client) -> Result<(), Duration> {
        // To count them takes as many locks as there are shards.
        let is_time = self
            .taken
            .fetch_add(1, Ordering::Relaxed)
            .is_multiple_of(COUNTED);
        if is_time && self.limiter.len() > REMEMBERED {
            self.limiter.retain_recent();
        }
        let refused = |not_until: governor::NotUntil<_>| not_until.wait_time_from(self.clock.now());
        self.limiter.check_key(&client).map_err(refused)
    }
}
