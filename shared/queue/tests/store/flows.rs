//! Jobs that wait for each other.

use crate::world::{Broker, Note, Worker, World, note};
use rstest::rstest;
use serde_json::json;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use stoa_contracts::{Coded as _, ErrorCode};
use stoa_queue::store::{Flow, JobFilter, NewJob, State};
use stoa_queue::{JobContext, JobError};
use tokio::sync::Barrier;

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
async fn those_of_a_group_wait_for_none_of_the_others(
    #[values(Broker::Redis, Broker::Amqp)] broker: Broker,
) {
    let world = World::on(broker).await;
    let all = Arc::new(Barrier::new(3));
    let seen = world.seen.clone();
    let handler = move |note: Note, _: JobContext| {
        let (all, seen) = (Arc::clone(&all), seen.clone());
        async move {
            all.wait().await;
            seen.add(note.text);
            Ok(())
        }
    };
    let worker = Worker::start(world.consumer(4).await.handle(handler));
    let group = Flow::group(vec![note("a"), note("b"), note("c")]);
    let filter = JobFilter {
        flow: Some(group.id()),
        ..JobFilter::default()
    };
    world.store.enqueue_flow(group).await.unwrap();
    let mut ended = world.seen.wait_for(3).await;
    ended.sort_unstable();
    assert_eq!(ended, ["a", "b", "c"]);
    let found = world.store.list(&filter, 10).await.unwrap();
    assert_eq!(found.len(), 3);
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

/// To which "bad" jobs are bad until they are mended; notes the others.
fn handler(
    world: &World,
    is_mended: &Arc<AtomicBool>,
) -> impl Fn(Note, JobContext) -> Ready<Result<(), JobError>> + Send + Sync + 'static {
    let (is_mended, seen) = (Arc::clone(is_mended), world.seen.clone());
    move |note, _| {
        if note.text.starts_with("bad") && !is_mended.load(Ordering::SeqCst) {
            return ready(Err(JobError::fail("no")));
        }
        seen.add(note.text);
        ready(Ok(()))
    }
}

#[rstest]
#[tokio::test]
async fn a_chain_whose_first_is_replayed_goes_on_in_its_order(
    #[values(Broker::Redis, Broker::Amqp)] broker: Broker,
) {
    let world = World::on(broker).await;
    let is_mended = Arc::default();
    let handler = handler(&world, &is_mended);
    let worker = Worker::start(world.consumer(4).await.handle(handler));
    let jobs = ["bad", "second", "third"].map(note);
    let ids = jobs.each_ref().map(NewJob::id);
    world
        .store
        .enqueue_flow(Flow::chain(jobs.to_vec()))
        .await
        .unwrap();
    world.wait_for(ids[2], State::Cancelled).await;
    is_mended.store(true, Ordering::SeqCst);
    // What waits for another does not start by itself, whoever asks for it.
    let all = JobFilter::default();
    assert_eq!(world.store.replay(&all, Some(&ids[1..])).await.unwrap(), 0);
    assert_eq!(world.store.replay(&all, None).await.unwrap(), 1);
    world.wait_for(ids[2], State::Succeeded).await;
    assert_eq!(world.seen.all(), ["bad", "second", "third"]);
    worker.end().await;
    world.end().await;
}

#[rstest]
#[tokio::test]
async fn a_chord_waits_for_all_that_have_failed_to_be_replayed(
    #[values(Broker::Redis, Broker::Amqp)] broker: Broker,
) {
    let world = World::on(broker).await;
    let is_mended = Arc::default();
    let handler = handler(&world, &is_mended);
    let worker = Worker::start(world.consumer(4).await.handle(handler));
    let (parts, last) = (["good", "bad one", "bad other"].map(note), note("last"));
    let (ids, end) = (parts.each_ref().map(NewJob::id), last.id());
    let chord = Flow::chord(parts.to_vec(), last);
    world.store.enqueue_flow(chord).await.unwrap();
    for (id, state) in ids
        .into_iter()
        .zip([State::Succeeded, State::Failed, State::Failed])
    {
        world.wait_for(id, state).await;
    }
    world.wait_for(end, State::Cancelled).await;
    is_mended.store(true, Ordering::SeqCst);
    let all = JobFilter::default();
    assert_eq!(world.store.replay(&all, Some(&ids[1..2])).await.unwrap(), 1);
    world.wait_for(ids[1], State::Succeeded).await;
    assert_eq!(world.find(end).await.state, State::Cancelled);
    assert_eq!(world.store.replay(&all, Some(&ids[2..])).await.unwrap(), 1);
    world.wait_for(end, State::Succeeded).await;
    assert_eq!(world.seen.all().last().map(String::as_str), Some("last"));
    worker.end().await;
    world.end().await;
}

#[tokio::test]
async fn a_flow_that_would_wait_for_a_job_of_another_is_refused_with_its_key() {
    let world = World::on(Broker::Redis).await;
    let holds = note("holds").unique("key");
    let held = holds.id();
    world.store.enqueue(holds).await.unwrap();
    let flows = [
        Flow::chain(vec![note("first").unique("key"), note("second")]),
        Flow::chord(vec![note("part")], note("last").unique("key")),
        Flow::chain(vec![note("a").unique("own"), note("b").unique("own")]),
    ];
    for (flow, taken) in flows.into_iter().zip(["key", "key", "own"]) {
        let error = world.store.enqueue_flow(flow).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::Conflict);
        assert!(error.to_string().contains(&format!("`{taken}`")), "{error}");
    }
    // Of jobs that nobody waits for, the one that is there stands for the other; and the same job is no other.
    let group = Flow::group(vec![note("first").unique("key"), note("second")]);
    world.store.enqueue_flow(group).await.unwrap();
    let again = note("holds").with_id(held).unique("key");
    let chain = Flow::chain(vec![again, note("after")]);
    world.store.enqueue_flow(chain).await.unwrap();
    let all = JobFilter::default();
    let mut others = world.store.list(&all, 10).await.unwrap();
    others.retain(|job| job.id != held);
    assert_eq!(others.len(), 2, "nothing is there of what was refused");
    world.end().await;
}
