//! The functions that do the work, and those that watch it.

use crate::envelope::Envelope;
use crate::error::BoxError;
use crate::{DeadReason, JobError, Payload};
use futures_util::future::BoxFuture;
use std::{sync::Arc, time::Duration};
use stoa_contracts::jobs::UnreadablePayload;

/// What a handler knows about the job that it runs.
#[derive(Clone, Debug)]
pub struct JobContext {
    /// The job's envelope; `attempt` counts from 1 and includes attempts that died with their worker.
    pub envelope: Arc<Envelope>,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The work is done.
    Succeeded,
    /// It will be tried again.
    Retried {
        /// Why it failed.
        error: String,
        /// The pause until then.
        pause: Duration,
    },
    /// It is parked.
    Dead {
        /// Why it is parked.
        reason: DeadReason,
        /// What the last failure said.
        error: String,
    },
    /// It is handed back unfinished, because this process ends.
    Released,
}

/// Watches the jobs of a consumer, to keep a record of them.
///
/// When it fails, the job goes back to the queue and comes again after a pause: a job
/// never ends without its record.
pub trait Observer: Send + Sync + 'static {
    /// An attempt is about to start.
    fn started<'a>(&'a self, job: &'a Envelope) -> BoxFuture<'a, Result<(), BoxError>>;
    /// An attempt has ended, or a job is parked without one. The message is not settled yet.
    fn ended<'a>(
        &'a self,
        job: &'a Envelope,
        outcome: &'a Outcome,
    ) -> BoxFuture<'a, Result<(), BoxError>>;
}

/// Watches nothing.
pub(crate) struct Unobserved;

impl Observer for Unobserved {
    fn started<'a>(&'a self, _: &'a Envelope) -> BoxFuture<'a, Result<(), BoxError>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn ended<'a>(&'a self, _: &'a Envelope, _: &'a Outcome) -> BoxFuture<'a, Result<(), BoxError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

type Attempt = BoxFuture<'static, Result<(), JobError>>;
type Start = dyn Fn(&[u8], JobContext) -> Result<Attempt, UnreadablePayload> + Send + Sync;

/// A handler whose payload type is forgotten.
pub(crate) struct Handler {
    pub(crate) kind: &'static str,
    pub(crate) time_limit: Duration,
    /// Reads the payload and starts the work on it.
    pub(crate) start: Box<Start>,
}

impl Handler {
    pub(crate) fn new<J, F, Fut>(run: F) -> Self
    where
        J: Payload,
        F: Fn(J, JobContext) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), JobError>> + Send + 'static,
    {
        let start = move |body: &[u8], context: JobContext| {
            let payload = J::decode(context.envelope.version, body)?;
            Ok(Box::pin(run(payload, context)) as Attempt)
        };
        Self {
            kind: J::KIND,
            queue: J::QUEUE,
            time_limit: J::TIME_LIMIT,
            start: Box::new(start),
        }
    }
}
