//! One parse API over the engines that understand utterances.
//!
//! A request finds its assistant ([`assistants`]), whose engines are asked one after the other ([`engines`]): the built-in
//! one with a version of the assistant's model, whose answers come out of the [`cache`] where it has them ([`answers`]), and
//! those elsewhere. Answers that are not sure are put into the [`inbox`], and versions that are tried beside the active one
//! are looked after by [`rollout`]. The routes: our own ([`parse`]) and those that clients of Rasa speak ([`rasa`]).

mod answers;
mod assistants;
mod cache;
mod coalescing;
mod engines;
mod inbox;
mod parse;
mod rasa;
mod rollout;
mod said;
mod settings;
mod thresholds;
mod understand;

pub use inbox::InboxSettings;
pub use settings::Settings;

use axum::Router;
use axum::routing::post;
use stoa_client::ServiceClient;
use stoa_contracts::identity::Scope;
use stoa_service::{App, Context, StartError, TokenVerifier};
use understand::Nlu;
use utoipa::openapi::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Puts the service together.
///
/// Neither the cache nor another service is waited for: without the cache it answers all the
/// same, and a service that is away is said to be away.
#[expect(clippy::unused_async, reason = "the kit awaits what builds a service")]
pub async fn build(settings: Settings, context: &Context) -> Result<App, StartError> {
    cache::describe_metrics();
    engines::describe_metrics();
    inbox::describe_metrics();
    rollout::describe_metrics();
    let api = ServiceClient::new("api", &settings.api_url, settings.internal.clone());
    let ml = ServiceClient::new("ml", &settings.ml_url, settings.internal.clone());
    let worker = ServiceClient::new("worker", &settings.worker_url, settings.internal.clone());
    let every = settings.inbox.interval;
    let (inbox, relay) = inbox::Inbox::new(settings.inbox, worker, context.clock.clone());
    let cache = cache::Cache::new(
        settings.redis_url.as_ref(),
        settings.cache_ttl,
        settings.cache_patience,
        context,
    )
    .map_err(StartError::new)?;
    let answers = answers::Answers::new(cache, ml.with_timeout(settings.engine_timeout));
    let (rollouts, tried) =
        rollout::Rollouts::new(api.clone(), answers.clone(), every, context.clock.clone());
    let engines = engines::Engines {
        built_in: engines::BuiltIn { answers, rollouts },
        remotes: engines::Remotes::new(settings.engine_rules),
    };
    let nlu = Nlu {
        assistants: assistants::Assistants::new(api),
        engines,
        inbox,
    };
    let internal = Router::new()
        .route("/internal/v1/parse", post(parse::parse_for_assistant))
        .with_state(nlu.clone());
    Ok(App::documented(routes().with_state(nlu))
        .merge(stoa_service::internal(internal, &settings.internal))
        .identity_to(
            Scope::Parse,
            TokenVerifier::new(&settings.tokens, context.clock.clone())?,
        )
        .background("inbox", |token| relay.run(token))
        .background("shadow", |token| tried.shadower.run(token))
        .background("rollouts", |token| tried.teller.run(token)))
}

/// The OpenAPI document.
pub fn openapi() -> OpenApi {
    routes().into_openapi()
}

fn routes() -> OpenApiRouter<Nlu> {
    stoa_service::openapi_router("nlu")
        .routes(routes!(parse::parse))
        .routes(routes!(rasa::parse_rasa))
        .routes(routes!(rasa::get_rasa_status))
}
