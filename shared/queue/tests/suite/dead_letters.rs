//! What nobody here can run is kept and holds nothing up.

use crate::world::{Broker, DEADLINE, Note, Seen, Worker, World, connect, consumer_settings};
use lapin::options::{BasicPublishOptions, QueueDeclareOptions, QueueDeleteOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Connection, ConnectionProperties};
use rstest::rstest;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use stoa_config::ExposeSecret as _;
use stoa_queue::{
    Consumer, ConsumerSettings, DeadReason, Depth, Enqueue, JobContext, JobError, Payload,
    QueueError,
};
use stoa_testing::eventually;

/// A kind that the consumer of these tests does not know.
#[derive(Serialize, Deserialize)]
struct Letter;

impl Payload for Letter {
    const KIND: &'static str = "letter";
    const QUEUE: &'static str = "notes";
    const TIME_LIMIT: Duration = Duration::from_secs(1);
}

/// A note of the next release.
#[derive(Serialize, Deserialize)]
struct NextNote {
    lines: Vec<String>,
}

impl Payload for NextNote {
    const KIND: &'static str = "note";
    const VERSION: u16 = 2;
    const QUEUE: &'static str = "notes";
    const TIME_LIMIT: Duration = Duration::from_secs(1);
}

/// A note that is not what its version says.
#[derive(Serialize, Deserialize)]
struct BrokenNote(u8);

impl Payload for BrokenNote {
    const KIND: &'static str = "note";
    const QUEUE: &'static str = "notes";
    const TIME_LIMIT: Duration = Duration::from_secs(1);
}

/// Enqueues `job` before an ordinary note; the reason for which it was parked, and its error.
async fn park<J: Payload>(broker: Broker, job: J) -> (DeadReason, String) {
    let world = World::on(broker).await;
    let id = world
        .queue
        .enqueue(&job, Enqueue::default())
        .await
        .expect("the broker takes it");
    world.enqueue("ordinary").await;
    let seen = Seen::default();
    let done = seen.clone();
    let worker = world
        .consumer()
        .await
        .handle(move |note: Note, _: JobContext| {
            done.add(note.text);
            std::future::ready(Ok(()))
        });
    let worker = Worker::start(worker);
    assert_eq!(seen.wait_for(1).await, ["ordinary"]);
    let letter = eventually(DEADLINE, || async {
        world
            .queue
            .dead_letters("notes", 10)
            .await
            .expect("the broker answers")
            .pop()
    })
    .await;
    worker.end().await;
    assert_eq!(letter.envelope.expect("it has an envelope").id, id);
    assert_eq!(letter.body, serde_json::to_vec(&job).expect("it is JSON"));
    world.end().await;
    (letter.reason, letter.error)
}

#[rstest]
#[tokio::test]
async fn parks_unknown_kind(#[values(Broker::Redis, Broker::Amqp)] broker: Broker) {
    let (reason, error) = park(broker, Letter).await;
    assert_eq!(reason, DeadReason::UnknownKind);
    assert_eq!(error, "no handler for `letter` here");
}

#[rstest]
#[tokio::test]
async fn parks_unknown_version(#[values(Broker::Redis, Broker::Amqp)] broker: Broker) {
    let (reason, error) = park(broker, NextNote { lines: Vec::new() }).await;
    assert_eq!(reason, DeadReason::Unreadable);
    assert_eq!(error, "version 2 of `note` is not known here");
}

#[rstest]
#[tokio::test]
async fn parks_what_is_not_a_payload(#[values(Broker::Redis, Broker::Amqp)] broker: Broker) {
    let (reason, error) = park(broker, BrokenNote(7)).await;
    assert_eq!(reason, DeadReason::Unreadable);
    assert!(
        error.starts_with("the payload is not what its kind says: "),
        "{error}"
    );
}

#[rstest]
#[tokio::test]
async fn parks_a_message_without_envelope(#[values(Broker::Redis, Broker::Amqp)] broker: Broker) {
    let world = World::on(broker).await;
    let worker = Worker::start(
        world
            .consumer()
            .await
            .handle(|_: Note, _: JobContext| std::future::ready(Ok(()))),
    );
    // The worker has made the queue once its first job is gone.
    world.enqueue("first").await;
    send_foreign_message(broker, &world).await;
    let letter = eventually(DEADLINE, || async {
        world.queue.dead_letters("notes", 10).await.unwrap().pop()
    })
    .await;
    worker.end().await;
    assert_eq!(
        (letter.envelope, letter.reason),
        (None, DeadReason::Unreadable)
    );
    assert_eq!(letter.body, b"what is this?");
    world.end().await;
}

