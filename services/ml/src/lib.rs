//! Trains and serves the models that understand utterances.
//!
//! [`engine`] is the learning, pure and without I/O. Around it: `runs` does work in the background
//! and keeps account of it, `trainings` and `evaluations` are such work, `models` holds what was
//! trained in memory, `parse` answers. All routes are internal: `worker` trains and evaluates, `nlu` parses.

mod assistants;
pub mod engine;
mod evaluations;
mod metrics;
mod models;
mod parse;
mod runs;
mod settings;
mod trainings;

pub use settings::Settings;

use anyhow::Context as _;
use axum::Router;
use axum::routing::{delete, post, put};
use engine::Encoder;
use evaluations::Evaluator;
use models::Models;
use runs::Runner;
use sqlx::PgPool;
use sqlx::migrate::Migrator;
use std::path::PathBuf;
use std::sync::Arc;
use stoa_postgres::PostgresSettings;
use stoa_service::{App, Clock, Context, StartError};

static MIGRATOR: Migrator = sqlx::migrate!();

/// Puts the service together.
pub async fn build(settings: Settings, context: &Context) -> Result<App, StartError> {
    metrics::describe();
    let pool = stoa_postgres::connect(&settings.database).await?;
    stoa_postgres::refuse_pending(&pool, &MIGRATOR).await?;
    let encoder = match settings.encoder.clone() {
        Some(folder) => Some(load_encoder(folder).await.map_err(StartError::new)?),
        None => None,
    };
    let models = Models::new(pool.clone(), settings.model_cache, encoder.clone());
    let runner = || Runner::new(pool.clone(), &settings, encoder.clone(), context.clone());
    let evaluator = Evaluator::new(runner(), models.clone());
    let data_routes = training_routes(runner()).merge(evaluation_routes(evaluator));
    let routes = stoa_service::body_limit(data_routes, settings.training_body_limit)
        .merge(parse_routes(models, context.clock.clone()))
        .merge(assistant_routes(pool.clone()));
    Ok(App::new(stoa_service::internal(routes, &settings.internal))
        .ready_when("postgres", stoa_postgres::readiness(&pool)))
}

/// Reads a sentence encoder; it stays in memory.
async fn load_encoder(folder: PathBuf) -> anyhow::Result<Arc<Encoder>> {
    let shown = folder.display().to_string();
    let encoder = tokio::task::spawn_blocking(move || Encoder::load(&folder)).await?;
    let encoder =
        encoder.with_context(|| format!("load the sentence encoder in {shown} (ENCODER)"))?;
    tracing::info!(
        encoder.id = encoder.id(),
        folder = shown,
        "sentences are encoded where an assistant wants it"
    );
    Ok(Arc::new(encoder))
}

fn training_routes(runner: Runner) -> Router {
    let methods = put(trainings::start_training)
        .get(trainings::get_training)
        .delete(trainings::cancel_training);
    Router::new()
        .route("/internal/v1/trainings/{id}", methods)
        .with_state(runner)
}

fn evaluation_routes(evaluator: Evaluator) -> Router {
    let methods = put(evaluations::start_evaluation)
        .get(evaluations::get_evaluation)
        .delete(evaluations::cancel_evaluation);
    Router::new()
        .route("/internal/v1/evaluations/{id}", methods)
        .with_state(evaluator)
}

fn assistant_routes(pool: PgPool) -> Router {
    Router::new()
        .route(
            "/internal/v1/assistants/{id}",
            delete(assistants::forget_assistant),
        )
        .with_state(pool)
}

fn parse_routes(models: Models, clock: Clock) -> Router {
    Router::new()
        .route("/internal/v1/parse", post(parse::parse))
        .with_state((models, clock))
}

/// Brings the database up to date.
pub async fn migrate(database: PostgresSettings) -> Result<(), StartError> {
    stoa_postgres::migrate(&database, &MIGRATOR).await?;
    Ok(())
}
