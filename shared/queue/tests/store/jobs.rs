//! One job, from its enqueuing to its end.

use crate::broker::{connect, consumer_settings};
use crate::world::{Broker, DEADLINE, Note, Worker, World, note, noting};
use rstest::rstest;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::error::Error;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use stoa_queue::store::{Enqueued, State};
use stoa_queue::{
    Backoff, Consumer, ConsumerSettings, DeadReason, Enqueue, JobContext, JobError, Observer,
    Outcome, Payload, Stop,
};
use stoa_testing::eventually;
use time::OffsetDateTime;

#[rstest]
#[tokio::test]
async fn runs_once_and_its_record_says_everything(
    #[values(Broker::Redis, Broker::Amqp)] broker: Broker,
) {
    let world = World::on(broker).await;
    let seen = world.seen.clone();
    let handler = move |note: Note, job: JobContext| {
        seen.add(note.text);
        job.progress(0.5);
        job.give(json!({"words": 1}));
        std::future::ready(Ok(()))
    };
    let worker = crate::world::Worker::start(world.consumer(4).await.handle(handler));
    let id = world.enqueue("hello").await;
    let job = world.wait_for(id, State::Succeeded).await;
    assert_eq!((job.attempts, job.progress), (1, 1.0));
    assert_eq!(job.result, Some(json!({"words": 1})));
    assert!(job.started_at.is_some() && job.finished_at >= job.started_at);
    assert!(world.store.attempts(id).await.unwrap().is_empty());
    assert_eq!(world.seen.all(), ["hello"]);
    worker.end().await;
    world.end().await;
}

#[rstest]
#[tokio::test]
async fn is_there_if_the_transaction_is(#[values(Broker::Redis, Broker::Amqp)] broker: Broker) {
    let world = World::on(broker).await;
    let mut transaction = world.store.pool().begin().await.unwrap();
    let enqueued = world
        .store
        .enqueue_in(&mut transaction, vec![note("undone")])
        .await;
    let undone = enqueued.unwrap()[0].id();
    transaction.rollback().await.unwrap();
    let mut transaction = world.store.pool().begin().await.unwrap();
    world
        .store
        .enqueue_in(&mut transaction, vec![note("done")])
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    let worker = world.worker(4).await;
    assert_eq!(world.seen.wait_for(1).await, ["done"]);
    assert!(world.store.find(undone).await.unwrap().is_none());
    worker.end().await;
    world.end().await;
}

#[rstest]
#[tokio::test]
async fn waits_for_its_delay_and_for_its_moment(
    #[values(Broker::Redis, Broker::Amqp)] broker: Broker,
) {
    let world = World::on(broker).await;
    let worker = world.worker(4).await;
    // The dispatcher is at work from here on.
    world.enqueue("first").await;
    world.seen.wait_for(1).await;
    let begun = Instant::now();
    let moment = OffsetDateTime::now_utc() + Duration::from_secs(2);
    let later = [
        note("delayed").after(Duration::from_secs(1)),
        note("at").at(moment),
    ];
    world.store.enqueue_many(later.to_vec()).await.unwrap();
    world.enqueue("now").await;
    let all = ["first", "now", "delayed", "at"];
    assert_eq!(world.seen.wait_for(4).await, all);
    assert!(begun.elapsed() >= Duration::from_millis(1900));
    worker.end().await;
    world.end().await;
}

#[rstest]
#[tokio::test]
async fn is_unique_until_it_has_ended(#[values(Broker::Redis, Broker::Amqp)] broker: Broker) {
    let world = World::on(broker).await;
    let first = world
        .store
        .enqueue(note("one").unique("key"))
        .await
        .unwrap();
    let second = world
        .store
        .enqueue(note("two").unique("key"))
        .await
        .unwrap();
    assert_eq!(second, Enqueued::Existing(first.id()));
    let again = world
        .store
        .enqueue(note("one").with_id(first.id()))
        .await
        .unwrap();
    assert_eq!(again, Enqueued::Existing(first.id()));
    let worker = world.worker(4).await;
    world.wait_for(first.id(), State::Succeeded).await;
    let third = world
        .store
        .enqueue(note("three").unique("key"))
        .await
        .unwrap();
    assert!(matches!(third, Enqueued::New(_)));
    world.wait_for(third.id(), State::Succeeded).await;
    assert_eq!(world.seen.all(), ["one", "three"]);
    worker.end().await;
    world.end().await;
}

#[rstest]
#[tokio::test]
async fn comes_again_until_its_attempts_are_spent_and_each_is_recorded(
    #[values(Broker::Redis, Broker::Amqp)] broker: Broker,
) {
    let world = World::on(broker).await;
    let seen = world.seen.clone();
    let handler = move |_: Note, job: JobContext| {
        seen.add(job.envelope.attempt.to_string());
        std::future::ready(Err(JobError::retry("busy")))
    };
    let worker = crate::world::Worker::start(world.consumer(4).await.handle(handler));
    let id = world.enqueue("job").await;
    let job = world.wait_for(id, State::Failed).await;
    assert_eq!(world.seen.all(), ["1", "2", "3"]);
    assert_eq!((job.attempts, job.error.as_deref()), (3, Some("busy")));
    let attempts = world.store.attempts(id).await.unwrap();
    let outcomes: Vec<_> = attempts
        .iter()
        .map(|a| (a.number, a.outcome.as_str()))
        .collect();
    assert_eq!(outcomes, [(1, "retried"), (2, "retried"), (3, "failed")]);
    worker.end().await;
    world.end().await;
}

