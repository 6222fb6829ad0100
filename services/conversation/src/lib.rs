//! Conversations: sessions and channels over a dialogue engine, with their transcripts.
//!
//! A message comes in over one of the channels ([`handlers`]), is understood by `nlu`, and makes
//! one turn of the [`engine`] under the lock of its conversation; what happened is stored and
//! told to everybody who listens.

mod assistants;
pub mod engine;
mod handlers;
mod hub;
mod metrics;
mod retention;
mod settings;
mod state;
mod store;
mod turns;

use sqlx::migrate::Migrator;
use stoa_client::ServiceClient;
use stoa_contracts::identity::Scope;
use stoa_outbox::Relay;
use stoa_postgres::PostgresSettings;
use stoa_service::{App, Context, StartError, TokenVerifier, internal};
use utoipa::openapi::OpenApi;

pub use settings::Settings;

use state::Conversations;

static MIGRATIONS: Migrator = sqlx::migrate!();

/// Puts the service together.
pub async fn build(settings: Settings, context: &Context) -> Result<App, StartError> {
    let pool = stoa_postgres::connect(&settings.postgres).await?;
    stoa_postgres::refuse_pending(&pool, &MIGRATIONS).await?;
    metrics::describe();
    stoa_outbox::describe_metrics();
    let verifier = TokenVerifier::new(&settings.tokens, context.clock.clone())?;
    let state = Conversations::new(pool.clone(), &settings, context);
    let worker = ServiceClient::new(
        "worker",
        &settings.worker_url,
        settings.internal_token.clone(),
    );
    let clock = context.clock.clone();
    let relay = Relay::new(pool.clone(), worker, state.outbox.clone(), move || {
        clock.now()
    });
    let hub = state.hub.clone();
    let listened = pool.clone();
    let internal = internal(
        retention::routes().with_state(state.clone()),
        &settings.internal_token,
    );
    Ok(App::documented(handlers::routes().with_state(state))
        .merge(internal)
        .identity_to(Scope::Converse, verifier)
        .ready_when("postgres", stoa_postgres::readiness(&pool))
        .background("outbox", |token| relay.run(token))
        .background("hub", |token| async move {
            hub.listen(listened, token).await;
            Ok::<_, std::convert::Infallible>(())
        }))
}

/// Brings the database up to date.
pub async fn migrate(settings: PostgresSettings) -> Result<(), StartError> {
    stoa_postgres::migrate(&settings, &MIGRATIONS).await?;
    Ok(())
}

/// The OpenAPI document.
pub fn openapi() -> OpenApi {
    handlers::routes().into_openapi()
}
