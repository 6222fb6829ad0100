//! RabbitMQ: quorum queues, confirmed publishing, and connections that are made anew when they break.
//!
//! A worker owns a message as long as its channel is open. A retry is a new copy, confirmed before
//! the old one is acknowledged: between the two a crash leaves both, never none.

mod acks;
mod names;
mod reader;
mod session;
mod wire;

pub(crate) use reader::{AmqpReader, AmqpReceipt};

use crate::envelope::Message;
use crate::{DeadLetter, Depth, QueueError};
use futures_util::future::try_join_all;
use lapin::options::BasicGetOptions;
use lapin::uri::AMQPUri;
use names::{Names, TIERS};
use session::Session;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use uuid::Uuid;

/// RabbitMQ closes the channel of a message that is unacknowledged for 30 minutes (its default
/// `consumer_timeout`, checked once a minute).
pub(crate) const LONGEST_JOB: Duration = Duration::from_mins(28);

/// Messages that may be unconfirmed at a time.
const PUBLISHED_AT_ONCE: usize = 200;

/// A RabbitMQ broker.
#[derive(Clone)]
pub(crate) struct Amqp {
    shared: Arc<Shared>,
}

struct Shared {
    url: String,
    namespace: String,
    /// The present connection; whoever finds it broken makes the next.
    session: Mutex<Option<Arc<Session>>>,
}

impl std::fmt::Debug for Amqp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Amqp")
            .field("namespace", &self.shared.namespace)
            .finish_non_exhaustive()
    }
}

impl Amqp {
    pub(crate) fn is_url(url: &str) -> bool {
        url.parse::<AMQPUri>().is_ok()
    }

    pub(crate) async fn connect(url: &str, namespace: String) -> Result<Self, QueueError> {
        let session = Mutex::default();
        let amqp = Self {
            shared: Arc::new(Shared {
                url: url.to_owned(),
                namespace,
                session,
            }),
        };
        amqp.session().await?;
        Ok(amqp)
    }

    pub(crate) async fn publish(
        &self,
        queue: &str,
        message: &Message,
        delay: Duration,
    ) -> Result<(), QueueError> {
        let names = self.names(queue);
        let session = self.session().await?;
        match session.send(&names, message, delay).await {
            // The connection broke since it was last used. The copy that may have got through has
            // the same id.
            Err(_) if !session.is_open() => {
                self.session().await?.send(&names, message, delay).await
            }
            other => other,
        }
    }

    pub(crate) async fn publish_many(
        &self,
        queue: &str,
        messages: &[(Uuid, Message)],
    ) -> Result<(), QueueError> {
        let names = self.names(queue);
        for some in messages.chunks(PUBLISHED_AT_ONCE) {
            let session = self.session().await?;
            let left = match session.send_at_once(&names, some).await {
                Err(_) if !session.is_open() => some.iter().map(|(_, message)| message).collect(),
                other => other?,
            };
            // What was refused, or was on its way when the connection broke.
            let sending = left
                .into_iter()
                .map(|message| self.publish(queue, message, Duration::ZERO));
            try_join_all(sending).await?;
        }
        Ok(())
    }

    pub(crate) async fn set_mark(&self, mark: &str) -> Result<(), QueueError> {
        let name = self.mark(mark);
        self.session().await?.set_mark(&name).await
    }

    pub(crate) async fn has_mark(&self, mark: &str) -> Result<bool, QueueError> {
        let name = self.mark(mark);
        self.session().await?.has_mark(&name).await
    }

    fn mark(&self, mark: &str) -> String {
        format!("{}.mark.{mark}", self.shared.namespace)
    }

    pub(crate) fn reader(&self, queue: &'static str, permits: usize) -> AmqpReader {
        AmqpReader::new(queue, self.clone(), self.names(queue), permits)
    }

    pub(crate) async fn check(&self) -> Result<(), QueueError> {
        self.session().await.map(drop)
    }

    pub(crate) async fn depth(&self, queue: &str) -> Result<Depth, QueueError> {
        let (ready, dead) = self.session().await?.count(&self.names(queue)).await?;
        Ok(Depth {
            ready,
            running: None,
            delayed: None,
            dead,
        })
    }

    pub(crate) async fn dead_letters(
        &self,
        queue: &str,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, QueueError> {
        let (session, names) = (self.session().await?, self.names(queue));
        session.declare(&names).await?;
        let channel = session.channel().await?;
        let mut letters = Vec::new();
        while letters.len() < limit {
            let got = channel.basic_get(names.dead.as_str().into(), BasicGetOptions::default());
            let Some(got) = got.await? else { break };
            letters.push(wire::dead_letter(got.delivery));
        }
        // Nothing is acknowledged: with the channel everything goes back.
        channel.close(200, "looked at".into()).await?;
        Ok(letters)
    }

    pub(crate) async fn remove(&self, queues: &[&str]) -> Result<(), QueueError> {
        let session = self.session().await?;
        for queue in queues {
            let names = self.names(queue);
            session.delete(&names.jobs).await?;
            session.delete(&names.dead).await?;
            for tier in TIERS {
                session.delete(&names.tier(tier)).await?;
            }
        }
        Ok(())
    }

    async fn session(&self) -> Result<Arc<Session>, QueueError> {
        let mut present = self.shared.session.lock().await;
        if let Some(session) = present.as_ref().filter(|session| session.is_open()) {
            return Ok(Arc::clone(session));
        }
        let session = Arc::new(Session::open(&self.shared.url).await?);
        *present = Some(Arc::clone(&session));
        Ok(session)
    }

    fn names(&self, queue: &str) -> Names {
        Names::new(&self.shared.namespace, queue)
    }
}