#[rstest]
#[tokio::test]
async fn is_asked_to_end_at_its_soft_limit(#[values(Broker::Redis, Broker::Amqp)] broker: Broker) {
    let world = World::on(broker).await;
    let seen = world.seen.clone();
    let handler = move |_: Note, job: JobContext| {
        let seen = seen.clone();
        async move {
            let stop = job.stopped().await;
            seen.add(format!("{stop:?}"));
            match stop {
                Stop::SoftTimeLimit => Ok(()),
                Stop::Cancelled => Err(JobError::fail("not cancelled")),
            }
        }
    };
    let worker = crate::world::Worker::start(world.consumer(4).await.handle(handler));
    let id = world.enqueue("long").await;
    world.wait_for(id, State::Succeeded).await;
    assert_eq!(world.seen.all(), ["SoftTimeLimit"]);
    worker.end().await;
    world.end().await;
}

#[rstest]
#[tokio::test]
async fn of_a_producer_without_a_record_is_taken_into_it(
    #[values(Broker::Redis, Broker::Amqp)] broker: Broker,
) {
    let world = World::on(broker).await;
    let worker = world.worker(4).await;
    let past = Note {
        text: "past".into(),
    };
    let id = world
        .queue
        .enqueue(&past, Enqueue::default())
        .await
        .unwrap();
    let job = eventually(DEADLINE, || async {
        let job = world.store.find(id).await.unwrap()?;
        Some(job).filter(|job| job.state == State::Succeeded)
    })
    .await;
    assert_eq!((job.kind.as_str(), job.attempts), ("note", 1));
    worker.end().await;
    world.end().await;
}

/// PostgreSQL keeps no NUL.
#[derive(Debug, Serialize, Deserialize)]
struct Unrecordable {}

impl Payload for Unrecordable {
    const KIND: &'static str = "no\0te";
    const QUEUE: &'static str = "notes";
    const TIME_LIMIT: Duration = Duration::from_secs(10);
}

#[rstest]
#[tokio::test]
async fn of_which_no_record_can_be_kept_is_parked_and_holds_up_no_other(
    #[values(Broker::Redis, Broker::Amqp)] broker: Broker,
) {
    let world = World::on(broker).await;
    for _ in 0..3 {
        let bad = world.queue.enqueue(&Unrecordable {}, Enqueue::default());
        bad.await.unwrap();
    }
    let good = Note {
        text: "good".into(),
    };
    let good = world.queue.enqueue(&good, Enqueue::default());
    good.await.unwrap();
    let worker = world.worker(4).await;
    assert_eq!(world.seen.wait_for(1).await, ["good"]);
    let parked = eventually(DEADLINE, || async {
        let parked = world.queue.dead_letters("notes", 10).await.unwrap();
        Some(parked).filter(|parked| parked.len() == 3)
    })
    .await;
    for letter in parked {
        assert_eq!(letter.reason, DeadReason::Unreadable);
        assert!(
            letter.error.contains("no record can hold it"),
            "{}",
            letter.error
        );
    }
    worker.end().await;
    world.end().await;
}

type Told<'a> = Pin<Box<dyn Future<Output = Result<(), Box<dyn Error + Send + Sync>>> + Send + 'a>>;

/// Cannot write down the first end of which it is told.
#[derive(Default)]
struct Forgetful {
    has_failed: AtomicBool,
}

impl Observer for Forgetful {
    fn started<'a>(&'a self, _: &'a JobContext) -> Told<'a> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn ended<'a>(&'a self, _: &'a JobContext, _: &'a Outcome) -> Told<'a> {
        let is_first = !self.has_failed.swap(true, Ordering::Relaxed);
        let ended = if is_first {
            Err("no record".into())
        } else {
            Ok(())
        };
        Box::pin(std::future::ready(ended))
    }
}

/// It would stand in the record as one that runs, for as long as its worker lives.
#[rstest]
#[tokio::test]
async fn a_job_whose_end_could_not_be_observed_runs_nowhere(
    #[values(Broker::Redis, Broker::Amqp)] broker: Broker,
) {
    let world = World::on(broker).await;
    let hour = Duration::from_hours(1);
    let settings = ConsumerSettings {
        // The copy that goes back to the broker does not come in time.
        backoff: Backoff {
            base: hour,
            cap: hour,
        },
        ..consumer_settings()
    };
    let consumer = Consumer::new(connect(&world.settings).await, settings)
        .with_store(world.store.clone())
        .observe(Forgetful::default())
        .handle(noting(world.seen.clone()));
    let worker = Worker::start(consumer);
    let id = world.enqueue("job").await;
    world.seen.wait_for(1).await;
    let long_ago = "UPDATE queue_jobs SET started_at = clock_timestamp() - interval '30 seconds'";
    let pool = world.store.pool();
    sqlx::query(long_ago).execute(pool).await.unwrap();
    world.wait_for(id, State::Succeeded).await;
    assert_eq!(world.seen.all(), ["job", "job"]);
    worker.end().await;
    world.end().await;
}
