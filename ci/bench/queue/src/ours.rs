//! Our queue, over the broker that `BENCH_URL` names, as a service of ours uses it.

use crate::cli::Role;
use crate::job::{Job, Journal};
use crate::orders::{Order, Orders, concurrency, url};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use sqlx::PgPool;
use std::env;
use std::future::ready;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;
use stoa_config::Env;
use stoa_postgres::PostgresSettings;
use stoa_queue::store::{MIGRATIONS, NewJob, Store};
use stoa_queue::{
    CancellationToken, Consumer, ConsumerSettings, Enqueue, JobContext, JobError, Queue,
    QueueError, QueueSettings,
};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, interval};

/// Jobs that are enqueued together, or each by itself while the others are on their way.
const AT_ONCE: usize = 100;
/// Jobs that become due together are spread over this.
const DUE_WITHIN: Duration = Duration::from_secs(1);

/// Connects as a service would, with the settings' defaults.
pub(crate) async fn connect(url: &str) -> anyhow::Result<Queue> {
    let env = Env::from_pairs([("QUEUE_URL", url), ("QUEUE_NAMESPACE", "bench")]);
    Ok(Queue::connect(&env.load::<QueueSettings>()?).await?)
}

/// The variable with the database of the record, if there shall be one.
pub(crate) const RECORD: &str = "BENCH_RECORD";
/// The variable that makes every job end itself in a transaction that would carry its effect.
const ONCE: &str = "BENCH_ONCE";

/// Connects to the database of a record, and makes its tables.
pub(crate) async fn record(url: &str) -> anyhow::Result<PgPool> {
    let pool = PgPool::connect(url).await?;
    MIGRATIONS.run(&pool).await?;
    Ok(pool)
}

/// The record that the environment names, connected to as a service does.
async fn store() -> anyhow::Result<Option<Store>> {
    let Ok(url) = env::var(RECORD) else {
        return Ok(None);
    };
    let pool = stoa_postgres::connect(&PostgresSettings::at(url)).await?;
    Ok(Some(Store::new(pool)))
}

pub(crate) async fn run(role: Role) -> anyhow::Result<()> {
    let queue = connect(&url()?).await?;
    match role {
        Role::Producer => produce(queue).await,
        Role::Worker => work(queue).await,
    }
}

async fn produce(queue: Queue) -> anyhow::Result<()> {
    let store = store().await?;
    let mut orders = Orders::ready();
    while let Some((order, ids)) = orders.next().await? {
        match order {
            Order::Burst { sleep, .. } => {
                burst(&queue, store.as_ref(), ids, sleep).await?;
            }
            Order::Pace { rate, .. } => {
                let mut tick = interval(Duration::from_secs(1) / rate);
                for id in ids {
                    tick.tick().await;
                    let job = Job::new(id, 0);
                    if let Some(store) = &store {
                        store.enqueue(NewJob::new(&job)?).await?;
                    } else {
                        queue.enqueue(&job, Enqueue::default()).await?;
                    }
                }
            }
            Order::Due { seconds, count } => {
                let due = Instant::now() + Duration::from_secs(seconds);
                let first = ids.start;
                let delay = |id| {
                    let place = u32::try_from(id - first).unwrap_or_default();
                    let within = DUE_WITHIN * place / u32::try_from(count).unwrap_or(u32::MAX);
                    (due + within).saturating_duration_since(Instant::now())
                };
                later(&queue, ids, delay).await?;
            }
        }
        orders.done();
    }
    Ok(())
}

async fn burst(
    queue: &Queue,
    store: Option<&Store>,
    ids: Range<u64>,
    sleep: u64,
) -> Result<(), QueueError> {
    let mut ids = ids.peekable();
    while ids.peek().is_some() {
        let jobs: Vec<_> = ids
            .by_ref()
            .take(AT_ONCE)
            .map(|id| Job::new(id, sleep))
            .collect();
        if let Some(store) = store {
            let jobs = jobs.iter().map(NewJob::new).collect::<Result<_, _>>()?;
            store.enqueue_many(jobs).await?;
        } else {
            queue.enqueue_many(&jobs, None).await?;
        }
    }
    Ok(())
}

async fn later(
    queue: &Queue,
    ids: Range<u64>,
    delay: impl Fn(u64) -> Duration,
) -> Result<(), QueueError> {
    stream::iter(ids)
        .map(|id| {
            let (job, how) = (Job::new(id, 0), Enqueue::default().after(delay(id)));
            async move { queue.enqueue(&job, how).await.map(drop) }
        })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await
}

async fn work(queue: Queue) -> anyhow::Result<()> {
    let journal = Arc::new(Journal::from_env()?);
    // The defaults of the environment, but for how many jobs run at a time.
    let concurrency = concurrency()?.to_string();
    let settings: ConsumerSettings =
        Env::from_pairs([("JOB_CONCURRENCY", concurrency.as_str())]).load()?;
    // As the kit does it.
    let _upkeep = tokio::spawn(stoa_telemetry::metrics::keep_up());
    let stop = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate())?;
    let asked = stop.clone();
    let _watch = tokio::spawn(async move {
        terminate.recv().await;
        asked.cancel();
    });
    let store = store().await?;
    let is_once = env::var_os(ONCE).is_some();
    let consumer = Consumer::new(queue, settings).handle(move |job: Job, context: JobContext| {
        let journal = Arc::clone(&journal);
        async move {
            job.run(&journal).await.map_err(JobError::fail)?;
            if is_once {
                let ended = context.complete_with(|_| Box::pin(ready(Ok(()))));
                ended.await.map_err(JobError::retry)?;
            }
            Ok(())
        }
    });
    let consumer = match store {
        Some(store) => consumer.with_store(store),
        None => consumer,
    };
    Ok(consumer.run(stop).await?)
}
