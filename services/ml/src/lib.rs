//! Trains and serves the models that understand utterances.
//!
//! [`engine`] is the learning, pure and without I/O. Around it: `trainings` runs one in the
//! background and keeps account of it, `models` holds what was trained in memory, `parse`
//! answers. All routes are internal: `worker` trains, `nlu` parses.

pub mod engine;
mod metrics;
mod models;
mod parse;
mod settings;
mod trainings;

pub use settings::Settings;

use anyhow::Context as _;
use axum::Router;
use axum::routing::{post, put};
use models::Models;
use sqlx::migrate::Migrator;
use stoa_postgres::PostgresSettings;
use stoa_service::{App, Context};
use trainings::Trainer;

static MIGRATOR: Migrator = sqlx::migrate!();

/// Puts the service together.
pub async fn build(settings: Settings, context: &Context) -> anyhow::Result<App> {
    metrics::describe();
    let pool = stoa_postgres::connect(&settings.database)
        .await
        .context("connect to postgres")?;
    stoa_postgres::refuse_pending(&pool, &MIGRATOR).await?;
    let models = Models::new(pool.clone(), settings.model_cache);
    let trainer = Trainer::new(pool.clone(), &settings, context.clone());
    let routes = training_routes(trainer, settings.training_body_limit).merge(parse_routes(models));
    Ok(App::new(stoa_service::internal(routes, &settings.internal))
        .ready_when("postgres", stoa_postgres::readiness(&pool)))
}

fn training_routes(trainer: Trainer, body_limit: usize) -> Router {
    let methods = put(trainings::start_training).get(trainings::get_training);
    let routes = Router::new()
        .route("/internal/v1/trainings/{id}", methods)
        .with_state(trainer);
    stoa_service::body_limit(routes, body_limit)
}

fn parse_routes(models: Models) -> Router {
    Router::new()
        .route("/internal/v1/parse", post(parse::parse))
        .with_state(models)
}

/// Brings the database up to date.
pub async fn migrate(database: PostgresSettings) -> anyhow::Result<()> {
    stoa_postgres::migrate(&database, &MIGRATOR).await?;
    Ok(())
}
