//! One attempt at a training: waits for its turn, trains, beats, and writes how it ended.

use super::store::{self, Claim, Finished};
use crate::engine::{self, Model, Options, Progress, TrainError};
use crate::metrics::{self, Outcome, Running};
use sqlx::PgPool;
use std::sync::Arc;
use std::time::{Duration, Instant};
use stoa_contracts::models::ModelMetrics;
use stoa_contracts::training_data::TrainingData;
use stoa_contracts::trainings::TrainingStatus;
use stoa_postgres::DatabaseError;
use tokio::sync::Semaphore;
use tokio::task::JoinError;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::Span;

/// How often an attempt says how far it is: about as often as `worker` asks.
const BEAT: Duration = Duration::from_millis(250);

/// One attempt at a training.
pub(super) struct Attempt {
    pub(super) pool: PgPool,
    pub(super) shutdown: CancellationToken,
    pub(super) turns: Arc<Semaphore>,
    pub(super) options: Options,
    pub(super) claim: Claim,
}

/// How an attempt ended.
enum Ending {
    /// With a model.
    Model(Finished),
    /// With a reason that the designer can act on.
    Refused(TrainError),
    /// The process stops, or the training belongs to another attempt.
    Interrupted,
    /// By a defect of ours.
    Broken(JoinError),
}

impl Attempt {
    /// Runs to the end. Whatever happens, somebody can go on: the training has ended, or it is
    /// released, or its beats stop.
    pub(super) async fn run(self, data: TrainingData) {
        let started = Instant::now();
        let progress = Arc::new(Progress::new());
        let work = self.train(data, Arc::clone(&progress));
        let ending = self.beat_while(work, &progress).await;
        let outcome = self.conclude(ending).await.unwrap_or_else(|error| {
            tracing::error!(error = %error, training = %self.claim.training,
                "the end of a training could not be written; another attempt will repeat it");
            Outcome::Abandoned
        });
        if outcome != Outcome::Succeeded {
            Span::current().record("otel.status_code", "ERROR");
        }
        metrics::trained(outcome, started.elapsed());
        tracing::info!(outcome = outcome.as_str(), training = %self.claim.training,
            seconds = started.elapsed().as_secs_f64(), "a training ended");
    }

    /// Waits for a turn and trains on a thread that may block.
    async fn train(&self, data: TrainingData, progress: Arc<Progress>) -> Ending {
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let turn = turn.expect("nobody closes this semaphore");
        let (options, span) = (self.options.clone(), Span::current());
        let work = move || {
            let _held = (turn, Running::start());
            span.in_scope(|| train(&data, &options, &progress))
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(Ok(finished)) => Ending::Model(finished),
            Ok(Err(TrainError::Cancelled(_))) => Ending::Interrupted,
            Ok(Err(refused)) => Ending::Refused(refused),
            Err(broken) => Ending::Broken(broken),
        }
    }

    /// Drives the work, and says now and then how far it is. Cancels it when the process stops
    /// or when the training belongs to another attempt.
    async fn beat_while(&self, work: impl Future<Output = Ending>, progress: &Progress) -> Ending {
        let mut work = std::pin::pin!(work);
        let mut beats = interval(BEAT);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                ending = &mut work => return ending,
                () = self.shutdown.cancelled(), if !progress.is_cancelled() => progress.cancel(),
                _ = beats.tick() => {
                    if !self.beat(progress).await {
                        progress.cancel();
                    }
                }
            }
            if progress.is_cancelled() && !progress.has_begun() {
                return Ending::Interrupted;
            }
        }
    }

    /// Whether the training is still ours, as far as we know.
    async fn beat(&self, progress: &Progress) -> bool {
        let begun = progress.has_begun();
        let status = if begun {
            TrainingStatus::Running
        } else {
            TrainingStatus::Queued
        };
        match store::beat(&self.pool, self.claim, status, progress.fraction()).await {
            Ok(ours) => ours,
            Err(error) => {
                tracing::warn!(error = %error, "a training could not say how far it is");
                true
            }
        }
    }

    /// Writes how it ended.
    async fn conclude(&self, ending: Ending) -> Result<Outcome, DatabaseError> {
        let (pool, claim) = (&self.pool, self.claim);
        match ending {
            Ending::Model(finished) => {
                let ours = store::succeed(pool, claim, &finished).await?;
                Ok(if ours {
                    Outcome::Succeeded
                } else {
                    Outcome::Abandoned
                })
            }
            Ending::Refused(reason) => {
                store::fail(pool, claim, &reason.to_string()).await?;
                Ok(Outcome::Failed)
            }
            Ending::Interrupted => {
                store::release(pool, claim).await?;
                Ok(Outcome::Abandoned)
            }
            Ending::Broken(panic) => {
                tracing::error!(error = %panic, training = %claim.training, "a training broke off");
                store::fail(pool, claim, "The training broke off on our side.").await?;
                Ok(Outcome::Failed)
            }
        }
    }
}

/// Trains, and makes bytes of the model.
fn train(
    data: &TrainingData,
    options: &Options,
    progress: &Progress,
) -> Result<Finished, TrainError> {
    let started = Instant::now();
    let trained = engine::train(data, options, progress)?;
    let artefact = trained.model.to_artefact();
    let checksum = Model::checksum(&artefact).unwrap_or_default().to_vec();
    let metrics = ModelMetrics {
        accuracy: trained.accuracy,
        examples: data.examples.len(),
        intents: trained.intents,
        entities: trained.entities,
        seconds: started.elapsed().as_secs_f64(),
        bytes: artefact.len() as u64,
    };
    Ok(Finished {
        artefact,
        checksum,
        metrics,
    })
}
