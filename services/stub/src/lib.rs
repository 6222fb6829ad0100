//! The service `stub`: notes that an account keeps.
//!
//! It shows all that a service has to write itself: its settings, its schema, its routes with
//! what they do, and how it is put together. To add a resource: a module like [`notes`], its
//! handlers in [`routes()`], its paths in `routes.toml`, its tests in `tests/`. To add a job: a module
//! like [`tally`], and its line in [`build`].

pub mod notes;
mod settings;
pub mod tally;

use sqlx::{PgPool, migrate::Migrator};
use stoa_postgres::PostgresSettings;
use stoa_queue::store::{Retention, Store};
use stoa_queue::{Consumer, Queue};
use stoa_service::{App, Clock, Context, StartError, TokenVerifier};
use utoipa::openapi::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

pub use settings::Settings;
use tally::TallyNote;

static MIGRATIONS: Migrator = sqlx::migrate!();

/// What the handlers share.
#[derive(Clone)]
pub(crate) struct Stub {
    pool: PgPool,
    store: Store,
    clock: Clock,
    notes_per_account: i64,
}

/// Puts the service together.
pub async fn build(settings: Settings, context: &Context) -> Result<App, StartError> {
    let pool = stoa_postgres::connect(&settings.postgres).await?;
    stoa_postgres::refuse_pending(&pool, &MIGRATIONS).await?;
    notes::describe_metrics();
    let queue = Queue::connect(&settings.queue).await?;
    let store = Store::new(pool.clone());
    let consumer = Consumer::new(queue, settings.consumer)
        .with_store(store.clone())
        .job::<TallyNote, _>(&pool);
    let retention = Retention::new(store.clone(), settings.retention);
    let stub = Stub {
        pool: pool.clone(),
        store,
        clock: context.clock.clone(),
        notes_per_account: settings.notes_per_account,
    };
    Ok(App::documented(routes().with_state(stub))
        .identity(TokenVerifier::new(&settings.tokens, context.clock.clone())?)
        .ready_when("postgres", stoa_postgres::readiness(&pool))
        .background("jobs", |token| consumer.run(token))
        .background("retention", |token| retention.run(token)))
}

/// Brings the database up to date.
pub async fn migrate(settings: PostgresSettings) -> Result<(), StartError> {
    stoa_postgres::migrate(&settings, &MIGRATIONS).await?;
    Ok(())
}

/// The OpenAPI document.
pub fn openapi() -> OpenApi {
    routes().into_openapi()
}

fn routes() -> OpenApiRouter<Stub> {
    stoa_service::openapi_router("stub")
        .routes(routes!(notes::create_note, notes::list_notes))
        .routes(routes!(notes::get_note))
        .routes(routes!(tally::get_tally))
}
