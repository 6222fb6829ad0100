//! Jobs that are delivered at least once, over Redis Streams or RabbitMQ quorum queues.
//!
//! `QUEUE_URL` picks the broker (`redis://` or `amqp://`); the code above it does not know which.
//!
//! ```no_run
//! # use stoa_queue::*;
//! # use stoa_contracts::jobs::Train;
//! # async fn example(queue: Queue, train: Train, settings: ConsumerSettings) -> Result<(), QueueError> {
//! // where the work arises
//! let id = queue.enqueue(&train, Enqueue::for_account(train.account_id)).await?;
//!
//! // where it is done
//! Consumer::new(queue, settings)
//!     .handle(|train: Train, job: JobContext| async move {
//!         tracing::info!(job = %job.envelope.id, training = %train.training_id, "trains");
//!         Ok(())
//!     })
//!     .run(CancellationToken::new())
//!     .await
//! # }
//! ```
//!
//! A message is acknowledged after its work, so a killed worker loses none: on Redis its lease
//! runs out, on RabbitMQ its connection closes. A handler may therefore run twice for one job and
//! must make twice the same as once. It says itself what a failure means: [`JobError::Retry`]
//! comes again with backoff, [`JobError::Fail`] is parked in the dead letters at once, as is
//! whatever nobody here can read. Nothing is thrown away and nothing blocks the queue.

mod amqp;
mod backend;
mod backoff;
mod batch;
mod consumer;
mod control;
mod dead;
mod ends;
mod envelope;
mod error;
mod handler;
mod job;
mod metrics;
mod queue;
mod reader;
mod redis;
mod run;
mod settings;
pub mod store;
mod stored;
mod trace;
mod worker;

pub use backoff::Backoff;
pub use consumer::Consumer;
pub use dead::{DeadLetter, DeadReason};
pub use envelope::Envelope;
pub use error::{BoxError, JobError, QueueError};
pub use handler::{Failure, JobContext, Observer, Outcome, Stop};
pub use job::Job;
pub use queue::{BODY_LIMIT, Depth, Enqueue, Queue};
pub use settings::{ConsumerSettings, QueueSettings, RetentionSettings};
pub use stoa_contracts::jobs::Payload;
pub use tokio_util::sync::CancellationToken;
pub use trace::TraceHeaders;
