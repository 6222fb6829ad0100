//! Waiting for a condition with a deadline, in place of sleeping.

use std::panic::Location;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long to wait between two looks: short against every deadline, long against a query.
const INTERVAL: Duration = Duration::from_millis(20);

/// Calls `look` until it gives a value; panics at the deadline, naming the caller.
///
/// A condition without a value is written `(left == right).then_some(())`.
#[track_caller]
pub fn eventually<T, F, Fut>(deadline: Duration, mut look: F) -> impl Future<Output = T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Option<T>>,
{
    let caller = Location::caller();
    async move {
        let end = Instant::now() + deadline;
        loop {
            if let Some(value) = look().await {
                return value;
            }
            assert!(
                Instant::now() < end,
                "nothing within {deadline:?}, awaited at {caller}"
            );
            sleep(INTERVAL).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn gives_the_value_as_soon_as_it_is_there() {
        let mut looks = 0;
        let value = eventually(Duration::from_secs(1), || {
            looks += 1;
            std::future::ready((looks == 3).then_some(looks))
        });
        assert_eq!(value.await, 3);
    }

    #[tokio::test]
    #[should_panic(expected = "nothing within 30ms")]
    async fn panics_at_the_deadline() {
        eventually(Duration::from_millis(30), || std::future::ready(None::<()>)).await;
    }
}
