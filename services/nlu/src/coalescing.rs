//! Requests for the same thing at the same moment, which share one answer.

use moka::future::Cache;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;
use stoa_contracts::deadline::Deadline;
use stoa_contracts::parse::ParseResult;
use stoa_contracts::{Coded, ErrorCode};

/// Answers that somebody waits for, by what was asked.
pub(crate) type InFlight = Cache<String, ParseResult>;

/// Requests that are shared at a time; more are made for themselves.
const SHARED: u64 = 10_000;
/// An answer is for those who waited for it and no other: it may be another one a moment later.
const KEPT: Duration = Duration::ZERO;

/// Where nobody waits yet.
pub(crate) fn in_flight() -> InFlight {
    Cache::builder()
        .max_capacity(SHARED)
        .time_to_live(KEPT)
        .build()
}

/// Why there is no answer.
struct Failure<E> {
    error: Arc<E>,
    /// How much time the one who asked had, if it was less than the question may take.
    hurry: Option<Duration>,
}

/// The answer to a question that may take as long as `limit`: that of who asks the same already, or one's own. Who asks has
/// the deadline of its own caller. Where that was short and the question failed for now, who waited for it and has more
/// time still asks again.
pub(crate) async fn share<K, V, E, F>(
    answers: &Cache<K, V>,
    key: &K,
    limit: Duration,
    ask: impl Fn() -> F,
) -> Result<V, Arc<E>>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    E: Coded + Send + Sync + 'static,
    F: Future<Output = Result<V, E>>,
{
    loop {
        let mut is_own = false;
        let question = async {
            is_own = true;
            let left = Deadline::current().map(Deadline::left);
            ask().await.map_err(|error| Failure {
                error: Arc::new(error),
                hurry: left.filter(|left| *left < limit),
            })
        };
        match answers.try_get_with_by_ref(key, question).await {
            Ok(answer) => return Ok(answer),
            Err(failure) if !is_own && failure.is_of_hurry() => {}
            Err(failure) => return Err(Arc::clone(&failure.error)),
        }
    }
}

impl<E: Coded> Failure<E> {
    /// Whether it may be another answer to who asks now: with more time than the one who asked had, so that of many who
    /// wait no two ask one after the other who have the same.
    fn is_of_hurry(&self) -> bool {
        let left = Deadline::current().map_or(Duration::MAX, Deadline::left);
        self.error.code() == ErrorCode::Unavailable && self.hurry.is_some_and(|had| left > had)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::{FutureExt as _, poll};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::sync::Notify;

    const LIMIT: Duration = Duration::from_mins(1);

    #[derive(Debug, thiserror::Error)]
    #[error("it is away")]
    struct Away(ErrorCode);

    impl Coded for Away {
        fn code(&self) -> ErrorCode {
            self.0
        }
    }

    /// Two ask the same, each with so much time; the first fails so, and any question after it has an answer. Answers what
    /// both got, and how many questions there were.
    async fn two(times: [Duration; 2], code: ErrorCode) -> ([Option<u8>; 2], usize) {
        let answers = Cache::builder().max_capacity(9).build();
        let (asked, fail) = (AtomicUsize::new(0), Notify::new());
        let ask = || async {
            match asked.fetch_add(1, Ordering::Relaxed) {
                0 => {
                    fail.notified().await;
                    Err(Away(code))
                }
                _ => Ok(7_u8),
            }
        };
        let [first, second] =
            times.map(|time| Deadline::within(time).around(share(&answers, &1, LIMIT, ask)));
        let (mut first, mut second) = (first.boxed(), second.boxed());
        assert!(poll!(&mut first).is_pending() && poll!(&mut second).is_pending());
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        fail.notify_one();
        let got = [first.await.ok(), second.await.ok()];
        (got, asked.load(Ordering::Relaxed))
    }

    #[tokio::test]
    async fn who_has_more_time_than_the_one_who_asked_asks_again() {
        let (got, asked) = two([LIMIT / 2, LIMIT], ErrorCode::Unavailable).await;
        assert_eq!((got, asked), ([None, Some(7)], 2));
    }

    #[tokio::test]
    async fn a_failure_that_more_time_does_not_mend_is_shared() {
        for (times, code) in [
            ([LIMIT * 2, LIMIT * 3], ErrorCode::Unavailable),
            ([LIMIT / 2, LIMIT / 2], ErrorCode::Unavailable),
            ([LIMIT / 2, LIMIT / 3], ErrorCode::Unavailable),
            ([LIMIT / 2, LIMIT], ErrorCode::NotFound),
        ] {
            let (got, asked) = two(times, code).await;
            assert_eq!((got, asked), ([None, None], 1), "{times:?} {code:?}");
        }
    }
}
