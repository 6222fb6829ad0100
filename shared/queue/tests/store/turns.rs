//! Whose turn it is.

use crate::world::{Broker, Note, Worker, World, note};
use futures_util::FutureExt as _;
use rstest::rstest;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use stoa_queue::store::{Limits, Priority, State};
use stoa_queue::{JobContext, JobError};
use tokio::sync::Semaphore;
use tokio::time::sleep;
use uuid::Uuid;

#[rstest]
#[tokio::test]
async fn urgent_jobs_go_first(#[values(Broker::Redis, Broker::Amqp)] broker: Broker) {
    let world = World::on(broker).await;
    let jobs = [
        note("low").with_priority(Priority::Low),
        note("normal"),
        note("high").with_priority(Priority::High),
    ];
    world.store.enqueue_many(jobs.to_vec()).await.unwrap();
    let worker = world.worker(1).await;
    assert_eq!(world.seen.wait_for(3).await, ["high", "normal", "low"]);
    worker.end().await;
    world.end().await;
}

#[rstest]
#[tokio::test]
async fn urgent_jobs_of_one_account_do_not_shut_out_another_where_few_may_run(
    #[values(Broker::Redis, Broker::Amqp)] broker: Broker,
) {
    let world = World::on(broker).await;
    let limits = Limits {
        max_running: Some(1),
        rate: None,
    };
    world.store.limit("notes", limits).await.unwrap();
    let crowd = Uuid::new_v4();
    let urgent = note("urgent").with_priority(Priority::High);
    let mut jobs: Vec<_> = (0..20)
        .map(|_| urgent.clone().with_id(Uuid::now_v7()).for_account(crowd))
        .collect();
    jobs.push(note("alone").for_account(Uuid::new_v4()));
    world.store.enqueue_many(jobs).await.unwrap();
    let worker = world.worker(1).await;
    let seen = world.seen.wait_for(21).await;
    let before = seen.iter().position(|text| text == "alone");
    assert!(before.is_some_and(|before| before <= 1), "{before:?}");
    worker.end().await;
    world.end().await;
}

#[rstest]
#[tokio::test]
async fn one_account_with_thousands_does_not_stall_another_with_one(
    #[values(Broker::Redis, Broker::Amqp)] broker: Broker,
) {
    let world = World::on(broker).await;
    let crowd = Uuid::new_v4();
    let many = (0..2000).map(|_| note("crowd").for_account(crowd));
    world.store.enqueue_many(many.collect()).await.unwrap();
    let seen = world.seen.clone();
    let handler = move |note: Note, _: JobContext| {
        let seen = seen.clone();
        async move {
            sleep(Duration::from_millis(5)).await;
            seen.add(note.text);
            Ok(())
        }
    };
    let worker = Worker::start(world.consumer(2).await.handle(handler));
    world.seen.wait_for(20).await;
    let alone = note("alone").for_account(Uuid::new_v4());
    let before = world.seen.all().len();
    world.store.enqueue(alone).await.unwrap();
    let position = stoa_testing::eventually(crate::world::DEADLINE, || async {
        world.seen.all().iter().position(|text| text == "alone")
    })
    .await;
    let waited = position - before;
    assert!(waited < 400, "{waited} jobs of the crowd went first");
    world.store.pause("notes").await.unwrap();
    worker.end().await;
    world.end().await;
}

/// What is on the broker has its place before all that comes, so of slow jobs hardly more are there than run.
#[rstest]
#[tokio::test]
async fn of_slow_jobs_few_go_before_one_of_another_account(
    #[values(Broker::Redis, Broker::Amqp)] broker: Broker,
) {
    let world = World::on(broker).await;
    let (gate, seen) = (Arc::new(Semaphore::new(0)), world.seen.clone());
    let opened = Arc::clone(&gate);
    let handler = move |note: Note, _: JobContext| {
        let (gate, seen) = (Arc::clone(&opened), seen.clone());
        async move {
            seen.add(note.text);
            let _end = gate.acquire().await.map_err(JobError::fail)?;
            Ok(())
        }
    };
    let worker = Worker::start(world.consumer(1).await.handle(handler));
    stoa_testing::eventually(crate::world::DEADLINE, || async {
        let said = "SELECT concurrency FROM queue_workers";
        let said = sqlx::query_scalar(said).fetch_optional(world.store.pool());
        said.await.ok()?.filter(|said: &i32| *said == 1)
    })
    .await;
    let crowd = Uuid::new_v4();
    let many = (0..40).map(|_| note("crowd").for_account(crowd));
    world.store.enqueue_many(many.collect()).await.unwrap();
    world.seen.wait_for(1).await;
    // Each of them says that there was another look, which could have sent more of the crowd.
    for _ in 0..5 {
        let passes = note("passes").for_account(Uuid::new_v4());
        let passes = world.store.enqueue(passes).await.unwrap().id();
        world.wait_for(passes, State::Sent).await;
    }
    let alone = note("alone").for_account(Uuid::new_v4());
    let alone = world.store.enqueue(alone).await.unwrap().id();
    world.wait_for(alone, State::Sent).await;
    gate.add_permits(1000);
    world.wait_for(alone, State::Succeeded).await;
    let seen = world.seen.all();
    let before = seen.iter().take_while(|text| *text != "alone");
    let crowd = before.filter(|text| *text == "crowd").count();
    assert!(crowd <= 3, "{crowd} jobs of the crowd went first");
    world.store.pause("notes").await.unwrap();
    worker.end().await;
    world.end().await;
}

