//! The budgets as this process alone sees them.

use super::{Client, Rate};
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use std::time::Duration;

/// Clients that are remembered before those with a full budget are forgotten; about 10 MB.
const REMEMBERED: usize = 100_000;

/// GCRA in memory.
pub(super) struct Local {
    limiter: DefaultKeyedRateLimiter<Client>,
    clock: DefaultClock,
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
        }
    }

    /// Takes one request, or says how long to wait.
    pub(super) fn take(&self, client: Client) -> Result<(), Duration> {
        if self.limiter.len() > REMEMBERED {
            self.limiter.retain_recent();
        }
        let refused = |not_until: governor::NotUntil<_>| not_until.wait_time_from(self.clock.now());
        self.limiter.check_key(&client).map_err(refused)
    }
}
