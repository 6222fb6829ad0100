//! Takes runs in, within bounds.

use super::attempt::Attempt;
use super::{Claim, Run};
use crate::Settings;
use crate::engine::Options;
use sqlx::PgPool;
use std::sync::Arc;
use std::time::Duration;
use stoa_contracts::ErrorCode;
use stoa_service::{Context, Problem};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::{Instrument as _, Span};

/// Runs one kind of work. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Runner {
    pub(crate) pool: PgPool,
    context: Context,
    /// Of how many inputs this process holds, running and waiting.
    places: Arc<Semaphore>,
    /// Of how many runs are at work.
    turns: Arc<Semaphore>,
    options: Options,
}

impl Runner {
    /// Runs as many at a time as the settings say.
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

    /// A place for one more input, if there is one.
    pub(crate) fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.places).try_acquire_owned().ok()
    }

    /// Starts a run that was claimed, in the trace of `span`.
    pub(crate) fn start<R: Run>(
        &self,
        (claim, place): (Claim, OwnedSemaphorePermit),
        language: String,
        input: R::Input,
        span: Span,
    ) {
        let attempt = Attempt {
            pool: self.pool.clone(),
            shutdown: self.context.shutdown.clone(),
            turns: Arc::clone(&self.turns),
            options: Options {
                language,
                ..self.options.clone()
            },
            claim,
        };
        let work = async move {
            attempt.run::<R>(input).await;
            drop(place);
        };
        self.context.spawn(work.instrument(span));
    }
}

/// The refusal where there is no place.
pub(crate) fn full() -> Problem {
    let detail = "As many as this process can hold are waiting.";
    Problem::new(ErrorCode::Unavailable, detail).retry_after(Duration::from_secs(5))
}
