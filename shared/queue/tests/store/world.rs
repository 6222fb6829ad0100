//! A record and a broker of the test's own.

pub(crate) use crate::broker::{Broker, DEADLINE, Note, Seen, Worker};

use crate::broker::{clear, connect, consumer_settings};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use stoa_queue::store::{MIGRATIONS, NewJob, State, Store, StoredJob};
use stoa_queue::{Consumer, ConsumerSettings, JobContext, JobError, Queue, QueueSettings};
use stoa_testing::{eventually, postgres, redis};
use uuid::Uuid;

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
    pub(crate) database: postgres::TestDatabase,
    _redis: Option<redis::TestRedis>,
}

impl World {
    pub(crate) async fn on(broker: Broker) -> Self {
        let (settings, redis) = broker.place().await;
        let database = postgres::database().await;
        let store = Store::new(pool(&database.url).await);
        let migrated = MIGRATIONS.run(store.pool()).await;
        migrated.expect("the tables are made");
        Self {
            queue: connect(&settings).await,
            settings,
            store,
            seen: Seen::default(),
            database,
            _redis: redis,
        }
    }

    /// With a table for the effects of jobs.
    pub(crate) async fn with_effects(broker: Broker) -> Self {
        let world = Self::on(broker).await;
        let create = sqlx::query("CREATE TABLE effects (job uuid NOT NULL)");
        let created = create.execute(world.store.pool()).await;
        created.expect("the table is made");
        world
    }

    pub(crate) async fn enqueue(&self, text: &str) -> Uuid {
        let enqueued = self.store.enqueue(note(text)).await;
        enqueued.expect("the record takes the job").id()
    }

    /// A consumer with connections of its own, like another process.
    pub(crate) async fn consumer(&self, concurrency: usize) -> Consumer {
        consumer(&self.settings, &self.database.url, concurrency).await
    }

    /// The same, with another way to the database of the record.
    pub(crate) async fn consumer_through(&self, url: &str) -> Consumer {
        consumer(&self.settings, url, 4).await
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
        clear(&self.queue).await;
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
    let queue = connect(settings).await;
    let settings = ConsumerSettings {
        concurrency,
        ..consumer_settings()
    };
    Consumer::new(queue, settings).with_store(Store::new(pool(url).await))
}
