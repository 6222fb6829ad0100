//! What breaks, and costs nothing.

use crate::world::{Broker, Note, World, note};
use rstest::rstest;
use sqlx::PgPool;
use std::sync::Arc;
use std::time::Duration;
use stoa_config::ExposeSecret as _;
use stoa_queue::store::{State, begin};
use stoa_queue::{JobContext, JobError, Payload as _, QueueError};
use stoa_testing::{eventually, proxy::Proxy};
use tokio::sync::Barrier;
use uuid::Uuid;

#[rstest]
#[tokio::test]
async fn a_job_whose_worker_dies_runs_again_and_the_loss_is_recorded(
    #[values(Broker::Redis, Broker::Amqp)] broker: Broker,
) {
    let world = World::on(broker).await;
    let id = world.enqueue("job").await;
    let seen = world.seen.clone();
    world
        .doomed(move |_, _| {
            seen.add("died");
            std::future::pending()
        })
        .await;
    let worker = world.worker(4).await;
    let job = world.wait_for(id, State::Succeeded).await;
    assert_eq!(job.attempts, 2);
    let attempts = world.store.attempts(id).await.unwrap();
    assert_eq!(
        (attempts[0].number, attempts[0].outcome.as_str()),
        (1, "lost")
    );
    assert_eq!(world.seen.all(), ["died", "job"]);
    worker.end().await;
    world.end().await;
}

/// In which transaction a job has its effect.
#[derive(Clone, Copy, Debug)]
enum Transaction {
    Own,
    Shared,
}

/// Ends the job in it, with a row that says so.
async fn complete(job: &JobContext, pool: &PgPool, how: Transaction) -> Result<(), JobError> {
    let id = job.envelope.id;
    let insert = move || sqlx::query("INSERT INTO effects VALUES ($1)").bind(id);
    match how {
        Transaction::Own => {
            let mut transaction = begin(pool).await.map_err(JobError::retry)?;
            let inserted = insert().execute(&mut *transaction).await;
            inserted.map_err(JobError::retry)?;
            let completed = job.complete_in(&mut transaction).await;
            completed.map_err(JobError::retry)?;
            transaction.commit().await.map_err(JobError::retry)
        }
        Transaction::Shared => {
            let effect = job.complete_with(move |transaction| {
                Box::pin(async move {
                    insert().execute(transaction).await?;
                    Ok(())
                })
            });
            effect.await.map_err(JobError::retry)
        }
    }
}

async fn effects(pool: &PgPool) -> Vec<Uuid> {
    let effects = sqlx::query_scalar("SELECT job FROM effects ORDER BY job");
    effects.fetch_all(pool).await.expect("there are effects")
}

