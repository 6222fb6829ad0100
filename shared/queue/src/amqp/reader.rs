//! The side of a queue where jobs are taken out.

use super::acks::Acks;
use super::names::{Names, first_wait};
use super::session::limited;
use super::{Amqp, wire};
use crate::QueueError;
use crate::backend::{Delivery, Move, Receipt, Room, Settled};
use crate::metrics;
use futures_util::{FutureExt as _, StreamExt as _};
use lapin::options::{BasicCancelOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Consumer, message};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How long a read waits for a job; it bounds how late a worker notices that it shall stop.
const WAIT: Duration = Duration::from_millis(500);

/// After this long without a message the queue is counted: a consumer of a queue that was deleted
/// and made again may wait for ever without being told.
const SILENCE: Duration = Duration::from_secs(3);

/// The consumer's name on its channel. Every message is sent with it: a name of the broker has 31 bytes.
const TAG: &str = "jobs";

/// Reads one queue.
pub(crate) struct AmqpReader {
    queue: &'static str,
    amqp: Amqp,
    names: Arc<Names>,
    permits: u16,
    subscription: Option<Subscription>,
}

/// A consumer on its channel. What it has handed out belongs to this process until it ends.
struct Subscription {
    channel: Channel,
    consumer: Consumer,
    acks: Arc<Acks>,
    /// When the last message came, or the queue was last counted.
    heard: Instant,
    /// Whether jobs were waiting at the last count that should have come.
    suspicious: bool,
    ended: CancellationToken,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.ended.cancel();
    }
}

impl AmqpReader {
    pub(super) fn new(queue: &'static str, amqp: Amqp, names: Names, permits: usize) -> Self {
        let permits = u16::try_from(permits).unwrap_or(u16::MAX);
        Self {
            queue,
            amqp,
            names: Arc::new(names),
            permits,
            subscription: None,
        }
    }

    pub(crate) async fn next(&mut self, free: usize) -> Result<Vec<Delivery>, QueueError> {
        let taken = self.take(free).await;
        if taken.is_err() {
            self.subscription = None;
        }
        // All of them are ours from here on: one that is dropped goes back.
        let taken = taken?.into_iter().filter_map(|message| {
            let pause = wire::pause_left(&message);
            Some((self.delivery(message)?, pause))
        });
        let (mut due, mut failure) = (Vec::new(), None);
        for (delivery, pause) in taken.collect::<Vec<_>>() {
            if first_wait(pause).is_none() {
                due.push(delivery);
            } else if let Err(error) = let_wait(delivery, pause).await {
                tracing::warn!(queue = self.queue, %error, "a job cannot wait for its time, and goes back");
                failure = Some(error);
            }
        }
        match failure {
            Some(error) if due.is_empty() => Err(error),
            _ => Ok(due),
        }
    }

    /// Takes no more; gives what had been sent and not been asked for yet.
    pub(crate) async fn stop(&mut self) -> Vec<Delivery> {
        let Some(subscription) = self.subscription.as_mut() else {
            return Vec::new();
        };
        let tag = subscription.consumer.tag();
        let cancelled = subscription
            .channel
            .basic_cancel(tag, BasicCancelOptions::default());
        if timeout(WAIT, cancelled).await.is_err() {
            return Vec::new();
        }
        let mut sent = Vec::new();
        while let Some(Some(Ok(message))) = subscription.consumer.next().now_or_never() {
            sent.push(message);
        }
        sent.into_iter()
            .filter_map(|message| self.delivery(message))
            .collect()
    }

    pub(crate) async fn close(mut self) {
        if let Some(subscription) = self.subscription.take() {
            // Whatever is not acknowledged goes back to the queue.
            let closing = subscription.channel.close(200, "done".into());
            let _ = timeout(WAIT, closing).await;
        }
    }

    async fn take(&mut self, free: usize) -> Result<Vec<message::Delivery>, QueueError> {
        let subscription = self.subscribed().await?;
        let consumer = &mut subscription.consumer;
        let Ok(first) = timeout(WAIT, consumer.next()).await else {
            self.mistrust_silence(free).await?;
            return Ok(Vec::new());
        };
        let mut taken = vec![first.ok_or(QueueError::Unconfirmed("the consumer was cancelled"))??];
        while taken.len() < free {
            let Some(Some(next)) = consumer.next().now_or_never() else {
                break;
            };
            taken.push(next?);
        }
        (subscription.heard, subscription.suspicious) = (Instant::now(), false);
        Ok(taken)
    }

