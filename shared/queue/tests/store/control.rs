//! What an operator does.

use crate::world::{Broker, Note, Worker, World, note};
use rstest::rstest;
use sqlx::postgres::PgPoolOptions;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use stoa_queue::store::{CancelOutcome, JobFilter, State, Store};
use stoa_queue::{JobContext, JobError};
use uuid::Uuid;

#[rstest]
#[tokio::test]
async fn a_job_that_waits_is_cancelled_and_never_runs(
    #[values(Broker::Redis, Broker::Amqp)] broker: Broker,
) {
    let world = World::on(broker).await;
    let id = world.enqueue("cancelled").await;
    let cancelled = world.store.cancel(id).await.unwrap();
    assert_eq!(cancelled, Some(CancelOutcome::Cancelled));
    let worker = world.worker(4).await;
    world.enqueue("other").await;
    assert_eq!(world.seen.wait_for(1).await, ["other"]);
    assert_eq!(world.find(id).await.state, State::Cancelled);
    let again = world.store.cancel(id).await.unwrap();
    assert_eq!(again, Some(CancelOutcome::Ended(State::Cancelled)));
    assert_eq!(world.store.cancel(Uuid::new_v4()).await.unwrap(), None);
    worker.end().await;
    world.end().await;
}

#[rstest]
#[tokio::test]
async fn a_job_that_runs_is_told_that_it_is_cancelled(
    #[values(Broker::Redis, Broker::Amqp)] broker: Broker,
) {
    let world = World::on(broker).await;
    let seen = world.seen.clone();
    let handler = move |_: Note, job: JobContext| {
        let seen = seen.clone();
        async move {
            seen.add("started");
            job.cancelled().await;
            seen.add("stopped");
            Err(JobError::retry("stopped in the middle"))
        }
    };
    let worker = Worker::start(world.consumer(4).await.handle(handler));
    let id = world.enqueue("job").await;
    world.seen.wait_for(1).await;
    let cancelled = world.store.cancel(id).await.unwrap();
    assert_eq!(cancelled, Some(CancelOutcome::Requested));
    world.wait_for(id, State::Cancelled).await;
    assert_eq!(world.seen.all(), ["started", "stopped"]);
    worker.end().await;
    world.end().await;
}

/// Its time is over, it tidies up, and meanwhile somebody cancels it.
#[rstest]
#[tokio::test]
async fn a_job_whose_time_is_over_can_still_be_cancelled(
    #[values(Broker::Redis, Broker::Amqp)] broker: Broker,
) {
    let world = World::on(broker).await;
    let seen = world.seen.clone();
    let handler = move |_: Note, job: JobContext| {
        let seen = seen.clone();
        async move {
            seen.add(format!("{:?}", job.stopped().await));
            job.cancelled().await;
            Err(JobError::fail("it took too long"))
        }
    };
    let worker = Worker::start(world.consumer(4).await.handle(handler));
    let id = world.enqueue("job").await;
    assert_eq!(world.seen.wait_for(1).await, ["SoftTimeLimit"]);
    world.store.cancel(id).await.unwrap();
    world.wait_for(id, State::Cancelled).await;
    worker.end().await;
    world.end().await;
}

/// They all ended, so none stood in another's way.
#[tokio::test]
async fn of_several_ended_jobs_with_one_key_the_oldest_starts_anew() {
    let world = World::on(Broker::Redis).await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        let enqueued = world.store.enqueue(note("job").unique("key")).await;
        ids.push(enqueued.unwrap().id());
        let fail =
            "UPDATE queue_jobs SET state = 'failed', finished_at = now() WHERE state = 'queued'";
        let failed = sqlx::query(fail).execute(world.store.pool()).await;
        assert_eq!(failed.unwrap().rows_affected(), 1);
    }
    let other = world.enqueue("other").await;
    world.store.cancel(other).await.unwrap();
    let replayed = world.store.replay(&JobFilter::default(), None).await;
    assert_eq!(replayed.unwrap(), 2);
    let mut states = Vec::new();
    for id in [ids[0], ids[1], ids[2], other] {
        states.push(world.find(id).await.state);
    }
    let (queued, failed) = (State::Queued, State::Failed);
    assert_eq!(states, [queued, failed, failed, queued]);
    world.end().await;
}

