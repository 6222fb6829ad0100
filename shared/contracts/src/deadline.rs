//! How long the one who asked still waits: it goes along with the requests that are made for it.
//!
//! Who takes a request sets the deadline around its work; who makes another one meanwhile waits no longer than that,
//! and says so to the other side. So it shrinks from hop to hop, and nobody works for a caller that has gone.

use std::time::Duration;

use tokio::time::Instant;

/// The header with which a caller says how many milliseconds it still waits.
pub const TIMEOUT_HEADER: &str = "x-request-timeout-ms";

tokio::task_local! {
    static CURRENT: Deadline;
}

/// When the one who asked stops waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline(Instant);

impl Deadline {
    /// It waits this long, from now on.
    pub fn within(limit: Duration) -> Self {
        let now = Instant::now();
        // What cannot be told as a point in time is no limit that anybody sees.
        let far = Duration::from_hours(24);
        Self(now.checked_add(limit).unwrap_or(now + far))
    }

    /// The deadline of the work that runs here, if somebody waits for it. A task of its own has none.
    pub fn current() -> Option<Self> {
        CURRENT.try_with(|deadline| *deadline).ok()
    }

    /// Does `work` for the one who waits so long.
    pub async fn around<F: Future>(self, work: F) -> F::Output {
        CURRENT.scope(self, work).await
    }

    /// What is left of it; zero when it has passed.
    pub fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_deadline_is_known_to_the_work_and_not_to_tasks_beside_it() {
        let limit = Duration::from_secs(1);
        let inside = Deadline::within(limit).around(async {
            let beside = tokio::spawn(async { Deadline::current() });
            (Deadline::current(), beside.await.unwrap())
        });
        let (inside, beside) = inside.await;
        assert!(inside.is_some_and(|deadline| deadline.left() <= limit));
        assert_eq!(beside, None);
        assert_eq!(Deadline::current(), None);
    }

    #[tokio::test]
    async fn nothing_is_left_of_a_deadline_that_has_passed() {
        assert_eq!(Deadline::within(Duration::ZERO).left(), Duration::ZERO);
        assert!(Deadline::within(Duration::MAX).left() > Duration::from_hours(1));
    }
}
