//! A record and a broker of the test's own, and workers that can be killed.

use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use stoa_queue::store::{MIGRATIONS, NewJob, State, Store, StoredJob};
use stoa_queue::{
    Backoff, CancellationToken, Consumer, ConsumerSettings, JobContext, JobError, Payload, Queue,
    QueueError, QueueSettings,
};
use stoa_testing::{amqp, eventually, postgres, redis};
use tokio::task::JoinHandle;
use uuid::Uuid;

/// Long enough for a busy machine; nothing waits for it in vain.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);
/// Short, so that a dead worker is noticed soon.
const LEASE: Duration = Duration::from_millis(1500);

/// The brokers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Broker {
    Redis,
    Amqp,
}

/// The job of the tests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Note {
    pub(crate) text: String,
}

impl Payload for Note {
    const KIND: &'static str = "note";
    const QUEUE: &'static str = "notes";
    const MAX_ATTEMPTS: u16 = 3;
    const TIME_LIMIT: Duration = Duration::from_secs(10);
    const SOFT_TIME_LIMIT: Option<Duration> = Some(Duration::from_secs(2));
}

pub(crate) fn note(text: &str) -> NewJob {
    let text = text.to_owned();
    NewJob::new(&Note { text }).expect("a note is small")
}

/// A record and a broker.
pub(crate) struct World {
    pub(crate) settings: QueueSettings,
    pub(crate) queue: Queue,
    pub(crate) store: Store,
    pub(crate) seen: Seen,
    database: postgres::TestDatabase,
    _redis: Option<redis::TestRedis>,
}

impl World {
    pub(crate) async fn on(broker: Broker) -> Self {
        let (url, namespace, redis) = match broker {
            Broker::Redis => {
                let redis = redis::database().await;
                (redis.url.clone(), "test".to_owned(), Some(redis))
            }
            Broker::Amqp => {
                let broker = amqp::broker().await;
                (broker.url, broker.namespace, None)
            }
        };
        let settings = QueueSettings {
            url: url.into(),
            namespace,
        };
        let database = postgres::database().await;
        let store = Store::new(pool(&database.url).await);
        let migrated = MIGRATIONS.run(store.pool()).await;
        migrated.expect("the tables are made");
        let queue = Queue::connect(&settings).await;
        Self {
            queue: queue.expect("the broker answers"),
            settings,
            store,
            seen: Seen::default(),
            database,
            _redis: redis,
        }
    }

    pub(crate) async fn enqueue(&self, text: &str) -> Uuid {
        let enqueued = self.store.enqueue(note(text)).await;
        enqueued.expect("the record takes the job").id()
    }

    /// A consumer with connections of its own, like another process.
    pub(crate) async fn consumer(&self, concurrency: usize) -> Consumer {
        consumer(&self.settings, &self.database.url, concurrency).await
    }

    /// A worker that notes the texts of its jobs.
    pub(crate) async fn worker(&self, concurrency: usize) -> Worker {
        let seen = self.seen.clone();
        Worker::start(self.consumer(concurrency).await.handle(noting(seen)))
    }

    /// A worker with a runtime of its own, which dies with all of its connections once `seen` has one more.
    pub(crate) async fn doomed<F, Fut>(&self, run: F)
    where
        F: Fn(Note, JobContext) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), JobError>> + Send + 'static,
    {
        let (settings, url, seen) = (
            self.settings.clone(),
            self.database.url.clone(),
            self.seen.clone(),
        );
        let until = seen.all().len() + 1;
        let doomed = std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().expect("a runtime");
            runtime.block_on(async {
                let consumer = consumer(&settings, &url, 4).await;
                let _worker = Worker::start(consumer.handle(run));
                seen.wait_for(until).await;
            });
            runtime.shutdown_background();
        });
        let joined = tokio::task::spawn_blocking(|| doomed.join()).await;
        joined.expect("it is joined").expect("it does not panic");
    }

    pub(crate) async fn find(&self, id: Uuid) -> StoredJob {
        let found = self.store.find(id).await.expect("the record answers");
        found.expect("the job is there")
    }

    /// Waits until a job is so far.
    pub(crate) async fn wait_for(&self, id: Uuid, state: State) -> StoredJob {
        eventually(DEADLINE, || async {
            Some(self.find(id).await).filter(|job| job.state == state)
        })
        .await
    }

    /// Leaves nothing on a shared broker.
    pub(crate) async fn end(self) {
        let removed = self.queue.remove(&[Note::QUEUE]).await;
        removed.expect("the queue is removed");
    }
}

/// A handler that notes the texts of its jobs.
pub(crate) fn noting(
    seen: Seen,
) -> impl Fn(Note, JobContext) -> std::future::Ready<Result<(), JobError>> + Send + Sync + 'static {
    move |note, _| {
        seen.add(note.text);
        std::future::ready(Ok(()))
    }
}

async fn pool(url: &str) -> PgPool {
    let pool = PgPoolOptions::new().max_connections(8).connect(url).await;
    pool.expect("the database answers")
}

async fn consumer(settings: &QueueSettings, url: &str, concurrency: usize) -> Consumer {
    let queue = Queue::connect(settings).await.expect("the broker answers");
    let settings = ConsumerSettings {
        concurrency,
        lease: LEASE,
        drain: Duration::from_secs(3),
        backoff: Backoff {
            base: Duration::from_millis(50),
            cap: Duration::from_millis(200),
        },
    };
    Consumer::new(queue, settings).with_store(Store::new(pool(url).await))
}

/// A worker that was started and can be told to end.
pub(crate) struct Worker {
    stop: CancellationToken,
    running: JoinHandle<Result<(), QueueError>>,
}

impl Worker {
    pub(crate) fn start(consumer: Consumer) -> Self {
        let stop = CancellationToken::new();
        Self {
            running: tokio::spawn(consumer.run(stop.clone())),
            stop,
        }
    }

    /// Ends it as SIGTERM does.
    pub(crate) async fn end(self) {
        self.stop.cancel();
        let ended = self.running.await.expect("the worker does not panic");
        ended.expect("the worker ends well");
    }
}

/// What handlers have seen, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen(Arc<Mutex<Vec<String>>>);

impl Seen {
    pub(crate) fn add(&self, what: impl Into<String>) {
        let mut seen = self.0.lock().expect("no test panics while it adds");
        seen.push(what.into());
    }

    pub(crate) fn all(&self) -> Vec<String> {
        self.0.lock().expect("no test panics while it adds").clone()
    }

    /// Waits until `count` things were seen.
    pub(crate) async fn wait_for(&self, count: usize) -> Vec<String> {
        eventually(DEADLINE, || async {
            Some(self.all()).filter(|seen| seen.len() >= count)
        })
        .await
    }
}
