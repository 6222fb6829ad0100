//! Hands what has come together to `worker`.

use super::Outcome;
use super::batches::{self, Batch};
use super::buffer::Buffer;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use stoa_client::{ServiceClient, hand_over};
use stoa_telemetry::propagation;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

/// Shorter intervals would only keep a core busy.
const SHORTEST: Duration = Duration::from_millis(10);

/// Empties the buffer, as long as the service runs and once more at its end.
pub(crate) struct Relay {
    worker: ServiceClient,
    buffer: Arc<Mutex<Buffer>>,
    interval: Duration,
    /// Cancelled when nothing is put into the buffer any more.
    closed: CancellationToken,
    /// What `worker` has not answered for yet; the buffer is not touched meanwhile, so both have their bound.
    pending: Vec<Batch>,
}

impl Relay {
    pub(super) fn new(
        worker: ServiceClient,
        buffer: Arc<Mutex<Buffer>>,
        interval: Duration,
        closed: CancellationToken,
    ) -> Self {
        Self {
            worker,
            buffer,
            interval: interval.max(SHORTEST),
            closed,
            pending: Vec::new(),
        }
    }

    /// Runs until the token is cancelled and the last request has ended. A `worker` that is away delays utterances, and
    /// when there are too many of them, the buffer drops some.
    pub(crate) async fn run(mut self, token: CancellationToken) -> Result<(), Infallible> {
        while !token.is_cancelled() {
            tokio::select! {
                () = token.cancelled() => {}
                () = tokio::time::sleep(self.interval) => {}
            }
            self.hand_over().await;
        }
        // What requests say that are still in hand; the deadline of the drain bounds the wait.
        self.closed.cancelled().await;
        self.hand_over().await;
        Ok(())
    }

    async fn hand_over(&mut self) {
        if self.pending.is_empty() {
            let mut buffer = self.buffer.lock().unwrap_or_else(PoisonError::into_inner);
            let utterances = buffer.take();
            drop(buffer);
            if utterances.is_empty() {
                return;
            }
            let span = tracing::info_span!("inbox.gather", utterances = utterances.len());
            let trace = span.in_scope(propagation::inject_map).into_iter().collect();
            self.pending = batches::of(utterances, &trace);
        }
        let jobs: Vec<_> = self.pending.iter().map(|batch| batch.job.clone()).collect();
        let span = tracing::info_span!("inbox.hand_over", jobs = jobs.len());
        let (answer, failure) = hand_over(&self.worker, jobs).instrument(span).await;
        if let Some(error) = failure {
            tracing::warn!(%error, "uncertain utterances wait: they could not be handed over");
        }
        if let Some(refused) = answer.refused.first() {
            let (jobs, why) = (answer.refused.len(), &refused.problem.detail);
            tracing::error!(
                jobs,
                why,
                "worker refuses uncertain utterances; they are dropped"
            );
        }
        let refused: Vec<_> = answer.refused.iter().map(|refused| refused.id).collect();
        self.pending.retain(|batch| {
            let outcome = if answer.taken.contains(&batch.job.id) {
                Outcome::HandedOver
            } else if refused.contains(&batch.job.id) {
                Outcome::Refused
            } else {
                return true;
            };
            outcome.count(batch.said);
            false
        });
    }
}
