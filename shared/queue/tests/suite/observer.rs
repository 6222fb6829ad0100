//! A record of every attempt.

use crate::world::{Broker, DEADLINE, Note, Seen, Worker, World};
use rstest::rstest;
use std::error::Error;
use std::future::ready;
use std::pin::Pin;
use stoa_queue::{JobContext, JobError, Observer, Outcome};
use stoa_testing::eventually;

type Told<'a> = Pin<Box<dyn Future<Output = Result<(), Box<dyn Error + Send + Sync>>> + Send + 'a>>;

/// Writes down what it is told; the first `failures` ends cannot be written.
struct Chronicle {
    seen: Seen,
    failures: usize,
}

impl Observer for Chronicle {
    fn started<'a>(&'a self, job: &'a JobContext) -> Told<'a> {
        self.seen.add(format!("started {}", job.envelope.attempt));
        Box::pin(ready(Ok(())))
    }

    fn ended<'a>(&'a self, _: &'a JobContext, outcome: &'a Outcome) -> Told<'a> {
        let word = match outcome {
            Outcome::Succeeded => "succeeded",
            Outcome::Retried { .. } => "retried",
            Outcome::Dead { .. } => "dead",
            Outcome::Cancelled => "cancelled",
            Outcome::Released => "released",
        };
        let ends = self
            .seen
            .all()
            .iter()
            .filter(|seen| !seen.starts_with("started"))
            .count();
        self.seen.add(word);
        Box::pin(ready(if ends < self.failures {
            Err("no record".into())
        } else {
            Ok(())
        }))
    }
}

#[rstest]
#[tokio::test]
async fn is_told_of_every_attempt_and_its_end(
    #[values(Broker::Redis, Broker::Amqp)] broker: Broker,
) {
    let world = World::on(broker).await;
    let seen = Seen::default();
    let consumer = world.consumer().await.observe(Chronicle {
        seen: seen.clone(),
        failures: 0,
    });
    let worker = Worker::start(consumer.handle(|_: Note, job: JobContext| {
        ready(if job.envelope.attempt == 1 {
            Err(JobError::retry("once"))
        } else {
            Ok(())
        })
    }));
    world.enqueue("job").await;
    assert_eq!(
        seen.wait_for(4).await,
        ["started 1", "retried", "started 2", "succeeded"]
    );
    worker.end().await;
    world.end().await;
}

#[rstest]
#[tokio::test]
async fn a_job_never_ends_without_its_record(
    #[values(Broker::Redis, Broker::Amqp)] broker: Broker,
) {
    let world = World::on(broker).await;
    let seen = Seen::default();
    let consumer = world.consumer().await.observe(Chronicle {
        seen: seen.clone(),
        failures: 2,
    });
    let worker = Worker::start(
        consumer.handle(|_: Note, _: JobContext| ready(Err(JobError::fail("never")))),
    );
    world.enqueue("job").await;
    eventually(DEADLINE, || async {
        let letters = world.queue.dead_letters("notes", 10).await.unwrap();
        (letters.len() == 1).then_some(())
    })
    .await;
    worker.end().await;
    // The attempt does not count that could not be recorded.
    assert_eq!(
        seen.all(),
        [
            "started 1",
            "dead",
            "started 1",
            "dead",
            "started 1",
            "dead"
        ]
    );
    world.end().await;
}
