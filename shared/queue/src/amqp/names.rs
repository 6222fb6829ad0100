//! The names of one queue on the broker, and the tiers in which a message waits.

use std::time::Duration;

/// The waiting times that have a queue of their own, longest first. In one queue all messages wait
/// equally long, so none is held up by one before it; longer pauses are made of several.
pub(super) const TIERS: [Duration; 7] = [
    Duration::from_hours(1),
    Duration::from_mins(10),
    Duration::from_mins(1),
    Duration::from_secs(10),
    Duration::from_secs(2),
    Duration::from_millis(500),
    Duration::from_millis(100),
];

/// The names of a queue.
#[derive(Clone, Debug)]
pub(super) struct Names {
    /// Where jobs wait for a worker.
    pub(super) jobs: String,
    /// Where parked jobs lie.
    pub(super) dead: String,
}

impl Names {
    pub(super) fn new(namespace: &str, queue: &str) -> Self {
        Self {
            jobs: format!("{namespace}.{queue}"),
            dead: format!("{namespace}.{queue}.dead"),
        }
    }

    /// Where jobs wait for their time.
    pub(super) fn tier(&self, wait: Duration) -> String {
        format!("{}.delay.{}ms", self.jobs, wait.as_millis())
    }
}

/// The first wait of a pause, and what is left after it; none if the pause is too short for any.
pub(super) fn first_wait(pause: Duration) -> Option<(Duration, Duration)> {
    let wait = TIERS.into_iter().find(|tier| *tier <= pause)?;
    Some((wait, pause.saturating_sub(wait)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_add_up_to_the_pause_within_the_shortest_tier() {
        for millis in [0, 99, 100, 650, 9_999, 61_000, 5_400_123] {
            let (mut left, mut waited) = (Duration::from_millis(millis), Duration::ZERO);
            while let Some((wait, rest)) = first_wait(left) {
                waited += wait;
                left = rest;
            }
            let short_of = Duration::from_millis(millis).saturating_sub(waited);
            assert!(short_of < TIERS[6], "{millis} ms: {short_of:?} too early");
        }
    }
}
