//! The side of a queue where jobs are put in and looked at.

use crate::backend::Backend;
use crate::envelope::Message;
use crate::trace::TraceHeaders;
use crate::{DeadLetter, Envelope, Payload, QueueError, QueueSettings, metrics};
use std::{sync::Arc, time::Duration};
use stoa_config::ExposeSecret as _;
use time::OffsetDateTime;
use tracing::Instrument as _;
use uuid::Uuid;

/// The largest payload in bytes. A job names its data; it does not carry it.
pub const BODY_LIMIT: usize = 64 * 1024;

/// A connection to the broker, cheap to clone.
#[derive(Clone, Debug)]
pub struct Queue {
    pub(crate) backend: Arc<Backend>,
}

/// How a job is enqueued.
#[derive(Clone, Copy, Debug, Default)]
pub struct Enqueue {
    /// The account on whose behalf it runs.
    pub account: Option<Uuid>,
    /// How long it waits at least.
    pub delay: Duration,
    /// The job's id, for one that had an id before (in an outbox); a new one otherwise.
    pub id: Option<Uuid>,
}

impl Enqueue {
    /// At once, on behalf of an account.
    pub fn for_account(account: Uuid) -> Self {
        Self {
            account: Some(account),
            ..Self::default()
        }
    }

    /// The same under an id that the job has already, so that twice is known as once.
    #[must_use]
    pub fn with_id(self, id: Uuid) -> Self {
        Self {
            id: Some(id),
            ..self
        }
    }

    /// The same after a pause.
    #[must_use]
    pub fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }
}

/// How many jobs there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Depth {
    /// Waiting for a worker.
    pub ready: u64,
    /// Being worked on; `None` where the broker does not tell (RabbitMQ).
    pub running: Option<u64>,
    /// Waiting for their time; `None` where the broker does not tell (RabbitMQ).
    pub delayed: Option<u64>,
    /// Parked.
    pub dead: u64,
}

impl Depth {
    /// Whether the broker holds no job that may start or runs, as far as it tells.
    pub(crate) fn is_empty(&self) -> bool {
        self.ready == 0 && self.running.unwrap_or_default() == 0
    }
}

impl Queue {
    /// Connects to the broker of the settings.
    pub async fn connect(settings: &QueueSettings) -> Result<Self, QueueError> {
        metrics::describe();
        let url = settings.url.expose_secret();
        let backend = Backend::connect(url, settings.namespace.clone()).await?;
        Ok(Self {
            backend: Arc::new(backend),
        })
    }

    /// Puts a job into its queue. When this returns, the broker has it.
    pub async fn enqueue<J: Payload>(&self, job: &J, how: Enqueue) -> Result<Uuid, QueueError> {
        let id = how.id.unwrap_or_else(new_id);
        let mut text = Uuid::encode_buffer();
        let span = tracing::info_span!(
            "job.enqueue",
            otel.kind = "producer",
            queue = J::QUEUE,
            job.id = &*id.hyphenated().encode_lower(&mut text),
            job.kind = J::KIND,
        );
        let enqueued = self.enqueue_as(id, job, how).instrument(span).await;
        if enqueued.is_ok() {
            metrics::enqueued(J::QUEUE, J::KIND, 1);
        }
        enqueued
    }

    async fn enqueue_as<J: Payload>(
        &self,
        id: Uuid,
        job: &J,
        how: Enqueue,
    ) -> Result<Uuid, QueueError> {
        let message = message(id, job, how.account, TraceHeaders::current())?;
        self.backend
            .publish(J::QUEUE, id, &message, how.delay)
            .await?;
        Ok(id)
    }

    /// Puts jobs of one kind into their queue, many with each command, on behalf of an account; their ids, in order.
    /// When this returns, the broker has all of them; after an error it may have some.
    pub async fn enqueue_many<J: Payload>(
        &self,
        jobs: &[J],
        account: Option<Uuid>,
    ) -> Result<Vec<Uuid>, QueueError> {
        let span = tracing::info_span!(
            "job.enqueue_many",
            otel.kind = "producer",
            queue = J::QUEUE,
            job.kind = J::KIND,
            jobs = jobs.len(),
        );
        let enqueuing = async {
            let trace = TraceHeaders::current();
            let mut messages = Vec::with_capacity(jobs.len());
            for job in jobs {
                let id = new_id();
                messages.push((id, message(id, job, account, trace.clone())?));
            }
            self.backend.publish_many(J::QUEUE, &messages).await?;
            metrics::enqueued(J::QUEUE, J::KIND, messages.len());
            Ok(messages.into_iter().map(|(id, _)| id).collect())
        };
        enqueuing.instrument(span).await
    }

    /// Whether the broker answers, for the readiness of a process.
    pub async fn check(&self) -> Result<(), QueueError> {
        self.backend.check().await
    }

    /// How many jobs a queue holds.
    pub async fn depth(&self, queue: &str) -> Result<Depth, QueueError> {
        self.backend.depth(queue).await
    }

    /// The oldest parked jobs of a queue, at most `limit`; they stay parked.
    pub async fn dead_letters(
        &self,
        queue: &str,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, QueueError> {
        self.backend.dead_letters(queue, limit).await
    }

    /// Removes queues with everything in them: for a queue that no release uses any more, and tests.
    pub async fn remove(&self, queues: &[&str]) -> Result<(), QueueError> {
        self.backend.remove(queues).await
    }
}

/// A `UUIDv7` whose random bits are of this thread's generator: `Uuid::now_v7` asks the kernel twice for each.
fn new_id() -> Uuid {
    let millis = OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000;
    let millis = u64::try_from(millis).unwrap_or_default();
    uuid::Builder::from_unix_timestamp_millis(millis, &rand::random()).into_uuid()
}

/// A job as it goes to the broker for the first time.
fn message<J: Payload>(
    id: Uuid,
    job: &J,
    account: Option<Uuid>,
    trace: TraceHeaders,
) -> Result<Message, QueueError> {
    let body = body(job)?;
    let envelope = Envelope {
        id,
        kind: J::KIND.into(),
        version: J::VERSION,
        account,
        attempt: 1,
        max_attempts: J::MAX_ATTEMPTS,
        enqueued_at: OffsetDateTime::now_utc(),
        trace,
        sends: 0,
        is_again: false,
        was_tried: false,
    };
    Ok(Message::new(&envelope, body))
}

/// A payload as it is sent and stored, if it is small enough.
pub(crate) fn body<J: Payload>(job: &J) -> Result<Vec<u8>, QueueError> {
    let body = serde_json::to_vec(job)?;
    if body.len() > BODY_LIMIT {
        return Err(QueueError::TooLarge {
            size: body.len(),
            limit: BODY_LIMIT,
        });
    }
    Ok(body)
}
