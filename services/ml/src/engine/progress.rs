//! How far a training is, shared by the thread that trains and whoever watches it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// A gauge that the training moves and a switch that stops it.
#[derive(Debug, Default)]
pub struct Progress {
    done: AtomicU64,
    total: AtomicU64,
    /// What it is made of, if it was divided; the same switch stops them all.
    parts: OnceLock<Vec<Progress>>,
    cancelled: Arc<AtomicBool>,
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
    #[expect(
        clippy::cast_precision_loss,
        reason = "a progress bar needs no 53 bits"
    )]
    pub fn fraction(&self) -> f64 {
        if let Some(parts) = self.parts.get().filter(|parts| !parts.is_empty()) {
            let done: f64 = parts.iter().map(Self::fraction).sum();
            return done / parts.len() as f64;
        }
        let total = self.total.load(Ordering::Relaxed);
        if total == 0 {
            return 0.0;
        }
        let done = self.done.load(Ordering::Relaxed).min(total);
        done as f64 / total as f64
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
        self.total.load(Ordering::Relaxed) > 0 || self.parts.get().is_some()
    }

    /// Divides it into parts of the same size, each of which expects its own work. Only once.
    pub(super) fn divide(&self, count: usize) -> &[Self] {
        let part = || Self {
            cancelled: Arc::clone(&self.cancelled),
            ..Self::default()
        };
        self.parts
            .get_or_init(|| (0..count).map(|_| part()).collect())
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
    fn is_the_mean_of_its_parts_and_stops_them() {
        let progress = Progress::new();
        let parts = progress.divide(2);
        parts[0].expect(2);
        parts[0].advance(2).unwrap();
        parts[1].expect(10);
        assert!((progress.fraction() - 0.5).abs() < f64::EPSILON);
        assert!(progress.has_begun());
        progress.cancel();
        assert_eq!(parts[1].advance(1), Err(Cancelled));
    }

    #[test]
    fn stops_at_the_next_step_after_it_was_cancelled() {
        let progress = Progress::new();
        progress.cancel();
        assert_eq!(progress.advance(1), Err(Cancelled));
    }
}
