//! The routes: one module per resource, with its inputs, outputs, SQL and handlers.

mod accounts;
mod api_keys;
mod assistants;
mod documents;
mod engines;
mod evaluations;
mod exports;
mod flows;
mod imports;
mod inbox;
mod internal_routes;
mod models;
mod oidc;
mod revision_tags;
mod rollouts;
mod sessions;
mod training_data;
mod training_data_revisions;
mod training_news;
mod trainings;
mod transfers;
mod users;
mod webhook_deliveries;
mod webhooks;

use axum::{Router, middleware::from_fn_with_state};
use stoa_contracts::ErrorCode;
use stoa_postgres::DatabaseError;
use stoa_service::{Problem, openapi_router};
use utoipa_axum::router::OpenApiRouter;

use crate::{idempotency, state::Api};

/// The routes that the gateway publishes.
pub(crate) fn public(api: &Api) -> OpenApiRouter<Api> {
    let once = from_fn_with_state(api.clone(), idempotency::run);
    // The limit of documents stands outside of the layer that reads the body first.
    let documents = documents::with_limit(evaluations::routes().layer(once.clone()));
    let resources = resources().layer(once).merge(imports::routes());
    sessions().merge(resources).merge(documents)
}

/// The routes for other services.
pub(crate) fn internal(api: Api) -> Router {
    internal_routes::routes().with_state(api)
}

/// The document of the public routes.
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    let resources = resources()
        .merge(imports::routes())
        .merge(evaluations::routes());
    sessions().merge(resources).into_openapi()
}

fn sessions() -> OpenApiRouter<Api> {
    openapi_router("api")
        .merge(sessions::routes())
        .merge(oidc::routes())
}

fn resources() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .merge(accounts::routes())
        .merge(users::routes())
        .merge(api_keys::routes())
        .merge(assistants::routes())
        .merge(training_data::routes())
        .merge(training_data_revisions::routes())
        .merge(exports::routes())
        .merge(flows::routes())
        .merge(trainings::routes())
        .merge(models::routes())
        .merge(rollouts::routes())
        .merge(engines::routes())
        .merge(inbox::routes())
        .merge(webhooks::routes())
        .merge(webhook_deliveries::routes())
}

/// What to say of a row that a unique index refuses, this one or any; of other errors, what they are.
fn taken(error: DatabaseError, index: Option<&str>, detail: &str) -> Problem {
    if error.violates_unique(index) {
        Problem::new(ErrorCode::Conflict, detail)
    } else {
        error.into()
    }
}
