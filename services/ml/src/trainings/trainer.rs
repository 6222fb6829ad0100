//! Takes trainings in, within bounds.

use super::attempt::Attempt;
use super::store::{self, Claim};
use crate::Settings;
use crate::engine::Options;
use sqlx::PgPool;
use std::sync::Arc;
use std::time::Duration;
use stoa_contracts::ErrorCode;
use stoa_contracts::trainings::{TrainingReport, TrainingSnapshot, TrainingStatus};
use stoa_postgres::DatabaseError;
use stoa_service::{Context, Problem};
use tokio::sync::Semaphore;
use tracing::Instrument as _;
use uuid::Uuid;

/// Runs trainings. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Trainer {
    pool: PgPool,
    context: Context,
    /// Of how many snapshots this process holds, running and waiting.
    places: Arc<Semaphore>,
    /// Of how many trainings run.
    turns: Arc<Semaphore>,
    options: Options,
}

impl Trainer {
    /// Runs as many trainings as the settings say.
    pub(crate) fn new(pool: PgPool, settings: &Settings, context: Context) -> Self {
        let running = settings.trainings.get();
        let mut options = Options::default();
        options.threads = settings.training_threads.unwrap_or(options.threads);
        Self {
            pool,
            context,
            places: Arc::new(Semaphore::new(running + settings.training_queue)),
            turns: Arc::new(Semaphore::new(running)),
            options,
        }
    }

    /// Starts a training unless somebody works on it or has ended it. One that has failed starts again with a later run.
    pub(super) async fn start(
        &self,
        snapshot: TrainingSnapshot,
    ) -> Result<TrainingReport, Problem> {
        let training = snapshot.training_id;
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            return self.report(training).await?.ok_or_else(full);
        };
        let claim = Claim {
            training,
            attempt: Uuid::now_v7(),
        };
        if !store::claim(&self.pool, claim, &snapshot).await? {
            return self
                .report(training)
                .await?
                .ok_or_else(|| Problem::not_found("training"));
        }
        let span = tracing::info_span!(
            "model.train",
            otel.status_code = tracing::field::Empty,
            training.id = %training,
            assistant.id = %snapshot.assistant_id,
            model.version = snapshot.model,
            examples = snapshot.data.examples.len(),
        );
        let attempt = Attempt {
            pool: self.pool.clone(),
            shutdown: self.context.shutdown.clone(),
            turns: Arc::clone(&self.turns),
            options: Options {
                language: snapshot.language,
                ..self.options.clone()
            },
            claim,
        };
        let work = async move {
            attempt.run(snapshot.data).await;
            drop(place);
        };
        self.context.spawn(work.instrument(span));
        let (metrics, error) = (None, None);
        Ok(TrainingReport {
            status: TrainingStatus::Queued,
            progress: 0.0,
            metrics,
            error,
        })
    }

    /// How far a training is; none where nobody works on it.
    pub(super) async fn report(&self, id: Uuid) -> Result<Option<TrainingReport>, DatabaseError> {
        store::report(&self.pool, id).await
    }
}

fn full() -> Problem {
    let detail = "As many trainings as this process can hold are waiting.";
    Problem::new(ErrorCode::Unavailable, detail).retry_after(Duration::from_secs(5))
}
