//! A limit of time for what is waited for, again and again: it is made and moved when somebody waits, and not for each wait
//! that is over at once.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// One for everything that its owner waits for, one after the other.
#[derive(Default)]
pub(crate) struct Alarm {
    deadline: Option<Instant>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Alarm {
    /// Nothing is waited for.
    pub(crate) fn off(&mut self) {
        self.deadline = None;
    }

    /// What is waited for must come within this time, or earlier if that was said.
    pub(crate) fn hurry(&mut self, patience: Duration) {
        let soon = Instant::now() + patience;
        self.deadline = Some(self.deadline.map_or(soon, |deadline| deadline.min(soon)));
    }

    /// Ready so long after the first call since it was off.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>, patience: Duration) -> Poll<()> {
        let deadline = self.deadline;
        let deadline = deadline.unwrap_or_else(|| Instant::now() + patience);
        self.deadline = Some(deadline);
        self.poll_at(context, deadline)
    }

    /// Does `work`, unless the deadline comes first.
    pub(crate) async fn within<T>(
        &mut self,
        deadline: Instant,
        mut work: Pin<&mut impl Future<Output = T>>,
    ) -> Option<T> {
        poll_fn(|context| match work.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending => self.poll_at(context, deadline).map(|()| None),
        })
        .await
    }

    fn poll_at(&mut self, context: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        let sleep = self
            .sleep
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        if deadline < sleep.deadline() {
            sleep.as_mut().reset(deadline);
        }
        // It was set for something earlier, as long as the deadline is after it.
        while sleep.as_mut().poll(context).is_ready() {
            if sleep.deadline() >= deadline {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(deadline);
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;
    use std::pin::pin;
    use tokio::time::sleep;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn each_wait_has_its_own_time_whatever_came_before_it() {
        let mut alarm = Alarm::default();
        for seconds in [3, 1, 5, 2, 2, 8] {
            let start = Instant::now();
            let mut never = pin!(pending::<()>());
            let late = alarm.within(start + seconds * SECOND, never.as_mut());
            assert_eq!(late.await, None);
            // The clock of timers counts milliseconds.
            assert_eq!(start.elapsed().as_secs(), u64::from(seconds));
            let mut soon = pin!(sleep(SECOND));
            let in_time = alarm.within(Instant::now() + 2 * SECOND, soon.as_mut());
            assert_eq!(in_time.await, Some(()));
        }
    }
}
