//! Jobs that wait for each other.

use crate::world::{Broker, Note, Worker, World, note};
use rstest::rstest;
use serde_json::json;
use stoa_queue::store::{Flow, JobFilter, State};
use stoa_queue::{JobContext, JobError};

#[rstest]
#[tokio::test]
async fn a_chain_goes_one_after_the_other(#[values(Broker::Redis, Broker::Amqp)] broker: Broker) {
    let world = World::on(broker).await;
    let worker = world.worker(4).await;
    let chain = Flow::chain(vec![note("a"), note("b"), note("c")]);
    world.store.enqueue_flow(chain).await.unwrap();
    assert_eq!(world.seen.wait_for(3).await, ["a", "b", "c"]);
    worker.end().await;
    world.end().await;
}

#[rstest]
#[tokio::test]
async fn a_chord_ends_with_one_that_has_the_results_of_all(
    #[values(Broker::Redis, Broker::Amqp)] broker: Broker,
) {
    let world = World::on(broker).await;
    let (seen, store) = (world.seen.clone(), world.store.clone());
    let handler = move |note: Note, job: JobContext| {
        let (seen, store) = (seen.clone(), store.clone());
        async move {
            if note.text == "sum" {
                let before = store.results_before(job.envelope.id).await;
                let before = before.map_err(JobError::retry)?;
                let sum: i64 = before
                    .iter()
                    .filter_map(|(_, given)| given.as_ref()?.as_i64())
                    .sum();
                seen.add(sum.to_string());
            } else {
                job.give(json!(note.text.len()));
            }
            Ok(())
        }
    };
    let worker = Worker::start(world.consumer(4).await.handle(handler));
    let many = (1..=20).map(|length| note(&"x".repeat(length))).collect();
    world
        .store
        .enqueue_flow(Flow::chord(many, note("sum")))
        .await
        .unwrap();
    assert_eq!(world.seen.wait_for(1).await, ["210"]);
    worker.end().await;
    world.end().await;
}

#[rstest]
#[tokio::test]
async fn what_waits_for_a_job_that_fails_is_cancelled(
    #[values(Broker::Redis, Broker::Amqp)] broker: Broker,
) {
    let world = World::on(broker).await;
    let handler = |note: Note, _: JobContext| {
        std::future::ready(match note.text.as_str() {
            "bad" => Err(JobError::fail("no")),
            _ => Ok(()),
        })
    };
    let worker = Worker::start(world.consumer(4).await.handle(handler));
    let jobs = ["good", "bad", "never", "nor this"].map(note);
    let last = jobs[3].id();
    let chain = Flow::chain(jobs.to_vec());
    let flow = chain.id();
    world.store.enqueue_flow(chain).await.unwrap();
    world.wait_for(last, State::Cancelled).await;
    let filter = JobFilter {
        flow: Some(flow),
        ..JobFilter::default()
    };
    let jobs = world.store.list(&filter, 10).await.unwrap();
    let states: Vec<_> = jobs.iter().rev().map(|job| job.state).collect();
    let expected = [
        State::Succeeded,
        State::Failed,
        State::Cancelled,
        State::Cancelled,
    ];
    assert_eq!(states, expected);
    worker.end().await;
    world.end().await;
}
