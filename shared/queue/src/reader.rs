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
/// How long it waits until the broker knows how others have ended, which lets as many in at once.
const SETTLING: Duration = Duration::from_millis(20);
/// How long the read that is under way when a worker shall end may take; brokers let it wait for half a second.
const LAST_READ: Duration = Duration::from_secs(2);
/// How long handing back unfinished jobs may take.
const HAND_BACK: Duration = Duration::from_secs(3);

/// Jobs that have arrived, for each that may run: the next ones come while the ends of those before them are written. Over
/// `RabbitMQ` there are never more than may run, as it counts what is not acknowledged.
const OPEN: usize = 2;

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
        let places = Places::new(self.settings.concurrency);
        let mut jobs = JoinSet::new();
        let give_up = CancellationToken::new();
        self.read(&mut reader, &places, &mut jobs, &give_up).await?;
        self.hand_back(reader.stop().await, &mut jobs);
        self.drain(&places, &mut jobs, &give_up).await?;
        reader.close().await;
        Ok(())
    }

    async fn read(
        &self,
        reader: &mut Reader,
        places: &Places,
        jobs: &mut JoinSet<()>,
        give_up: &CancellationToken,
    ) -> Result<(), QueueError> {
        let mut failures: u16 = 0;
        while let Some(free) = self.wait_for_room(places).await {
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
                places.give(&mut job).await;
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
    async fn wait_for_room(&self, places: &Places) -> Option<usize> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => None,
            free = places.free() => Some(free),
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
        places: &Places,
        jobs: &mut JoinSet<()>,
        give_up: &CancellationToken,
    ) -> Result<(), QueueError> {
        if let Ok(ended) = timeout(self.settings.drain, self.all_ended(places, jobs)).await {
            return ended;
        }
        tracing::warn!(
            queue = self.queue,
            jobs = jobs.len(),
            "hands unfinished jobs back"
        );
        give_up.cancel();
        // What cannot be handed back in time comes again by itself, like after a crash.
        timeout(HAND_BACK, self.all_ended(places, jobs))
            .await
            .unwrap_or(Ok(()))
    }

    /// Waits until every job has ended and the broker knows it.
    async fn all_ended(&self, places: &Places, jobs: &mut JoinSet<()>) -> Result<(), QueueError> {
        while let Some(ended) = jobs.join_next().await {
            ended?;
        }
        places.settled().await;
        Ok(())
    }
}

/// The places of a worker. Neither semaphore is ever closed.
struct Places {
    concurrency: usize,
    /// For jobs that run.
    turns: Arc<Semaphore>,
    /// For jobs of which the broker does not know yet how they ended.
    open: Arc<Semaphore>,
}

impl Places {
    fn new(concurrency: usize) -> Self {
        Self {
            concurrency,
            turns: Arc::new(Semaphore::new(concurrency)),
            open: Arc::new(Semaphore::new(concurrency * OPEN)),
        }
    }

    /// Waits until one may be started; how many may. One read for many jobs, where they are so short that others end at
    /// once.
    async fn free(&self) -> usize {
        drop(self.turns.acquire().await);
        drop(self.open.acquire().await);
        let gathering = self.turns.acquire_many(permits(self.concurrency / 2));
        drop(timeout(GATHERING, gathering).await);
        let settling = self.open.acquire_many(permits(self.concurrency));
        drop(timeout(SETTLING, settling).await);
        let turns = self.turns.available_permits();
        turns.min(self.open.available_permits()).max(1)
    }

    /// Gives a job its places.
    async fn give(&self, job: &mut Admitted) {
        if let Ok(turn) = Arc::clone(&self.turns).acquire_owned().await {
            job.control.begin_turn(turn);
        }
        job.delivery.room = Arc::clone(&self.open).acquire_owned().await.ok();
    }

    /// Waits until the broker knows of all how they ended.
    async fn settled(&self) {
        let all = permits(self.concurrency * OPEN);
        drop(self.open.acquire_many(all).await);
    }
}

fn permits(places: usize) -> u32 {
    u32::try_from(places).unwrap_or(u32::MAX)
}
