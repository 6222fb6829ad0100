//! How far a training is, shared by the thread that trains and whoever watches it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A gauge that the training moves and a switch that stops it.
#[derive(Debug, Default)]
pub struct Progress {
    done: AtomicU64,
    total: AtomicU64,
    cancelled: AtomicBool,
}

/// The training was told to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the training was cancelled")]
pub struct Cancelled;

impl Progress {
    /// Nothing done yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The part that is done, 0 to 1.
    pub fn fraction(&self) -> f64 {
        let total = self.total.load(Ordering::Relaxed);
        if total == 0 {
            return 0.0;
        }
        let done = self.done.load(Ordering::Relaxed).min(total);
        #[expect(
            clippy::cast_precision_loss,
            reason = "a progress bar needs no 53 bits"
        )]
        let fraction = done as f64 / total as f64;
        fraction
    }

    /// Asks the training to stop; it does so within milliseconds.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Whether it was asked to stop.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// Whether the training has begun.
    pub fn has_begun(&self) -> bool {
        self.total.load(Ordering::Relaxed) > 0
    }

    /// Adds work to be done, in any unit that stays the same.
    pub(super) fn expect(&self, work: usize) {
        self.total.fetch_add(work as u64, Ordering::Relaxed);
    }

    /// Counts work as done; an error when the training shall stop.
    pub(super) fn advance(&self, work: usize) -> Result<(), Cancelled> {
        self.done.fetch_add(work as u64, Ordering::Relaxed);
        if self.cancelled.load(Ordering::Relaxed) {
            Err(Cancelled)
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moves_from_nothing_to_all() {
        let progress = Progress::new();
        assert!(progress.fraction().abs() < f64::EPSILON);
        progress.expect(4);
        progress.advance(1).unwrap();
        assert!((progress.fraction() - 0.25).abs() < f64::EPSILON);
        progress.advance(9).unwrap();
        assert!((progress.fraction() - 1.0).abs() < f64::EPSILON);
    }

    #[test]
    fn stops_at_the_next_step_after_it_was_cancelled() {
        let progress = Progress::new();
        progress.cancel();
        assert_eq!(progress.advance(1), Err(Cancelled));
    }
}