#[rstest]
#[tokio::test]
async fn refuses_a_payload_that_is_too_large(
    #[values(Broker::Redis, Broker::Amqp)] broker: Broker,
) {
    let world = World::on(broker).await;
    let note = crate::world::note(&"x".repeat(stoa_queue::BODY_LIMIT));
    let refused = world.queue.enqueue(&note, Enqueue::default()).await;
    assert!(
        matches!(refused, Err(QueueError::TooLarge { limit: 65_536, .. })),
        "{refused:?}"
    );
    assert_eq!(world.queue.depth("notes").await.unwrap().ready, 0);
    world.end().await;
}

/// Its worker must not sit on it until it ends itself.
#[tokio::test]
async fn what_can_be_put_nowhere_comes_again_and_is_parked_once_it_can_be() {
    let world = World::on(Broker::Amqp).await;
    let seen = Seen::default();
    let noted = seen.clone();
    let settings = ConsumerSettings {
        concurrency: 1,
        ..consumer_settings()
    };
    let consumer = Consumer::new(connect(&world.settings).await, settings);
    let worker = Worker::start(consumer.handle(move |note: Note, _: JobContext| {
        noted.add(note.text);
        std::future::ready(Err(JobError::fail("it is broken")))
    }));
    // The queues are there once something was parked.
    world.enqueue("first").await;
    let parked = || async { world.queue.depth("notes").await.ok() };
    let is_parked = |depth: &Depth| depth.dead == 1;
    eventually(DEADLINE, || async { parked().await.filter(is_parked) }).await;

    let connection = connect_lapin(&world).await;
    let channel = connection.create_channel().await.expect("a channel opens");
    let dead = format!("{}.notes.dead", world.settings.namespace);
    let deleted = channel.queue_delete(dead.as_str().into(), QueueDeleteOptions::default());
    deleted.await.expect("it is deleted");
    let mut full = FieldTable::default();
    full.insert("x-max-length".into(), AMQPValue::LongInt(0));
    let refuses = AMQPValue::LongString("reject-publish".into());
    full.insert("x-overflow".into(), refuses);
    let declared =
        channel.queue_declare(dead.as_str().into(), QueueDeclareOptions::default(), full);
    declared.await.expect("one is made that takes nothing");
    world.enqueue("second").await;
    let twice = seen.wait_for(3).await;
    assert_eq!(twice[..3], ["first", "second", "second"]);

    let deleted = channel.queue_delete(dead.as_str().into(), QueueDeleteOptions::default());
    deleted.await.expect("it is deleted");
    eventually(DEADLINE, || async { parked().await.filter(is_parked) }).await;
    worker.end().await;
    world.end().await;
}

async fn connect_lapin(world: &World) -> Connection {
    let url = world.settings.url.expose_secret();
    let connection = Connection::connect(url, ConnectionProperties::default()).await;
    connection.expect("RabbitMQ answers")
}

/// Puts something into the queue that this crate has not written.
async fn send_foreign_message(broker: Broker, world: &World) {
    match broker {
        Broker::Redis => {
            let url = world.settings.url.expose_secret();
            let client = redis::Client::open(url).expect("the URL is valid");
            let mut connection = client.get_connection().expect("Redis answers");
            let fields = ["{test:notes}:jobs", "*", "body", "what is this?"];
            redis::cmd("XADD")
                .arg(&fields)
                .exec(&mut connection)
                .expect("Redis takes it");
        }
        Broker::Amqp => {
            let connection = connect_lapin(world).await;
            let channel = connection.create_channel().await.expect("a channel opens");
            let queue = format!("{}.notes", world.settings.namespace);
            let (options, body) = (BasicPublishOptions::default(), b"what is this?");
            let none = BasicProperties::default();
            let sent = channel.basic_publish("".into(), queue.as_str().into(), options, body, none);
            sent.await.expect("it is sent").await.expect("it is taken");
            connection
                .close(200, "done".into())
                .await
                .expect("the connection closes");
        }
    }
}
