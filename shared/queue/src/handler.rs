//! The functions that do the work, and those that watch it.

use crate::control::Control;
use crate::ends::Effect;
use crate::envelope::Envelope;
use crate::error::BoxError;
use crate::metrics::Series;
use crate::{DeadReason, JobError, Payload, QueueError};
use futures_util::future::BoxFuture;
use sqlx::PgConnection;
use std::{sync::Arc, time::Duration};
use stoa_contracts::jobs::UnreadablePayload;
use tracing::{Instrument as _, Span};

pub use crate::control::Stop;

/// What is known about a job that was taken from its queue, and what it can say of itself.
#[derive(Clone, Debug)]
pub struct JobContext {
    /// The job's envelope; `attempt` counts from 1 and includes attempts that died with their worker.
    pub envelope: Arc<Envelope>,
    body: Arc<[u8]>,
    pub(crate) control: Arc<Control>,
}

impl JobContext {
    pub(crate) fn new(envelope: Envelope, body: &[u8], control: Arc<Control>) -> Self {
        Self {
            envelope: Arc::new(envelope),
            body: body.into(),
            control,
        }
    }

    /// How far the job is, 0 to 1. It is written once a second, if the job stands in a record.
    pub fn progress(&self, part: f64) {
        self.control.set_progress(part);
    }

    /// What the job gives, for who reads its record; written with its success.
    pub fn give(&self, result: serde_json::Value) {
        self.control.set_result(result);
    }

    /// Waits until the job shall end, and says why. Who does not heed it is dropped: after a few seconds if it is
    /// cancelled, at its time limit otherwise.
    pub async fn stopped(&self) -> Stop {
        self.control.stopped().await
    }

    /// Waits until somebody cancels the job, also after its soft time limit, when [`Self::stopped`] waits no more.
    pub async fn cancelled(&self) {
        self.control.cancelled().await;
    }

    /// Why the job shall end, if it shall.
    pub fn stop(&self) -> Option<Stop> {
        self.control.stop()
    }

    /// Writes the success of the job in the transaction that makes its effects, in the database of the record: both are
    /// there, or neither, and that once. [`QueueError::NotOurs`] means that another worker has the job: roll back.
    pub async fn complete_in(&self, transaction: &mut PgConnection) -> Result<(), QueueError> {
        self.control
            .complete_in(self.envelope.id, transaction)
            .await
    }

    /// Ends the job well in a transaction of the record's database that also makes its effects: both are there, or
    /// neither, and that once. Jobs that end at the same time share the transaction, which makes this several times
    /// cheaper than one of their own ([`complete_in`](Self::complete_in)).
    ///
    /// `effect` may run twice, if the first transaction is taken back. It holds up the others, so it is short: a few
    /// statements, and nothing but statements. While it waits, another job may start: it is the last that a job does, and
    /// no connection and no lock is held meanwhile.
    ///
    /// # Errors
    ///
    /// [`QueueError::NotOurs`] if another worker has the job, and [`QueueError::Effect`] with what `effect` has
    /// said: nothing of it is there, and the ends of the others are.
    pub async fn complete_with<F>(&self, effect: F) -> Result<(), QueueError>
    where
        F: Fn(&mut PgConnection) -> BoxFuture<'_, Result<(), BoxError>> + Send + Sync + 'static,
    {
        let span = Span::current();
        let effect: Effect =
            Box::new(move |transaction| Box::pin(effect(transaction).instrument(span.clone())));
        self.control.complete_with(self.envelope.id, effect).await
    }

    /// The payload, for an [`Observer`]; a handler gets it as an argument.
    pub fn payload<J: Payload>(&self) -> Result<J, UnreadablePayload> {
        J::decode(self.envelope.version, &self.body)
    }
}

/// Why an attempt failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What the error itself says: a handler may mean it for users.
    pub message: String,
    /// The same with all of its sources, for operators.
    pub causes: String,
}

impl Failure {
    pub(crate) fn of(error: &(dyn std::error::Error + 'static)) -> Self {
        let message = error.to_string();
        let mut causes = message.clone();
        let mut source = error.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            // Transparent wrappers say the same twice.
            if !causes.ends_with(&text) {
                causes = format!("{causes}: {text}");
            }
            source = cause.source();
        }
        Self { message, causes }
    }
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self {
            causes: message.clone(),
            message,
        }
    }
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The work is done.
    Succeeded,
    /// It will be tried again.
    Retried {
        /// Why it failed.
        failure: Failure,
        /// The pause until then.
        pause: Duration,
    },
    /// It is parked.
    Dead {
        /// Why it is parked.
        reason: DeadReason,
        /// What the last failure said.
        failure: Failure,
    },
    /// It is handed back unfinished, because this process ends.
    Released,
    /// Somebody has cancelled it while it ran.
    Cancelled,
}

/// Watches the jobs of a consumer, to keep a record of them.
///
/// When it fails, the job goes back to the queue and comes again after a pause: a job
/// never ends without its record.
pub trait Observer: Send + Sync + 'static {
    /// An attempt is about to start.
    fn started<'a>(&'a self, job: &'a JobContext) -> BoxFuture<'a, Result<(), BoxError>>;
    /// An attempt has ended, or a job is parked without one. The message is not settled yet.
    fn ended<'a>(
        &'a self,
        job: &'a JobContext,
        outcome: &'a Outcome,
    ) -> BoxFuture<'a, Result<(), BoxError>>;
}

/// Watches nothing.
pub(crate) struct Unobserved;

impl Observer for Unobserved {
    fn started<'a>(&'a self, _: &'a JobContext) -> BoxFuture<'a, Result<(), BoxError>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn ended<'a>(
        &'a self,
        _: &'a JobContext,
        _: &'a Outcome,
    ) -> BoxFuture<'a, Result<(), BoxError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

type Attempt = BoxFuture<'static, Result<(), JobError>>;
type Start = dyn Fn(JobContext) -> Result<Attempt, UnreadablePayload> + Send + Sync;

/// A handler whose payload type is forgotten.
pub(crate) struct Handler {
    pub(crate) kind: &'static str,
    pub(crate) series: Series,
    pub(crate) time_limit: Duration,
    pub(crate) soft_time_limit: Option<Duration>,
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
        let start = move |context: JobContext| {
            let payload = context.payload::<J>()?;
            Ok(Box::pin(run(payload, context)) as Attempt)
        };
        Self {
            kind: J::KIND,
            series: Series::new(J::QUEUE, J::KIND),
            time_limit: J::TIME_LIMIT,
            soft_time_limit: J::SOFT_TIME_LIMIT,
            start: Box::new(start),
        }
    }
}
