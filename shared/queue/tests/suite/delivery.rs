//! Every job reaches a worker, also when workers die.

use crate::world::{Broker, DEADLINE, Note, Seen, Worker, World, connect, consumer_settings, note};
use rstest::rstest;
use std::collections::HashSet;
use std::time::{Duration, Instant};
use stoa_config::ExposeSecret as _;
use stoa_queue::{Consumer, Enqueue, JobContext, JobError};
use stoa_testing::{eventually, proxy::Proxy};

fn record(seen: Seen) -> impl Fn(Note, JobContext) -> std::future::Ready<Result<(), JobError>> {
    move |note, _| {
        seen.add(note.text);
        std::future::ready(Ok(()))
    }
}

#[rstest]
#[tokio::test]
async fn hands_every_job_to_one_of_two_workers_once(
    #[values(Broker::Redis, Broker::Amqp)] broker: Broker,
) {
    let world = World::on(broker).await;
    let seen = Seen::default();
    for number in 0..50 {
        world.enqueue(&format!("{number:02}")).await;
    }
    let first = Worker::start(world.consumer().await.handle(record(seen.clone())));
    let second = Worker::start(world.consumer().await.handle(record(seen.clone())));
    let mut all = seen.wait_for(50).await;
    first.end().await;
    second.end().await;
    all.sort();
    assert_eq!(
        all,
        (0..50)
            .map(|number| format!("{number:02}"))
            .collect::<Vec<_>>()
    );
    assert_eq!(world.queue.depth("notes").await.unwrap().ready, 0);
    world.end().await;
}

#[rstest]
#[tokio::test]
async fn keeps_jobs_that_were_enqueued_before_any_worker(
    #[values(Broker::Redis, Broker::Amqp)] broker: Broker,
) {
    let world = World::on(broker).await;
    world.enqueue("early").await;
    assert_eq!(world.queue.depth("notes").await.unwrap().ready, 1);
    let seen = Seen::default();
    let worker = Worker::start(world.consumer().await.handle(record(seen.clone())));
    assert_eq!(seen.wait_for(1).await, ["early"]);
    worker.end().await;
    world.end().await;
}

#[rstest]
#[tokio::test]
async fn keeps_all_of_many_jobs_though_their_queue_was_removed(
    #[values(Broker::Redis, Broker::Amqp)] broker: Broker,
) {
    let world = World::on(broker).await;
    world.enqueue("before").await;
    // By another connection: this one takes it that the queue is still there.
    let other = connect(&world.settings).await;
    other.remove(&["notes"]).await.unwrap();
    let many: Vec<_> = (0..250)
        .map(|number| note(&format!("{number:03}")))
        .collect();
    let ids = world.queue.enqueue_many(&many, None).await.unwrap();
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 250);
    assert_eq!(world.queue.depth("notes").await.unwrap().ready, 250);
    let seen = Seen::default();
    let worker = Worker::start(world.consumer().await.handle(record(seen.clone())));
    let mut all = seen.wait_for(250).await;
    worker.end().await;
    all.sort();
    assert_eq!(
        all,
        many.into_iter().map(|note| note.text).collect::<Vec<_>>()
    );
    world.end().await;
}

#[rstest]
#[tokio::test]
async fn redelivers_after_worker_crash(#[values(Broker::Redis, Broker::Amqp)] broker: Broker) {
    let world = World::on(broker).await;
    let seen = Seen::default();
    world.enqueue("job").await;

    // The first worker has a runtime of its own, which dies in mid-job with all of its connections.
    let (settings, in_hand) = (world.settings.clone(), seen.clone());
    let doomed = std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let queue = stoa_queue::Queue::connect(&settings).await.unwrap();
            let consumer = stoa_queue::Consumer::new(queue, crate::world::consumer_settings());
            let started = in_hand.clone();
            let consumer = consumer.handle(move |_: Note, job: JobContext| {
                started.add(format!("started {}", job.envelope.attempt));
                std::future::pending()
            });
            let _worker = Worker::start(consumer);
            in_hand.wait_for(1).await;
        });
        runtime.shutdown_background();
    });
    tokio::task::spawn_blocking(|| doomed.join())
        .await
        .unwrap()
        .unwrap();

    let done = seen.clone();
    let worker = world
        .consumer()
        .await
        .handle(move |_: Note, job: JobContext| {
            done.add(format!("done {}", job.envelope.attempt));
            std::future::ready(Ok(()))
        });
    let worker = Worker::start(worker);
    assert_eq!(seen.wait_for(2).await, ["started 1", "done 2"]);
    worker.end().await;
    world.end().await;
}

#[rstest]
#[tokio::test]
async fn leaves_a_long_job_with_its_worker(#[values(Broker::Redis, Broker::Amqp)] broker: Broker) {
    let world = World::on(broker).await;
    let seen = Seen::default();
    let slow = |seen: Seen| {
        move |_: Note, _: JobContext| {
            let seen = seen.clone();
            async move {
                seen.add("started");
                tokio::time::sleep(crate::world::LEASE * 3).await;
                seen.add("done");
                Ok(())
            }
        }
    };
    let first = Worker::start(world.consumer().await.handle(slow(seen.clone())));
    let second = Worker::start(world.consumer().await.handle(slow(seen.clone())));
    world.enqueue("long").await;
    seen.wait_for(2).await;
    first.end().await;
    second.end().await;
    assert_eq!(seen.all(), ["started", "done"]);
    world.end().await;
}

