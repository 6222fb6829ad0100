//! What bounds a job and its record: time, versions, retention.

use crate::world::{Broker, Note, Worker, World, note};
use rstest::rstest;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::future::{pending, ready};
use std::sync::Arc;
use std::time::Duration;
use stoa_contracts::jobs::UnreadablePayload;
use stoa_queue::store::{Flow, NewJob, Retention, State};
use stoa_queue::{CancellationToken, JobContext, JobError, Payload, RetentionSettings};
use stoa_testing::eventually;
use tokio::sync::Notify;

/// Work that may take a quarter of a second.
#[derive(Serialize, Deserialize)]
struct Hurried {}

impl Payload for Hurried {
    const KIND: &'static str = "hurried";
    const QUEUE: &'static str = "notes";
    const MAX_ATTEMPTS: u16 = 2;
    const TIME_LIMIT: Duration = Duration::from_millis(250);
}

#[rstest]
#[tokio::test]
async fn an_attempt_that_takes_too_long_is_dropped_and_fails(
    #[values(Broker::Redis, Broker::Amqp)] broker: Broker,
) {
    let world = World::on(broker).await;
    let seen = world.seen.clone();
    let handler = move |_: Hurried, job: JobContext| {
        seen.add(job.envelope.attempt.to_string());
        pending()
    };
    let worker = Worker::start(world.consumer(4).await.handle(handler));
    let enqueued = world.store.enqueue(NewJob::new(&Hurried {}).unwrap()).await;
    let job = world.wait_for(enqueued.unwrap().id(), State::Failed).await;
    assert_eq!(job.error.as_deref(), Some("it took longer than 250ms"));
    assert_eq!(world.seen.all(), ["1", "2"]);
    worker.end().await;
    world.end().await;
}

#[rstest]
#[tokio::test]
async fn how_far_a_job_is_can_be_seen_while_it_runs(
    #[values(Broker::Redis, Broker::Amqp)] broker: Broker,
) {
    let world = World::on(broker).await;
    let go_on = Arc::new(Notify::new());
    let gate = Arc::clone(&go_on);
    let handler = move |_: Note, job: JobContext| {
        let gate = Arc::clone(&gate);
        async move {
            job.progress(0.25);
            gate.notified().await;
            Ok(())
        }
    };
    let worker = Worker::start(world.consumer(4).await.handle(handler));
    let id = world.enqueue("half").await;
    let job = eventually(crate::world::DEADLINE, || async {
        Some(world.find(id).await).filter(|job| job.progress > 0.0)
    })
    .await;
    assert_eq!((job.state, job.progress), (State::Running, 0.25));
    go_on.notify_one();
    let job = world.wait_for(id, State::Succeeded).await;
    assert_eq!((job.attempts, job.progress), (1, 1.0));
    worker.end().await;
    world.end().await;
}

/// A note of the next release, which reads those of this one as well.
#[derive(Serialize, Deserialize)]
struct NextNote {
    lines: Vec<String>,
}

impl Payload for NextNote {
    const KIND: &'static str = Note::KIND;
    const VERSION: u16 = Note::VERSION + 1;
    const QUEUE: &'static str = Note::QUEUE;
    const TIME_LIMIT: Duration = Note::TIME_LIMIT;

    fn decode(version: u16, body: &[u8]) -> Result<Self, UnreadablePayload> {
        if version == Note::VERSION {
            let lines = vec![Note::decode(version, body)?.text];
            return Ok(Self { lines });
        }
        Ok(serde_json::from_slice(body)?)
    }
}

#[rstest]
#[tokio::test]
async fn a_job_of_the_previous_release_is_done_by_the_next_one(
    #[values(Broker::Redis, Broker::Amqp)] broker: Broker,
) {
    let world = World::on(broker).await;
    let old = world.enqueue("old").await;
    let new = NextNote {
        lines: vec!["new".into(), "lines".into()],
    };
    let new = world.store.enqueue(NewJob::new(&new).unwrap()).await;
    let seen = world.seen.clone();
    let handler = move |note: NextNote, _: JobContext| {
        seen.add(note.lines.join(" "));
        ready(Ok::<(), JobError>(()))
    };
    let worker = Worker::start(world.consumer(1).await.handle(handler));
    for id in [old, new.unwrap().id()] {
        world.wait_for(id, State::Succeeded).await;
    }
    assert_eq!(world.seen.all(), ["old", "new lines"]);
    worker.end().await;
    world.end().await;
}

#[tokio::test]
async fn what_a_job_gave_goes_before_its_record() {
    let world = World::on(Broker::Redis).await;
    let handler = |_: Note, job: JobContext| {
        job.give(json!({"words": 1}));
        ready(Ok(()))
    };
    let worker = Worker::start(world.consumer(4).await.handle(handler));
    let waits = note("later").after(Duration::from_hours(1));
    let waits = world.store.enqueue(waits).await.unwrap().id();
    let id = world.enqueue("now").await;
    let job = world.wait_for(id, State::Succeeded).await;
    assert_eq!(job.result, Some(json!({"words": 1})));
    worker.end().await;
    sqlx::query(
        "UPDATE queue_jobs SET finished_at = finished_at - interval '2 hours' WHERE id = $1",
    )
    .bind(id)
    .execute(world.store.pool())
    .await
    .unwrap();
    let look = |hours: u64| {
        let settings = RetentionSettings {
            results: Duration::from_hours(1),
            records: Duration::from_hours(hours),
        };
        let stop = CancellationToken::new();
        let retention = Retention::new(world.store.clone(), settings).run(stop.clone());
        (tokio::spawn(retention), stop.drop_guard())
    };
    let (_, _guard) = look(3);
    eventually(crate::world::DEADLINE, || async {
        world.find(id).await.result.is_none().then_some(())
    })
    .await;
    let (_, _guard) = look(1);
    eventually(crate::world::DEADLINE, || async {
        let found = world.store.find(id).await.unwrap();
        found.is_none().then_some(())
    })
    .await;
    assert_eq!(world.find(waits).await.state, State::Scheduled);
    world.end().await;
}

/// A chord may wait for one of its jobs for weeks.
#[tokio::test]
async fn what_others_still_wait_for_is_kept() {
    let world = World::on(Broker::Redis).await;
    let flow = [note("first"), note("second")];
    let jobs = flow.each_ref().map(NewJob::id);
    let flow = Flow::chain(flow.into());
    world.store.enqueue_flow(flow).await.unwrap();
    let ended = "UPDATE queue_jobs SET state = 'succeeded', result = '1', finished_at = now() - interval '1 day' WHERE id = $1";
    let end = async |id| {
        let ended = sqlx::query(ended).bind(id);
        ended.execute(world.store.pool()).await.unwrap();
    };
    let remove = async || {
        let age = Duration::from_hours(1);
        let results = world.store.remove_results(age).await.unwrap();
        (results, world.store.remove_ended(age).await.unwrap())
    };
    end(jobs[0]).await;
    assert_eq!(remove().await, (0, 0));
    end(jobs[1]).await;
    assert_eq!(remove().await, (2, 2));
    world.end().await;
}
