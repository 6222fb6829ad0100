//! Redis Streams: one stream and one consumer group per queue.
//!
//! A worker owns what it has read as long as its heartbeat renews the lease; whatever changes an
//! entry first makes sure, in the same script, that it is still the worker's own.

mod done;
mod entry;
mod keys;
mod lease;
mod reader;
mod scripts;

pub(crate) use lease::RedisReceipt;
pub(crate) use reader::RedisReader;

use crate::envelope::Message;
use crate::{DeadLetter, DeadReason, Depth, QueueError};
use keys::{GROUP, Keys};
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::streams::{StreamId, StreamPendingReply, StreamRangeReply};
use redis::{AsyncCommands as _, Client, RedisError, RedisResult};
use std::time::Duration;
use uuid::Uuid;

/// How long a command may take. The default of 500 ms is short for a busy machine.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection attempt may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Messages that are sent in one go.
const PUBLISHED_AT_ONCE: usize = 100;

/// A Redis server.
pub(crate) struct Redis {
    client: Client,
    namespace: String,
    /// For everything but blocking reads, which would hold up the rest.
    link: ConnectionManager,
}

impl std::fmt::Debug for Redis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redis")
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}

impl Redis {
    pub(crate) fn is_url(url: &str) -> bool {
        Client::open(url).is_ok()
    }

    pub(crate) async fn connect(url: &str, namespace: String) -> Result<Self, QueueError> {
        let client = Client::open(url).map_err(|error| QueueError::Url(Some(error.into())))?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(RESPONSE_TIMEOUT));
        let link = ConnectionManager::new_with_config(client.clone(), config).await?;
        Ok(Self {
            client,
            namespace,
            link,
        })
    }

    pub(crate) async fn publish(
        &self,
        queue: &str,
        id: Uuid,
        message: &Message,
        delay: Duration,
    ) -> Result<(), QueueError> {
        let keys = self.keys(queue);
        let mut link = self.link.clone();
        if delay.is_zero() {
            let fields = [("head", &message.head), ("body", &message.body)];
            let _: String = link.xadd(&keys.stream, "*", &fields).await?;
            return Ok(());
        }
        let mut call = scripts::SCHEDULE.arg(id.to_string());
        call.key(&keys.all())
            .arg(millis(delay))
            .arg(&message.head)
            .arg(&message.body);
        Ok(call.invoke_async(&mut link).await?)
    }

    pub(crate) async fn publish_many(
        &self,
        queue: &str,
        messages: &[(Uuid, Message)],
    ) -> Result<(), QueueError> {
        let keys = self.keys(queue);
        for some in messages.chunks(PUBLISHED_AT_ONCE) {
            let mut pipe = redis::pipe();
            for (_, message) in some {
                let fields = [("head", &message.head), ("body", &message.body)];
                pipe.xadd(&keys.stream, "*", &fields).ignore();
            }
            pipe.exec_async(&mut self.link.clone()).await?;
        }
        Ok(())
    }

    pub(crate) async fn set_mark(&self, mark: &str) -> Result<(), QueueError> {
        Ok(self.link.clone().set(self.mark(mark), "").await?)
    }

    pub(crate) async fn has_mark(&self, mark: &str) -> Result<bool, QueueError> {
        Ok(self.link.clone().exists(self.mark(mark)).await?)
    }

    fn mark(&self, mark: &str) -> String {
        format!("{}:mark:{mark}", self.namespace)
    }

    pub(crate) fn reader(&self, queue: &'static str, lease: Duration) -> RedisReader {
        RedisReader::new(
            queue,
            self.client.clone(),
            self.link.clone(),
            self.keys(queue),
            lease,
        )
    }

    pub(crate) async fn check(&self) -> Result<(), QueueError> {
        Ok(redis::cmd("PING")
            .exec_async(&mut self.link.clone())
            .await?)
    }

    pub(crate) async fn depth(&self, queue: &str) -> Result<Depth, QueueError> {
        let keys = self.keys(queue);
        let mut link = self.link.clone();
        let running = match link
            .xpending::<_, _, StreamPendingReply>(&keys.stream, GROUP)
            .await
        {
            Ok(pending) => pending.count() as u64,
            Err(error) if no_group(&error) => 0,
            Err(error) => return Err(error.into()),
        };
        let waiting: u64 = link.xlen(&keys.stream).await?;
        let delayed = link.zcard(&keys.delayed).await?;
        let dead = link.xlen(&keys.dead).await?;
        Ok(Depth {
            ready: waiting.saturating_sub(running),
            running: Some(running),
            delayed: Some(delayed),
            dead,
        })
    }

    pub(crate) async fn dead_letters(
        &self,
        queue: &str,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, QueueError> {
        let mut link = self.link.clone();
        let dead: StreamRangeReply = link
            .xrange_count(self.keys(queue).dead, "-", "+", limit)
            .await?;
        Ok(dead.ids.iter().map(dead_letter).collect())
    }

    pub(crate) async fn remove(&self, queues: &[&str]) -> Result<(), QueueError> {
        for queue in queues {
            let _: u64 = self.link.clone().del(&self.keys(queue).all()).await?;
        }
        Ok(())
    }

    fn keys(&self, queue: &str) -> Keys {
        Keys::new(&self.namespace, queue)
    }
}

fn dead_letter(entry: &StreamId) -> DeadLetter {
    let message = message(entry);
    let reason: String = entry.get("reason").unwrap_or_default();
    DeadLetter {
        envelope: message.envelope().ok(),
        body: message.body,
        reason: DeadReason::from_stored(&reason),
        error: entry.get("error").unwrap_or_default(),
    }
}

/// The message of an entry; a foreign entry gives an empty head, which is then unreadable.
fn message(entry: &StreamId) -> Message {
    Message {
        head: entry.get("head").unwrap_or_default(),
        body: entry.get("body").unwrap_or_default(),
    }
}

/// The server was restarted without its data, or nobody has read the queue yet.
fn no_group(error: &RedisError) -> bool {
    error.code() == Some("NOGROUP") || error.to_string().contains("NOGROUP") || no_key(error)
}

fn no_key(error: &RedisError) -> bool {
    error.to_string().contains("no such key")
}

/// Makes the group, reading from the very first job: `$` would skip those that wait already.
async fn create_group(link: &mut ConnectionManager, keys: &Keys) -> RedisResult<()> {
    match link.xgroup_create_mkstream(&keys.stream, GROUP, "0").await {
        Err(error) if error.code() == Some("BUSYGROUP") => Ok(()),
        other => other,
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
