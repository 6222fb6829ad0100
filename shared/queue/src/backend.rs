//! The two brokers behind one set of verbs.

use crate::amqp::{Amqp, AmqpReader, AmqpReceipt};
use crate::envelope::Message;
use crate::redis::{Redis, RedisReader, RedisReceipt};
use crate::{Backoff, DeadLetter, DeadReason, Depth, QueueError};
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How often a settlement is tried while the broker is away, before the lease decides.
pub(crate) const SETTLE_TRIES: u16 = 5;
/// The pauses in between.
pub(crate) const SETTLE_BACKOFF: Backoff = Backoff {
    base: Duration::from_millis(200),
    cap: Duration::from_secs(2),
};

/// A broker.
#[derive(Debug)]
pub(crate) enum Backend {
    Redis(Redis),
    Amqp(Amqp),
}

/// Takes messages of one queue from a broker.
pub(crate) enum Reader {
    Redis(RedisReader),
    Amqp(AmqpReader),
}

/// A message that this process holds until it is settled.
pub(crate) struct Delivery {
    pub(crate) message: Message,
    /// How often the same copy was handed out before, to workers that died with it or could put it nowhere.
    pub(crate) earlier: u16,
    /// Cancelled when the message is no longer this process's own.
    pub(crate) lease: CancellationToken,
    pub(crate) receipt: Receipt,
    pub(crate) room: Room,
}

/// What a job takes up in its worker, until the broker knows how it ended.
pub(crate) type Room = Option<OwnedSemaphorePermit>;

pub(crate) enum Receipt {
    Redis(RedisReceipt),
    Amqp(Box<AmqpReceipt>),
}

/// What becomes of a message.
#[derive(Debug)]
pub(crate) enum Settlement {
    /// The work is done.
    Done,
    Moved(Move),
}

/// Where a message goes whose work is not done.
#[derive(Debug)]
pub(crate) enum Move {
    /// The message, with a new head perhaps, comes again after a pause.
    Again {
        id: Uuid,
        message: Message,
        pause: Duration,
    },
    /// The message is parked.
    Dead {
        message: Message,
        reason: DeadReason,
        error: String,
    },
}

/// Whether a settlement took effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Settled {
    Yes,
    /// The message belongs to another worker by now, which settles it.
    Lost,
}

impl Backend {
    /// Whether a URL is one of a broker that is known here.
    pub(crate) fn is_url(url: &str) -> bool {
        match url.split_once("://").map(|(scheme, _)| scheme) {
            Some("redis" | "redis+unix") => Redis::is_url(url),
            Some("amqp") => Amqp::is_url(url),
            _ => false,
        }
    }

    pub(crate) async fn connect(url: &str, namespace: String) -> Result<Self, QueueError> {
        match url.split_once("://").map(|(scheme, _)| scheme) {
            Some("redis" | "redis+unix") => Ok(Self::Redis(Redis::connect(url, namespace).await?)),
            Some("amqp") => Ok(Self::Amqp(Amqp::connect(url, namespace).await?)),
            _ => Err(QueueError::Url(None)),
        }
    }

    pub(crate) async fn publish(
        &self,
        queue: &str,
        id: Uuid,
        message: &Message,
        delay: Duration,
    ) -> Result<(), QueueError> {
        match self {
            Self::Redis(redis) => redis.publish(queue, id, message, delay).await,
            Self::Amqp(amqp) => amqp.publish(queue, message, delay).await,
        }
    }

    /// Puts messages in that are to start at once.
    pub(crate) async fn publish_many(
        &self,
        queue: &str,
        messages: &[(Uuid, Message)],
    ) -> Result<(), QueueError> {
        match self {
            Self::Redis(redis) => redis.publish_many(queue, messages).await,
            Self::Amqp(amqp) => amqp.publish_many(queue, messages).await,
        }
    }

    /// Leaves a mark on the broker, which is gone if its data is.
    pub(crate) async fn set_mark(&self, mark: &str) -> Result<(), QueueError> {
        match self {
            Self::Redis(redis) => redis.set_mark(mark).await,
            Self::Amqp(amqp) => amqp.set_mark(mark).await,
        }
    }

    /// Whether the mark is there.
    pub(crate) async fn has_mark(&self, mark: &str) -> Result<bool, QueueError> {
        match self {
            Self::Redis(redis) => redis.has_mark(mark).await,
            Self::Amqp(amqp) => amqp.has_mark(mark).await,
        }
    }

    pub(crate) fn reader(&self, queue: &'static str, permits: usize, lease: Duration) -> Reader {
        match self {
            Self::Redis(redis) => Reader::Redis(redis.reader(queue, lease)),
            Self::Amqp(amqp) => Reader::Amqp(amqp.reader(queue, permits)),
        }
    }

    pub(crate) async fn check(&self) -> Result<(), QueueError> {
        match self {
            Self::Redis(redis) => redis.check().await,
            Self::Amqp(amqp) => amqp.check().await,
        }
    }

    pub(crate) async fn depth(&self, queue: &str) -> Result<Depth, QueueError> {
        match self {
            Self::Redis(redis) => redis.depth(queue).await,
            Self::Amqp(amqp) => amqp.depth(queue).await,
        }
    }

    pub(crate) async fn dead_letters(
        &self,
        queue: &str,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, QueueError> {
        match self {
            Self::Redis(redis) => redis.dead_letters(queue, limit).await,
            Self::Amqp(amqp) => amqp.dead_letters(queue, limit).await,
        }
    }

    pub(crate) async fn remove(&self, queues: &[&str]) -> Result<(), QueueError> {
        match self {
            Self::Redis(redis) => redis.remove(queues).await,
            Self::Amqp(amqp) => amqp.remove(queues).await,
        }
    }

    /// The longest that a job may take on this broker.
    pub(crate) fn longest_job(&self) -> Duration {
        match self {
            Self::Redis(_) => Duration::MAX,
            Self::Amqp(_) => crate::amqp::LONGEST_JOB,
        }
    }
}

impl Reader {
    /// Up to `free` messages; none if there are none for a while.
    pub(crate) async fn next(&mut self, free: usize) -> Result<Vec<Delivery>, QueueError> {
        match self {
            Self::Redis(reader) => reader.next(free).await,
            Self::Amqp(reader) => reader.next(free).await,
        }
    }

    /// Takes no more; gives what had been sent and not been asked for yet.
    pub(crate) async fn stop(&mut self) -> Vec<Delivery> {
        match self {
            Self::Redis(_) => Vec::new(),
            Self::Amqp(reader) => reader.stop().await,
        }
    }

    /// Takes leave of the broker once everything is settled.
    pub(crate) async fn close(self) {
        match self {
            Self::Redis(reader) => reader.close().await,
            Self::Amqp(reader) => reader.close().await,
        }
    }
}

impl Receipt {
    /// Acknowledges a message some time soon, together with others; until then `room` is taken. If that fails, the
    /// message comes again as after a crash.
    pub(crate) fn done(self, room: Room) {
        match self {
            Self::Redis(receipt) => receipt.done(room),
            Self::Amqp(receipt) => receipt.done(room),
        }
    }

    /// Puts a message elsewhere; returns when it is there.
    pub(crate) async fn put(&self, to: &Move) -> Result<Settled, QueueError> {
        match self {
            Self::Redis(receipt) => receipt.put(to).await,
            Self::Amqp(receipt) => receipt.put(to).await,
        }
    }
}
