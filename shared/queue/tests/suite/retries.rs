//! The job decides what a failure means.

use crate::world::{Broker, DEADLINE, Note, Seen, Worker, World};
use rstest::rstest;
use stoa_queue::{DeadReason, JobContext, JobError};
use stoa_testing::eventually;

#[rstest]
#[tokio::test]
async fn retries_with_backoff_until_it_succeeds(
    #[values(Broker::Redis, Broker::Amqp)] broker: Broker,
) {
    let world = World::on(broker).await;
    let seen = Seen::default();
    let tried = seen.clone();
    let worker = world
        .consumer()
        .await
        .handle(move |_: Note, job: JobContext| {
            tried.add(job.envelope.attempt.to_string());
            let done = job.envelope.attempt == 3;
            std::future::ready(if done {
                Ok(())
            } else {
                Err(JobError::retry("not yet"))
            })
        });
    let worker = Worker::start(worker);
    world.enqueue("job").await;
    assert_eq!(seen.wait_for(3).await, ["1", "2", "3"]);
    worker.end().await;
    assert_eq!(world.queue.dead_letters("notes", 10).await.unwrap(), []);
    world.end().await;
}

#[rstest]
#[tokio::test]
async fn parks_a_job_that_has_failed_too_often(
    #[values(Broker::Redis, Broker::Amqp)] broker: Broker,
) {
    let world = World::on(broker).await;
    let seen = Seen::default();
    let tried = seen.clone();
    let worker = world
        .consumer()
        .await
        .handle(move |_: Note, job: JobContext| {
            tried.add(job.envelope.attempt.to_string());
            std::future::ready(Err(JobError::retry("the api is away")))
        });
    let worker = Worker::start(worker);
    let id = world.enqueue("job").await;
    let letter = eventually(DEADLINE, || async {
        world.queue.dead_letters("notes", 10).await.unwrap().pop()
    })
    .await;
    worker.end().await;
    assert_eq!(seen.all(), ["1", "2", "3"]);
    assert_eq!(letter.reason, DeadReason::Exhausted);
    assert_eq!(letter.error, "the api is away");
    assert_eq!(letter.envelope.unwrap().id, id);
    world.end().await;
}

#[rstest]
#[tokio::test]
async fn never_repeats_a_job_that_cannot_succeed(
    #[values(Broker::Redis, Broker::Amqp)] broker: Broker,
) {
    let world = World::on(broker).await;
    let seen = Seen::default();
    let tried = seen.clone();
    let worker = world
        .consumer()
        .await
        .handle(move |note: Note, _: JobContext| {
            tried.add(note.text);
            std::future::ready(Err(JobError::fail("there is no such assistant")))
        });
    let worker = Worker::start(worker);
    world.enqueue("job").await;
    let letter = eventually(DEADLINE, || async {
        world.queue.dead_letters("notes", 10).await.unwrap().pop()
    })
    .await;
    worker.end().await;
    assert_eq!((letter.reason, seen.all().len()), (DeadReason::Failed, 1));
    world.end().await;
}

#[rstest]
#[tokio::test]
async fn a_panic_is_a_failed_attempt(#[values(Broker::Redis, Broker::Amqp)] broker: Broker) {
    let world = World::on(broker).await;
    let seen = Seen::default();
    let tried = seen.clone();
    let worker = world
        .consumer()
        .await
        .handle(move |_: Note, job: JobContext| {
            let seen = tried.clone();
            async move {
                seen.add(job.envelope.attempt.to_string());
                assert!(job.envelope.attempt > 1, "the first attempt breaks");
                Ok(())
            }
        });
    let worker = Worker::start(worker);
    world.enqueue("job").await;
    assert_eq!(seen.wait_for(2).await, ["1", "2"]);
    worker.end().await;
    world.end().await;
}

/// The part of a handler that runs before its first wait may panic as well.
#[rstest]
#[tokio::test]
async fn a_panic_before_the_work_is_a_failed_attempt(
    #[values(Broker::Redis, Broker::Amqp)] broker: Broker,
) {
    let world = World::on(broker).await;
    let seen = Seen::default();
    let tried = seen.clone();
    let consumer = world.consumer().await;
    let worker = Worker::start(consumer.handle(move |_: Note, job: JobContext| {
        tried.add(job.envelope.attempt.to_string());
        assert!(job.envelope.attempt > 1, "the first attempt breaks");
        std::future::ready(Ok(()))
    }));
    world.enqueue("job").await;
    assert_eq!(seen.wait_for(2).await, ["1", "2"]);
    worker.end().await;
    world.end().await;
}
