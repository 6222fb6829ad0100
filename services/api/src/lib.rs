//! The management API: accounts, sessions, API keys, assistants, their training data, flows,
//! trainings and models. It owns the database `api`; the other services ask it over `/internal`.
//!
//! To add a resource: one module in [`handlers`] (input, output, SQL, handler), one line in
//! `handlers::public`, its tests in `tests/`.

mod accounts;
pub mod bootstrap;
mod chosen_url;
pub mod document;
pub mod flows;
pub mod handlers;
mod idempotency;
pub mod media;
pub mod oidc;
pub mod passwords;
mod revisions;
mod revocations;
mod room;
mod secrets;
mod sessions;
pub mod settings;
mod state;
mod stored;
mod throttle;
mod tokens;
pub mod training_data;
mod transfers;
mod understanding;
mod upkeep;
mod webhooks;

use std::time::Duration;

use sqlx::migrate::Migrator;
use stoa_client::ServiceClient;
use stoa_outbox::Relay;
use stoa_service::{App, Context, StartError, internal};

pub use settings::{MigrateSettings, Settings};

use state::Api;

/// How long an upload may take to come in. Everything else is over within the time that its caller says it waits.
const LONGEST_REQUEST: Duration = Duration::from_mins(2);

static MIGRATIONS: Migrator = sqlx::migrate!();

/// Puts the service together.
pub async fn build(settings: Settings, context: &Context) -> Result<App, StartError> {
    let pool = stoa_postgres::connect(&settings.postgres).await?;
    stoa_postgres::refuse_pending(&pool, &MIGRATIONS).await?;
    let (claimed, tasks) = transfers::line();
    let api = Api::new(pool.clone(), &settings, context, claimed)?;
    let verifier = api
        .tokens
        .verifier(&settings.tokens, context.clock.clone())?;
    stoa_outbox::describe_metrics();
    let worker = ServiceClient::new(
        "worker",
        &settings.worker_url,
        settings.internal_token.clone(),
    );
    let clock = context.clock.clone();
    let relay = Relay::new(pool.clone(), worker, api.outbox.clone(), move || {
        clock.now()
    });
    let alarm = api.revocations.clone();
    let (upkeep, files) = (api.clone(), api.clone());
    let routes = handlers::public(&api).with_state(api.clone());
    Ok(App::documented(routes)
        .merge(internal(handlers::internal(api), &settings.internal_token))
        .identity(verifier)
        .ready_when("postgres", stoa_postgres::readiness(&pool))
        .longest_request(LONGEST_REQUEST)
        .background("outbox", |token| relay.run(token))
        .background("transfers", |token| transfers::run(files, tasks, token))
        .background("revocations", |token| alarm.run(pool, token))
        .background("upkeep", |token| upkeep::run(upkeep, token)))
}

/// Brings the database up to date, and creates the first account where there is none.
pub async fn migrate(settings: MigrateSettings) -> Result<(), StartError> {
    let pool = stoa_postgres::migrate(&settings.postgres, &MIGRATIONS).await?;
    if let Some(owner) = settings.bootstrap {
        bootstrap::create_owner(&pool, owner).await?;
    }
    Ok(())
}

/// The OpenAPI document.
pub fn openapi() -> utoipa::openapi::OpenApi {
    handlers::document()
}
