//! The pause before the next attempt.

use rand::{Rng, RngExt as _};
use std::time::Duration;
use tokio::time::sleep;

/// Exponential backoff with full jitter: anything between nothing and `base * 2^n`, at most `cap`,
/// so that jobs which failed together do not come back together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The longest pause after the first attempt.
    pub base: Duration,
    /// The longest pause at all.
    pub cap: Duration,
}

impl Backoff {
    /// The pause after attempt number `attempt`, counted from 1.
    pub fn pause(&self, attempt: u16, random: &mut impl Rng) -> Duration {
        let doublings = u32::from(attempt.saturating_sub(1)).min(31);
        let longest = self.base.saturating_mul(1 << doublings).min(self.cap);
        longest.mul_f64(random.random::<f64>())
    }

    /// Tries up to `tries` times, with the pauses in between; what the last attempt gave.
    pub(crate) async fn retry<T, E, F>(
        &self,
        tries: u16,
        mut attempt: impl FnMut() -> F,
    ) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        for number in 1..tries {
            let outcome = attempt().await;
            if outcome.is_ok() {
                return outcome;
            }
            let pause = self.pause(number, &mut rand::rng());
            sleep(pause).await;
        }
        attempt().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{SeedableRng as _, rngs::StdRng};

    const BACKOFF: Backoff = Backoff {
        base: Duration::from_secs(1),
        cap: Duration::from_mins(5),
    };

    #[test]
    fn a_pause_never_exceeds_its_doubled_base_or_the_cap() {
        let mut random = StdRng::seed_from_u64(7);
        for attempt in 1..=u16::MAX {
            let longest = Duration::from_secs(1 << (attempt - 1).min(9)).min(BACKOFF.cap);
            assert!(BACKOFF.pause(attempt, &mut random) <= longest);
        }
    }

    #[test]
    fn pauses_spread_over_the_whole_range() {
        let mut random = StdRng::seed_from_u64(7);
        let pauses = (0..1000).map(|_| BACKOFF.pause(1, &mut random));
        let early = pauses
            .filter(|pause| *pause < Duration::from_millis(500))
            .count();
        assert!(
            (400..600).contains(&early),
            "{early} of 1000 in the first half"
        );
    }
}
