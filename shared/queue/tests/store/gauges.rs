//! What the active dispatcher tells of the queues.

use crate::world::{Broker, DEADLINE, Worker, World};
use serde::{Deserialize, Serialize};
use stoa_queue::store::{NewJob, State};
use stoa_queue::{JobContext, JobError, Payload};
use stoa_telemetry::metrics;
use stoa_testing::eventually;

/// The lock of the active dispatcher.
const LEADER: i64 = 0x7374_6f61_2071_7565;

/// A job of a queue of this test's own: the metrics are those of the process.
#[derive(Serialize, Deserialize)]
struct Gauged;

impl Payload for Gauged {
    const KIND: &'static str = "gauged";
    const QUEUE: &'static str = "gauged";
    const TIME_LIMIT: std::time::Duration = std::time::Duration::from_secs(10);
}

/// What the metrics say.
fn value(series: &str) -> Option<f64> {
    let text = metrics::render();
    let line = text.lines().find(|line| line.starts_with(series))?;
    line.rsplit_once(' ')?.1.parse().ok()
}

const QUEUED: &str = r#"queue_jobs_stored{queue="gauged",state="queued"}"#;
const FAILED: &str = r#"queue_jobs_stored{queue="gauged",state="failed"}"#;
const OLDEST: &str = r#"queue_oldest_seconds{queue="gauged"}"#;
const PAUSED: &str = r#"queue_paused{queue="gauged"}"#;

/// Of several dispatchers one tells how the queues are. What another has told before would stand beside it.
#[tokio::test]
async fn who_leads_no_more_tells_nothing_of_the_queues() {
    metrics::install();
    let world = World::on(Broker::Redis).await;
    let pool = world.store.pool();
    let handler = |_: Gauged, _: JobContext| std::future::ready(Err(JobError::fail("no")));
    let worker = Worker::start(world.consumer(4).await.handle(handler));
    let enqueue = async || {
        let job = NewJob::new(&Gauged).unwrap();
        world.store.enqueue(job).await.unwrap().id()
    };
    world.wait_for(enqueue().await, State::Failed).await;
    world.store.pause("gauged").await.unwrap();
    let waits = enqueue().await;
    let old = "UPDATE queue_jobs SET (enqueued_at, not_before) = (enqueued_at - interval '1 hour', not_before - interval '1 hour')
               WHERE state = 'queued'";
    sqlx::query(old).execute(pool).await.unwrap();
    eventually(DEADLINE, || async {
        let told = [QUEUED, FAILED, PAUSED].map(value) == [Some(1.0); 3];
        let age = value(OLDEST).is_some_and(|age| (3600.0..3700.0).contains(&age));
        (told && age).then_some(())
    })
    .await;

    // Another one is about to lead, and then it is its turn.
    let mut other = pool.acquire().await.unwrap();
    let locked = sqlx::query("SELECT pg_advisory_lock($1)").bind(LEADER);
    let ended = "SELECT pg_terminate_backend(pid) FROM pg_locks
                 WHERE locktype = 'advisory' AND objsubid = 1 AND granted
                   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                   AND EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND NOT granted
                               AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))";
    let (locked, ()) = tokio::join!(locked.execute(&mut *other), async {
        eventually(DEADLINE, || async {
            let ended = sqlx::query(ended).fetch_optional(pool).await.ok()?;
            ended.map(drop)
        })
        .await;
    });
    locked.unwrap();
    eventually(DEADLINE, || async {
        let told = [QUEUED, FAILED, OLDEST, PAUSED].map(value);
        (told == [Some(0.0); 4]).then_some(())
    })
    .await;
    assert_eq!(world.find(waits).await.state, State::Queued);
    drop(other.close().await);
    worker.end().await;
    world.queue.remove(&[Gauged::QUEUE]).await.unwrap();
    world.end().await;
}
