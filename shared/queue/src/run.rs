//! One delivery from its arrival to its settlement.

use crate::backend::{Delivery, Move, Receipt, SETTLE_BACKOFF, SETTLE_TRIES, Settled, Settlement};
use crate::control::{Control, Stop};
use crate::envelope::{Envelope, Message};
use crate::handler::{Handler, Observer};
use crate::metrics::Series;
use crate::stored::{Admitted, Stored};
use crate::{Backoff, DeadReason, Failure, JobContext, JobError, Outcome, metrics, trace};
use futures_util::FutureExt as _;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{Span, field::Empty};
use uuid::Uuid;

/// How long a cancelled job has to end by itself.
const CANCEL_GRACE: Duration = Duration::from_secs(5);
const PANICKED: &str = "its handler panicked";

/// Runs the jobs of one queue.
pub(crate) struct Runner {
    pub(crate) queue: &'static str,
    pub(crate) handlers: BTreeMap<&'static str, Handler>,
    /// Of the jobs that no handler knows: a foreign name is no label.
    pub(crate) unknown: Series,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) backoff: Backoff,
    /// The record, if there is one.
    pub(crate) stored: Option<Stored>,
}

/// Why an attempt has no result.
enum Interruption {
    /// The process ends: the job is handed back.
    GivenUp,
    /// Another worker has the job: its result is not ours to settle.
    LeaseLost,
}

impl Runner {
    pub(crate) async fn run(&self, job: Admitted, give_up: CancellationToken) {
        let Admitted {
            delivery,
            envelope,
            control,
        } = job;
        if delivery.earlier > 0 {
            metrics::redelivered(self.queue);
        }
        match envelope {
            Ok(mut envelope) => {
                // A copy that takes its place must say so, too.
                envelope.is_again |= delivery.earlier > 0;
                envelope.was_tried |= delivery.earlier > 0;
                envelope.attempt = match control.fence() {
                    Some(fence) => u16::try_from(fence.attempt).unwrap_or(u16::MAX),
                    None => envelope.attempt.saturating_add(delivery.earlier),
                };
                let span = self.span(&envelope);
                let job = JobContext::new(envelope, &delivery.message.body, control);
                let ended = {
                    let mut run = pin!(self.run_job(job, &delivery.message, give_up));
                    // As `instrument` does it, which enters the span once more to drop what has ended.
                    poll_fn(|context| span.in_scope(|| run.as_mut().poll(context))).await
                };
                match ended {
                    Some((outcome, settlement)) => {
                        tell(&span, outcome);
                        drop(span);
                        self.settle(delivery, settlement).await;
                    }
                    // The record has given it to another: this copy is of no use to anybody, and takes up room.
                    None if !delivery.lease.is_cancelled() => delivery.receipt.done(delivery.room),
                    None => {}
                }
            }
            Err(error) => {
                let message = delivery.message.clone();
                tracing::error!(
                    queue = self.queue,
                    error,
                    "a message that nobody can work on is parked"
                );
                let dead = Settlement::Moved(Move::Dead {
                    message,
                    reason: DeadReason::Unreadable,
                    error,
                });
                self.settle(delivery, dead).await;
            }
        }
    }

    fn span(&self, envelope: &Envelope) -> Span {
        let mut id = Uuid::encode_buffer();
        let span = tracing::info_span!(
            "job.run",
            otel.kind = "consumer",
            otel.status_code = Empty,
            queue = self.queue,
            job.id = &*envelope.id.hyphenated().encode_lower(&mut id),
            job.kind = envelope.kind,
            job.attempt = envelope.attempt,
            job.outcome = Empty,
        );
        trace::continue_from(&span, &envelope.trace);
        span
    }