/// The effect and the end of the job are one transaction, and only who has the job can write its end.
#[rstest]
#[tokio::test]
async fn an_effect_is_made_once_though_two_workers_hold_the_job(
    #[values(Broker::Redis, Broker::Amqp)] broker: Broker,
    #[values(Transaction::Own, Transaction::Shared)] how: Transaction,
) {
    let world = World::with_effects(broker).await;
    let pool = world.store.pool().clone();
    let id = world.enqueue("job").await;
    let (seen, waiting) = (world.seen.clone(), pool.clone());
    let handler = move |_: Note, job: JobContext| {
        let (seen, pool) = (seen.clone(), waiting.clone());
        async move {
            if job.envelope.attempt == 1 {
                seen.add("first");
                // Long enough for the record to give the job to another.
                while seen.all().len() < 2 {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
            complete(&job, &pool, how).await?;
            seen.add(format!("done {}", job.envelope.attempt));
            Ok(())
        }
    };
    let worker = crate::world::Worker::start(world.consumer(4).await.handle(handler));
    world.seen.wait_for(1).await;
    // As after the loss of the broker.
    let again = "UPDATE queue_jobs SET state = 'queued' WHERE id = $1";
    sqlx::query(again).bind(id).execute(&pool).await.unwrap();
    world.wait_for(id, State::Succeeded).await;
    worker.end().await;
    assert_eq!(effects(&pool).await, [id], "{:?}", world.seen.all());
    world.end().await;
}

/// They share a transaction, and the one that fails is taken out of it.
#[rstest]
#[tokio::test]
async fn an_effect_that_fails_costs_no_other_job_its_own(
    #[values(Broker::Redis, Broker::Amqp)] broker: Broker,
) {
    let world = World::with_effects(broker).await;
    let pool = world.store.pool().clone();
    let together = Arc::new(Barrier::new(8));
    let handler = move |note: Note, job: JobContext| {
        let together = together.clone();
        async move {
            let fails = note.text == "fails";
            let id = job.envelope.id;
            together.wait().await;
            let effect = job.complete_with(move |transaction| {
                Box::pin(async move {
                    let insert = sqlx::query("INSERT INTO effects VALUES ($1)").bind(id);
                    insert.execute(&mut *transaction).await?;
                    if fails {
                        sqlx::query("SELECT 1 / 0").execute(transaction).await?;
                    }
                    Ok(())
                })
            });
            effect.await.map_err(|error| match error {
                QueueError::Effect(error) => JobError::Fail(error),
                error => JobError::retry(error),
            })
        }
    };
    let worker = crate::world::Worker::start(world.consumer(8).await.handle(handler));
    let mut good = Vec::new();
    for number in 0..7 {
        good.push(world.enqueue(&format!("job {number}")).await);
    }
    let bad = world.enqueue("fails").await;
    let failed = world.wait_for(bad, State::Failed).await;
    assert!(failed.error.unwrap().contains("division by zero"));
    for id in &good {
        let job = world.wait_for(*id, State::Succeeded).await;
        assert_eq!(job.attempts, 1);
    }
    assert_eq!(effects(&pool).await, good);
    worker.end().await;
    world.end().await;
}

/// What one job says cannot be written, and is written without it, or not at all; the others' ends are.
#[rstest]
#[tokio::test]
async fn a_nul_in_an_end_costs_neither_its_own_job_nor_another_one_the_end(
    #[values(Broker::Redis, Broker::Amqp)] broker: Broker,
) {
    let world = World::on(broker).await;
    let together = Arc::new(Barrier::new(8));
    let handler = move |note: Note, job: JobContext| {
        let together = together.clone();
        async move {
            together.wait().await;
            match note.text.as_str() {
                "says" => return Err(JobError::fail("a NUL: \0")),
                "gives" => job.give(serde_json::json!("a NUL: \0")),
                _ => {}
            }
            Ok(())
        }
    };
    let worker = crate::world::Worker::start(world.consumer(8).await.handle(handler));
    let (says, gives) = (world.enqueue("says").await, world.enqueue("gives").await);
    let mut good = Vec::new();
    for number in 0..6 {
        good.push(world.enqueue(&format!("job {number}")).await);
    }
    for id in good {
        assert_eq!(world.wait_for(id, State::Succeeded).await.attempts, 1);
    }
    let said = world.wait_for(says, State::Failed).await;
    assert_eq!(said.error.as_deref(), Some("a NUL: \u{fffd}"));
    let gave = world.wait_for(gives, State::Succeeded).await;
    assert_eq!(gave.attempts, 1);
    assert_eq!(gave.result, Some(serde_json::json!("a NUL: \u{fffd}")));
    worker.end().await;
    world.end().await;
}

#[rstest]
#[tokio::test]
async fn a_broker_that_loses_everything_gets_it_again(
    #[values(Broker::Redis, Broker::Amqp)] broker: Broker,
) {
    let world = World::on(broker).await;
    let seen = world.seen.clone();
    let handler = move |note: Note, _: JobContext| {
        let seen = seen.clone();
        async move {
            tokio::time::sleep(Duration::from_millis(100)).await;
            seen.add(note.text);
            Ok(())
        }
    };
    let worker = crate::world::Worker::start(world.consumer(2).await.handle(handler));
    let jobs = (0..40).map(|number| note(&number.to_string()));
    world.store.enqueue_many(jobs.collect()).await.unwrap();
    world.seen.wait_for(5).await;
    wipe(&world, broker).await.unwrap();
    eventually(crate::world::DEADLINE, || async {
        let left = "SELECT count(*) FROM queue_jobs WHERE state <> 'succeeded'";
        let left: i64 = sqlx::query_scalar(left)
            .fetch_one(world.store.pool())
            .await
            .ok()?;
        (left == 0).then_some(())
    })
    .await;
    let gaps = "SELECT count(*) FROM queue_jobs
                WHERE attempts - 1 <> (SELECT count(*) FROM queue_attempts WHERE job_id = id)";
    let gaps: i64 = sqlx::query_scalar(gaps)
        .fetch_one(world.store.pool())
        .await
        .unwrap();
    assert_eq!(gaps, 0, "the attempts that were lost are in the history");
    worker.end().await;
    world.end().await;
}

/// Takes everything from the broker that it has of this test.
async fn wipe(world: &World, broker: Broker) -> Result<(), Box<dyn std::error::Error>> {
    let url = world.settings.url.expose_secret();
    match broker {
        Broker::Redis => {
            let client = redis::Client::open(url)?;
            let mut link = client.get_multiplexed_async_connection().await?;
            redis::cmd("FLUSHDB").exec_async(&mut link).await?;
        }
        Broker::Amqp => {
            let mark = sqlx::query_scalar("SELECT mark FROM queue_broker");
            let mark: String = mark.fetch_one(world.store.pool()).await?;
            world.queue.remove(&[Note::QUEUE]).await?;
            let options = lapin::ConnectionProperties::default();
            let connection = lapin::Connection::connect(url, options).await?;
            let channel = connection.create_channel().await?;
            let name = format!("{}.mark.{mark}", world.settings.namespace);
            let options = lapin::options::QueueDeleteOptions::default();
            channel.queue_delete(name.as_str().into(), options).await?;
        }
    }
    Ok(())
}

/// Between the mark in the record and the message on the broker a dispatcher may die.
#[rstest]
#[tokio::test]
async fn what_was_marked_as_sent_and_never_was_is_sent_by_the_next(
    #[values(Broker::Redis, Broker::Amqp)] broker: Broker,
) {
    let world = World::on(broker).await;
    let id = world.enqueue("job").await;
    let pool = world.store.pool();
    sqlx::query("UPDATE queue_jobs SET state = 'sent', sends = 1, sent_at = clock_timestamp()")
        .execute(pool)
        .await
        .unwrap();
    sqlx::query("INSERT INTO queue_dispatches (queue, jobs) VALUES ('notes', ARRAY[$1])")
        .bind(id)
        .execute(pool)
        .await
        .unwrap();
    let worker = world.worker(4).await;
    let job = world.wait_for(id, State::Succeeded).await;
    assert_eq!(job.attempts, 1);
    worker.end().await;
    world.end().await;
}

/// What a process cannot end in time goes back at once, and the attempt does not count.
#[rstest]
#[tokio::test]
async fn a_worker_that_is_told_to_end_hands_its_job_to_another(
    #[values(Broker::Redis, Broker::Amqp)] broker: Broker,
) {
    let world = World::on(broker).await;
    let id = world.enqueue("job").await;
    let seen = world.seen.clone();
    let handler = move |_: Note, _: JobContext| {
        seen.add("started");
        std::future::pending()
    };
    let first = crate::world::Worker::start(world.consumer(4).await.handle(handler));
    world.seen.wait_for(1).await;
    first.end().await;
    let second = world.worker(4).await;
    let job = world.wait_for(id, State::Succeeded).await;
    assert_eq!(world.seen.all(), ["started", "job"]);
    assert_eq!((job.attempts, job.max_attempts), (2, 4));
    second.end().await;
    world.end().await;
}

/// The claim of a job may be answered when nobody listens any more. Then its worker lives, and does not run it.
#[rstest]
#[tokio::test]
async fn a_job_that_its_worker_does_not_know_of_is_sent_again(
    #[values(Broker::Redis, Broker::Amqp)] broker: Broker,
) {
    let world = World::on(broker).await;
    let worker = world.worker(4).await;
    let pool = world.store.pool();
    let name: String = eventually(crate::world::DEADLINE, || async {
        let name = sqlx::query_scalar("SELECT name FROM queue_workers");
        name.fetch_optional(pool).await.unwrap()
    })
    .await;
    world.store.pause("notes").await.unwrap();
    let id = world.enqueue("job").await;
    let claimed = "UPDATE queue_jobs SET state = 'running', attempts = 1, worker = $1,
                                         started_at = clock_timestamp() - interval '30 seconds'";
    sqlx::query(claimed).bind(name).execute(pool).await.unwrap();
    world.store.resume("notes").await.unwrap();
    let job = world.wait_for(id, State::Succeeded).await;
    assert_eq!(
        (job.attempts, job.max_attempts),
        (2, 4),
        "it does not count"
    );
    let attempts = world.store.attempts(id).await.unwrap();
    assert_eq!(attempts[0].outcome, "lost");
    worker.end().await;
    world.end().await;
}

/// The end of the job is written; what its handler does after that, it may take its time for.
#[rstest]
#[tokio::test]
async fn a_handler_goes_on_after_it_has_completed_its_job(
    #[values(Broker::Redis, Broker::Amqp)] broker: Broker,
    #[values(Transaction::Own, Transaction::Shared)] how: Transaction,
) {
    let world = World::with_effects(broker).await;
    let (seen, pool) = (world.seen.clone(), world.store.pool().clone());
    let handler = move |_: Note, job: JobContext| {
        let (seen, pool) = (seen.clone(), pool.clone());
        async move {
            complete(&job, &pool, how).await?;
            seen.add("completed");
            tokio::time::sleep(Duration::from_millis(2500)).await;
            seen.add("tidied up");
            Err(JobError::fail("which says nothing of the job any more"))
        }
    };
    let worker = crate::world::Worker::start(world.consumer(4).await.handle(handler));
    let id = world.enqueue("job").await;
    assert_eq!(world.seen.wait_for(2).await, ["completed", "tidied up"]);
    worker.end().await;
    assert_eq!(world.find(id).await.state, State::Succeeded);
    world.end().await;
}

/// Its machine may be gone without a word, and its connections with it: nobody closes them.
#[tokio::test]
async fn a_dispatcher_that_is_silent_is_followed_by_another() {
    let world = World::on(Broker::Redis).await;
    let proxy = Proxy::start(&world.database.url).await;
    let silent = world.consumer_through(proxy.url()).await;
    let silent =
        crate::world::Worker::start(silent.handle(crate::world::noting(world.seen.clone())));
    world.enqueue("first").await;
    world.seen.wait_for(1).await;
    proxy.hold();
    let worker = world.worker(4).await;
    let id = world.enqueue("second").await;
    eventually(Duration::from_mins(1), || async {
        Some(()).filter(|()| world.seen.all().len() == 2)
    })
    .await;
    assert_eq!(world.find(id).await.attempts, 1);
    proxy.pass();
    silent.end().await;
    worker.end().await;
    world.end().await;
}

/// A handler is dropped wherever it stands when it has lost its job.
#[tokio::test]
async fn a_transaction_that_is_dropped_at_its_beginning_holds_up_nothing() {
    let world = World::on(Broker::Redis).await;
    let proxy = Proxy::start(&world.database.url).await;
    let pool = sqlx::postgres::PgPoolOptions::new().max_connections(1);
    let pool = pool.connect(proxy.url()).await.unwrap();
    proxy.hold();
    let dropped = tokio::time::timeout(Duration::from_millis(100), begin(&pool)).await;
    assert!(dropped.is_err(), "it was in the middle");
    proxy.pass();
    let written = sqlx::raw_sql("CREATE TABLE written ()").execute(&pool);
    written.await.unwrap();
    let seen = sqlx::raw_sql("SELECT FROM written").execute(world.store.pool());
    seen.await.expect("it is committed");
    world.end().await;
}

/// A broker that has lost one job may never be empty.
#[rstest]
#[tokio::test]
async fn a_job_that_others_have_overtaken_is_sent_again(
    #[values(Broker::Redis, Broker::Amqp)] broker: Broker,
) {
    let world = World::on(broker).await;
    let seen = world.seen.clone();
    let handler = move |note: Note, _: JobContext| {
        let seen = seen.clone();
        async move {
            seen.add(note.text.clone());
            if note.text == "later" {
                std::future::pending::<()>().await;
            }
            Ok(())
        }
    };
    let worker = crate::world::Worker::start(world.consumer(4).await.handle(handler));
    let later = world.enqueue("later").await;
    world.seen.wait_for(1).await;
    let lost = world
        .store
        .enqueue(note("lost").after(Duration::from_mins(9)));
    let lost = lost.await.unwrap().id();
    let sent = "UPDATE queue_jobs SET state = 'sent', sends = 1, sent_at = clock_timestamp() - interval '1 minute'
                WHERE id = $1";
    let pool = world.store.pool();
    sqlx::query(sent).bind(lost).execute(pool).await.unwrap();
    world.wait_for(lost, State::Succeeded).await;
    assert_eq!(world.find(later).await.state, State::Running);
    worker.end().await;
    world.end().await;
}
