//! What a worker holds on Redis by its lease, and does not hold any more.

use crate::world::{Broker, Note, Seen, Worker, World, consumer_settings};
use std::pin::Pin;
use stoa_config::ExposeSecret as _;
use stoa_queue::{CancellationToken, Consumer, JobContext, JobError};
use stoa_testing::proxy::Proxy;

/// A handler that says when it starts, and ends when it is let.
fn waiting(
    name: &'static str,
    seen: &Seen,
    until: &CancellationToken,
) -> impl Fn(Note, JobContext) -> Pin<Box<dyn Future<Output = Result<(), JobError>> + Send>>
+ Send
+ Sync
+ use<> {
    let (seen, until) = (seen.clone(), until.clone());
    move |_, _| {
        let (seen, until) = (seen.clone(), until.clone());
        Box::pin(async move {
            seen.add(name);
            until.cancelled().await;
            seen.add(format!("{name} is done"));
            Ok(())
        })
    }
}

/// The acknowledgement is under way when the lease runs out. When it arrives, another worker has the job, whose
/// death would then lose it.
#[tokio::test]
async fn an_acknowledgement_past_the_lease_takes_no_job_from_another() {
    let world = World::on(Broker::Redis).await;
    let proxy = Proxy::start(world.settings.url.expose_secret()).await;
    let queue = world.queue_through(&proxy).await;
    let (seen, first_may, second_may) = (
        Seen::default(),
        CancellationToken::new(),
        CancellationToken::new(),
    );
    let consumer = Consumer::new(queue, consumer_settings());
    let first = Worker::start(consumer.handle(waiting("first", &seen, &first_may)));
    world.enqueue("job").await;
    seen.wait_for(1).await;
    proxy.hold();
    first_may.cancel();
    seen.wait_for(2).await;
    let consumer = world.consumer().await;
    let second = Worker::start(consumer.handle(waiting("second", &seen, &second_may)));
    seen.wait_for(3).await;
    proxy.pass();
    // It ends when its acknowledgement is answered.
    first.end().await;
    assert_eq!(world.queue.depth("notes").await.unwrap().running, Some(1));
    second_may.cancel();
    second.end().await;
    assert_eq!(
        seen.all(),
        ["first", "first is done", "second", "second is done"]
    );
    assert_eq!(world.queue.depth("notes").await.unwrap().running, Some(0));
    world.end().await;
}