    /// Runs a job; what the broker is to be told, if it is still ours.
    async fn run_job(
        &self,
        job: JobContext,
        message: &Message,
        give_up: CancellationToken,
    ) -> Option<(Option<Outcome>, Settlement)> {
        let (running, begun) = (self.series(&job.envelope).running(), Instant::now());
        let outcome = if give_up.is_cancelled() {
            Err(Interruption::GivenUp)
        } else {
            tokio::select! {
                biased;
                outcome = self.attempt(&job) => Ok(outcome),
                () = give_up.cancelled() => Err(Interruption::GivenUp),
                () = job.control.lost.cancelled() => Err(Interruption::LeaseLost),
            }
        };
        drop(running);
        job.control.end_turn();
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(Interruption::GivenUp) => Outcome::Released,
            Err(Interruption::LeaseLost) => {
                metrics::leases_lost(self.queue, 1);
                tracing::warn!("another worker has taken the job over; this attempt is dropped");
                if let Some(stored) = &self.stored {
                    stored.forget(job.envelope.id, &job.control);
                }
                return None;
            }
        };
        let took = begun.elapsed();
        Some(self.conclude(&job, message, outcome, took).await)
    }

    /// Runs the handler, unless there is a reason not to.
    async fn attempt(&self, job: &JobContext) -> Outcome {
        let envelope = &job.envelope;
        let dead = |reason, failure: Failure| Outcome::Dead { reason, failure };
        if job.control.stop() == Some(Stop::Cancelled) {
            return Outcome::Cancelled;
        }
        let Some(handler) = self.handlers.get(envelope.kind.as_str()) else {
            let error = format!("no handler for `{}` here", envelope.kind);
            return dead(DeadReason::UnknownKind, error.into());
        };
        if envelope.attempt > envelope.max_attempts {
            let error = format!(
                "its worker died in each of {} attempts",
                envelope.max_attempts
            );
            return dead(DeadReason::Exhausted, error.into());
        }
        let start = || (handler.start)(job.clone());
        let work = match catch_unwind(AssertUnwindSafe(start)) {
            Ok(Ok(work)) => work,
            Ok(Err(error)) => return dead(DeadReason::Unreadable, Failure::of(&error)),
            Err(_panic) => return self.failed(envelope, PANICKED.to_owned().into(), None),
        };
        if let Err(error) = self.observer.started(job).await {
            return self.again(envelope, Failure::of(error.as_ref()));
        }
        if envelope.attempt == 1 {
            let wait = OffsetDateTime::now_utc() - envelope.enqueued_at;
            handler.series.waited(wait.try_into().unwrap_or_default());
        }
        let ended = tokio::select! {
            biased;
            ended = timeout(handler.time_limit, AssertUnwindSafe(work).catch_unwind()) => ended,
            () = watch(&job.control, handler.soft_time_limit) => return Outcome::Cancelled,
        };
        let mut pause = None;
        let failure = match ended {
            Ok(Ok(Ok(()))) => return Outcome::Succeeded,
            _ if job.control.stop() == Some(Stop::Cancelled) => return Outcome::Cancelled,
            Ok(Ok(Err(JobError::Fail(error)))) => {
                return dead(DeadReason::Failed, Failure::of(error.as_ref()));
            }
            Ok(Ok(Err(JobError::Retry(error)))) => Failure::of(error.as_ref()),
            Ok(Ok(Err(JobError::RetryAfter {
                error,
                pause: after,
            }))) => {
                pause = Some(after);
                Failure::of(error.as_ref())
            }
            Ok(Err(_panic)) => PANICKED.to_owned().into(),
            Err(_elapsed) => format!("it took longer than {:?}", handler.time_limit).into(),
        };
        self.failed(envelope, failure, pause)
    }

    /// What comes of an attempt that has failed, and might succeed another time.
    fn failed(&self, envelope: &Envelope, failure: Failure, pause: Option<Duration>) -> Outcome {
        if envelope.attempt >= envelope.max_attempts {
            let reason = DeadReason::Exhausted;
            return Outcome::Dead { reason, failure };
        }
        match pause {
            Some(pause) => Outcome::Retried { failure, pause },
            None => self.again(envelope, failure),
        }
    }

    fn again(&self, envelope: &Envelope, failure: Failure) -> Outcome {
        let pause = self.backoff.pause(envelope.attempt, &mut rand::rng());
        Outcome::Retried { failure, pause }
    }

    /// Records how the attempt ended, if that counts; what the broker is to be told.
    async fn conclude(
        &self,
        job: &JobContext,
        message: &Message,
        outcome: Outcome,
        took: Duration,
    ) -> (Option<Outcome>, Settlement) {
        let envelope = &job.envelope;
        let is_lost = match &self.stored {
            Some(stored) if matches!(outcome, Outcome::Dead { .. } | Outcome::Cancelled) => {
                stored.has_lost(envelope.id, &job.control).await
            }
            _ => false,
        };
        // Of one that goes on elsewhere nobody must hear that it has ended.
        let mut written = if is_lost {
            Ok(())
        } else {
            self.observer.ended(job, &outcome).await
        };
        match (&written, &self.stored) {
            (Ok(()), Some(stored)) => {
                let end = stored.end(envelope.id, &job.control, &outcome);
                written = Box::pin(end).await.map_err(Into::into);
            }
            // It runs here no more: the record must not hear at every beat that it does.
            (Err(_), Some(stored)) => stored.forget(envelope.id, &job.control),
            (_, None) => {}
        }
        if is_lost {
            metrics::leases_lost(self.queue, 1);
            tracing::warn!(
                "another worker has the job by now; how this attempt ended does not count"
            );
        } else {
            self.report(envelope, &outcome, took);
        }
        let settlement = match &written {
            // The record decides what comes of it, and sends it anew.
            Ok(()) if job.control.fence().is_some() => Settlement::Done,
            Ok(()) => settlement(envelope, message, &outcome),
            Err(error) => {
                tracing::warn!(
                    error = Failure::of(error.as_ref()).causes,
                    "the end of a job is not recorded; it comes again"
                );
                let pause = self.backoff.pause(envelope.attempt, &mut rand::rng());
                let claimed = Envelope {
                    is_again: true,
                    was_tried: true,
                    ..Envelope::clone(envelope)
                };
                again(&claimed, message, envelope.attempt, pause)
            }
        };
        ((!is_lost).then_some(outcome), settlement)
    }

    fn series(&self, envelope: &Envelope) -> &Series {
        let handler = self.handlers.get(envelope.kind.as_str());
        handler.map_or(&self.unknown, |handler| &handler.series)
    }

    fn report(&self, envelope: &Envelope, outcome: &Outcome, took: Duration) {
        let kind = envelope.kind.as_str();
        self.series(envelope).finished(outcome, took);
        match outcome {
            Outcome::Succeeded => tracing::info!(kind, ?took, "job done"),
            Outcome::Retried { failure, pause } => {
                tracing::warn!(
                    kind,
                    error = failure.causes,
                    ?pause,
                    attempt = envelope.attempt,
                    "job comes again"
                );
            }
            Outcome::Dead { reason, failure } => {
                tracing::error!(
                    kind,
                    error = failure.causes,
                    reason = reason.as_str(),
                    "job is parked"
                );
            }
            Outcome::Released => tracing::info!(kind, "job is handed back unfinished"),
            Outcome::Cancelled => tracing::info!(kind, ?took, "job is cancelled"),
        }
    }

    async fn settle(&self, delivery: Delivery, settlement: Settlement) {
        match settlement {
            Settlement::Done => delivery.receipt.done(delivery.room),
            // Most jobs need no place for it.
            Settlement::Moved(to) => Box::pin(self.put(&delivery.receipt, &to)).await,
        }
    }

    /// Tries for a while; after that the message comes again as after a crash.
    async fn put(&self, receipt: &Receipt, to: &Move) {
        let put = SETTLE_BACKOFF.retry(SETTLE_TRIES, || receipt.put(to));
        match put.await {
            Ok(Settled::Yes) => {}
            Ok(Settled::Lost) => metrics::leases_lost(self.queue, 1),
            Err(error) => tracing::warn!(%error, "a job could not be settled and comes again"),
        }
    }
}

