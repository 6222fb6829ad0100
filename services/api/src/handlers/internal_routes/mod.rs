//! The routes for other services; the gateway does not publish them.

mod assistants;
mod evaluations;
mod inbox;
mod key_tokens;
mod revocations;
mod rollouts;
mod trainings;
mod transfers;
mod upkeep;
mod webhook_deliveries;
mod webhook_events;

use axum::{
    Router,
    routing::{get, post, put},
};

use stoa_service::body_limit;

use crate::state::Api;

/// The largest report of an evaluation, in bytes: what it tells of is bounded, and takes less even
/// if every name and text is as long as may be.
const EVALUATION_LIMIT: usize = 16 << 20;

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route(
            "/internal/v1/key-tokens",
            post(key_tokens::create_key_token),
        )
        .route(
            stoa_contracts::sessions::REVOCATIONS_PATH,
            get(revocations::list_revocations),
        )
        .route(
            "/internal/v1/assistants/{id}",
            get(assistants::get_assistant_runtime),
        )
        .route(
            "/internal/v1/assistants/{id}/flows",
            get(assistants::get_flows_revision),
        )
        .route(
            "/internal/v1/assistants/{id}/trainings/{training}",
            put(trainings::start_training),
        )
        .route(
            "/internal/v1/trainings/{id}/reopening",
            put(trainings::reopen_training),
        )
        .route(
            "/internal/v1/trainings/{id}",
            put(trainings::report_training),
        )
        .route(
            "/internal/v1/trainings/{id}/snapshot",
            get(trainings::get_training_snapshot),
        )
        .route(
            "/internal/v1/transfers/{id}",
            put(transfers::report_transfer),
        )
        .route(
            "/internal/v1/transfers/{id}/run",
            put(transfers::run_transfer),
        )
        .route(
            "/internal/v1/transfers/{id}/reopening",
            put(transfers::reopen_transfer),
        )
        .route(
            "/internal/v1/assistants/{id}/inbox/{batch}",
            put(inbox::take_inbox_batch),
        )
        .route(
            "/internal/v1/assistants/{id}/rollout/seen/{batch}",
            put(rollouts::take_seen_batch),
        )
        .route(stoa_contracts::upkeep::PATH, post(upkeep::remove_expired))
        .route(
            "/internal/v1/webhook-events/{id}",
            put(webhook_events::announce_webhook_event),
        )
        .route(
            "/internal/v1/webhook-deliveries/{id}",
            get(webhook_deliveries::get_webhook_message)
                .put(webhook_deliveries::report_webhook_delivery),
        )
        .route(
            "/internal/v1/webhook-deliveries/{id}/end",
            put(webhook_deliveries::end_webhook_delivery),
        )
        .route(
            "/internal/v1/webhook-deliveries/{id}/reopening",
            put(webhook_deliveries::reopen_webhook_delivery),
        )
        .route(
            "/internal/v1/evaluations/{id}/snapshot",
            get(evaluations::get_evaluation_snapshot),
        )
        .merge(body_limit(evaluation_reports(), EVALUATION_LIMIT))
}

fn evaluation_reports() -> Router<Api> {
    Router::new().route(
        "/internal/v1/evaluations/{id}",
        put(evaluations::report_evaluation),
    )
}
