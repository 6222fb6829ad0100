//! One connection, from its making to its break.

use super::names::{Names, first_wait};
use super::wire;
use crate::QueueError;
use crate::envelope::Message;
use backon::{ExponentialBuilder, Retryable as _};
use futures_util::FutureExt as _;
use lapin::options::{
    BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions, QueueDeleteOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{
    BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, ErrorKind,
    PublisherConfirm,
};
use std::collections::HashSet;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::timeout;
use uuid::Uuid;

/// How long making a connection, and one command on it, may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The first pause after a refusal, which then doubles, and how many are borne: six seconds.
const REFUSAL_PAUSE: Duration = Duration::from_millis(50);
const REFUSALS: usize = 6;
/// What is said of a message that was not confirmed within it.
const UNCONFIRMED: &str = "no confirmation in time";
/// The reply code of AMQP for a queue that is not there.
const NOT_FOUND: u16 = 404;
/// How often the broker hands a job out before it parks it itself; the runner parks it earlier.
const DELIVERY_LIMIT: i64 = 1000;
/// Dead letters are looked at by taking them and giving them back, which counts as a delivery.
const DEAD_DELIVERY_LIMIT: i64 = 1_000_000_000;

/// A connection with a channel whose messages the broker confirms.
pub(super) struct Session {
    connection: Connection,
    publisher: Channel,
    /// The queues that exist as far as this connection knows.
    declared: Mutex<HashSet<String>>,
}

impl Session {
    pub(super) async fn open(url: &str) -> Result<Self, QueueError> {
        let opening = async {
            let properties =
                ConnectionProperties::default().with_connection_name("stoa-queue".into());
            let connection = Connection::connect(url, properties).await?;
            let publisher = connection.create_channel().await?;
            publisher
                .confirm_select(ConfirmSelectOptions::default())
                .await?;
            Ok(Self {
                connection,
                publisher,
                declared: Mutex::default(),
            })
        };
        limited("no connection in time", opening).await
    }

    /// Whether it can still be used; a broken one is never mended.
    pub(super) fn is_open(&self) -> bool {
        self.connection.status().connected() && self.publisher.status().connected()
    }

    /// A channel for a reader.
    pub(super) async fn channel(&self) -> Result<Channel, QueueError> {
        limited("no channel in time", async {
            Ok(self.connection.create_channel().await?)
        })
        .await
    }

    /// Makes sure that a queue and its dead letters exist.
    pub(super) async fn declare(&self, names: &Names) -> Result<(), QueueError> {
        if self.declared.lock().await.contains(&names.jobs) {
            return Ok(());
        }
        self.count(names).await?;
        self.declared.lock().await.insert(names.jobs.clone());
        Ok(())
    }

    /// Makes sure that a queue exists; the numbers of waiting and of parked jobs.
    pub(super) async fn count(&self, names: &Names) -> Result<(u64, u64), QueueError> {
        let mut dead = quorum();
        dead.insert(
            "x-delivery-limit".into(),
            AMQPValue::LongLongInt(DEAD_DELIVERY_LIMIT),
        );
        let dead = self.declare_queue(&names.dead, dead).await?;
        let mut jobs = quorum();
        jobs.insert(
            "x-delivery-limit".into(),
            AMQPValue::LongLongInt(DELIVERY_LIMIT),
        );
        dead_letters_to(&mut jobs, &names.dead);
        Ok((self.declare_queue(&names.jobs, jobs).await?, dead))
    }

    /// Makes sure that the queue exists in which messages wait for `wait`.
    pub(super) async fn declare_tier(
        &self,
        names: &Names,
        wait: Duration,
    ) -> Result<(), QueueError> {
        let tier = names.tier(wait);
        if self.declared.lock().await.contains(&tier) {
            return Ok(());
        }
        let mut arguments = quorum();
        let millis = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
        arguments.insert("x-message-ttl".into(), AMQPValue::LongLongInt(millis));
        dead_letters_to(&mut arguments, &names.jobs);
        self.declare_queue(&tier, arguments).await?;
        self.declared.lock().await.insert(tier);
        Ok(())
    }

    async fn declare_queue(&self, name: &str, arguments: FieldTable) -> Result<u64, QueueError> {
        let options = QueueDeclareOptions {
            durable: true,
            ..QueueDeclareOptions::default()
        };
        let declaring = async {
            let queue = self
                .publisher
                .queue_declare(name.into(), options, arguments)
                .await?;
            Ok(u64::from(queue.message_count()))
        };
        limited("no queue in time", declaring).await
    }

    pub(super) async fn delete(&self, name: &str) -> Result<(), QueueError> {
        self.declared.lock().await.remove(name);
        let deleting = async {
            self.publisher
                .queue_delete(name.into(), QueueDeleteOptions::default())
                .await?;
            Ok(())
        };
        limited("no deletion in time", deleting).await
    }

    /// Makes an empty queue, as a mark that the broker keeps.
    pub(super) async fn set_mark(&self, name: &str) -> Result<(), QueueError> {
        self.declare_queue(name, quorum()).await.map(drop)
    }

    /// Whether the mark is there.
    pub(super) async fn has_mark(&self, name: &str) -> Result<bool, QueueError> {
        let options = QueueDeclareOptions {
            passive: true,
            ..QueueDeclareOptions::default()
        };
        // Its own channel, because the answer "no" closes it.
        let channel = self.channel().await?;
        let asking = async {
            match channel
                .queue_declare(name.into(), options, FieldTable::default())
                .await
            {
                Ok(_) => Ok(true),
                Err(error) if is_not_found(&error) => Ok(false),
                Err(error) => Err(error.into()),
            }
        };
        let is_there = limited("no answer in time", asking).await?;
        if is_there {
            channel.close(200, "looked at".into()).await?;
        }
        Ok(is_there)
    }

    /// Puts a message into its queue, or into the tier where it waits first.
    pub(super) async fn send(
        &self,
        names: &Names,
        message: &Message,
        pause: Duration,
    ) -> Result<(), QueueError> {
        let Some((wait, left)) = first_wait(pause) else {
            let properties = wire::properties(message, Duration::ZERO);
            let sending = || self.publish(names, &names.jobs, &message.body, properties.clone());
            return unless_refused(sending).await;
        };
        let (tier, properties) = (names.tier(wait), wire::properties(message, left));
        let sending = || async {
            self.declare_tier(names, wait).await?;
            self.publish(names, &tier, &message.body, properties.clone())
                .await
        };
        unless_refused(sending).await
    }

    /// Puts messages that are to start at once into their queue; those that the broker did not confirm.
    ///
    /// All are written before the first is waited for: what comes in one piece costs the broker less.
    pub(super) async fn send_at_once<'m>(
        &self,
        names: &Names,
        messages: &'m [(Uuid, Message)],
    ) -> Result<Vec<&'m Message>, QueueError> {
        self.declare(names).await?;
        let confirming = async {
            let sending = messages.iter().map(|(_, message)| {
                let properties = wire::properties(message, Duration::ZERO);
                Box::pin(async {
                    let written = self.write(&names.jobs, &message.body, properties).await?;
                    lapin::Result::Ok(is_taken(written.await?))
                })
            });
            let mut sending: Vec<_> = sending.collect();
            let mut begun = Vec::with_capacity(messages.len());
            for sending in &mut sending {
                begun.push(sending.as_mut().now_or_never());
            }
            let mut unconfirmed = Vec::new();
            // The last one is waited for, and most of the others have come by then.
            let all = messages.iter().zip(sending).zip(begun).rev();
            for (((_, message), sending), begun) in all {
                let confirmed = match begun {
                    Some(confirmed) => confirmed,
                    None => sending.await,
                };
                if !matches!(confirmed, Ok(true)) {
                    unconfirmed.push(message);
                }
            }
            unconfirmed.reverse();
            Ok(unconfirmed)
        };
        limited(UNCONFIRMED, confirming).await
    }

    /// Puts a message to the dead letters.
    pub(super) async fn park(
        &self,
        names: &Names,
        message: &Message,
        properties: BasicProperties,
    ) -> Result<(), QueueError> {
        unless_refused(|| self.publish(names, &names.dead, &message.body, properties.clone())).await
    }

    /// Returns once the broker has the message in `queue`.
    async fn publish(
        &self,
        names: &Names,
        queue: &str,
        body: &[u8],
        properties: BasicProperties,
    ) -> Result<(), QueueError> {
        self.declare(names).await?;
        let publishing = async {
            let confirmation = self.write(queue, body, properties).await?.await?;
            if !is_taken(confirmation) {
                self.declared.lock().await.clear();
                return Err(QueueError::Refused);
            }
            Ok(())
        };
        limited(UNCONFIRMED, publishing).await
    }

    /// Returns once the message is written; the broker has it once it is confirmed.
    async fn write(
        &self,
        queue: &str,
        body: &[u8],
        properties: BasicProperties,
    ) -> lapin::Result<PublisherConfirm> {
        let options = BasicPublishOptions {
            mandatory: true,
            ..BasicPublishOptions::default()
        };
        self.publisher
            .basic_publish("".into(), queue.into(), options, body, properties)
            .await
    }
}