/// The attempt ends before its worker hears of the cancellation.
#[rstest]
#[tokio::test]
async fn a_job_that_is_cancelled_and_fails_at_once_does_not_come_again(
    #[values(Broker::Redis, Broker::Amqp)] broker: Broker,
) {
    let world = World::on(broker).await;
    let (seen, store) = (world.seen.clone(), world.store.clone());
    let handler = move |_: Note, job: JobContext| {
        let (seen, store) = (seen.clone(), store.clone());
        async move {
            seen.add("started");
            let cancelled = store.cancel(job.envelope.id).await;
            let cancelled = cancelled.map_err(JobError::retry)?;
            assert_eq!(cancelled, Some(CancelOutcome::Requested));
            Err(JobError::retry_after(Duration::from_hours(1), "not now"))
        }
    };
    let worker = Worker::start(world.consumer(4).await.handle(handler));
    let id = world.enqueue("job").await;
    let job = world.wait_for(id, State::Cancelled).await;
    assert_eq!(world.seen.all(), ["started"]);
    assert!(job.finished_at.is_some());
    worker.end().await;
    world.end().await;
}

#[rstest]
#[tokio::test]
async fn a_paused_queue_starts_nothing_until_it_is_resumed(
    #[values(Broker::Redis, Broker::Amqp)] broker: Broker,
) {
    let world = World::on(broker).await;
    world.store.pause("notes").await.unwrap();
    let worker = world.worker(4).await;
    let id = world.enqueue("later").await;
    let queues = world.store.queues(None).await.unwrap();
    assert!(queues["notes"].paused_at.is_some());
    assert_eq!(queues["notes"].counts, [(State::Queued, 1)].into());
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(world.find(id).await.state, State::Queued);
    world.store.resume("notes").await.unwrap();
    assert_eq!(world.seen.wait_for(1).await, ["later"]);
    worker.end().await;
    world.end().await;
}

#[rstest]
#[tokio::test]
async fn failed_jobs_are_replayed_together_and_by_name(
    #[values(Broker::Redis, Broker::Amqp)] broker: Broker,
) {
    let world = World::on(broker).await;
    let (is_mended, seen) = (Arc::new(AtomicBool::new(false)), world.seen.clone());
    let mended = is_mended.clone();
    let handler = move |note: Note, _: JobContext| {
        std::future::ready(if mended.load(Ordering::SeqCst) {
            seen.add(note.text);
            Ok(())
        } else {
            Err(JobError::fail("broken"))
        })
    };
    let worker = Worker::start(world.consumer(4).await.handle(handler));
    let mut ids = Vec::new();
    for text in ["a", "b", "c"] {
        ids.push(world.enqueue(text).await);
    }
    for id in &ids {
        world.wait_for(*id, State::Failed).await;
    }
    is_mended.store(true, Ordering::SeqCst);
    let all = JobFilter::default();
    assert_eq!(world.store.replay(&all, Some(&ids[..1])).await.unwrap(), 1);
    let job = world.wait_for(ids[0], State::Succeeded).await;
    assert_eq!((job.attempts, job.error), (1, None));
    let of_queue = JobFilter {
        queue: Some("notes".into()),
        ..all
    };
    assert_eq!(world.store.replay(&of_queue, None).await.unwrap(), 2);
    world.seen.wait_for(3).await;
    worker.end().await;
    world.end().await;
}

#[rstest]
#[tokio::test]
async fn jobs_are_listed_by_account_state_and_page(
    #[values(Broker::Redis, Broker::Amqp)] broker: Broker,
) {
    let world = World::on(broker).await;
    let account = Uuid::new_v4();
    let mut ids = Vec::new();
    for text in ["a", "b", "c"] {
        let job = note(text).for_account(account);
        ids.push(world.store.enqueue(job).await.unwrap().id());
    }
    world.enqueue("of another").await;
    let filter = JobFilter {
        account: Some(account),
        states: vec![State::Queued],
        ..JobFilter::default()
    };
    let page = world.store.list(&filter, 2).await.unwrap();
    let found: Vec<_> = page.iter().map(|job| job.id).collect();
    assert_eq!(found, [ids[2], ids[1]]);
    let next = JobFilter {
        before: Some(ids[1]),
        ..filter
    };
    let page = world.store.list(&next, 2).await.unwrap();
    assert_eq!(page.iter().map(|job| job.id).collect::<Vec<_>>(), [ids[0]]);
    world.end().await;
}