/// Tells the span of an attempt how it ended, if that counts.
fn tell(span: &Span, outcome: Option<Outcome>) {
    let Some(outcome) = outcome else {
        return;
    };
    span.record("job.outcome", metrics::label(&outcome));
    if matches!(outcome, Outcome::Retried { .. } | Outcome::Dead { .. }) {
        span.record("otel.status_code", "ERROR");
    }
}

/// Asks the job to end at its soft limit; returns when a cancelled job has had its time.
async fn watch(control: &Control, soft: Option<Duration>) {
    if let Some(soft) = soft
        && timeout(soft, control.stopped()).await.is_err()
    {
        control.request(Stop::SoftTimeLimit);
    }
    control.cancelled().await;
    sleep(CANCEL_GRACE).await;
}

fn settlement(envelope: &Envelope, message: &Message, outcome: &Outcome) -> Settlement {
    match outcome {
        Outcome::Succeeded | Outcome::Cancelled => Settlement::Done,
        Outcome::Retried { pause, .. } => again(
            envelope,
            message,
            envelope.attempt.saturating_add(1),
            *pause,
        ),
        Outcome::Released => again(envelope, message, envelope.attempt, Duration::ZERO),
        Outcome::Dead { reason, failure } => Settlement::Moved(Move::Dead {
            message: Message::new(envelope, message.body.clone()),
            reason: *reason,
            error: failure.causes.clone(),
        }),
    }
}

fn again(envelope: &Envelope, message: &Message, attempt: u16, pause: Duration) -> Settlement {
    let next = Envelope {
        attempt,
        ..envelope.clone()
    };
    let id: Uuid = envelope.id;
    Settlement::Moved(Move::Again {
        id,
        message: Message::new(&next, message.body.clone()),
        pause,
    })
}
