//! A queue that the broker takes nothing for waits alone.

use crate::world::{Broker, Worker, World, noting};
use lapin::options::{QueueDeclareOptions, QueueDeleteOptions};
use lapin::types::FieldTable;
use rstest::rstest;
use serde::{Deserialize, Serialize};
use stoa_config::ExposeSecret as _;
use stoa_queue::store::{NewJob, State};
use stoa_queue::{JobContext, JobError, Payload};
use uuid::Uuid;

/// A job of a queue that nothing is wrong with.
#[derive(Serialize, Deserialize)]
struct Errand;

impl Payload for Errand {
    const KIND: &'static str = "errand";
    const QUEUE: &'static str = "errands";
    const TIME_LIMIT: std::time::Duration = std::time::Duration::from_secs(10);
}

type Done<T = ()> = Result<T, Box<dyn std::error::Error>>;

async fn errand(world: &World) -> Done<Uuid> {
    let job = NewJob::new(&Errand)?;
    Ok(world.store.enqueue(job).await?.id())
}

/// A dispatcher before has marked it as sent, with the note of it, and has not sent it.
async fn left_unsent(world: &World) -> Done<Uuid> {
    let id = world.enqueue("left").await;
    let pool = world.store.pool();
    let marked = "UPDATE queue_jobs SET state = 'sent', sends = 1, sent_at = clock_timestamp() - interval '1 minute'";
    sqlx::query(marked).execute(pool).await?;
    let note = "INSERT INTO queue_dispatches (queue, jobs) VALUES ('notes', ARRAY[$1])";
    sqlx::query(note).bind(id).execute(pool).await?;
    Ok(id)
}

/// Puts something in the place of the queue of the notes on the broker, which takes no job from then on.
async fn break_notes(world: &World, broker: Broker) -> Done {
    match broker {
        Broker::Redis => {
            let mut set = redis::cmd("SET");
            run(world, set.arg("{test:notes}:jobs").arg("no stream")).await
        }
        Broker::Amqp => {
            // Who declares it as the queue that it should be is refused.
            let (_connection, channel, name) = channel(world).await?;
            let options = QueueDeclareOptions {
                durable: true,
                ..QueueDeclareOptions::default()
            };
            let declaring = channel.queue_declare(name.into(), options, FieldTable::default());
            declaring.await?;
            Ok(())
        }
    }
}

async fn mend_notes(world: &World, broker: Broker) -> Done {
    match broker {
        Broker::Redis => run(world, redis::cmd("DEL").arg("{test:notes}:jobs")).await,
        Broker::Amqp => {
            let (_connection, channel, name) = channel(world).await?;
            let deleting = channel.queue_delete(name.into(), QueueDeleteOptions::default());
            deleting.await?;
            Ok(())
        }
    }
}

async fn run(world: &World, command: &redis::Cmd) -> Done {
    let client = redis::Client::open(world.settings.url.expose_secret())?;
    let mut link = client.get_multiplexed_async_connection().await?;
    Ok(command.exec_async(&mut link).await?)
}

async fn channel(world: &World) -> Done<(lapin::Connection, lapin::Channel, String)> {
    let url = world.settings.url.expose_secret();
    let options = lapin::ConnectionProperties::default();
    let connection = lapin::Connection::connect(url, options).await?;
    let channel = connection.create_channel().await?;
    let name = format!("{}.notes", world.settings.namespace);
    Ok((connection, channel, name))
}

#[rstest]
#[tokio::test]
async fn a_queue_that_the_broker_takes_nothing_for_stops_no_other(
    #[values(Broker::Redis, Broker::Amqp)] broker: Broker,
) {
    let world = World::on(broker).await;
    break_notes(&world, broker).await.unwrap();
    let left = left_unsent(&world).await.unwrap();
    let notes = world.consumer(4).await.handle(noting(world.seen.clone()));
    let both = notes.handle(|_: Errand, _: JobContext| std::future::ready(Ok::<_, JobError>(())));
    let worker = Worker::start(both);
    let first = errand(&world).await.unwrap();
    world.wait_for(first, State::Succeeded).await;
    // And one that fails on the way, not before.
    let waits = world.enqueue("waits").await;
    for _ in 0..3 {
        let id = errand(&world).await.unwrap();
        world.wait_for(id, State::Succeeded).await;
    }
    mend_notes(&world, broker).await.unwrap();
    for id in [left, waits] {
        let job = world.wait_for(id, State::Succeeded).await;
        assert_eq!(job.attempts, 1);
    }
    worker.end().await;
    world.queue.remove(&[Errand::QUEUE]).await.unwrap();
    world.end().await;
}

/// It rests from the moment at which it fails. (On `RabbitMQ` its reader would make it anew at once.)
#[tokio::test]
async fn a_queue_that_breaks_while_jobs_run_stops_no_other() {
    let world = World::on(Broker::Redis).await;
    let notes = world.consumer(4).await.handle(noting(world.seen.clone()));
    let both = notes.handle(|_: Errand, _: JobContext| std::future::ready(Ok::<_, JobError>(())));
    let worker = Worker::start(both);
    let id = world.enqueue("before").await;
    world.wait_for(id, State::Succeeded).await;
    break_notes(&world, Broker::Redis).await.unwrap();
    let waits = world.enqueue("waits").await;
    // The dispatcher of this test's worker has tried to send it.
    stoa_testing::eventually(crate::world::DEADLINE, || async {
        let count = sqlx::query_scalar("SELECT count(*) FROM queue_dispatches");
        let count: i64 = count.fetch_one(world.store.pool()).await.ok()?;
        (count == 1).then_some(())
    })
    .await;
    for _ in 0..3 {
        let id = errand(&world).await.unwrap();
        world.wait_for(id, State::Succeeded).await;
    }
    mend_notes(&world, Broker::Redis).await.unwrap();
    world.wait_for(waits, State::Succeeded).await;
    worker.end().await;
    world.queue.remove(&[Errand::QUEUE]).await.unwrap();
    world.end().await;
}
