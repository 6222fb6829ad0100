//! A broker of the test's own, and workers that can be killed.

use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;
use stoa_queue::{
    Backoff, CancellationToken, Consumer, ConsumerSettings, Enqueue, Payload, Queue, QueueError,
    QueueSettings,
};
use stoa_testing::{amqp, redis};
use tokio::task::JoinHandle;

/// Long enough for a busy machine; nothing waits for it in vain.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);
/// Short, so that a dead worker is noticed soon.
pub(crate) const LEASE: Duration = Duration::from_millis(1500);

/// The brokers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Broker {
    Redis,
    Amqp,
}

/// The job of the tests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Note {
    pub(crate) text: String,
}

impl Payload for Note {
    const KIND: &'static str = "note";
    const QUEUE: &'static str = "notes";
    const MAX_ATTEMPTS: u16 = 3;
    const TIME_LIMIT: Duration = Duration::from_secs(10);
}

pub(crate) fn note(text: &str) -> Note {
    Note {
        text: text.to_owned(),
    }
}

/// A broker of the test's own.
pub(crate) struct World {
    pub(crate) settings: QueueSettings,
    pub(crate) queue: Queue,
    /// Holds the numbered database, on Redis.
    _redis: Option<redis::TestRedis>,
}

impl World {
    pub(crate) async fn on(broker: Broker) -> Self {
        let (url, namespace, redis) = match broker {
            Broker::Redis => {
                let redis = redis::database().await;
                (redis.url.clone(), "test".to_owned(), Some(redis))
            }
            Broker::Amqp => {
                let broker = amqp::broker().await;
                (broker.url, broker.namespace, None)
            }
        };
        let settings = QueueSettings {
            url: url.into(),
            namespace,
        };
        let queue = Queue::connect(&settings).await.expect("the broker answers");
        Self {
            settings,
            queue,
            _redis: redis,
        }
    }

    pub(crate) async fn enqueue(&self, text: &str) -> uuid::Uuid {
        let enqueued = self.queue.enqueue(&note(text), Enqueue::default()).await;
        enqueued.expect("the broker takes the job")
    }

    /// A consumer with a connection of its own, like another process.
    pub(crate) async fn consumer(&self) -> Consumer {
        let queue = Queue::connect(&self.settings)
            .await
            .expect("the broker answers");
        Consumer::new(queue, consumer_settings())
    }

    /// Leaves nothing on a shared broker.
    pub(crate) async fn end(self) {
        self.queue
            .remove(&[Note::QUEUE])
            .await
            .expect("the queue is removed");
    }
}

pub(crate) fn consumer_settings() -> ConsumerSettings {
    ConsumerSettings {
        concurrency: 4,
        lease: LEASE,
        drain: Duration::from_secs(10),
        backoff: Backoff {
            base: Duration::from_millis(50),
            cap: Duration::from_millis(200),
        },
    }
}

/// A worker that was started and can be told to end.
pub(crate) struct Worker {
    stop: CancellationToken,
    running: JoinHandle<Result<(), QueueError>>,
}

impl Worker {
    pub(crate) fn start(consumer: Consumer) -> Self {
        let stop = CancellationToken::new();
        Self {
            running: tokio::spawn(consumer.run(stop.clone())),
            stop,
        }
    }

    /// Ends it as SIGTERM does.
    pub(crate) async fn end(self) {
        self.stop.cancel();
        self.running
            .await
            .expect("the worker does not panic")
            .expect("the worker ends well");
    }
}

/// What handlers have seen, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen(Arc<Mutex<Vec<String>>>);

impl Seen {
    pub(crate) fn add(&self, what: impl Into<String>) {
        self.0
            .lock()
            .expect("no test panics while it adds")
            .push(what.into());
    }

    pub(crate) fn all(&self) -> Vec<String> {
        self.0.lock().expect("no test panics while it adds").clone()
    }

    /// Waits until `count` things were seen.
    pub(crate) async fn wait_for(&self, count: usize) -> Vec<String> {
        stoa_testing::eventually(DEADLINE, || async {
            Some(self.all()).filter(|seen| seen.len() >= count)
        })
        .await
    }
}