/// What has ended well is most of a record, and says nothing of how its queues are.
#[tokio::test]
async fn how_the_queues_are_is_told_without_reading_what_has_ended() {
    let world = World::on(Broker::Redis).await;
    world.enqueue("waits").await;
    let store = of_one_connection(&world).await;
    have_ended(&store, "gen_random_uuid()").await;
    let before = rows_read(&store).await;
    let queues = store.queues(None).await.unwrap();
    assert_eq!(queues["notes"].counts, [(State::Queued, 1)].into());
    let read = rows_read(&store).await.0 - before.0;
    assert_eq!(read, 0, "rows were read one after the other");
    world.end().await;
}

#[tokio::test]
async fn what_has_failed_is_listed_without_reading_what_went_well() {
    let world = World::on(Broker::Redis).await;
    let account = Uuid::new_v4();
    let job = world.store.enqueue(note("breaks").for_account(account));
    let id = job.await.unwrap().id();
    let store = of_one_connection(&world).await;
    let fails = sqlx::query("UPDATE queue_jobs SET state = 'failed', finished_at = now()");
    fails.execute(store.pool()).await.unwrap();
    have_ended(&store, &format!("'{account}'")).await;
    let before = rows_read(&store).await;
    for account in [Some(account), None] {
        let failed = JobFilter {
            account,
            states: vec![State::Failed],
            ..JobFilter::default()
        };
        let page = store.list(&failed, 20).await.unwrap();
        assert_eq!(page.iter().map(|job| job.id).collect::<Vec<_>>(), [id]);
    }
    let read = rows_read(&store).await;
    let read = (read.0 - before.0, read.1 - before.1);
    assert!(read.0 == 0 && read.1 <= 2, "{read:?} rows were read");
    world.end().await;
}

#[tokio::test]
async fn what_has_not_ended_is_listed_without_reading_what_went_well() {
    let world = World::on(Broker::Redis).await;
    let store = of_one_connection(&world).await;
    let account = Uuid::new_v4();
    for state in State::ALL.into_iter().filter(|state| !state.is_end()) {
        let job = note(state.as_str()).for_account(account);
        let id = world.store.enqueue(job).await.unwrap().id();
        let set = sqlx::query("UPDATE queue_jobs SET state = $2 WHERE id = $1");
        let set = set.bind(id).bind(state.as_str());
        set.execute(store.pool()).await.unwrap();
    }
    have_ended(&store, &format!("'{account}'")).await;
    let before = rows_read(&store).await;
    for states in [
        vec![State::Running],
        vec![State::Sent, State::Queued],
        vec![State::Scheduled, State::Waiting],
        vec![State::Sent, State::Queued, State::Scheduled],
    ] {
        let filter = JobFilter {
            account: Some(account),
            states: states.clone(),
            ..JobFilter::default()
        };
        let page = store.list(&filter, 20).await.unwrap();
        let found: Vec<_> = page.iter().map(|job| job.state).collect();
        assert_eq!(found, states, "the newest first");
    }
    let read = rows_read(&store).await;
    let read = (read.0 - before.0, read.1 - before.1);
    assert!(read.0 == 0 && read.1 <= 20, "{read:?} rows were read");
    world.end().await;
}

/// What it reads is counted by itself.
async fn of_one_connection(world: &World) -> Store {
    let pool = PgPoolOptions::new().max_connections(1);
    let pool = pool.connect_with((*world.store.pool().connect_options()).clone());
    Store::new(pool.await.expect("the record answers"))
}

/// Twenty thousand jobs that went well, of this account.
async fn have_ended(store: &Store, account: &str) {
    let ended = format!(
        "INSERT INTO queue_jobs (id, queue, kind, version, account_id, priority, state, payload, trace, not_before,
                                 max_attempts, finished_at)
         SELECT gen_random_uuid(), 'notes', 'note', 1, {account}, 1, 'succeeded', '', '{{}}', now(), 1, now()
         FROM generate_series(1, 20000)"
    );
    for statement in [ended.as_str(), "VACUUM ANALYZE queue_jobs"] {
        let done = sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(store.pool());
        done.await.expect("the record answers");
    }
}

/// Rows of jobs that this connection has read: without an index, and through one.
async fn rows_read(store: &Store) -> (i64, i64) {
    let flush = "SELECT pg_stat_force_next_flush()";
    let flushed = sqlx::raw_sql(flush).execute(store.pool()).await;
    flushed.expect("the record answers");
    let read =
        "SELECT seq_tup_read, idx_tup_fetch FROM pg_stat_user_tables WHERE relname = 'queue_jobs'";
    let read = sqlx::query_as(read).fetch_one(store.pool());
    read.await.expect("the record answers")
}