    /// Fails when jobs have been waiting at two counts in a row and none has come.
    async fn mistrust_silence(&mut self, free: usize) -> Result<(), QueueError> {
        let silent = |subscription: &&mut Subscription| subscription.heard.elapsed() >= SILENCE;
        let Some(subscription) = self.subscription.as_mut().filter(silent) else {
            return Ok(());
        };
        let permits = self.permits.into();
        if free < permits && subscription.acks.open() >= permits {
            // It is sent no more until one of those that run here is acknowledged.
            subscription.heard = Instant::now();
            return Ok(());
        }
        let (waiting, _) = self.amqp.session().await?.count(&self.names).await?;
        if waiting > 0 && subscription.suspicious {
            return Err(QueueError::Unconfirmed(
                "jobs wait and the consumer hears of none",
            ));
        }
        (subscription.heard, subscription.suspicious) = (Instant::now(), waiting > 0);
        Ok(())
    }

    async fn subscribed(&mut self) -> Result<&mut Subscription, QueueError> {
        if self.subscription.is_none() {
            let session = self.amqp.session().await?;
            session.declare(&self.names).await?;
            let channel = session.channel().await?;
            let (queue, options) = (self.names.jobs.as_str(), BasicConsumeOptions::default());
            let subscribing = async {
                // Never more than can run: what waits here could run elsewhere.
                let most = BasicQosOptions::default();
                channel.basic_qos(self.permits, most).await?;
                let none = FieldTable::default();
                let consuming = channel.basic_consume(queue.into(), TAG.into(), options, none);
                Ok(consuming.await?)
            };
            let consumer = limited("no consumer in time", subscribing).await?;
            let ended = CancellationToken::new();
            self.subscription = Some(Subscription {
                acks: Arc::new(Acks::new(self.queue, channel.clone())),
                channel,
                consumer,
                heard: Instant::now(),
                suspicious: false,
                ended,
            });
        }
        Ok(self.subscription.as_mut().expect("it was just made"))
    }

    /// None if the subscription that it came by has ended.
    fn delivery(&self, message: message::Delivery) -> Option<Delivery> {
        let subscription = self.subscription.as_ref()?;
        subscription.acks.expect_one();
        let lease = subscription.ended.clone();
        let receipt = AmqpReceipt {
            amqp: self.amqp.clone(),
            names: Arc::clone(&self.names),
            acks: Arc::clone(&subscription.acks),
            tag: message.delivery_tag,
            lease: lease.clone(),
            is_told: AtomicBool::default(),
        };
        Some(Delivery {
            earlier: wire::earlier(&message),
            receipt: Receipt::Amqp(Box::new(receipt)),
            message: wire::message(message),
            lease,
            room: None,
        })
    }
}

/// Sends a message that has still to wait into its next tier.
async fn let_wait(delivery: Delivery, pause: Duration) -> Result<(), QueueError> {
    let id = Uuid::nil(); // The tiers need none.
    let message = delivery.message;
    let again = Move::Again { id, message, pause };
    delivery.receipt.put(&again).await.map(drop)
}

/// The right to settle one message.
pub(crate) struct AmqpReceipt {
    amqp: Amqp,
    names: Arc<Names>,
    acks: Arc<Acks>,
    /// By which its channel knows it.
    tag: u64,
    lease: CancellationToken,
    /// Whether the broker is told that the message is settled.
    is_told: AtomicBool,
}

impl AmqpReceipt {
    pub(crate) fn done(&self, room: Room) {
        self.is_told.store(true, Ordering::Relaxed);
        if self.is_lost() {
            metrics::leases_lost(self.acks.queue, 1);
        } else {
            self.acks.tell(self.tag, room);
        }
    }

    pub(crate) async fn put(&self, to: &Move) -> Result<Settled, QueueError> {
        if self.is_lost() {
            return Ok(Settled::Lost);
        }
        let session = self.amqp.session().await?;
        match to {
            Move::Again { message, pause, .. } => {
                session.send(&self.names, message, *pause).await?;
            }
            Move::Dead {
                message,
                reason,
                error,
            } => {
                let properties = wire::dead_properties(message, *reason, error);
                session.park(&self.names, message, properties).await?;
            }
        }
        self.is_told.store(true, Ordering::Relaxed);
        let telling = async { Ok(self.acks.tell_and_wait(self.tag).await) };
        // Not to be tried again, whatever becomes of it: it would be elsewhere twice.
        let told = limited("no acknowledgement in time", telling).await;
        Ok(told.unwrap_or(Settled::Lost))
    }

    /// Delivery tags are void once their channel is gone; the broker hands the message out again.
    fn is_lost(&self) -> bool {
        self.lease.is_cancelled() || !self.acks.are_possible()
    }
}

impl Drop for AmqpReceipt {
    fn drop(&mut self) {
        // As long as its channel is there, the broker would wait for it, and send so much less.
        if !self.is_told.load(Ordering::Relaxed) && !self.is_lost() {
            self.acks.give_back(self.tag);
        }
    }
}