#[rstest]
#[case::one_tier(Duration::from_millis(700))]
#[case::longer(Duration::from_millis(2300))]
#[tokio::test]
async fn starts_a_delayed_job_not_before_its_time(
    #[values(Broker::Redis, Broker::Amqp)] broker: Broker,
    #[case] delay: Duration,
) {
    let world = World::on(broker).await;
    let seen = Seen::default();
    let worker = Worker::start(world.consumer().await.handle(record(seen.clone())));
    let enqueued = Instant::now();
    world
        .queue
        .enqueue(&note("later"), Enqueue::default().after(delay))
        .await
        .unwrap();
    seen.wait_for(1).await;
    // The shortest tier of RabbitMQ is what a delay may fall short of.
    assert!(
        enqueued.elapsed() + Duration::from_millis(100) >= delay,
        "{:?}",
        enqueued.elapsed()
    );
    worker.end().await;
    world.end().await;
}

#[rstest]
#[tokio::test]
async fn hands_unfinished_jobs_back_at_shutdown(
    #[values(Broker::Redis, Broker::Amqp)] broker: Broker,
) {
    let world = World::on(broker).await;
    let seen = Seen::default();
    let settings = stoa_queue::ConsumerSettings {
        drain: Duration::from_millis(100),
        ..crate::world::consumer_settings()
    };
    let started = seen.clone();
    let stuck = stoa_queue::Consumer::new(world.queue.clone(), settings).handle(
        move |_: Note, _: JobContext| {
            started.add("started");
            std::future::pending()
        },
    );
    let stuck = Worker::start(stuck);
    world.enqueue("job").await;
    seen.wait_for(1).await;
    stuck.end().await;
    // At once, not after a lease; and the attempt does not count.
    let ready = eventually(DEADLINE, || async {
        let depth = world.queue.depth("notes").await.unwrap();
        (depth.ready == 1).then_some(depth)
    });
    assert_eq!(ready.await.running.unwrap_or_default(), 0);
    let done = seen.clone();
    let worker = world
        .consumer()
        .await
        .handle(move |_: Note, job: JobContext| {
            done.add(format!("attempt {}", job.envelope.attempt));
            std::future::ready(Ok(()))
        });
    let worker = Worker::start(worker);
    assert_eq!(seen.wait_for(2).await, ["started", "attempt 1"]);
    worker.end().await;
    world.end().await;
}

#[rstest]
#[tokio::test]
async fn lets_running_jobs_end_at_shutdown(#[values(Broker::Redis, Broker::Amqp)] broker: Broker) {
    let world = World::on(broker).await;
    let seen = Seen::default();
    let both = seen.clone();
    let worker = world
        .consumer()
        .await
        .handle(move |_: Note, _: JobContext| {
            let seen = both.clone();
            async move {
                seen.add("started");
                tokio::time::sleep(Duration::from_millis(300)).await;
                seen.add("done");
                Ok(())
            }
        });
    let worker = Worker::start(worker);
    world.enqueue("job").await;
    seen.wait_for(1).await;
    worker.end().await;
    assert_eq!(seen.all(), ["started", "done"]);
    assert_eq!(world.queue.depth("notes").await.unwrap().ready, 0);
    world.end().await;
}

/// As when the broker was restarted without its data: nothing is there and no connection is left.
#[rstest]
#[tokio::test]
async fn goes_on_when_the_broker_has_lost_everything(
    #[values(Broker::Redis, Broker::Amqp)] broker: Broker,
) {
    let world = World::on(broker).await;
    let proxy = Proxy::start(world.settings.url.expose_secret()).await;
    let queue = world.queue_through(&proxy).await;
    let seen = Seen::default();
    let consumer = Consumer::new(queue.clone(), consumer_settings()).handle(record(seen.clone()));
    let worker = Worker::start(consumer);
    queue
        .enqueue(&note("before"), Enqueue::default())
        .await
        .unwrap();
    seen.wait_for(1).await;
    world.queue.remove(&["notes"]).await.unwrap();
    proxy.cut();
    eventually(DEADLINE, || async {
        queue.enqueue(&note("after"), Enqueue::default()).await.ok()
    })
    .await;
    assert_eq!(seen.wait_for(2).await, ["before", "after"]);
    worker.end().await;
    world.end().await;
}

#[rstest]
#[tokio::test]
async fn goes_on_after_its_connections_are_cut(
    #[values(Broker::Redis, Broker::Amqp)] broker: Broker,
) {
    let world = World::on(broker).await;
    let proxy = Proxy::start(world.settings.url.expose_secret()).await;
    let queue = world.queue_through(&proxy).await;
    let seen = Seen::default();
    let consumer = Consumer::new(queue.clone(), consumer_settings()).handle(record(seen.clone()));
    let worker = Worker::start(consumer);
    for round in 1..=3 {
        // What enqueues is told of a cut, and tries again.
        eventually(DEADLINE, || async {
            queue
                .enqueue(&note(&round.to_string()), Enqueue::default())
                .await
                .ok()
        })
        .await;
        let latest = round.to_string();
        eventually(DEADLINE, || async {
            seen.all().contains(&latest).then_some(())
        })
        .await;
        proxy.cut();
    }
    // Many at a time go on as well.
    let many = [note("one of two"), note("two of two")];
    eventually(DEADLINE, || async {
        queue.enqueue_many(&many, None).await.ok()
    })
    .await;
    eventually(DEADLINE, || async {
        let seen = seen.all();
        many.iter()
            .all(|note| seen.contains(&note.text))
            .then_some(())
    })
    .await;
    worker.end().await;
    world.end().await;
}
