//! Takes runs in, within bounds.

use super::attempt::Attempt;
use super::{Claim, Run};
use crate::Settings;
use crate::engine::{Encoder, Options};
use sqlx::PgPool;
use std::sync::Arc;
use std::time::Duration;
use stoa_contracts::ErrorCode;
use stoa_service::{Context, Problem};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::{Instrument as _, Span};

const NO_ENCODER: &str = "the assistant's `understanding` asks for a sentence encoder, and none is installed here: \
    switch `encoder` off, or have the operator install one (ENCODER)";

/// What a run is told beside its input.
pub(crate) struct How {
    /// Of the utterances, a BCP 47 tag.
    pub(crate) language: String,
    /// Whether a sentence encoder is used.
    pub(crate) is_encoded: bool,
}

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
    encoder: Option<Arc<Encoder>>,
}

impl Runner {
    /// Runs as many at a time as the settings say.
    pub(crate) fn new(
        pool: PgPool,
        settings: &Settings,
        encoder: Option<Arc<Encoder>>,
        context: Context,
    ) -> Self {
        let running = settings.trainings.get();
        let mut options = Options::default();
        options.threads = settings.training_threads.unwrap_or(options.threads);
        Self {
            pool,
            context,
            places: Arc::new(Semaphore::new(running + settings.training_queue)),
            turns: Arc::new(Semaphore::new(running)),
            options,
            encoder,
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
        how: How,
        input: R::Input,
        span: Span,
    ) {
        let encoder = self.encoder.clone().filter(|_| how.is_encoded);
        let attempt = Attempt {
            refused: (how.is_encoded && encoder.is_none()).then_some(NO_ENCODER),
            pool: self.pool.clone(),
            shutdown: self.context.shutdown.clone(),
            turns: Arc::clone(&self.turns),
            options: Options {
                language: how.language,
                encoder,
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
