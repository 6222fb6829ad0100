//! Retries must not multiply the load of a service that is already in trouble.

use std::sync::atomic::{AtomicU32, Ordering};

/// What one call deposits and one retry costs: at most one retry per ten calls, on average.
const DEPOSIT: u32 = 1;
const PRICE: u32 = 10;
/// The most that can be saved up: ten retries in a row after a quiet time.
const CAP: u32 = 100;

/// How many retries are still allowed.
#[derive(Debug)]
pub(crate) struct RetryBudget(AtomicU32);

impl RetryBudget {
    pub(crate) fn full() -> Self {
        Self(AtomicU32::new(CAP))
    }

    /// A call has been made.
    pub(crate) fn deposit(&self) {
        let add = |saved: u32| Some((saved + DEPOSIT).min(CAP));
        // The closure never refuses, so this never fails.
        let _ = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }

    /// Whether a retry may be made; takes its price.
    pub(crate) fn withdraw(&self) -> bool {
        let take = |saved: u32| saved.checked_sub(PRICE);
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
        let allowed = (0..100).filter(|_| budget.withdraw()).count();
        assert_eq!(allowed, 10);
        (0..10).for_each(|_| budget.deposit());
        assert!(budget.withdraw());
        assert!(!budget.withdraw());
    }
}
