//! A broker of the test's own.

pub(crate) use crate::broker::{
    Broker, DEADLINE, LEASE, Note, Seen, Worker, connect, consumer_settings,
};

use crate::broker::clear;
use stoa_queue::{Consumer, Enqueue, Queue, QueueSettings};
use stoa_testing::{proxy::Proxy, redis};

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
        let (settings, redis) = broker.place().await;
        Self {
            queue: connect(&settings).await,
            settings,
            _redis: redis,
        }
    }

    pub(crate) async fn enqueue(&self, text: &str) -> uuid::Uuid {
        let enqueued = self.queue.enqueue(&note(text), Enqueue::default()).await;
        enqueued.expect("the broker takes the job")
    }

    /// A consumer with a connection of its own, like another process.
    pub(crate) async fn consumer(&self) -> Consumer {
        Consumer::new(connect(&self.settings).await, consumer_settings())
    }

    /// A connection of its own, by way of `proxy`.
    pub(crate) async fn queue_through(&self, proxy: &Proxy) -> Queue {
        let settings = QueueSettings {
            url: proxy.url().into(),
            namespace: self.settings.namespace.clone(),
        };
        connect(&settings).await
    }

    /// Leaves nothing on a shared broker.
    pub(crate) async fn end(self) {
        clear(&self.queue).await;
    }
}
