//! Who answers here, for those who have only an address and want to know whose it is.

use axum::{Json, Router, extract::State, routing::get};
use http::StatusCode;
use stoa_contracts::service_identity::{IDENTITY_PATH, ServiceIdentity};
use tokio_util::sync::CancellationToken;

#[derive(Debug, Clone)]
struct Described {
    service: &'static str,
    draining: CancellationToken,
}

/// The route that says the name of the service.
pub(crate) fn routes(service: &'static str, draining: CancellationToken) -> Router {
    let described = Described { service, draining };
    Router::new()
        .route(IDENTITY_PATH, get(describe))
        .with_state(described)
}

/// It does not depend on the readiness checks: what a service waits for is away for all of its replicas alike.
async fn describe(State(described): State<Described>) -> (StatusCode, Json<ServiceIdentity>) {
    let status = if described.draining.is_cancelled() {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        StatusCode::OK
    };
    let service = described.service.to_owned();
    (status, Json(ServiceIdentity { service }))
}
