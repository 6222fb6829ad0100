//! The loop that takes jobs of one queue and starts them.

use crate::QueueError;
use crate::backend::{Delivery, Reader};
use crate::metrics;
use crate::run::Runner;
use crate::stored::Admitted;
use crate::{Backoff, ConsumerSettings, Queue};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, yield_now};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// The pauses between reads while the broker is away; there is no last one.
const READ_BACKOFF: Backoff = Backoff {
    base: Duration::from_millis(200),
    cap: Duration::from_secs(5),
};
/// How long a reader that has little room waits for more.
const GATHERING: Duration = Duration::from_millis(1);
/// How long the read that is under way when a worker shall end may take; brokers let it wait for half a second.
const LAST_READ: Duration = Duration::from_secs(2);
/// How long handing back unfinished jobs may take.
const HAND_BACK: Duration = Duration::from_secs(3);

/// Reads a queue until `stop`, then lets the running jobs end.
pub(crate) struct ReadLoop {
    pub(crate) queue: &'static str,
    pub(crate) runner: Arc<Runner>,
    pub(crate) settings: ConsumerSettings,
    pub(crate) stop: CancellationToken,
}

impl ReadLoop {
    pub(crate) async fn run(self, queue: Queue) -> Result<(), QueueError> {
        let mut reader =
            queue
                .backend
                .reader(self.queue, self.settings.concurrency, self.settings.lease);
        let room = Arc::new(Semaphore::new(self.settings.concurrency));
        let mut jobs = JoinSet::new();
        let give_up = CancellationToken::new();
        self.read(&mut reader, &room, &mut jobs, &give_up).await?;
        self.hand_back(reader.stop().await, &mut jobs);
        self.drain(&room, &mut jobs, &give_up).await?;
        reader.close().await;
        Ok(())
    }

    async fn read(
        &self,
        reader: &mut Reader,
        room: &Arc<Semaphore>,
        jobs: &mut JoinSet<()>,
        give_up: &CancellationToken,
    ) -> Result<(), QueueError> {
        let mut failures: u16 = 0;
        while let Some(free) = self.wait_for_room(room).await {
            while let Some(ended) = jobs.try_join_next() {
                ended?;
            }
            let read = tokio::select! {
                read = reader.next(free) => read,
                // What it was about to take comes again by itself.
                () = self.overdue() => return Ok(()),
            };
            let deliveries = match read {
                Ok(deliveries) => deliveries,
                Err(error) => {
                    failures = failures.saturating_add(1);
                    self.pause_after(&error, failures).await;
                    continue;
                }
            };
            failures = 0;
            if self.stop.is_cancelled() {
                self.hand_back(deliveries, jobs);
                return Ok(());
            }
            for mut job in self.admit(deliveries).await {
                job.delivery.room = Arc::clone(room).acquire_owned().await.ok();
                let (runner, give_up) = (Arc::clone(&self.runner), give_up.clone());
                // Its state is some kilobytes, and the runtime moves what it starts a dozen times.
                jobs.spawn(Box::pin(async move { runner.run(job, give_up).await }));
            }
            // They start before the next read is sent, which costs more than the start of a job.
            yield_now().await;
        }
        Ok(())
    }

    /// Waits until the loop shall stop and a read has had its time to end: a broker that is held answers nobody.
    async fn overdue(&self) {
        self.stop.cancelled().await;
        sleep(LAST_READ).await;
    }

    /// What of it is to be worked on.
    async fn admit(&self, deliveries: Vec<Delivery>) -> Vec<Admitted> {
        if let Some(stored) = &self.runner.stored {
            return stored.admit(self.queue, deliveries).await;
        }
        deliveries.into_iter().map(Admitted::unrecorded).collect()
    }

    /// Gives jobs back that came too late to be started.
    fn hand_back(&self, deliveries: Vec<Delivery>, jobs: &mut JoinSet<()>) {
        let give_up = CancellationToken::new();
        give_up.cancel();
        for delivery in deliveries {
            let (runner, give_up) = (Arc::clone(&self.runner), give_up.clone());
            // Not claimed: for the record it was never here.
            let job = Admitted::unrecorded(delivery);
            jobs.spawn(async move { runner.run(job, give_up).await });
        }
    }

    /// How many jobs may be started; none once the loop shall stop.
    async fn wait_for_room(&self, room: &Semaphore) -> Option<usize> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => None,
            permit = room.acquire() => {
                drop(permit);
                // One read for many jobs, where they are so short that others end at once.
                let many = u32::try_from(self.settings.concurrency / 2).unwrap_or(u32::MAX);
                let _ = timeout(GATHERING, room.acquire_many(many)).await;
                Some(room.available_permits().max(1))
            },
        }
    }

    async fn pause_after(&self, error: &QueueError, failures: u16) {
        metrics::read_failed(self.queue);
        if failures == 1 {
            tracing::warn!(queue = self.queue, %error, source = ?error, "the queue cannot be read; goes on trying");
        }
        let pause = READ_BACKOFF.pause(failures, &mut rand::rng());
        tokio::select! {
            () = self.stop.cancelled() => {},
            () = sleep(pause) => {},
        }
    }

    async fn drain(
        &self,
        room: &Semaphore,
        jobs: &mut JoinSet<()>,
        give_up: &CancellationToken,
    ) -> Result<(), QueueError> {
        if let Ok(ended) = timeout(self.settings.drain, self.all_ended(room, jobs)).await {
            return ended;
        }
        tracing::warn!(
            queue = self.queue,
            jobs = jobs.len(),
            "hands unfinished jobs back"
        );
        give_up.cancel();
        // What cannot be handed back in time comes again by itself, like after a crash.
        timeout(HAND_BACK, self.all_ended(room, jobs))
            .await
            .unwrap_or(Ok(()))
    }

    /// Waits until every job has ended and the broker knows it.
    async fn all_ended(&self, room: &Semaphore, jobs: &mut JoinSet<()>) -> Result<(), QueueError> {
        while let Some(ended) = jobs.join_next().await {
            ended?;
        }
        let all = u32::try_from(self.settings.concurrency).unwrap_or(u32::MAX);
        // The semaphore is never closed.
        let _ = room.acquire_many(all).await;
        Ok(())
    }
}
