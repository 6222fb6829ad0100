//! Retries must not multiply the load of a service that is already in trouble.

use std::sync::atomic::{AtomicU32, Ordering};

/// What one call deposits.
const DEPOSIT: u32 = 1;
/// The most that can be saved up: ten retries in a row after a quiet time.
const CAP: u32 = 100;

/// What is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// A request that did not reach the service, which therefore has no work twice.
    Unsent,
    /// A request that the service may have worked on.
    Sent,
}

impl Retry {
    /// At most one request per ten is sent twice, on average; one that was not sent costs the
    /// service nothing, and is limited to one per request.
    fn price(self) -> u32 {
        match self {
            Self::Unsent => 1,
            Self::Sent => 10,
        }
    }
}

/// How many retries are still allowed.
#[derive(Debug)]
pub struct RetryBudget(AtomicU32);

impl RetryBudget {
    /// A budget of ten retries, which every request adds to.
    pub fn full() -> Self {
        Self(AtomicU32::new(CAP))
    }

    /// A call has been made.
    pub fn deposit(&self) {
        // It is full most of the time; to look costs less than to write.
        if self.0.load(Ordering::Relaxed) >= CAP {
            return;
        }
        let add = |saved: u32| Some((saved + DEPOSIT).min(CAP));
        // The closure never refuses, so this never fails.
        let _ = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }

    /// Whether a retry may be made; takes its price.
    pub fn withdraw(&self, retry: Retry) -> bool {
        let take = |saved: u32| saved.checked_sub(retry.price());
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
            .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_end_when_the_budget_is_spent_and_calls_refill_it() {
        let budget = RetryBudget::full();
        let allowed = (0..100).filter(|_| budget.withdraw(Retry::Sent)).count();
        assert_eq!(allowed, 10);
        (0..10).for_each(|_| budget.deposit());
        assert!(budget.withdraw(Retry::Sent));
        assert!(!budget.withdraw(Retry::Unsent));
    }

    #[test]
    fn what_was_not_sent_costs_a_tenth() {
        let budget = RetryBudget::full();
        let allowed = (0..200).filter(|_| budget.withdraw(Retry::Unsent)).count();
        assert_eq!(allowed, 100);
    }
}