#[rstest]
#[tokio::test]
async fn no_more_run_at_a_time_than_the_queue_allows_on_all_workers(
    #[values(Broker::Redis, Broker::Amqp)] broker: Broker,
) {
    let world = World::on(broker).await;
    let limits = Limits {
        max_running: Some(2),
        rate: None,
    };
    world.store.limit("notes", limits).await.unwrap();
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut workers = Vec::new();
    for _ in 0..2 {
        let (running, most, seen) = (running.clone(), most.clone(), world.seen.clone());
        let handler = move |note: Note, _: JobContext| {
            let (running, most, seen) = (running.clone(), most.clone(), seen.clone());
            async move {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                sleep(Duration::from_millis(50)).await;
                running.fetch_sub(1, Ordering::SeqCst);
                seen.add(note.text);
                Ok(())
            }
        };
        workers.push(Worker::start(world.consumer(4).await.handle(handler)));
    }
    let jobs = (0..12).map(|_| note("job")).collect();
    world.store.enqueue_many(jobs).await.unwrap();
    world.seen.wait_for(12).await;
    assert_eq!(most.load(Ordering::SeqCst), 2);
    for worker in workers {
        worker.end().await;
    }
    world.end().await;
}

#[rstest]
#[tokio::test]
async fn no_more_start_in_a_time_than_the_queue_allows(
    #[values(Broker::Redis, Broker::Amqp)] broker: Broker,
) {
    let world = World::on(broker).await;
    let limits = Limits {
        max_running: None,
        rate: Some((5, Duration::from_secs(1))),
    };
    world.store.limit("notes", limits).await.unwrap();
    let worker = world.worker(4).await;
    let begun = Instant::now();
    let jobs = (0..15).map(|_| note("job")).collect();
    world.store.enqueue_many(jobs).await.unwrap();
    world.seen.wait_for(15).await;
    // A whole second's jobs at once, and ten more at five a second.
    assert!(
        begun.elapsed() >= Duration::from_millis(1900),
        "{:?}",
        begun.elapsed()
    );
    worker.end().await;
    world.end().await;
}

/// Nothing that ends lets another start before its time, so there is nothing to look for.
#[rstest]
#[tokio::test]
async fn a_queue_that_its_rate_holds_is_left_alone_until_the_next_may_start(
    #[values(Broker::Redis, Broker::Amqp)] broker: Broker,
) {
    let world = World::on(broker).await;
    let limits = Limits {
        max_running: None,
        rate: Some((1, Duration::from_secs(4))),
    };
    world.store.limit("notes", limits).await.unwrap();
    let worker = world.worker(4).await;
    let jobs = vec![note("first"), note("second")];
    world.store.enqueue_many(jobs).await.unwrap();
    world.seen.wait_for(1).await;
    sleep(Duration::from_millis(500)).await;
    let before = transactions(&world).await;
    sleep(Duration::from_secs(2)).await;
    let looks = transactions(&world).await - before;
    // A look each 20 ms would be four hundred.
    assert!(looks < 150, "{looks} transactions in two seconds");
    assert_eq!(world.seen.wait_for(2).await, ["first", "second"]);
    worker.end().await;
    world.end().await;
}

async fn transactions(world: &World) -> i64 {
    let count = "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()";
    let count = sqlx::query_scalar(count).fetch_one(world.store.pool());
    count.await.expect("the record answers")
}

/// `RabbitMQ` hands out no more than may run until it knows how they ended.
#[tokio::test]
async fn who_waits_for_the_record_of_its_end_lets_another_job_start() {
    let world = World::on(Broker::Redis).await;
    let started = Arc::new(Semaphore::new(0));
    let handler = move |_: Note, job: JobContext| {
        started.add_permits(1);
        let started = Arc::clone(&started);
        async move {
            let ended = job.complete_with(move |_| {
                let started = Arc::clone(&started);
                // The other one is read while the end of this one is written.
                Box::pin(async move {
                    let _both = started.acquire_many(2).await?;
                    Ok(())
                })
            });
            ended.await.map_err(JobError::fail)
        }
    };
    let worker = Worker::start(world.consumer(1).await.handle(handler));
    let first = world.enqueue("first").await;
    let second = world.enqueue("second").await;
    for id in [first, second] {
        world.wait_for(id, State::Succeeded).await;
    }
    worker.end().await;
    world.end().await;
}

/// The broker sends no more until it knows of one how it ended, and its silence must not be taken for a lost consumer.
#[tokio::test]
async fn a_slow_end_takes_no_running_job_from_its_worker() {
    let world = World::on(Broker::Amqp).await;
    let seen = world.seen.clone();
    let handler = move |note: Note, job: JobContext| {
        seen.add(note.text.clone());
        async move {
            match note.text.as_str() {
                "long" => sleep(Duration::from_secs(9)).await,
                "slow" => {
                    let slow = Duration::from_secs(8);
                    let ended = job.complete_with(move |_| Box::pin(sleep(slow).map(Ok)));
                    ended.await.map_err(JobError::fail)?;
                }
                _ => {}
            }
            Ok(())
        }
    };
    let worker = Worker::start(world.consumer(2).await.handle(handler));
    let long = world.enqueue("long").await;
    world.seen.wait_for(1).await;
    world.enqueue("slow").await;
    world.seen.wait_for(2).await;
    world.enqueue("waits").await;
    let long = world.wait_for(long, State::Succeeded).await;
    assert_eq!(long.attempts, 1);
    worker.end().await;
    world.end().await;
}
