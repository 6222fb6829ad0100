//! A broker of the test's own, and workers that can be killed.

use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use stoa_queue::{
    Backoff, CancellationToken, Consumer, ConsumerSettings, Payload, Queue, QueueError,
    QueueSettings,
};
use stoa_testing::{amqp, eventually, redis};
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
    const SOFT_TIME_LIMIT: Option<Duration> = Some(Duration::from_secs(2));
}

impl Broker {
    /// Where a test may be on it, for as long as it keeps what comes with it.
    pub(crate) async fn place(self) -> (QueueSettings, Option<redis::TestRedis>) {
        let (url, namespace, redis) = match self {
            Self::Redis => {
                let redis = redis::database().await;
                (redis.url.clone(), "test".to_owned(), Some(redis))
            }
            Self::Amqp => {
                let broker = amqp::broker().await;
                (broker.url, broker.namespace, None)
            }
        };
        let settings = QueueSettings {
            url: url.into(),
            namespace,
        };
        (settings, redis)
    }
}

/// A connection of its own, like another process has.
pub(crate) async fn connect(settings: &QueueSettings) -> Queue {
    let queue = Queue::connect(settings).await;
    queue.expect("the broker answers")
}

/// Leaves nothing on a shared broker.
pub(crate) async fn clear(queue: &Queue) {
    let removed = queue.remove(&[Note::QUEUE]).await;
    removed.expect("the queue is removed");
}

pub(crate) fn consumer_settings() -> ConsumerSettings {
    ConsumerSettings {
        concurrency: 4,
        lease: LEASE,
        drain: Duration::from_secs(3),
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
        let ended = self.running.await.expect("the worker does not panic");
        ended.expect("the worker ends well");
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
        eventually(DEADLINE, || async {
            Some(self.all()).filter(|seen| seen.len() >= count)
        })
        .await
    }
}