/// A returned message was not put anywhere: its queue is gone, or not there yet.
fn is_taken(confirmation: Confirmation) -> bool {
    confirmation.is_ack() && confirmation.take_message().is_none()
}

fn is_not_found(error: &lapin::Error) -> bool {
    match error.kind() {
        ErrorKind::ProtocolError(error) => error.get_id() == NOT_FOUND,
        _ => false,
    }
}

fn quorum() -> FieldTable {
    let mut arguments = FieldTable::default();
    arguments.insert(
        "x-queue-type".into(),
        AMQPValue::LongString("quorum".into()),
    );
    arguments
}

/// What leaves the queue by time or by limit goes to another, surely: at-least-once needs
/// `reject-publish`.
fn dead_letters_to(arguments: &mut FieldTable, queue: &str) {
    let pairs = [
        ("x-dead-letter-exchange", ""),
        ("x-dead-letter-routing-key", queue),
        ("x-dead-letter-strategy", "at-least-once"),
        ("x-overflow", "reject-publish"),
    ];
    for (key, value) in pairs {
        arguments.insert(key.into(), AMQPValue::LongString(value.into()));
    }
}

/// Tries again for a while what the broker refuses: a quorum queue refuses messages while it is
/// being made or chooses a leader.
async fn unless_refused<F>(publish: impl FnMut() -> F) -> Result<(), QueueError>
where
    F: Future<Output = Result<(), QueueError>>,
{
    let backoff = ExponentialBuilder::default()
        .with_min_delay(REFUSAL_PAUSE)
        .with_max_times(REFUSALS)
        .with_jitter();
    publish
        .retry(backoff)
        .when(|error| matches!(error, QueueError::Refused))
        .await
}

pub(super) async fn limited<T>(
    otherwise: &'static str,
    command: impl Future<Output = Result<T, QueueError>>,
) -> Result<T, QueueError> {
    timeout(TIMEOUT, command)
        .await
        .unwrap_or(Err(QueueError::Unconfirmed(otherwise)))
}
