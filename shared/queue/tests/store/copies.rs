//! The same job twice on the broker: a sender or a worker that is cut off sends again what has arrived.

use crate::world::{Broker, Note, Worker, World};
use rstest::rstest;
use stoa_queue::store::State;
use stoa_queue::{Enqueue, JobContext, JobError};
use uuid::Uuid;

/// More than one fits into a read.
const COPIES: usize = 4;

#[rstest]
#[tokio::test]
async fn copies_that_arrive_together_are_one_attempt_with_one_effect(
    #[values(Broker::Redis, Broker::Amqp)] broker: Broker,
) {
    let world = World::with_effects(broker).await;
    let id = Uuid::now_v7();
    for _ in 0..COPIES {
        let text = "job".to_owned();
        let copy = Enqueue::default().with_id(id);
        world.queue.enqueue(&Note { text }, copy).await.unwrap();
    }
    let seen = world.seen.clone();
    let handler = move |note: Note, job: JobContext| {
        seen.add(note.text);
        async move {
            let id = job.envelope.id;
            let effect = job.complete_with(move |transaction| {
                Box::pin(async move {
                    let insert = sqlx::query("INSERT INTO effects VALUES ($1)").bind(id);
                    insert.execute(transaction).await?;
                    Ok(())
                })
            });
            effect.await.map_err(JobError::retry)
        }
    };
    let worker = Worker::start(world.consumer(2 * COPIES).await.handle(handler));
    world.seen.wait_for(1).await;
    let job = world.wait_for(id, State::Succeeded).await;
    worker.end().await;
    assert_eq!(world.seen.all(), ["job"]);
    assert_eq!(job.attempts, 1);
    let effects: i64 = sqlx::query_scalar("SELECT count(*) FROM effects")
        .fetch_one(world.store.pool())
        .await
        .unwrap();
    assert_eq!(effects, 1);
    let depth = world.queue.depth("notes").await.unwrap();
    assert_eq!(depth.ready, 0, "the others are taken away");
    world.end().await;
}
