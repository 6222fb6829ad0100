//! The processes that are killed: workers, and the producer.

use crate::orders::{self, Batch, Order, Task, Work};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgPoolOptions;
use sqlx::{PgConnection, PgPool};
use std::process::{abort, exit};
use std::time::Duration;
use stoa_queue::store::{Enqueued, Inbox, Store, begin};
use stoa_queue::{
    Backoff, CancellationToken, Consumer, ConsumerSettings, JobContext, JobError, Queue,
    QueueError, QueueSettings,
};
use stoa_telemetry::{LogFormat, Telemetry, TelemetrySettings};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::sleep;
use uuid::Uuid;

/// The variable with the setup, as JSON.
pub(crate) const SETUP: &str = "STOA_FAULTS_SETUP";
/// The inbox of the parts, which are in another database than the record.
const INBOX: Inbox = Inbox::new("parts");
/// How long a process waits before it tries again what a fault has broken.
const PAUSE: Duration = Duration::from_millis(100);
/// How often a producer dies between its commit and whatever comes next.
const DEATHS: f64 = 0.02;

/// What a process is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Setup {
    pub(crate) role: Role,
    /// The database of the record, and the other one.
    pub(crate) record: String,
    pub(crate) parts: String,
    pub(crate) broker: String,
    pub(crate) namespace: String,
    pub(crate) seed: u64,
    pub(crate) jobs: i64,
    /// Between two batches.
    pub(crate) pause: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Role {
    Worker,
    Producer,
}

/// Does what the setup says, and ends the process.
pub(crate) fn run(setup: &str) -> ! {
    let setup: Setup = serde_json::from_str(setup).expect("the trial has written it");
    let settings = TelemetrySettings {
        log: std::env::var("STOA_FAULTS_LOG").unwrap_or_else(|_| "warn".into()),
        format: LogFormat::Json,
        otlp_endpoint: None,
        sample_ratio: 0.0,
    };
    let _telemetry = Telemetry::init("faults", &settings).expect("logs are written");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let ended = runtime.block_on(async {
        match setup.role {
            Role::Worker => work(&setup).await,
            Role::Producer => {
                produce(&setup).await;
                Ok(())
            }
        }
    });
    if let Err(error) = ended {
        tracing::error!(%error, source = ?error, "a worker cannot go on");
        exit(1);
    }
    exit(0)
}

fn pool(url: &str) -> PgPool {
    let options = PgPoolOptions::new().max_connections(12);
    let options = options.acquire_timeout(Duration::from_secs(3));
    options.connect_lazy(url).expect("a valid URL")
}

async fn work(setup: &Setup) -> Result<(), QueueError> {
    let stop = CancellationToken::new();
    let mut terminated = signal(SignalKind::terminate()).expect("signals are heard");
    let token = stop.clone();
    tokio::spawn(async move {
        terminated.recv().await;
        token.cancel();
    });
    let settings = QueueSettings {
        url: setup.broker.clone().into(),
        namespace: setup.namespace.clone(),
    };
    let queue = loop {
        match Queue::connect(&settings).await {
            Ok(queue) => break queue,
            Err(_) if stop.is_cancelled() => return Ok(()),
            Err(_) => sleep(PAUSE).await,
        }
    };
    let settings = ConsumerSettings {
        concurrency: 8,
        lease: Duration::from_millis(1500),
        drain: Duration::from_secs(1),
        backoff: Backoff {
            base: Duration::from_millis(50),
            cap: Duration::from_millis(500),
        },
    };
    let (record, parts, seed) = (pool(&setup.record), pool(&setup.parts), setup.seed);
    let consumer = Consumer::new(queue, settings).with_store(Store::new(record.clone()));
    let consumer = consumer.handle(move |work: Work, job: JobContext| {
        let (record, parts) = (record.clone(), parts.clone());
        async move { handle(work, &job, seed, [&record, &parts]).await }
    });
    consumer.run(stop).await
}

/// The work: a part in one database, and the effect with the end of the job in the other.
async fn handle(
    work: Work,
    job: &JobContext,
    seed: u64,
    [record, parts]: [&PgPool; 2],
) -> Result<(), JobError> {
    let attempt = job.envelope.attempt;
    let chance = seed ^ work.number.unsigned_abs() << 16 ^ u64::from(attempt);
    let mut random = StdRng::seed_from_u64(chance);
    match work.task {
        Task::Broken => return Err(JobError::fail("it is broken")),
        Task::Endless => {
            job.stopped().await;
            return Err(JobError::retry("it was stopped"));
        }
        Task::Flaky | Task::Effect => {}
    }
    let fails = work.task == Task::Flaky && random.random_bool(0.5);
    if fails && !shares_its_transaction(work) {
        return Err(JobError::retry("not yet"));
    }
    sleep(Duration::from_millis(random.random_range(0..20))).await;
    part(parts, job).await.map_err(JobError::retry)?;
    effect(record, job, work, fails)
        .await
        .map_err(JobError::retry)?;
    // The end stands in the record, and the worker may die before the broker hears of it.
    sleep(Duration::from_millis(random.random_range(0..10))).await;
    Ok(())
}

