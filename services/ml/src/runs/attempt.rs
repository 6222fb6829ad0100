//! One attempt at a run: waits for its turn, works, beats, and writes how it ended.

use super::{Claim, Run, Stopped};
use crate::engine::{Options, Progress};
use crate::metrics::{self, Outcome, Running};
use sqlx::PgPool;
use std::sync::Arc;
use std::time::{Duration, Instant};
use stoa_contracts::trainings::TrainingStatus;
use stoa_postgres::DatabaseError;
use tokio::sync::Semaphore;
use tokio::task::JoinError;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::Span;

/// How often an attempt says how far it is: about as often as `worker` asks.
const BEAT: Duration = Duration::from_millis(250);

/// One attempt at a run.
pub(super) struct Attempt {
    pub(super) pool: PgPool,
    pub(super) shutdown: CancellationToken,
    pub(super) turns: Arc<Semaphore>,
    pub(super) options: Options,
    pub(super) claim: Claim,
    /// Why it cannot be done here.
    pub(super) refused: Option<&'static str>,
}

/// How an attempt ended.
enum Ending<F> {
    /// With what it gives.
    Finished(F),
    /// With a reason that the designer can act on.
    Refused(String),
    /// The process stops, or the run belongs to another attempt or to nobody.
    Interrupted,
    /// By a defect of ours.
    Broken(JoinError),
}

impl Attempt {
    /// Runs to the end. Whatever happens, somebody can go on: the run has ended, or it is
    /// released, or its beats stop.
    pub(super) async fn run<R: Run>(self, input: R::Input) {
        let started = Instant::now();
        let progress = Arc::new(Progress::new());
        let work = self.work::<R>(input, Arc::clone(&progress));
        let ending = self.beat_while::<R>(work, &progress).await;
        let outcome = self.conclude::<R>(ending).await.unwrap_or_else(|error| {
            tracing::error!(error = %error, kind = R::KIND.as_str(), run = %self.claim.run,
                "the end of a run could not be written; another attempt will repeat it");
            Outcome::Abandoned
        });
        if !matches!(outcome, Outcome::Succeeded | Outcome::Cancelled) {
            Span::current().record("otel.status_code", "ERROR");
        }
        metrics::ended(R::KIND, outcome, started.elapsed());
        tracing::info!(kind = R::KIND.as_str(), outcome = outcome.as_str(), run = %self.claim.run,
            seconds = started.elapsed().as_secs_f64(), "a run ended");
    }

    /// Waits for a turn and works on a thread that may block.
    async fn work<R: Run>(&self, input: R::Input, progress: Arc<Progress>) -> Ending<R::Finished> {
        if let Some(reason) = self.refused {
            return Ending::Refused(reason.to_owned());
        }
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let turn = turn.expect("nobody closes this semaphore");
        let (options, span) = (self.options.clone(), Span::current());
        let work = move || {
            let _held = (turn, Running::start(R::KIND));
            span.in_scope(|| R::work(input, &options, &progress))
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(Ok(finished)) => Ending::Finished(finished),
            Ok(Err(Stopped::Cancelled)) => Ending::Interrupted,
            Ok(Err(Stopped::Refused(reason))) => Ending::Refused(reason),
            Err(broken) => Ending::Broken(broken),
        }
    }

    /// Drives the work, and says now and then how far it is. Cancels it when the process stops
    /// or when the run is not ours any more.
    async fn beat_while<R: Run>(
        &self,
        work: impl Future<Output = Ending<R::Finished>>,
        progress: &Progress,
    ) -> Ending<R::Finished> {
        let mut work = std::pin::pin!(work);
        let mut beats = interval(BEAT);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                ending = &mut work => return ending,
                () = self.shutdown.cancelled(), if !progress.is_cancelled() => progress.cancel(),
                _ = beats.tick() => {
                    if !self.beat::<R>(progress).await {
                        progress.cancel();
                    }
                }
            }
            if progress.is_cancelled() && !progress.has_begun() {
                return Ending::Interrupted;
            }
        }
    }

    /// Whether the run is still ours, as far as we know.
    async fn beat<R: Run>(&self, progress: &Progress) -> bool {
        let begun = progress.has_begun();
        let status = if begun {
            TrainingStatus::Running
        } else {
            TrainingStatus::Queued
        };
        match R::beat(&self.pool, self.claim, status, progress.fraction()).await {
            Ok(ours) => ours,
            Err(error) => {
                tracing::warn!(error = %error, "a run could not say how far it is");
                true
            }
        }
    }

    /// Writes how it ended.
    async fn conclude<R: Run>(
        &self,
        ending: Ending<R::Finished>,
    ) -> Result<Outcome, DatabaseError> {
        let (pool, claim) = (&self.pool, self.claim);
        match ending {
            Ending::Finished(finished) => {
                if R::succeed(pool, claim, &finished).await? {
                    return Ok(Outcome::Succeeded);
                }
                self.lost::<R>().await
            }
            Ending::Refused(reason) => {
                R::fail(pool, claim, &reason).await?;
                Ok(Outcome::Failed)
            }
            Ending::Interrupted => {
                R::release(pool, claim).await?;
                self.lost::<R>().await
            }
            Ending::Broken(panic) => {
                tracing::error!(error = %panic, kind = R::KIND.as_str(), run = %claim.run,
                    "a run broke off");
                R::fail(pool, claim, "The work broke off on our side.").await?;
                Ok(Outcome::Failed)
            }
        }
    }

    /// What it means that the run did not end by this attempt.
    async fn lost<R: Run>(&self) -> Result<Outcome, DatabaseError> {
        Ok(if R::is_cancelled(&self.pool, self.claim).await? {
            Outcome::Cancelled
        } else {
            Outcome::Abandoned
        })
    }
}
