//! How long an address takes to answer, with a memory that fades.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// After this long without an answer, about a third is left of what was known. Long enough to
/// remember a slow address between two requests, short enough to ask it again soon.
const DECAY: Duration = Duration::from_secs(2);
/// In seconds. Below this, what is measured is our own scheduling.
const FLOOR: f32 = 0.000_1;

/// A moving average of latencies, weighted by time, that a peak lifts at once: who has become
/// slow is known by one answer. Zero as long as nothing is known; else the seconds as bits of an
/// `f32`, and below them when that was, in milliseconds. One word, so that it takes no lock.
#[derive(Debug, Default)]
pub(super) struct PeakEwma(AtomicU64);

impl PeakEwma {
    /// The latency in seconds, as far as it is still remembered; `now` in milliseconds.
    pub(super) fn seconds(&self, now: u64) -> Option<f32> {
        let (seconds, then) = unpack(self.0.load(Ordering::Relaxed))?;
        Some((seconds * faded(then, now)).max(FLOOR))
    }

    /// An answer took this long.
    pub(super) fn record(&self, latency: Duration, now: u64) {
        let sample = latency.as_secs_f32().max(FLOOR);
        let add = |word| {
            let seconds = match unpack(word) {
                Some((seconds, then)) if sample < seconds => {
                    let old = faded(then, now);
                    seconds * old + sample * (1.0 - old)
                }
                _ => sample,
            };
            Some(pack(seconds, now))
        };
        // The closure never refuses, so this never fails.
        let _ = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }

    /// Somebody has waited for so long, and has no answer.
    pub(super) fn at_least(&self, latency: Duration, now: u64) {
        if self
            .seconds(now)
            .is_none_or(|known| known < latency.as_secs_f32())
        {
            self.record(latency, now);
        }
    }

    /// Starts anew: from the latency of others, or from nothing.
    pub(super) fn restart(&self, seconds: Option<f32>, now: u64) {
        let word = seconds.map_or(0, |seconds| pack(seconds.max(FLOOR), now));
        self.0.store(word, Ordering::Relaxed);
    }
}

fn pack(seconds: f32, now: u64) -> u64 {
    (u64::from(seconds.to_bits()) << 32) | u64::from(low(now))
}

fn unpack(word: u64) -> Option<(f32, u32)> {
    let bits = low(word >> 32);
    (bits != 0).then(|| (f32::from_bits(bits), low(word)))
}

/// The lower half. Times wrap after seven weeks, and so do their differences.
fn low(word: u64) -> u32 {
    u32::try_from(word & u64::from(u32::MAX)).unwrap_or_default()
}

/// What is left, from 1 down to 0, of something known since `then`.
fn faded(then: u32, now: u64) -> f32 {
    let elapsed = low(now).wrapping_sub(then);
    // Who measured a moment earlier than somebody else may store it later.
    let elapsed = if elapsed > u32::MAX / 2 { 0 } else { elapsed };
    let elapsed = Duration::from_millis(elapsed.into());
    (-elapsed.as_secs_f32() / DECAY.as_secs_f32()).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn millis(latency: &PeakEwma, now: u64) -> f32 {
        latency.seconds(now).unwrap() * 1000.0
    }

    #[test]
    fn a_peak_counts_at_once_and_better_answers_only_with_time() {
        let latency = PeakEwma::default();
        assert_eq!(latency.seconds(0), None);
        latency.record(2 * MS, 0);
        latency.record(100 * MS, 1);
        assert!((99.0..=100.0).contains(&millis(&latency, 1)));
        latency.record(2 * MS, 2);
        assert!((99.0..=100.0).contains(&millis(&latency, 2)));
        for now in (10..20_000).step_by(10) {
            latency.record(2 * MS, now);
        }
        assert!((1.9..=5.0).contains(&millis(&latency, 20_000)));
    }

    #[test]
    fn who_has_waited_in_vain_tells_only_what_is_longer_than_known() {
        let latency = PeakEwma::default();
        latency.at_least(100 * MS, 0);
        assert!((99.0..=100.0).contains(&millis(&latency, 0)));
        latency.at_least(2 * MS, 1);
        assert!((99.0..=100.0).contains(&millis(&latency, 1)));
    }

    #[test]
    fn what_is_not_heard_of_is_forgotten_but_never_free() {
        let latency = PeakEwma::default();
        latency.record(100 * MS, 0);
        assert!((30.0..=45.0).contains(&millis(&latency, 2_000)));
        assert!(latency.seconds(10_000_000) >= Some(FLOOR));
    }

    #[test]
    fn clocks_may_wrap_and_answers_may_overtake_each_other() {
        let latency = PeakEwma::default();
        let wrap = u64::from(u32::MAX);
        latency.record(100 * MS, wrap);
        assert!((99.0..=100.0).contains(&millis(&latency, wrap - 5)));
        assert!((30.0..=45.0).contains(&millis(&latency, wrap + 2_000)));
    }
}
