//! What an operator sees.

use crate::world::{Broker, DEADLINE, Note, Seen, Worker, World, consumer_settings};
use rstest::rstest;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use stoa_config::ExposeSecret as _;
use stoa_contracts::{Coded as _, ErrorCode};
use stoa_queue::{
    CancellationToken, Consumer, JobContext, Payload, Queue, QueueError, QueueSettings,
};
use stoa_testing::{eventually, proxy::Proxy};

/// A job that may take longer than RabbitMQ waits for an acknowledgement.
#[derive(Serialize, Deserialize)]
struct Voyage;

impl Payload for Voyage {
    const KIND: &'static str = "voyage";
    const QUEUE: &'static str = "notes";
    const TIME_LIMIT: Duration = Duration::from_hours(1);
}

#[rstest]
#[tokio::test]
async fn says_that_the_broker_answers(#[values(Broker::Redis, Broker::Amqp)] broker: Broker) {
    let world = World::on(broker).await;
    world.queue.check().await.unwrap();
    world.end().await;
}

#[tokio::test]
async fn counts_running_jobs_on_redis() {
    let world = World::on(Broker::Redis).await;
    let seen = Seen::default();
    let started = seen.clone();
    let release = CancellationToken::new();
    let released = release.clone();
    let worker = world
        .consumer()
        .await
        .handle(move |_: Note, _: JobContext| {
            started.add("started");
            let released = released.clone();
            async move {
                released.cancelled().await;
                Ok(())
            }
        });
    let worker = Worker::start(worker);
    world.enqueue("job").await;
    seen.wait_for(1).await;
    let depth = world.queue.depth("notes").await.unwrap();
    assert_eq!((depth.ready, depth.running), (0, Some(1)));
    release.cancel();
    eventually(DEADLINE, || async {
        let depth = world.queue.depth("notes").await.unwrap();
        (depth.running == Some(0)).then_some(())
    })
    .await;
    worker.end().await;
    world.end().await;
}

#[tokio::test]
async fn refuses_a_job_that_rabbitmq_would_not_wait_for() {
    let world = World::on(Broker::Amqp).await;
    let consumer = Consumer::new(world.queue.clone(), consumer_settings())
        .handle(|_: Voyage, _: JobContext| std::future::ready(Ok(())));
    let refused = consumer.run(CancellationToken::new()).await;
    assert!(
        matches!(refused, Err(QueueError::TimeLimit { kind: "voyage", .. })),
        "{refused:?}"
    );
    world.end().await;
}

#[rstest]
#[tokio::test]
async fn a_broker_that_is_not_there_may_come(
    #[values(Broker::Redis, Broker::Amqp)] broker: Broker,
) {
    let world = World::on(broker).await;
    let proxy = Proxy::start(world.settings.url.expose_secret()).await;
    proxy.refuse();
    let settings = QueueSettings {
        url: proxy.url().into(),
        namespace: world.settings.namespace.clone(),
    };
    let error = Queue::connect(&settings).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unavailable, "{error:?}");
    world.end().await;
}

#[rstest]
#[case::unknown_scheme("kafka://somewhere")]
#[case::no_url("somewhere")]
#[tokio::test]
async fn refuses_a_url_that_names_no_broker(#[case] url: &str) {
    let settings = QueueSettings {
        url: url.into(),
        namespace: "test".into(),
    };
    let refused = Queue::connect(&settings).await;
    assert!(matches!(refused, Err(QueueError::Url(_))), "{refused:?}");
}