async fn part(parts: &PgPool, job: &JobContext) -> Result<(), QueueError> {
    let mut transaction = begin(parts).await?;
    if INBOX.is_new(&mut transaction, job.envelope.id).await? {
        let insert = sqlx::query("INSERT INTO parts (job) VALUES ($1)");
        insert
            .bind(job.envelope.id)
            .execute(&mut *transaction)
            .await?;
    }
    Ok(transaction.commit().await?)
}

/// Half of the jobs have a transaction of their own.
fn shares_its_transaction(work: Work) -> bool {
    work.number % 2 == 0
}

/// One that fails takes back what others have done in its transaction.
async fn effect(
    record: &PgPool,
    job: &JobContext,
    work: Work,
    fails: bool,
) -> Result<(), QueueError> {
    let (id, number) = (job.envelope.id, work.number);
    if shares_its_transaction(work) {
        let effect = job.complete_with(move |transaction| {
            Box::pin(async move {
                insert(transaction, id, number).await?;
                if fails {
                    return Err("not yet".into());
                }
                Ok(())
            })
        });
        return effect.await;
    }
    let mut transaction = begin(record).await?;
    insert(&mut transaction, id, number).await?;
    job.complete_in(&mut transaction).await?;
    Ok(transaction.commit().await?)
}

async fn insert(transaction: &mut PgConnection, job: Uuid, number: i64) -> Result<(), sqlx::Error> {
    let insert = sqlx::query("INSERT INTO effects (job, number) VALUES ($1, $2)");
    insert.bind(job).bind(number).execute(transaction).await?;
    Ok(())
}

/// Orders until all is ordered. Where it goes on, the database says.
async fn produce(setup: &Setup) {
    let store = Store::new(pool(&setup.record));
    let mut random = rand::rng();
    loop {
        match order_next(&store, setup).await {
            Ok(true) => return,
            Ok(false) if random.random_bool(DEATHS) => abort(),
            Ok(false) => sleep(setup.pause).await,
            Err(error) => {
                tracing::info!(%error, "orders again");
                sleep(PAUSE).await;
            }
        }
    }
}

/// Orders a batch; whether there was none left.
async fn order_next(store: &Store, setup: &Setup) -> Result<bool, QueueError> {
    let mut transaction = stoa_queue::store::begin(store.pool()).await?;
    // A producer that was killed may still be heard by the server.
    sqlx::query("LOCK TABLE orders IN EXCLUSIVE MODE")
        .execute(&mut *transaction)
        .await?;
    let next = "SELECT coalesce(max(number) + 1, 0) FROM orders";
    let next: i64 = sqlx::query_scalar(next)
        .fetch_one(&mut *transaction)
        .await?;
    if next >= setup.jobs {
        return Ok(true);
    }
    match orders::batch(setup.seed, next) {
        Batch::Jobs(batch) => {
            let (mut orders, jobs): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
            let enqueued = store.enqueue_in(&mut transaction, jobs).await?;
            for (order, enqueued) in orders.iter_mut().zip(enqueued) {
                if let Enqueued::Existing(job) = enqueued {
                    order.job = job;
                }
            }
            note(&mut transaction, &orders).await?;
        }
        Batch::Flow(orders, flow) => {
            store.enqueue_flow_in(&mut transaction, flow).await?;
            note(&mut transaction, &orders).await?;
        }
    }
    transaction.commit().await?;
    Ok(false)
}

/// What must come of what is ordered, in the same transaction.
async fn note(transaction: &mut PgConnection, orders: &[Order]) -> Result<(), QueueError> {
    for order in orders {
        let insert = "INSERT INTO orders (number, job, expected, flow, step, delay) VALUES ($1, $2, $3, $4, $5, $6)";
        sqlx::query(insert)
            .bind(order.number)
            .bind(order.job)
            .bind(order.expected)
            .bind(order.flow)
            .bind(order.step)
            .bind(order.delay.as_secs_f64())
            .execute(&mut *transaction)
            .await?;
    }
    Ok(())
}
